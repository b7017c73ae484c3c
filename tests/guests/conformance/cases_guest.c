/*
 * An unprivileged caller, the helper: memory_op on itself, on domain 0 and on a domain that does not exist.
 * Its other calls: cases_guest_calls.c. Calls for the control domain only: cases_guest_control.c.
 */
#include <tests/guests/conformance/guest_caller.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

static u32 self; /* the helper */

u64 guest_put(u64 offset, const void *data, u64 size)
{
    memcpy((u8 *)helper_data() + offset, data, size);
    return helper_gaddr() + offset;
}

static long memop(u64 cmd, const void *arg, u64 size)
{
    return helper_call(__HYPERVISOR_memory_op, cmd, guest_put(0, arg, size), 0, 0, 0);
}

/* One extent at a frame number, of any domain. */
static long reserve(u64 cmd, u32 domid, u64 gfn, u32 order, u32 flags)
{
    struct xen_memory_reservation r = {.extent_start = guest_put(0x100, &gfn, sizeof(gfn)),
                                       .nr_extents = 1,
                                       .extent_order = order,
                                       .mem_flags = flags,
                                       .domid = (domid_t)domid};

    return memop(cmd, &r, sizeof(r));
}

static void reservations(void)
{
    static const struct {
        u64 cmd;
        const char *call;
    } ops[] = {{XENMEM_populate_physmap, "memory_op.populate_physmap"},
               {XENMEM_decrease_reservation, "memory_op.decrease_reservation"},
               {XENMEM_increase_reservation, "memory_op.increase_reservation"}};

    for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
        CASE(ops[i].call, "self", reserve(ops[i].cmd, DOMID_SELF, 0x2000, 0, 0));
        CASE(ops[i].call, "self_by_number", reserve(ops[i].cmd, self, 0x2001, 0, 0));
        CASE(ops[i].call, "domain_0", reserve(ops[i].cmd, 0, 0x2000, 0, 0));
        CASE(ops[i].call, "unknown_domain", reserve(ops[i].cmd, 0x7fef, 0x2000, 0, 0));
        CASE(ops[i].call, "domid_xen", reserve(ops[i].cmd, DOMID_XEN, 0x2000, 0, 0));
        CASE(ops[i].call, "2m", reserve(ops[i].cmd, DOMID_SELF, 0x2200, 9, 0));
        CASE(ops[i].call, "order_10", reserve(ops[i].cmd, DOMID_SELF, 0x2400, 10, 0));
        CASE(ops[i].call, "order_10_domain_0", reserve(ops[i].cmd, 0, 0x2400, 10, 0));
        CASE(ops[i].call, "not_mapped", helper_call(__HYPERVISOR_memory_op, ops[i].cmd, BAD_GVA, 0, 0, 0));
        CASE(ops[i].call, "no_memory", helper_call(__HYPERVISOR_memory_op, ops[i].cmd, HOLE_GVA, 0, 0, 0));
    }
    CASE("memory_op.populate_physmap", "node_1",
         reserve(XENMEM_populate_physmap, DOMID_SELF, 0x2010, 0, XENMEMF_node(1)));
    CASE("memory_op.populate_physmap", "exact_node_1",
         reserve(XENMEM_populate_physmap, DOMID_SELF, 0x2011, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.populate_physmap", "exact_node_60",
         reserve(XENMEM_populate_physmap, DOMID_SELF, 0x2012, 0, XENMEMF_exact_node(60)));
    CASE("memory_op.populate_physmap", "address_width_20",
         reserve(XENMEM_populate_physmap, DOMID_SELF, 0x2013, 0, XENMEMF_address_bits(20)));
    for (u64 gfn = 0x2010; gfn < 0x2014; gfn++)
        phys_decrease(self, gfn);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem, .domain = (domid_t)self};
    op.u.max_mem.max_memkb = 4 * phys_tot(self);
    domctl(&op);
    CASE("memory_op.populate_physmap", "beyond_its_limit",
         reserve(XENMEM_populate_physmap, DOMID_SELF, 0x2014, 0, 0));
    op.u.max_mem.max_memkb += 4 * 4096;
    domctl(&op);
}

static long figure(u64 cmd, u32 domid)
{
    domid_t id = (domid_t)domid;

    return memop(cmd, &id, sizeof(id));
}

static void figures(void)
{
    static const struct {
        u64 cmd;
        const char *call;
    } ops[] = {{XENMEM_current_reservation, "memory_op.current_reservation"},
               {XENMEM_maximum_reservation, "memory_op.maximum_reservation"},
               {XENMEM_maximum_gpfn, "memory_op.maximum_gpfn"}};

    for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
        CASE(ops[i].call, "self_is_positive", figure(ops[i].cmd, DOMID_SELF) > 0);
        CASE(ops[i].call, "self_by_number_is_positive", figure(ops[i].cmd, self) > 0);
        CASE(ops[i].call, "domain_0", figure(ops[i].cmd, 0));
        CASE(ops[i].call, "unknown_domain", figure(ops[i].cmd, 0x7fef));
        CASE(ops[i].call, "domid_io", figure(ops[i].cmd, DOMID_IO));
        CASE(ops[i].call, "not_mapped", helper_call(__HYPERVISOR_memory_op, ops[i].cmd, BAD_GVA, 0, 0, 0));
    }
    CASE("memory_op.maximum_ram_page", "is_positive",
         helper_call(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0, 0, 0, 0) > 0);
}

