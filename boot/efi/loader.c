/*
 * Homestead's UEFI loader. Reads homestead.cfg from the directory it was started from, places the
 * hypervisor and its modules, fills struct boot_info, leaves boot services and jumps.
 *
 * Every failure is one sentence on the firmware's console and an EFI status for the firmware, with all
 * memory given back: loader_fail(). What must survive is allocated as EfiLoaderData and listed in struct boot_info; all
 * other memory of loaders and of boot services is plain RAM afterwards.
 *
 * handover.asm describes the state at the hypervisor's entry.
 */
#include "loader.h"
#include "elf_load.h"
#include "load_options.h"
#include "memory_map.h"
#include "text.h"
#include <homestead/errno.h>
#include <lib/printf.h>

#define CONFIG_NAME      "homestead.cfg"
#define CONFIG_BYTES_MAX KIB(64)
#define CHAIN_MAX        4u
#define STACK_PAGES      8u

static struct loader the_loader;
static struct boot_config config; /* large: not for the firmware's stack */
static struct load_options load_options;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

/* --- the console ---------------------------------------------------------------------------------------- */

static void say(struct loader *l, const char *fmt, va_list args)
{
    static char line[1024];
    static u16 wide[sizeof(line)];

    if (!l->st->ConOut)
        return;
    vsnprintf(line, sizeof(line), fmt, args);
    text_to_units(wide, ARRAY_SIZE(wide), line);
    l->st->ConOut->OutputString(l->st->ConOut, (CHAR16 *)L"homestead: ");
    l->st->ConOut->OutputString(l->st->ConOut, (CHAR16 *)wide);
    l->st->ConOut->OutputString(l->st->ConOut, (CHAR16 *)L"\r\n");
}

static PRINTF(2, 3) void loader_say(struct loader *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(l, fmt, args);
    va_end(args);
}

/* Gives back what loader_alloc_pages() returned. */
static void free_pages(struct loader *l, u64 base)
{
    for (u32 i = 0; i < l->nr_pages_used; i++) {
        if (l->pages[i].base != base)
            continue;
        l->bs->FreePages(base, l->pages[i].nr_pages);
        l->pages[i] = l->pages[--l->nr_pages_used];
        return;
    }
}

NORETURN void loader_fail(struct loader *l, EFI_STATUS status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(l, fmt, args);
    va_end(args);
    loader_say(l, "not started, back to the firmware.");
    files_close(l);
    if (l->map)
        l->bs->FreePool(l->map);
    while (l->nr_pages_used)
        free_pages(l, l->pages[0].base);
    for (;;)
        l->bs->Exit(l->image, status, 0, NULL);
}

/* --- memory --------------------------------------------------------------------------------------------- */

u64 loader_alloc_pages(struct loader *l, EFI_MEMORY_TYPE type, u64 max_addr, u64 nr_pages, u64 align,
                       const char *what)
{
    EFI_ALLOCATE_TYPE how = max_addr == ANYWHERE ? AllocateAnyPages : AllocateMaxAddress;
    EFI_PHYSICAL_ADDRESS first = max_addr;
    /* UEFI aligns to 4 KiB only: take more, and give back what is too much on both sides. */
    u64 extra = (align >> PAGE_SHIFT) - 1, head;

    if (l->nr_pages_used == LOADER_ALLOCATIONS_MAX ||
        EFI_ERROR(l->bs->AllocatePages(how, type, nr_pages + extra, &first)))
        loader_fail(l, EFI_OUT_OF_RESOURCES, "not enough memory%s for %s (%lu pages).",
                    max_addr == ANYWHERE ? "" : " below 4 GiB", what, nr_pages);
    head = (ALIGN_UP(first, align) - first) >> PAGE_SHIFT;
    if (head)
        l->bs->FreePages(first, head);
    first += head << PAGE_SHIFT;
    if (extra - head)
        l->bs->FreePages(first + (nr_pages << PAGE_SHIFT), extra - head);
    l->pages[l->nr_pages_used++] = (struct loader_pages){first, nr_pages};
    return first;
}

/* --- the steps ------------------------------------------------------------------------------------------ */

static void report_load_option(void *l, const char *sentence)
{
    loader_say(l, "warning: %s.", sentence);
}

static void read_load_options(struct loader *l)
{
    const void *bytes;
    char why[160];
    size_t size = firmware_load_options(l, &bytes);

    if (load_options_parse(bytes, size, l->name, &load_options, why, sizeof(why), report_load_option, l))
        loader_fail(l, EFI_INVALID_PARAMETER, "%s.", why);
}

/* Follows chain= a few files far, if a file does not have the section that it names itself. */
static void read_config(struct loader *l)
{
    static char name[CONFIG_PATH_MAX];
    struct loader_file file;
    char why[400];

    snprintf(name, sizeof(name), "%s", load_options.config[0] ? load_options.config : CONFIG_NAME);
    for (u32 i = 0; i < CHAIN_MAX; i++) {
        files_read(l, name, EfiBootServicesData, &file);
        if (file.size > CONFIG_BYTES_MAX)
            loader_fail(l, EFI_BAD_BUFFER_SIZE, "%s is too long for a configuration (%lu bytes).", file.path,
                        file.size);
        int rc =
            config_parse((const char *)file.base, file.size, load_options.section, &config, why, sizeof(why));
        free_pages(l, file.base);
        if (!rc && load_options_append(config.options, load_options.options))
            loader_fail(l, EFI_INVALID_PARAMETER,
                        "the options of section [%s] and of the load options are too long.", config.section);
        if (!rc)
            return;
        if (rc != -ENOENT || !config.chain[0])
            loader_fail(l, EFI_INVALID_PARAMETER, "%s: %s.", file.path, why);
        snprintf(name, sizeof(name), "%s", config.chain);
    }
    loader_fail(l, EFI_INVALID_PARAMETER, "%s: too many chain= files, one after the other.", file.path);
}

