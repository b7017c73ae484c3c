/*
 * A domain that was destroyed while other domains map frames of it stays as a dying domain with these frames,
 * until the last one is unmapped. The result of every call on it meanwhile.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xen/sched.h>

#define PAGES   16u
#define PATTERN 0x5a5a1234abcd0001ull

static u64 *held(u32 index)
{
    return case_page(index);
}

static u32 make(void)
{
    u32 domid = domain_new(64);

    if (domain_populate(domid, 0, 4, NODE_ANY) != 1 || map_foreign_gfn(0, domid, 0) ||
        map_foreign_gfn(1, domid, 1) || map_foreign_gfn(2, domid, 1))
        give_up("making a domain whose frames are held", 0);
    *held(0) = PATTERN;
    *held(1) = ~PATTERN;
    return domid;
}

static void state_case(const char *name, u32 domid)
{
    xc_domaininfo_t info = {0};

    domain_info(domid, &info);
    CASE_SHOW("domctl.getdomaininfo", name, 0, " flags=%#x tot=%lu max=%lu out=%lu vcpus=%u/%d", info.flags,
              info.tot_pages, info.max_pages, info.outstanding_pages, info.nr_online_vcpus,
              (int)info.max_vcpu_id);
}

/* The commands without arguments. */
static void plain_commands(u32 domid)
{
    CASE("domctl.destroydomain", "dying", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    CASE("domctl.pausedomain", "dying", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    CASE("domctl.unpausedomain", "dying", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    CASE("domctl.setdomainhandle", "dying", domctl_plain(domid, XEN_DOMCTL_setdomainhandle));
    CASE("domctl.settimeoffset", "dying", domctl_plain(domid, XEN_DOMCTL_settimeoffset));
    CASE("domctl.gettscinfo", "dying", domctl_plain(domid, XEN_DOMCTL_gettscinfo));
    CASE("domctl.settscinfo", "dying", domctl_plain(domid, XEN_DOMCTL_settscinfo));
    CASE("domctl.getvcpuinfo", "dying", domctl_plain(domid, XEN_DOMCTL_getvcpuinfo));
    CASE("domctl.max_vcpus", "dying", xc_domain_max_vcpus(xch, domid, 1));
    CASE("domctl.max_vcpus", "dying_another_number", xc_domain_max_vcpus(xch, domid, 2));
    CASE("domctl", "dying_unknown_command", domctl_plain(domid, 200));
}

static void affinities(u32 domid)
{
    u8 map[8] = {1};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setnodeaffinity, .domain = (domid_t)domid};

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(map), .nr_bits = 64};
    CASE("domctl.setnodeaffinity", "dying", domctl(&op));
    op.cmd = XEN_DOMCTL_getnodeaffinity;
    CASE_SHOW("domctl.getnodeaffinity", "dying", domctl(&op), " map=%x", map[0]);
    op.cmd = XEN_DOMCTL_setvcpuaffinity;
    map[0] = 1;
    op.u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){
        .flags = XEN_VCPUAFFINITY_HARD, .cpumap_hard = {.bitmap = XEN_HANDLE(map), .nr_bits = 64}};
    CASE_SHOW("domctl.setvcpuaffinity", "dying", domctl(&op), " nodes=%lx", node_affinity(domid));
    op.cmd = XEN_DOMCTL_getvcpuaffinity;
    CASE_SHOW("domctl.getvcpuaffinity", "dying", domctl(&op), " map=%x", map[0] & 3);
}

static void memory_commands(u32 domid)
{
    xen_pfn_t gfn = 0;
    struct xen_memory_reservation r = {
        .extent_start = XEN_HANDLE(&gfn), .nr_extents = 1, .domid = (domid_t)domid};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_shadow_op, .domain = (domid_t)domid, .u.shadow_op.op = 30};
    struct xen_e820_entry e820 = {.size = MIB(1), .type = 1};
    u16 id = (u16)domid;

    watch(domid, WATCH_DOMAIN);
    CASE("domctl.max_mem", "dying", xc_domain_setmaxmem(xch, domid, 4096));
    CASE("domctl.get_paging_mempool_size", "dying", domctl_plain(domid, XEN_DOMCTL_get_paging_mempool_size));
    CASE("domctl.set_paging_mempool_size", "dying", xc_set_paging_mempool_size(xch, domid, MIB(1)));
    CASE("domctl.shadow_op", "dying_get", domctl(&op));
    op.u.shadow_op.op = 31;
    op.u.shadow_op.mb = 2;
    CASE("domctl.shadow_op", "dying_set", domctl(&op));
    CASE("memory_op.populate_physmap", "dying", domain_populate(domid, 32, 0, NODE_ANY));
    CASE("memory_op.increase_reservation", "dying", memory_op(XENMEM_increase_reservation, &r));
    CASE("memory_op.decrease_reservation", "dying", memory_op(XENMEM_decrease_reservation, &r));
    CASE("memory_op.claim_pages", "dying_release", xc_domain_claim_pages(xch, domid, 0));
    CASE("memory_op.current_reservation", "dying", memory_op(XENMEM_current_reservation, &id));
    CASE("memory_op.maximum_reservation", "dying", memory_op(XENMEM_maximum_reservation, &id));
    CASE("memory_op.set_memory_map", "dying", xc_domain_set_memory_map(xch, domid, &e820, 1));
    CASE("memory_op.remove_from_physmap", "dying", xc_domain_remove_from_physmap(xch, domid, 0));
    CASE("memory_op.add_to_physmap_batch", "dying_held_frame", map_foreign_gfn(3, domid, 0));
    CASE("memory_op.add_to_physmap_batch", "dying_other_frame", map_foreign_gfn(3, domid, 5));
    watch(domid, WATCH_NOTHING);
}