static long add(u32 domid, u32 space, u64 gpfn)
{
    struct xen_add_to_physmap arg = {.domid = (domid_t)domid, .space = space, .gpfn = gpfn};

    return memop(XENMEM_add_to_physmap, &arg, sizeof(arg));
}

static long remove(u32 domid, u64 gpfn)
{
    struct xen_remove_from_physmap arg = {.domid = (domid_t)domid, .gpfn = gpfn};

    return memop(XENMEM_remove_from_physmap, &arg, sizeof(arg));
}

static void physmap(void)
{
    CASE("memory_op.add_to_physmap", "shared_info", add(DOMID_SELF, XENMAPSPACE_shared_info, 0x2020));
    CASE("memory_op.add_to_physmap", "shared_info_of_domain_0", add(0, XENMAPSPACE_shared_info, 0x2020));
    CASE("memory_op.add_to_physmap", "unknown_domain", add(0x7fef, XENMAPSPACE_shared_info, 0x2020));
    CASE("memory_op.add_to_physmap", "foreign", add(DOMID_SELF, XENMAPSPACE_gmfn_foreign, 0x2021));
    CASE("memory_op.add_to_physmap", "foreign_of_domain_0", add(0, XENMAPSPACE_gmfn_foreign, 0x2021));
    CASE("memory_op.add_to_physmap", "dev_mmio", add(DOMID_SELF, XENMAPSPACE_dev_mmio, 0x2021));
    CASE("memory_op.add_to_physmap", "dev_mmio_of_domain_0", add(0, XENMAPSPACE_dev_mmio, 0x2021));
    CASE("memory_op.add_to_physmap", "space_6", add(DOMID_SELF, 6, 0x2021));
    CASE("memory_op.add_to_physmap", "space_6_of_domain_0", add(0, 6, 0x2021));
    CASE("memory_op.remove_from_physmap", "shared_info", remove(DOMID_SELF, 0x2020));
    CASE("memory_op.remove_from_physmap", "hole", remove(DOMID_SELF, 0x2020));
    CASE("memory_op.remove_from_physmap", "domain_0", remove(0, 0x100));
    CASE("memory_op.remove_from_physmap", "unknown_domain", remove(0x7fef, 0x100));
}

/* One entry that would map domain 0's frame 0x100. */
static long batch(u32 domid, u32 space, u32 foreign, int *error)
{
    xen_ulong_t idx = space == XENMAPSPACE_shared_info ? 0 : 0x100;
    xen_pfn_t gpfn = 0x2030;
    int *err = (int *)((u8 *)helper_data() + 0x300);

    *err = 99;
    struct xen_add_to_physmap_batch arg = {.domid = (domid_t)domid,
                                           .space = (u16)space,
                                           .size = 1,
                                           .u.foreign_domid = (domid_t)foreign,
                                           .idxs = guest_put(0x100, &idx, sizeof(idx)),
                                           .gpfns = guest_put(0x200, &gpfn, sizeof(gpfn)),
                                           .errs = helper_gaddr() + 0x300};
    long rc = memop(XENMEM_add_to_physmap_batch, &arg, sizeof(arg));
    *error = *err;
    return rc;
}

static void batches(void)
{
    int e = 0;

    CASE_SHOW("memory_op.add_to_physmap_batch", "shared_info", batch(DOMID_SELF, 0, 0, &e), " entry=%d", e);
    remove(DOMID_SELF, 0x2030);
    CASE_SHOW("memory_op.add_to_physmap_batch", "foreign_of_domain_0",
              batch(DOMID_SELF, XENMAPSPACE_gmfn_foreign, 0, &e), " entry=%d", e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "foreign_of_itself",
              batch(DOMID_SELF, XENMAPSPACE_gmfn_foreign, self, &e), " entry=%d", e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "foreign_of_unknown_domain",
              batch(DOMID_SELF, XENMAPSPACE_gmfn_foreign, 0x7fef, &e), " entry=%d", e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "foreign_in_domain_0",
              batch(0, XENMAPSPACE_gmfn_foreign, self, &e), " entry=%d", e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "shared_info_in_domain_0", batch(0, 0, 0, &e), " entry=%d",
              e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "unknown_domain", batch(0x7fef, 0, 0, &e), " entry=%d", e);
    CASE_SHOW("memory_op.add_to_physmap_batch", "dev_mmio", batch(DOMID_SELF, XENMAPSPACE_dev_mmio, 0, &e),
              " entry=%d", e);
}

static long set_map(u32 domid, u32 nr, u64 buffer)
{
    struct xen_foreign_memory_map arg = {.domid = (domid_t)domid, .map = {nr, buffer}};

    return memop(XENMEM_set_memory_map, &arg, sizeof(arg));
}

static long pod_target(u64 cmd, u32 domid)
{
    struct xen_pod_target arg = {.domid = (domid_t)domid, .tot_pages = 1};

    return memop(cmd, &arg, sizeof(arg));
}

