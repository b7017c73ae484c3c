/* A guest that sees 8 MiB and gets 4 until its balloon driver gives back the rest: populate on demand. */
#include <docs/samples/guest/samples.h>

#define SEEN 2048u
#define GETS 1024u

int pod_sample(void)
{
    u32 domid = new_domain(1, SEEN);
    xen_pfn_t frames[SEEN >> ORDER_2M];
    struct xen_memory_reservation marked = {.extent_start = XEN_HANDLE(frames),
                                            .nr_extents = ARRAY_SIZE(frames),
                                            .extent_order = ORDER_2M,
                                            .mem_flags = XENMEMF_populate_on_demand,
                                            .domid = (domid_t)domid};
    struct xen_pod_target target = {.target_pages = GETS, .domid = (domid_t)domid};

    for (u64 i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = i << ORDER_2M;
    if (!domid)
        return -ENOMEM;
    /* The claim is for what it gets, not for what it sees. */
    long rc = xc_domain_claim_pages(NULL, domid, GETS);
    /* Marked frames have no memory yet. */
    if (!rc && memory_op(XENMEM_populate_physmap, &marked) != ARRAY_SIZE(frames))
        rc = -ENOMEM;
    /* This takes the memory, and redeems the claim. */
    if (!rc)
        rc = memory_op(XENMEM_set_pod_target, &target);
    if (!rc && (target.tot_pages != GETS || target.pod_cache_pages != GETS || target.pod_entries != SEEN))
        rc = SURPRISE;
    return end_domain(domid, rc);
}