/* Returns the entry point. */
static u64 load_hypervisor(struct loader *l, struct boot_info *bi)
{
    struct loader_file file;
    struct elf_image image;
    const char *why;

    files_read(l, config.kernel.path, EfiBootServicesData, &file);
    if (elf_image_plan((const void *)file.base, file.size, &image, &why))
        loader_fail(l, EFI_LOAD_ERROR, "%s %s.", file.path, why);
    bi->image_base = loader_alloc_pages(l, EfiLoaderData, BELOW_4G, image.span >> PAGE_SHIFT, IMAGE_ALIGN,
                                        "the hypervisor's image");
    bi->image_size = image.span;
    elf_image_place(&image, (const void *)file.base, (void *)bi->image_base);
    free_pages(l, file.base);
    return image.uefi_entry;
}

static void load_module(struct loader *l, const struct config_file *what, struct boot_info *bi)
{
    struct boot_module *m = &bi->modules[bi->nr_modules++];
    struct loader_file file;

    files_read(l, what->path, EfiLoaderData, &file);
    m->base = file.base;
    m->size = file.size;
    snprintf(m->cmdline, sizeof(m->cmdline), "%s", what->args);
    snprintf(m->name, sizeof(m->name), "%s", what->path);
}

static void cpuid(u32 leaf, u32 *eax, u32 *edx)
{
    u32 ebx, ecx = 0;

    *eax = leaf;
    __asm__ volatile("cpuid" : "+a"(*eax), "=b"(ebx), "+c"(ecx), "=d"(*edx));
}

/* Long-mode page tables of four levels, for all memory that the map describes. Returns CR3. */
static u64 make_page_tables(struct loader *l, const struct boot_info *bi)
{
    u64 cr4, memory, map_end = MAX(memory_map_end(bi), bi->fb.base + bi->fb.size);
    u32 max_leaf, features = 0, unused;
    bool has_1g_pages;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (cr4 & BIT(12)) /* LA57 cannot be switched off in long mode */
        loader_fail(l, EFI_UNSUPPORTED, "the firmware uses 5-level page tables; turn that off.");
    cpuid(0x80000000, &max_leaf, &unused);
    if (max_leaf >= 0x80000001)
        cpuid(0x80000001, &unused, &features);
    has_1g_pages = features & BIT(26);
    memory = loader_alloc_pages(l, EfiLoaderData, BELOW_4G, page_tables_size(map_end, has_1g_pages),
                                PAGE_SIZE, "page tables");
    return page_tables_build((void *)memory, map_end, has_1g_pages, bi->image_base, bi->image_size);
}

/* What is allocated now is the hypervisor's. */
static void list_used(const struct loader *l, struct boot_info *bi)
{
    for (u32 i = 0; i < l->nr_pages_used; i++)
        bi->used[bi->nr_used++] =
            (struct boot_used){.base = l->pages[i].base, .size = l->pages[i].nr_pages << PAGE_SHIFT};
}

/* GNU-EFI's crt0 calls this with System V's convention. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    struct loader *l = &the_loader;
    u64 entry, cr3, stack;
    struct boot_info *bi;

    *l = (struct loader){.image = image, .st = st, .bs = st->BootServices};
    files_open(l);
    read_load_options(l);
    read_config(l);

    bi = (struct boot_info *)loader_alloc_pages(
        l, EfiLoaderData, BELOW_4G, DIV_ROUND_UP(sizeof(*bi), PAGE_SIZE), PAGE_SIZE, "the boot information");
    stack = loader_alloc_pages(l, EfiLoaderData, BELOW_4G, STACK_PAGES, PAGE_SIZE, "a stack");
    __builtin_memset(bi, 0, BOOT_INFO_HEAD_SIZE);
    bi->magic = BOOT_INFO_MAGIC;
    bi->version = BOOT_INFO_VERSION;
    bi->source = BOOT_FROM_UEFI;
    snprintf(bi->cmdline, sizeof(bi->cmdline), "%s", config.options);

    entry = load_hypervisor(l, bi);
    load_module(l, &config.dom0, bi);
    for (u32 i = 0; i < config.nr_modules; i++)
        load_module(l, &config.modules[i], bi);
    firmware_describe(l, bi);
    firmware_read_map(l, bi);
    cr3 = make_page_tables(l, bi);
    loader_say(l, "starting %s of section [%s] at 0x%lx.", config.kernel.path, config.section,
               bi->image_base);
    files_close(l);
    list_used(l, bi);
    firmware_exit(l, bi);
    loader_handover(cr3, stack + (STACK_PAGES << PAGE_SHIFT), entry, bi);
}
