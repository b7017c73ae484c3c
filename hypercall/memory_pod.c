/*
 * XENMEM_set_pod_target, XENMEM_get_pod_target: how much memory a domain shall have whose builder has marked frames for
 * populate on demand (populate_physmap with XENMEMF_populate_on_demand). Toolstacks also set it when they move
 * memory/target of any domain, and read the figures: without marked frames a target changes nothing.
 */
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>

long memop_pod_target(struct hypercall *c)
{
    struct xen_pod_target op;

    long rc = read_caller_struct(c, &op, c->arg[1], &compat_pod_target);
    if (!rc)
        rc = hypercall_target(c, op.domid);
    if (!rc && !c->v->domain->is_control)
        rc = -EPERM;
    if (!rc && memop_cmd(c) == XENMEM_set_pod_target)
        rc = physmap_set_pod_target(c->target, op.target_pages);
    if (rc) /* -ERESTART too: the target is absolute, so the call simply goes on */
        return rc;
    physmap_pod_figures(c->target, &op.tot_pages, &op.pod_cache_pages, &op.pod_entries);
    return write_caller_struct(c, c->arg[1], &op, &compat_pod_target);
}
