#include <arch/x86/cpu/efi_runtime.h>

#include <homestead/errno.h>
#include <homestead/init.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <lib/string.h>

#define PTE_PRESENT_WRITE 3ull
#define PTE_ADDR          0x000ffffffffff000ull

#define EFI_SYSTEM_TABLE_SIGNATURE 0x5453595320494249ull /* "IBI SYST" */
#define SYSTEM_TABLE_RUNTIME       88                    /* offset of RuntimeServices, UEFI 2.10 4.3 */
#define RUNTIME_RESET_SYSTEM       104                   /* offset of ResetSystem, UEFI 2.10 4.5 */

typedef __attribute__((ms_abi)) void (*efi_reset_system_fn)(u32 type, u64 status, u64 size, void *data);

static u64 efi_root; /* 0: not prepared */

static INIT u64 *entry_make(u64 table, u64 addr, u32 level, u64 (*alloc_table)(void))
{
    u64 *entry = (u64 *)maddr_to_virt(table & PTE_ADDR) + ((addr >> (PAGE_SHIFT + 9 * level)) & 511);

    if (!(*entry & 1)) {
        u64 fresh = alloc_table();
        if (!fresh)
            return NULL;
        *entry = fresh | PTE_PRESENT_WRITE;
    }
    return entry;
}

static INIT int map_identity(u64 addr, u64 (*alloc_table)(void))
{
    u64 table = efi_root;

    for (u32 level = 3; level > 0; level--) {
        u64 *entry = entry_make(table, addr, level, alloc_table);
        if (!entry)
            return -ENOMEM;
        table = *entry;
    }
    u64 *leaf = (u64 *)maddr_to_virt(table & PTE_ADDR) + ((addr >> PAGE_SHIFT) & 511);
    *leaf = (addr & PTE_ADDR) | PTE_PRESENT_WRITE;
    return 0;
}

INIT int efi_runtime_init(const struct boot_info *info, u64 (*alloc_table)(void))
{
    if (!info->efi_system_table)
        return 0;
    efi_root = alloc_table();
    if (!efi_root)
        return -ENOMEM;
    /* The upper half is Homestead's own: the call is made from there. */
    memcpy((u8 *)maddr_to_virt(efi_root) + 2048, (u8 *)maddr_to_virt(paging_root()) + 2048, 2048);
    for (u32 i = 0; i < info->nr_mem; i++) {
        const struct boot_mem *m = &info->mem[i];
        if (m->type != BOOT_MEM_EFI_RT_CODE && m->type != BOOT_MEM_EFI_RT_DATA)
            continue;
        for (u64 at = ALIGN_DOWN(m->base, PAGE_SIZE); at < m->base + m->size; at += PAGE_SIZE) {
            int rc = map_identity(at, alloc_table);
            if (rc) {
                efi_root = 0;
                return rc;
            }
        }
    }
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