static void other_calls(u32 domid)
{
    struct sched_remote_shutdown arg = {.domain_id = (domid_t)domid, .reason = SHUTDOWN_reboot};
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 same = domid;
    u64 value = 0;

    CASE("domctl.createdomain", "id_of_a_dying_domain", xc_domain_create(xch, &same, &config));
    CASE("sched_op.remote_shutdown", "dying", sched_op(SCHEDOP_remote_shutdown, &arg));
    CASE("hvm_op.get_param", "dying", xc_hvm_param_get(xch, domid, HVM_PARAM_STORE_PFN, &value));
    CASE("hvm_op.set_param", "dying", xc_hvm_param_set(xch, domid, HVM_PARAM_STORE_PFN, 5));
    CASE("event_channel_op.alloc_unbound", "dying", xc_evtchn_alloc_unbound(xch, domid, 0));
    CASE("domctl.gethvmcontext", "dying_null", xc_domain_hvm_getcontext(xch, domid, NULL, 0) > 0 ? 0 : -1);
    CASE("domctl.sethvmcontext", "dying_empty", xc_domain_hvm_setcontext(xch, domid, (u8 *)&value, 0));
    CASE("domctl.sethvmcontext", "dying_8_bytes", xc_domain_hvm_setcontext(xch, domid, (u8 *)&value, 8));
}

static void held_by_two(void)
{
    u32 domid = make();

    state_case("before", domid);
    watch(domid, WATCH_DOMAIN);
    CASE("domctl.destroydomain", "frames_are_held", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    watch(domid, WATCH_NOTHING);
    settle();
    state_case("frames_are_held", domid);
    CASE_SHOW("memory_op.add_to_physmap_batch", "frames_keep_their_contents", 0, " first=%s second=%s",
              *held(0) == PATTERN ? "yes" : "no", *held(2) == ~PATTERN ? "yes" : "no");
    plain_commands(domid);
    affinities(domid);
    memory_commands(domid);
    other_calls(domid);
    state_case("after_all_that", domid);
    watch(domid, WATCH_DOMAIN);
    CASE("memory_op.remove_from_physmap", "one_of_two_of_a_frame", unmap_gfn(1));
    CASE("memory_op.remove_from_physmap", "both_of_a_frame", unmap_gfn(2));
    watch(domid, WATCH_NOTHING);
    CASE_SHOW("memory_op.add_to_physmap_batch", "the_other_is_still_there", 0, " first=%s",
              *held(0) == PATTERN ? "yes" : "no");
    CASE("memory_op.remove_from_physmap", "the_last_frame", unmap_gfn(0));
    settle();
    state_case("all_let_go", domid);
    CASE("domctl.pausedomain", "all_let_go", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    CASE("memory_op.remove_from_physmap", "nothing_there", unmap_gfn(0));
}

/* The zombie is in the list of domains and keeps its id. */
static void listed(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 domid = make(), next = 0;
    xc_domaininfo_t info[4] = {{0}};

    domctl_plain(domid, XEN_DOMCTL_destroydomain);
    settle();
    CASE_SHOW("sysctl.getdomaininfolist", "a_zombie_is_listed", xc_domain_getinfolist(xch, domid, 4, info),
              " same=%s dying=%s", info[0].domain == domid ? "yes" : "no",
              info[0].flags & XEN_DOMINF_dying ? "yes" : "no");
    CASE_SHOW("domctl.createdomain", "beside_a_zombie", xc_domain_create(xch, &next, &config), " step=+%u",
              next - domid);
    domain_end(next);
    for (u32 i = 0; i < 3; i++)
        unmap_gfn(i);
    settle();
    CASE("sysctl.getdomaininfolist", "the_zombie_is_gone", xc_domain_getinfolist(xch, domid, 4, info));
}

/* Memory that a dying domain still owns is not free. */
static void host_memory(void)
{
    u32 domid = domain_new(64);

    if (domain_populate(domid, 0, 4, NODE_ANY) != 1 || map_foreign_gfn(0, domid, 0))
        give_up("making a domain whose frame is held", 0);
    domctl_plain(domid, XEN_DOMCTL_destroydomain);
    settle();
    watch(domid, WATCH_DOMAIN);
    CASE("domctl.destroydomain", "again_and_again", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    CASE("domctl.destroydomain", "again_and_again_2", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    watch(domid, WATCH_NOTHING);
    unmap_gfn(0);
    settle();
    CASE("domctl.destroydomain", "let_go", domctl_plain(domid, XEN_DOMCTL_destroydomain));
}

void life_zombie(void)
{
    held_by_two();
    listed();
    host_memory();
}
