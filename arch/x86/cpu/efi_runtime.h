/* The one UEFI runtime service Homestead uses: ResetSystem (UEFI 2.10, 8.5.1). */
#ifndef CPU_EFI_RUNTIME_H
#define CPU_EFI_RUNTIME_H

#include <homestead/boot_info.h>

enum efi_reset_type { EFI_RESET_COLD = 0, EFI_RESET_WARM = 1, EFI_RESET_SHUTDOWN = 2 };

/*
 * The firmware runs at physical addresses: prepares tables of its own in which the runtime regions of the
 * memory map are mapped 1:1, writable and executable. Only they are, and only during a call. -ENOMEM.
 */
int efi_runtime_init(const struct boot_info *info);
/* Returns only if the firmware refuses or nothing was prepared. system_table: machine address. */
void efi_reset(u64 system_table, enum efi_reset_type type);

#endif
