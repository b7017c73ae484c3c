/*
 * __HYPERVISOR_console_io(cmd, count, buffer): the machine's serial line, for the control domain only (the
 * dispatch table says so; Xen's release builds answer a guest with -EPERM too).
 *
 * Input is what the debug console does not take: everything except the switch sequence and what follows it.
 * The line is slow: output goes into the domain's ring (domain/guest_console.c), and the call is repeated, after
 * others have had their turn, until there is room.
 */
#include <arch/x86/cpu/debug/keys.h>
#include <hypercall/hypercall.h>
#include <xen/xen.h>

#define PIECE_BYTES 128u

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
                sched_yield_current();
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
