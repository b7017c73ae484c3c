/* A domain from its creation to its end, without memory. */
#include <docs/samples/guest/samples.h>

#include <lib/string.h>

/* The number of it, or -errno. */
static long create(void)
{
    struct xen_domctl op = {.u.createdomain = {.handle = "sample",
                                               .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                                               .max_vcpus = 1,
                                               .max_evtchn_port = 1023,
                                               .max_grant_frames = 4,
                                               .max_maptrack_frames = 0,
                                               .grant_opts = XEN_DOMCTL_GRANT_version(1),
                                               .arch = {.emulation_flags = XEN_X86_EMU_LAPIC}}};

    long rc = domctl(&op, XEN_DOMCTL_createdomain, 0); /* 0: the next free number */
    return rc ? rc : op.domain;
}

static bool is_paused(u32 domid)
{
    struct xen_domctl op = {0};

    return domctl(&op, XEN_DOMCTL_getdomaininfo, domid) == 0 && op.domain == domid &&
           (op.u.getdomaininfo.flags & XEN_DOMINF_paused);
}

static long simple(u32 cmd, u32 domid)
{
    struct xen_domctl op = {0};

    return domctl(&op, cmd, domid);
}

int life_cycle_sample(void)
{
    struct xen_domctl op = {0};
    long domid = create();

    if (domid < 0)
        return (int)domid;
    u32 id = (u32)domid;
    /* It is born paused. Pauses are counted. */
    long rc = is_paused(id) ? 0 : SURPRISE;
    if (!rc)
        rc = simple(XEN_DOMCTL_pausedomain, id);
    if (!rc)
        rc = simple(XEN_DOMCTL_unpausedomain, id);
    if (!rc && !is_paused(id))
        rc = SURPRISE;
    if (!rc)
        rc = simple(XEN_DOMCTL_unpausedomain, id);
    if (!rc && (is_paused(id) || simple(XEN_DOMCTL_unpausedomain, id) != -EINVAL))
        rc = SURPRISE;
    if (!rc)
        rc = simple(XEN_DOMCTL_destroydomain, id);
    /* getdomaininfo answers with the next higher domain, if there is one: compare the number. */
    if (!rc && domctl(&op, XEN_DOMCTL_getdomaininfo, id) == 0 && op.domain == id)
        rc = SURPRISE;
    return (int)rc;
}
