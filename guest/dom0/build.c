/*
 * One guest from its configuration: create, limit, nodes (nodes.c), paging pool, claim, populate, load, start
 * info, context. The order: docs/guest-guide/dom/DOMCTL_claim_memory.md. Nothing here destroys: the caller does,
 * whatever the result, if b->created.
 *
 * Several vCPUs build at once, each its own guest.
 */
#include <guest/dom0/dom0.h>
#include <guest/dom0/kernels.h>
#include <guest/lib/image.h>
#include <lib/guest_acpi.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/hvm/start_info.h>

static int say_why(const struct build *b, int rc)
{
    printf("%-9s %s\n", b->cfg->name, b->why);
    return rc;
}

int build_fail(struct build *b, int rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(b->why, sizeof(b->why), fmt, args);
    va_end(args);
    return say_why(b, rc);
}

/* A call that the hypervisor refused. */
static int refused(struct build *b, const char *what, int rc)
{
    return build_fail(b, rc, "%s: %s", what, explain_error(rc));
}

/* What the hypervisor has noted of the refusal, if it is the last one: true at that instant. */
static void use_refusal(const struct build *b, struct memory_figures *f)
{
    xc_claim_refusals_t r;

    if (xc_claim_refusals(xch, &r) || r.kind == XEN_HOMESTEAD_REFUSAL_none || r.domid != b->domid)
        return;
    if (r.node < f->nr_nodes) {
        f->node[r.node].free = r.free_pages;
        f->node[r.node].claimed = r.claimed_pages;
    }
    f->nr_holders = MIN((u32)r.nr_holders, EXPLAIN_HOLDERS);
    for (u32 i = 0; i < f->nr_holders; i++)
        f->holder[i] = r.holder[i].domid;
}

/* Not enough memory: on the i-th of its nodes, or of the host if it has none. */
static int short_of_memory(struct build *b, u32 i, u64 got, u64 tables)
{
    bool on_node = b->nr_nodes && !tables;
    struct shortage s = {.wanted = on_node ? b->quota[i] : b->layout.nr_pages,
                         .got = got,
                         .all = on_node && b->nr_nodes > 1 ? b->layout.nr_pages : 0,
                         .node = on_node ? b->nodes[i] : NODE_NONE,
                         .vnuma = on_node && b->vnuma.nr_vnodes,
                         .tables = tables};
    if (b->cfg->maxmem_mib > b->cfg->memory_mib)
        s.maxmem = b->cfg->maxmem_mib << (20 - PAGE_SHIFT);
    struct memory_figures f;

    if (host_figures(b->domid, &f))
        return build_fail(b, -ENOMEM, "no memory, and the hypervisor does not say how much there is");
    use_refusal(b, &f);
    explain_shortage(b->why, sizeof(b->why), &f, &s);
    return say_why(b, -ENOMEM);
}

/* The first of its nodes that is too full; the last one if none is now. */
static u32 fullest(const struct build *b)
{
    struct memory_figures f;
    u32 i = 0;

    if (!b->nr_nodes || host_figures(b->domid, &f))
        return 0;
    while (i + 1 < b->nr_nodes && b->quota[i] <= explain_unclaimed(&f, b->nodes[i]))
        i++;
    return i;
}

static int create(struct build *b)
{
    const struct xlcfg *cfg = b->cfg;
    struct xen_domctl_createdomain config = xc_domain_config(cfg->maxvcpus);

    memcpy(config.handle, "Homestead", sizeof("Homestead") - 1);
    int rc = xc_domain_create(xch, &b->domid, &config);
    if (rc)
        return refused(b, "the domain cannot be created", rc);
    b->created = true;
    printf("@guest domain=%u event=created code=0 name=%s\n", b->domid, cfg->name);
    rc = xc_domain_max_vcpus(xch, b->domid, cfg->maxvcpus);
    if (rc)
        return refused(b, "its vCPUs cannot be created", rc);
    struct xen_domctl_sched_credit2 share = {.weight = cfg->cpu_weight, .cap = cfg->cap};
    if (share.weight || share.cap)
        rc = xc_sched_credit2_domain_set(xch, b->domid, &share);
    if (rc)
        return refused(b, "its weight and cap cannot be set", rc);
    rc = xc_domain_setmaxmem(xch, b->domid, cfg->maxmem_mib << 10);
    return rc ? refused(b, "its memory cannot be limited", rc) : 0;
}

