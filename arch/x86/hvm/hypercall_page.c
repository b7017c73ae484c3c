/* The hypercall page that a guest asks for. Source: Xen's public ABI, docs/guest-guide/pvh-entry.md. */
#include <arch/x86/hvm/hvm.h>

#include <lib/string.h>

#define STUB_BYTES      32u
#define HYPERVISOR_IRET 23u /* for PV guests only */

void hvm_fill_hypercall_page(u8 page[PAGE_SIZE])
{
    memset(page, 0xcc, PAGE_SIZE); /* int3: never executed */
    for (u32 nr = 0; nr < PAGE_SIZE / STUB_BYTES; nr++) {
        u8 *stub = &page[nr * STUB_BYTES];

        if (nr == HYPERVISOR_IRET) {
            stub[0] = 0x0f; /* ud2 */
            stub[1] = 0x0b;
            continue;
        }
        stub[0] = 0xb8; /* mov $nr, %eax */
        memcpy(stub + 1, &nr, sizeof(nr));
        memcpy(stub + 5, hvm_ops->hypercall_insn, sizeof(hvm_ops->hypercall_insn));
        stub[8] = 0xc3; /* ret */
    }
}
