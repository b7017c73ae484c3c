/* A toolstack fills in entry 0 of a guest's grant table before the guest runs, for instance for its console. */
#include <docs/samples/guest/samples.h>

#include <xen/grant_table.h>

int acquire_resource_sample(void)
{
    u32 domid = new_domain(1, 512);
    xen_pfn_t at = hole_gfn(0);
    struct xen_mem_acquire_resource arg = {.domid = (domid_t)domid, .type = XENMEM_resource_grant_table};

    if (!domid)
        return -ENOMEM;
    long rc = memory_op(XENMEM_acquire_resource, &arg); /* without a list: how many frames there can be */
    if (!rc && arg.nr_frames != 64)                     /* max_grant_frames of createdomain */
        rc = SURPRISE;
    arg.nr_frames = 1;
    arg.frame_list = XEN_HANDLE(&at);
    if (!rc)
        rc = memory_op(XENMEM_acquire_resource, &arg);
    if (!rc) {
        struct grant_entry_v1 *table = hole_page(0);

        table[0] = (struct grant_entry_v1){.flags = GTF_permit_access, .domid = 0, .frame = 0x100};
        rc = xc_domain_remove_from_physmap(NULL, DOMID_SELF, at);
    }
    return end_domain(domid, rc);
}