/* When the node affinity is known, for nested tables to be where the memory will be; and before the claim. */
static int connect(struct build *b)
{
    u64 pool = xc_domain_overhead(b->cfg->maxmem_mib << (20 - PAGE_SHIFT), b->cfg->maxvcpus);
    int rc = xc_set_paging_mempool_size(xch, b->domid, pool);

    if (rc == -ENOMEM) {
        (void)xc_set_paging_mempool_size(xch, b->domid, 0); /* Xen keeps what it got, and that is not free */
        return short_of_memory(b, 0, 0, pool >> PAGE_SHIFT);
    }
    if (rc)
        return refused(b, "memory for its page tables cannot be set", rc);
    const char *what = console_connect(&b->console, b->domid, &rc);
    return what ? refused(b, what, rc) : 0;
}

static int claim_host(struct build *b)
{
    int rc = xc_domain_claim_pages(xch, b->domid, b->layout.nr_pages);

    printf("@claim domain=%u node=host pages=%lu result=%d name=%s\n", b->domid, b->layout.nr_pages, rc,
           b->cfg->name);
    if (rc == -ENOMEM)
        return short_of_memory(b, fullest(b), 0, 0);
    return rc ? refused(b, "its memory cannot be claimed host-wide", rc) : 0;
}

static int claim(struct build *b)
{
    const struct xlcfg *cfg = b->cfg;

    if (!b->nr_nodes && cfg->numa_placement) {
        int rc = place_guest(b);
        if (rc)
            return refused(b, "it cannot be placed on a node", rc);
        if (b->nr_nodes)
            return 0;
    }
    if (cfg->claim_mode == CLAIM_OFF)
        return 0;
    if (claim_must_be_on_nodes(cfg) && (!b->nr_nodes || !host_has_node_claims()))
        return build_fail(b, b->nr_nodes ? -EOPNOTSUPP : -ENOMEM,
                          "claim_order and claim_flags need a claim by node, and %s",
                          !host_has_node_claims() ? "this hypervisor has none"
                          : cfg->claim_order      ? "no node has all of it in such extents; name nodes"
                                                  : "no node has room for all of it; name nodes");
    if (cfg->claim_mode == CLAIM_HOST || !b->nr_nodes)
        return claim_host(b);
    int rc = claim_on_nodes(b);
    if (rc == -ENOSYS) {
        printf("%-9s this hypervisor has no node claims, claiming host-wide\n", cfg->name);
        return claim_host(b);
    }
    claim_print(b, rc);
    if (rc == -ENOMEM)
        return claim_short_of_extents(b) ? rc : short_of_memory(b, fullest(b), 0, 0);
    return rc ? refused(b, "its memory cannot be claimed", rc) : 0;
}

static int populate(struct build *b)
{
    int rc = populate_guest(b);

    if (rc == -ENOMEM)
        return short_of_memory(b, b->stuck_at, b->nr_nodes ? b->populated[b->nodes[b->stuck_at]] : b->done,
                               0);
    return rc ? refused(b, "its memory cannot be populated", rc) : 0;
}

/* The guest's memory from 1 MiB on ends there, below 3 GiB. In bytes. */
static u64 end_of_low_memory(const struct build *b)
{
    return b->layout.ranges[0].end << PAGE_SHIFT;
}

/* A segment that does not fit in the guest's memory. */
static int too_large(struct build *b, const struct elf_segment *s)
{
    u64 end = s->paddr + s->mem_size;

    if (end > end_of_low_memory(b) && s->paddr >= LAYOUT_HOLE_END << PAGE_SHIFT &&
        end <= LAYOUT_LOW_END << PAGE_SHIFT)
        return build_fail(b, -ENOEXEC,
                          "the kernel %s needs more than %lu MiB of memory, the guest has %lu MiB",
                          b->cfg->kernel, DIV_ROUND_UP(b->elf.end, MIB(1)), b->cfg->memory_mib);
    return build_fail(
        b, -ENOEXEC,
        "the kernel %s needs memory at %#lx to %#lx; with %lu MiB, the guest's is up to 0xa0000 and "
        "from 0x100000 to %#lx",
        b->cfg->kernel, s->paddr, end, b->cfg->memory_mib, end_of_low_memory(b));
}

