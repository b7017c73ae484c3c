/* A name for a domain, a wall clock that is an hour ahead, and how its TSC was described to it elsewhere. */
#include <docs/samples/guest/samples.h>

#include <lib/string.h>

int attributes_sample(void)
{
    u32 domid = new_domain(1, 512);
    struct xen_domctl op = {.u.setdomainhandle.handle = "a sample's name"};

    if (!domid)
        return -ENOMEM;
    long rc = domctl(&op, XEN_DOMCTL_setdomainhandle, domid);
    op = (struct xen_domctl){0};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_getdomaininfo, domid);
    if (!rc && strncmp((const char *)op.u.getdomaininfo.handle, "a sample's name", 15) != 0)
        rc = SURPRISE;

    op = (struct xen_domctl){.u.settimeoffset.time_offset_seconds = 3600};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_settimeoffset, domid);

    op = (struct xen_domctl){.u.tsc_info = {.tsc_mode = 2, .incarnation = 4}};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_settscinfo, domid);
    op = (struct xen_domctl){0};
    if (!rc)
        rc = domctl(&op, XEN_DOMCTL_gettscinfo, domid);
    if (!rc && op.u.tsc_info.incarnation != 5)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
