/*
 * __HYPERVISOR_multicall(call_list, nr_calls): a batch, one result each. libxc's memory_ops are such.
 *
 * For an entry that must be continued, its new arguments are written back into the guest's list, and the
 * batch resumes at it. Entries before the current one are never run twice.
 */
#include <hypercall/compat.h>
#include <lib/string.h>
#include <xen/xen.h>

/* struct multicall_entry is eight longs, those of the caller. Indices: */
#define WORD(field)  (offsetof(struct multicall_entry, field) / sizeof(xen_ulong_t))
#define ENTRY_OP     WORD(op)
#define ENTRY_RESULT WORD(result)
#define ENTRY_ARGS   WORD(args)
#define ENTRY_LONGS  (sizeof(struct multicall_entry) / sizeof(xen_ulong_t))
_Static_assert(ENTRY_LONGS <= CALLER_MAX_LONGS, "copied in one go");

static long continue_at(struct hypercall *c, u64 list, u32 left)
{
    c->arg[0] = list;
    c->arg[1] = left;
    return -ERESTART;
}

/* Runs the entry at gva. 0; -ERESTART: to be continued, its arguments are updated; -EFAULT. */
static int run_entry(struct hypercall *c, u64 gva)
{
    u64 entry[ENTRY_LONGS];

    int rc = read_caller_longs(c, entry, gva, ENTRY_LONGS);
    if (rc)
        return rc;
    struct hypercall call;
    call.v = c->v;
    call.compat = c->compat;
    call.in_multicall = true;
    call.target = NULL;
    memcpy(call.arg, &entry[ENTRY_ARGS], sizeof(call.arg));
    u64 result = (u64)hypercall_call(&call, entry[ENTRY_OP]);
    if ((long)result != -ERESTART)
        return write_caller_longs(c, gva + ENTRY_RESULT * caller_long_bytes(c), &result, 1);
    rc = write_caller_longs(c, gva + ENTRY_ARGS * caller_long_bytes(c), call.arg, HYPERCALL_NR_ARGS);
    return rc ? rc : -ERESTART;
}

long hc_multicall(struct hypercall *c)
{
    u64 list = c->arg[0];
    u32 left = (u32)c->arg[1];

    if (c->in_multicall)
        return -EINVAL;
    while (left) {
        int rc = run_entry(c, list);

        if (rc == -ERESTART)
            return continue_at(c, list, left);
        if (rc)
            return rc;
        list += ENTRY_LONGS * caller_long_bytes(c);
        left--;
        if (left && sched_should_yield())
            return continue_at(c, list, left);
    }
    return 0;
}