static int check_kernel(struct build *b, const struct kernel_image *image)
{
    const char *why = "";

    if (elf_parse_kernel(image->data, image->size, &b->elf, &why))
        return build_fail(b, -ENOEXEC, "the kernel %s cannot be loaded: it %s", b->cfg->kernel, why);
    for (u32 i = 0; i < b->elf.nr_segments; i++)
        if (!layout_contains(&b->layout, b->elf.segments[i].paddr, b->elf.segments[i].mem_size))
            return too_large(b, &b->elf.segments[i]);
    return 0;
}

/* What the builder puts behind the kernel; the ramdisk follows from RAMDISK_OFFSET on. */
struct start_block {
    struct hvm_start_info info;
    struct hvm_memmap_table_entry map[LAYOUT_MAP_MAX];
    struct hvm_modlist_entry module;
    char cmdline[XLCFG_TEXT_MAX];
};
#define RAMDISK_OFFSET ALIGN_UP(sizeof(struct start_block), PAGE_SIZE)

/* Sets b->start_info, below 4 GiB. */
static int place_start_block(struct build *b, const struct cpio_file *ramdisk)
{
    u64 size = ramdisk->data ? RAMDISK_OFFSET + ramdisk->size : sizeof(struct start_block);

    b->start_info = layout_place(&b->layout, &b->elf, size);
    if (b->start_info)
        return 0;
    u64 needed = DIV_ROUND_UP(ALIGN_UP(b->elf.end, PAGE_SIZE) + size, MIB(1));
    if (needed > LAYOUT_LOW_END >> (20 - PAGE_SHIFT))
        return build_fail(
            b, -ENOEXEC,
            "no room for the ramdisk %s of %lu MiB: the kernel %s ends at %#lx, a guest's memory below "
            "4 GiB at %#lx",
            b->cfg->ramdisk, DIV_ROUND_UP(ramdisk->size, MIB(1)), b->cfg->kernel, b->elf.end,
            LAYOUT_LOW_END << PAGE_SHIFT);
    return build_fail(
        b, -ENOEXEC, "the kernel %s%s%s%s need%s more than %lu MiB of memory, the guest has %lu MiB",
        b->cfg->kernel, ramdisk->data ? ", the ramdisk " : "", ramdisk->data ? b->cfg->ramdisk : "",
        ramdisk->data ? " and the start info" : " with its start info", ramdisk->data ? "" : "s", needed,
        b->cfg->memory_mib);
}

/* Writes the start info, its memory map, the command line and the ramdisk. */
static int write_start_block(struct build *b, const struct cpio_file *ramdisk)
{
    struct start_block block;
    struct xen_e820_entry e820[LAYOUT_MAP_MAX];
    const u64 at = b->start_info;

    memset(&block, 0, sizeof(block));
    block.info = (struct hvm_start_info){.magic = XEN_HVM_START_MAGIC_VALUE,
                                         .version = 1,
                                         .nr_modules = ramdisk->data != NULL,
                                         .modlist_paddr =
                                             ramdisk->data ? at + offsetof(struct start_block, module) : 0,
                                         .cmdline_paddr = at + offsetof(struct start_block, cmdline),
                                         .memmap_paddr = at + offsetof(struct start_block, map),
                                         .memmap_entries = b->layout.nr_map,
                                         .rsdp_paddr = LAYOUT_ACPI << PAGE_SHIFT};
    block.module = (struct hvm_modlist_entry){.paddr = at + RAMDISK_OFFSET, .size = ramdisk->size};
    str_copy(block.cmdline, b->cfg->extra, sizeof(block.cmdline));
    for (u32 i = 0; i < b->layout.nr_map; i++) {
        const struct layout_range *r = &b->layout.map[i];
        u64 start = r->start << PAGE_SHIFT, size = (r->end - r->start) << PAGE_SHIFT;
        block.map[i] = (struct hvm_memmap_table_entry){.addr = start, .size = size, .type = r->type};
        e820[i] = (struct xen_e820_entry){.addr = start, .size = size, .type = r->type};
    }
    int rc = image_write(xch, b->domid, at, &block, sizeof(block));
    if (!rc)
        rc = image_write(xch, b->domid, at + RAMDISK_OFFSET, ramdisk->data, ramdisk->size);
    if (rc)
        return refused(b, "the start info cannot be written to its memory", rc);
    rc = xc_domain_set_memory_map(xch, b->domid, e820, b->layout.nr_map);
    if (rc)
        return refused(b, "its memory map cannot be set", rc);
    return 0;
}

