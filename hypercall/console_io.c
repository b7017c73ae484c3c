/*
 * __HYPERVISOR_console_io(cmd, count, buffer): the machine's serial line, for the control domain only (the
 * dispatch table says so; Xen's release builds answer a guest with -EPERM too).
 *
 * Input is what the debug console does not take: everything except the switch sequence and what follows it.
 * The line is slow: output goes into the domain's ring (domain/guest_console.c). While that is full, the vCPU sleeps,
 * and the call is repeated until there is room.
 */
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/time.h>
#include <hypercall/hypercall.h>
#include <xen/xen.h>

#define PIECE_BYTES 128u
#define FULL_NS     1000000u /* as often as the ring is drained */

/* Less, if an event comes. */
static void sleep_while_full(struct vcpu *v)
{
    timer_cancel(&v->poll_timer);
    timer_set(&v->poll_timer, time_now_ns() + FULL_NS);
    vcpu_block(v);
}

/* -EFAULT: what was readable has been written, as with Xen. */
static long console_write_call(struct hypercall *c, u32 count, u64 buffer)
{
    char piece[PIECE_BYTES];

    while (count) {
        u32 len = MIN(count, PIECE_BYTES);

        int rc = copy_from_guest(c->v, piece, buffer, len);
        if (rc)
            return rc;
        bool full = !guest_console_put(c->v->domain, piece, len);
        if (!full) {
            count -= len;
            buffer += len;
        }
        if (count && (full || sched_should_yield())) {
            if (full)
                sleep_while_full(c->v);
            c->arg[1] = count;
            c->arg[2] = buffer;
            return -ERESTART;
        }
    }
    return 0;
}

/* The bytes waiting, at most count and at most a piece; 0: none. */
static long console_read_call(struct hypercall *c, u32 count, u64 buffer)
{
    char piece[PIECE_BYTES];

    if (count > 0x7fffffffu)
        return -E2BIG;
    u32 len = keys_read(piece, MIN(count, PIECE_BYTES));
    int rc = copy_to_guest(c->v, buffer, piece, len);
    return rc ? rc : (long)len;
}

long hc_console_io(struct hypercall *c)
{
    u32 count = (u32)c->arg[1];

    switch ((u32)c->arg[0]) {
    case CONSOLEIO_write:
        return console_write_call(c, count, c->arg[2]);
    case CONSOLEIO_read:
        return console_read_call(c, count, c->arg[2]);
    default:
        return -ENOSYS;
    }
}
