#include <tests/machine/machine.h>

#define INSN_BYTES 3u /* VMMCALL */

struct domain *dom0;
struct vcpu *caller;
u32 restarts;
void (*on_restart)(void);

u64 at(u64 offset)
{
    return GUEST_BASE + offset;
}

u64 put(u64 offset, const void *data, u64 len)
{
    BUG_ON(physmap_write(caller->domain, at(offset), data, len));
    return at(offset);
}

void get(u64 offset, void *data, u64 len)
{
    BUG_ON(guest_memory_read(caller->domain, at(offset), data, len));
}

int guest_memory_read(struct domain *of, u64 gaddr, void *to, u64 len)
{
    int rc = 0;

    spin_lock(&of->physmap.lock);
    for (u64 i = 0; i < len && !rc; i++) {
        const u8 *page = gaddr + i < gaddr ? NULL : physmap_frame(of, gaddr + i, false);

        if (page)
            ((u8 *)to)[i] = page[(gaddr + i) & ~PAGE_MASK];
        else
            rc = -EFAULT;
    }
    spin_unlock(&of->physmap.lock);
    return rc;
}

long hypercall(u64 nr, u64 arg1, u64 arg2, u64 arg3)
{
    struct hvm_exit exit = {.kind = HVM_EXIT_HYPERCALL,
                            .insn_len = INSN_BYTES,
                            .kernel_bits = guest_cpl  ? 0
                                           : guest_64 ? 64
                                                      : 32};
    struct hvm_regs *regs = &caller->hvm.regs;
    u64 rip = regs->rip;
    u32 held = references_held();

    regs->rax = nr;
    if (guest_64) {
        regs->rdi = arg1;
        regs->rsi = arg2;
        regs->rdx = arg3;
    } else {
        regs->rbx = arg1;
        regs->rcx = arg2;
        regs->rdx = arg3;
    }
    for (restarts = 0; restarts < 100000; restarts++) {
        struct vcpu *before = here->current;

        here->current = caller;
        here->need_resched = false; /* the run loop has chosen the caller */
        caller->paging_known = false;
        vcpu_handle_exit(caller, &exit);
        here->current = before;
        if (references_held() != held)
            assert_failed("a hypercall gives back its references to domains", __FILE__, __LINE__);
        if (locks_held())
            assert_failed("a hypercall drops its locks", __FILE__, __LINE__);
        if (regs->rip == rip + INSN_BYTES)
            return guest_64 ? (long)regs->rax : (long)(s32)regs->rax;
        if (regs->rip != rip || regs->rax != nr)
            assert_failed("a continued hypercall is made again as it was", __FILE__, __LINE__);
        if (on_restart)
            on_restart();
    }
    assert_failed("a hypercall ends", __FILE__, __LINE__);
}

void guest_make(struct domain *d)
{
    dom0 = d;
    caller = d->vcpu[0];
    populate(d, GUEST_BASE >> PAGE_SHIFT, ORDER_2M);
    vcpu_online(caller);
}