static int write_acpi_tables(struct build *b)
{
    const struct guest_acpi acpi = {.nr_vcpus = b->cfg->vcpus,
                                    .nr_max_vcpus = b->cfg->maxvcpus,
                                    .nr_vnodes = b->vnuma.nr_vnodes,
                                    .nr_ranges = b->vnuma.nr_ranges,
                                    .ranges = b->vnuma.range,
                                    .vcpu_to_vnode = b->vnuma.vcpu_to_vnode,
                                    .distances = b->vnuma.distance};
    int pages = (int)DIV_ROUND_UP(guest_acpi_size(&acpi), PAGE_SIZE);
    xen_pfn_t gfns[LAYOUT_ROM - LAYOUT_ACPI];

    for (u32 i = 0; i < ARRAY_SIZE(gfns); i++)
        gfns[i] = LAYOUT_ACPI + i;
    void *at = xc_map_foreign_pages(xch, b->domid, gfns, pages);
    if (!at)
        return refused(b, "its ACPI tables cannot be written to its memory", -EFAULT);
    guest_acpi_write(&acpi, LAYOUT_ACPI << PAGE_SHIFT, at);
    xc_unmap_foreign();
    return 0;
}

static int load_and_start(struct build *b, const struct cpio_file *ramdisk)
{
    int rc = image_load(xch, b->domid, &b->elf);
    if (rc)
        return refused(b, "the kernel cannot be written to its memory", rc);
    rc = write_acpi_tables(b);
    if (!rc)
        rc = write_start_block(b, ramdisk);
    if (rc)
        return rc;
    rc = image_set_context(xch, b->domid, b->elf.pvh_entry, b->start_info);
    if (rc)
        return refused(b, "the registers of its vCPU cannot be set", rc);
    b->backlog = kernel_memory_alloc(CONSOLE_BACKLOG_BYTES);
    rc = console_open(&b->console, b->cfg->name, b->backlog);
    return rc ? refused(b, "its console ring cannot be mapped", rc) : 0;
}

int build_release_claim(struct build *b)
{
    int rc = claim_release(b);

    return rc ? refused(b, "what is left of its claim cannot be released", rc) : 0;
}

/* From the check of the image on. */
static int build_with(struct build *b, const struct kernel_image *image, const struct cpio_file *ramdisk)
{
    int rc = check_kernel(b, image);
    if (!rc)
        rc = place_start_block(b, ramdisk);
    if (!rc)
        rc = create(b);
    if (!rc)
        rc = nodes_set(b);
    if (!rc)
        rc = connect(b);
    if (!rc) {
        claim_turn_begin();
        rc = claim(b);
    }
    claim_turn_end();
    if (!rc)
        rc = populate(b);
    if (!rc)
        rc = load_and_start(b, ramdisk);
    return rc;
}

int build_guest(struct build *b, const struct xlcfg *cfg, const struct cpio_file *kernel,
                const struct cpio_file *ramdisk, const struct host_state *host)
{
    struct kernel_image image = {0};
    char why[KERNELS_WHY_MAX];

    memset(b, 0, sizeof(*b));
    b->cfg = cfg;
    layout_make(cfg->memory_mib, &b->layout);
    vnuma_make(cfg, &b->layout, &b->vnuma);
    int rc = nodes_choose(b, host);
    if (rc)
        return rc;
    rc = kernels_get(kernel->data, kernel->size, &image, why);
    if (rc)
        return build_fail(b, rc, "the kernel %s cannot be loaded: it %s", cfg->kernel, why);
    rc = build_with(b, &image, ramdisk);
    kernels_put(&image);
    return rc;
}
