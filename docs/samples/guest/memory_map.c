/* Gives a domain its memory map (E820), and reads our own. */
#include <docs/samples/guest/samples.h>

#include <xen/hvm/start_info.h>

int memory_map_sample(void)
{
    struct xen_e820_entry guest[] = {{.addr = 0, .size = KIB(640), .type = XEN_HVM_MEMMAP_TYPE_RAM},
                                     {.addr = MIB(1), .size = MIB(7), .type = XEN_HVM_MEMMAP_TYPE_RAM}};
    static struct xen_e820_entry own[128];
    u32 domid = new_domain(1, 2048);
    struct xen_foreign_memory_map set = {
        .domid = (domid_t)domid, .map = {.nr_entries = ARRAY_SIZE(guest), .buffer = XEN_HANDLE(guest)}};
    struct xen_memory_map get = {.nr_entries = ARRAY_SIZE(own), .buffer = XEN_HANDLE(own)};

    if (!domid)
        return -ENOMEM;
    long rc = memory_op(XENMEM_set_memory_map, &set);
    if (!rc)
        rc = memory_op(XENMEM_memory_map, &get);
    if (!rc && (get.nr_entries == 0 || own[0].addr != 0 || own[0].type != XEN_HVM_MEMMAP_TYPE_RAM))
        rc = SURPRISE;
    return end_domain(domid, rc);
}
