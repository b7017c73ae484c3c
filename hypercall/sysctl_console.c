/*
 * The console for tools in domain 0: what it said (`xl dmesg`), and the debug console's keys (`xl debug-keys`).
 *
 * A key's output is in the ring when the call returns. The serial line takes it later, and the next key waits until it
 * has: so keys cost the line's time, but no CPU's.
 */
#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/time.h>
#include <hypercall/sysctl.h>

#define PIECE_BYTES 512u
#define LINE_NS     1000000u
#define KEYS_MAX    1024u

/* -EFAULT: nothing is cleared. */
long sysctl_readconsole(struct sysctl *ctl)
{
    struct xen_sysctl_readconsole *op = &ctl->op.u.readconsole;
    u32 position = console_ring_begin(op->incremental, op->index), done = 0, len;
    char piece[PIECE_BYTES];

    /* What comes meanwhile is for the next call: the work has a bound. */
    u32 room = MIN(op->count, CONSOLE_RING_BYTES);
    while (done < room && (len = console_ring_read(&position, piece, MIN(room - done, PIECE_BYTES))) != 0) {
        int rc = copy_to_guest(ctl->c->v, op->buffer + done, piece, len);
        if (rc)
            return rc;
        done += len;
    }
    if (op->clear)
        console_ring_clear(position);
    op->count = done;
    op->index = position;
    return 0;
}

/* Later again, from the key that op begins with. */
static long repeat(struct sysctl *ctl, bool sleep)
{
    struct vcpu *v = ctl->c->v;

    if (copy_to_guest(v, ctl->c->arg[0], &ctl->op, sizeof(ctl->op)))
        return -EFAULT;
    if (sleep) {
        timer_cancel(&v->poll_timer);
        timer_set(&v->poll_timer, time_now_ns() + LINE_NS);
        vcpu_block(v);
    }
    return -ERESTART;
}

/* Keys that do not exist are named on the console. -EFAULT: the keys before were served, as on Xen. */
long sysctl_debug_keys(struct sysctl *ctl)
{
    struct xen_sysctl_debug_keys *op = &ctl->op.u.debug_keys;
    u8 key;

    if (op->nr_keys > KEYS_MAX)
        return -E2BIG;
    for (bool first = true; op->nr_keys; first = false) {
        if (!first && sched_should_yield())
            return repeat(ctl, false);
        int rc = copy_from_guest(ctl->c->v, &key, op->keys, sizeof(key));
        if (rc)
            return rc;
        rc = console_ring_is_late() ? -EBUSY : keys_serve_for_domain_0(key);
        if (rc == -EBUSY)
            return repeat(ctl, true);
        if (rc)
            return rc;
        guest_console_start();
        op->keys++;
        op->nr_keys--;
    }
    return 0;
}
