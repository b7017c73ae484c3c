/* XENMEM_claim_pages: the order of the checks is docs/claims.md section 2, which is released Xen's. */
#include <hypercall/memory_op.h>
#include <mm/claims.h>

long memop_claim_pages(struct hypercall *c)
{
    struct xen_memory_reservation op;

    if (c->compat)
        return -ENOSYS; /* as Xen 4.17; XEN_DOMCTL_claim_memory has one layout for all */
    long rc = copy_from_guest(c->v, &op, c->arg[1], sizeof(op));
    if (rc)
        return rc;
    if (op.extent_start || op.extent_order || op.mem_flags)
        return -EINVAL;
    struct domain *d = domain_get(op.domid); /* DOMID_SELF is no domain here */
    if (!d)
        return -EINVAL;
    rc = c->v->domain->is_control ? claim_install_legacy(&d->mem, op.nr_extents) : -EPERM;
    domain_put(d);
    return rc;
}
