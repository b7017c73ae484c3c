/* The two ways in from assembly: each fills the one struct boot_info and goes on in boot_main(). */
#include <boot/boot.h>

#include <arch/x86/cpu/paging.h>
#include <boot/multiboot.h>
#include <lib/string.h>

static struct boot_info boot_info;

/* With the wrong magic there is no console yet to complain on: boot_main() names the empty memory map. */
NORETURN void boot_from_multiboot(u32 magic, u32 info_maddr, u64 tsc)
{
    if (magic == MULTIBOOT_LOADER_MAGIC)
        multiboot_parse(maddr_to_virt(0), info_maddr, &boot_info);
    boot_info.tsc_entry = tsc;
    boot_main(&boot_info);
}

NORETURN void boot_from_uefi(u64 info_maddr, u64 tsc)
{
    const struct boot_info *from = maddr_to_virt(info_maddr);

    if (from->magic == BOOT_INFO_MAGIC && from->version == BOOT_INFO_VERSION)
        memcpy(&boot_info, from,
               BOOT_INFO_HEAD_SIZE + MIN(from->nr_mem, BOOT_MEM_MAX) * sizeof(struct boot_mem));
    boot_info.nr_mem = MIN(boot_info.nr_mem, BOOT_MEM_MAX);
    boot_info.tsc_entry = tsc;
    boot_main(&boot_info);
}