static void pod_targets(void)
{
    CASE("memory_op.get_pod_target", "self", pod_target(XENMEM_get_pod_target, DOMID_SELF));
    CASE("memory_op.set_pod_target", "self", pod_target(XENMEM_set_pod_target, DOMID_SELF));
    CASE("memory_op.get_pod_target", "domain_0", pod_target(XENMEM_get_pod_target, 0));
    CASE("memory_op.set_pod_target", "domain_0", pod_target(XENMEM_set_pod_target, 0));
    CASE("memory_op.get_pod_target", "unknown_domain", pod_target(XENMEM_get_pod_target, 0x7fef));
}

static void maps(void)
{
    struct xen_e820_entry entry = {0, 0x1000000, 1};
    u64 entry_at = guest_put(0x100, &entry, sizeof(entry));
    struct xen_memory_map map = {.nr_entries = 8, .buffer = helper_gaddr() + 0x200};
    struct xen_memory_map *back = helper_data();

    CASE_SHOW("memory_op.memory_map", "own", memop(XENMEM_memory_map, &map, sizeof(map)), " entries=%u",
              back->nr_entries);
    CASE("memory_op.set_memory_map", "self", set_map(DOMID_SELF, 1, entry_at));
    CASE("memory_op.set_memory_map", "domain_0", set_map(0, 1, entry_at));
    CASE("memory_op.set_memory_map", "domain_0_no_entries_there", set_map(0, 1, BAD_GVA));
    CASE("memory_op.set_memory_map", "domain_0_too_many", set_map(0, 100000, entry_at));
    CASE("memory_op.set_memory_map", "unknown_domain", set_map(0x7fef, 1, entry_at));
    CASE("memory_op.machine_memory_map", "guest", memop(XENMEM_machine_memory_map, &map, sizeof(map)));
    CASE("memory_op.claim_pages", "self", reserve(XENMEM_claim_pages, DOMID_SELF, 0, 0, 0));
    CASE("memory_op.claim_pages", "domain_0", reserve(XENMEM_claim_pages, 0, 0, 0, 0));
    CASE("memory_op.claim_pages", "unknown_domain", reserve(XENMEM_claim_pages, 0x7fef, 0, 0, 0));
    CASE("memory_op.claim_pages", "order_1", reserve(XENMEM_claim_pages, DOMID_SELF, 0, 1, 0));
    CASE("memory_op.claim_pages", "not_mapped",
         helper_call(__HYPERVISOR_memory_op, XENMEM_claim_pages, BAD_GVA, 0, 0, 0));
}

/* Arguments that are read at address 0 are zeroes: Xen gives a new domain what another one has left in a
 * page.
 */
static void clear_first_page(void)
{
    long rc = map_foreign_gfn(0, self, 0);
    if (rc)
        give_up("mapping the helper's first page", rc);
    memset(case_page(0), 0, PAGE_SIZE);
    unmap_gfn(0);
}

static long exchange(u32 in_domid, u32 out_domid, u64 gfn, u32 order)
{
    u64 list = guest_put(0x100, &gfn, sizeof(gfn));
    struct xen_memory_reservation in = {list, 1, order, 0, (domid_t)in_domid};
    struct xen_memory_exchange x = {.in = in, .out = in};

    x.out.domid = (domid_t)out_domid;
    return memop(XENMEM_exchange, &x, sizeof(x));
}

static void exchanges(void)
{
    CASE("memory_op.exchange", "self", exchange(DOMID_SELF, DOMID_SELF, 0x10, 0));
    CASE("memory_op.exchange", "self_hole", exchange(DOMID_SELF, DOMID_SELF, 0x5000, 0));
    CASE("memory_op.exchange", "self_and_its_number", exchange(DOMID_SELF, self, 0x10, 0));
    CASE("memory_op.exchange", "domain_0", exchange(0, 0, 0x10, 0));
    CASE("memory_op.exchange", "unknown_domain", exchange(0x7fef, 0x7fef, 0x10, 0));
    CASE("memory_op.exchange", "order_10", exchange(DOMID_SELF, DOMID_SELF, 0x10, 10));
    CASE("memory_op.exchange", "order_10_unknown_domain", exchange(0x7fef, 0x7fef, 0x10, 10));
}

/* Every hypercall number, without an argument. */
static void numbers(void)
{
    char name[32];

    for (u32 nr = 0; nr < 64; nr++) {
        if (nr == XENMEM_maximum_ram_page)
            continue;
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("memory_op", name, helper_call(__HYPERVISOR_memory_op, nr, BAD_GVA, 0, 0, 0));
    }
}

void cases_guest(void)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem};

    self = helper_start();
    op.domain = (domid_t)self;
    op.u.max_mem.max_memkb = 4 * 8192;
    domctl(&op);
    clear_first_page();
    watch(self, WATCH_DOMAIN);
    reservations();
    figures();
    physmap();
    batches();
    maps();
    pod_targets();
    exchanges();
    numbers();
    cases_guest_calls(self);
    cases_guest_control(self);
    helper_stop();
}
