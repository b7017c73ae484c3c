/* Takes a free frame offline and back: the last frame of RAM that is neither a domain's nor Homestead's. */
#include <docs/samples/guest/samples.h>

#define FRAMES 512u

static u32 status[FRAMES];

static long page_op(u32 cmd, u32 start, u32 end)
{
    struct xen_sysctl op = {
        .u.page_offline = {.cmd = cmd, .start = start, .end = end, .status = XEN_HANDLE(status)}};

    return sysctl(&op, XEN_SYSCTL_page_offline_op);
}

int page_offline_sample(void)
{
    struct xen_sysctl op = {0};

    long rc = sysctl(&op, XEN_SYSCTL_physinfo);
    if (rc)
        return (int)rc;
    for (u32 frame = (u32)op.u.physinfo.max_mfn; frame; frame--) {
        rc = page_op(sysctl_page_offline, frame, frame);
        if (rc)
            return (int)rc;
        bool offline = status[0] & PG_OFFLINE_OFFLINED;
        /* Back again, also where it was only marked, since it is in use. */
        rc = page_op(sysctl_page_online, frame, frame);
        if (rc || offline)
            return (int)rc;
    }
    return SURPRISE;
}
