/*
 * __HYPERVISOR_multicall(call_list, nr_calls): a batch, one result each. libxc makes every memory_op a batch
 * of one.
 *
 * An entry that wants to be continued gets its new arguments written back into the guest's list, and the
 * batch goes on from it. Whatever happens, entries before the current one are not run twice.
 */
#include <hypercall/hypercall.h>
#include <xen/xen.h>

static long continue_at(struct hypercall *c, u64 list, u32 left)
{
    c->arg[0] = list;
    c->arg[1] = left;
    return -ERESTART;
}

/* Runs the entry at gva. 0; -ERESTART: to be continued, its arguments are updated; -EFAULT. */
static int run_entry(struct hypercall *c, u64 gva)
{
    struct multicall_entry entry;

    int rc = copy_from_guest(c->v, &entry, gva, sizeof(entry));
    if (rc)
        return rc;
    struct hypercall call = {.v = c->v, .in_multicall = true};
    for (u32 i = 0; i < HYPERCALL_NR_ARGS; i++)
        call.arg[i] = entry.args[i];
    long result = hypercall_call(&call, entry.op);
    if (result != -ERESTART) {
        entry.result = (u64)result;
        return copy_to_guest(c->v, gva + offsetof(struct multicall_entry, result), &entry.result,
                             sizeof(entry.result));
    }
    rc = copy_to_guest(c->v, gva + offsetof(struct multicall_entry, args), call.arg, sizeof(call.arg));
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
        list += sizeof(struct multicall_entry);
        left--;
        if (left && sched_should_yield())
            return continue_at(c, list, left);
    }
    return 0;
}
