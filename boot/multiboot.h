/* Multiboot 1 information → struct boot_info, plain C that also runs on the host. */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include <homestead/boot_info.h>

#define MULTIBOOT_LOADER_MAGIC 0x2badb002u
#define MULTIBOOT_PHYS_BASE    0x200000u /* as in linker.ld */

/* low4g: where machine address 0 can be read; the 4 GiB from there are readable. info_maddr: as the
 * loader gave it. */
void multiboot_parse(const u8 *low4g, u32 info_maddr, struct boot_info *out);

/*
 * Where no RSDP was found: is that because this is a UEFI machine? A BIOS puts the RSDP where it is searched for; UEFI tells
 * its address to its applications, and Multiboot 1 has no field for it. ACPI's memory in the map shows that tables exist.
 */
bool multiboot_is_on_uefi(const struct boot_info *info);

#endif
