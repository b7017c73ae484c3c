#include <arch/x86/cpu/efi_runtime.h>

#include <homestead/errno.h>
#include <homestead/init.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>

#define EFI_SYSTEM_TABLE_SIGNATURE 0x5453595320494249ull /* "IBI SYST" */
#define SYSTEM_TABLE_RUNTIME       88                    /* offset of RuntimeServices, UEFI 2.10 4.3 */
#define RUNTIME_RESET_SYSTEM       104                   /* offset of ResetSystem, UEFI 2.10 4.5 */

typedef __attribute__((ms_abi)) void (*efi_reset_system_fn)(u32 type, u64 status, u64 size, void *data);

static u64 efi_root; /* 0: not prepared */

INIT int efi_runtime_init(const struct boot_info *info)
{
    if (!info->efi_system_table)
        return 0;
    u64 tables = paging_make_tables(); /* the call is made from the upper half */
    if (!tables)
        return -ENOMEM;
    for (u32 i = 0; i < info->nr_mem; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (m->type != BOOT_MEM_EFI_RT_CODE && m->type != BOOT_MEM_EFI_RT_DATA)
            continue;
        for (u64 at = ALIGN_DOWN(m->base, PAGE_SIZE); at < m->base + m->size; at += PAGE_SIZE) {
            int rc = paging_map_in(tables, at, at, PAGE_SIZE, PAGING_WRITE | PAGING_EXEC);
            if (rc && rc != -EEXIST) /* regions may share a page */
                return rc;
        }
    }
    efi_root = tables;
    return 0;
}

void efi_reset(u64 system_table, enum efi_reset_type type)
{
    if (!efi_root)
        return;
    u64 own = read_cr3();
    write_cr3(efi_root);
    const u64 *table = (const u64 *)system_table;
    if (table[0] == EFI_SYSTEM_TABLE_SIGNATURE) {
        u64 runtime = table[SYSTEM_TABLE_RUNTIME / 8];
        efi_reset_system_fn reset = *(const efi_reset_system_fn *)(runtime + RUNTIME_RESET_SYSTEM);
        reset((u32)type, 0, 0, NULL);
    }
    write_cr3(own);
}
