/*
 * Hard affinity (CPUs on which a vCPU may run) and soft affinity (CPUs that it prefers): setvcpuaffinity and
 * getvcpuaffinity. Maps are printed for CPUs 0 and 1; of further bytes, only the number that was written.
 * nodes= is the node affinity afterwards; see cases_affinity_nodes.c and cases_affinity_auto.c.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/string.h>

#define HARD      XEN_VCPUAFFINITY_HARD
#define SOFT      XEN_VCPUAFFINITY_SOFT
#define MAP_BYTES 8192u
#define UNTOUCHED 0xaau
#define CPUS      3u /* 0 and 1 */

static u8 hard_map[MAP_BYTES], soft_map[MAP_BYTES];

static u32 bytes_written(const u8 *map)
{
    u32 n = 0;

    while (n < MAP_BYTES && map[n] != UNTOUCHED)
        n++;
    return n;
}

static void prepare(u8 *map, u64 bits, u32 nr_bits)
{
    memset(map, UNTOUCHED, MAP_BYTES);
    if (nr_bits)
        memcpy(map, &bits, MIN((nr_bits + 7) / 8, (u32)sizeof(bits)));
    for (u32 i = sizeof(bits); i < MIN((nr_bits + 7) / 8, MAP_BYTES); i++)
        map[i] = 0;
}

struct request {
    u32 vcpu, flags;
    u64 hard, soft;
    u32 nr_bits;
};

static void fill(struct xen_domctl *op, u32 cmd, u32 domid, const struct request *r)
{
    *op = (struct xen_domctl){.cmd = cmd, .domain = (domid_t)domid};
    op->u.vcpuaffinity = (struct xen_domctl_vcpuaffinity){
        .vcpu = r->vcpu,
        .flags = r->flags,
        .cpumap_hard = {.bitmap = XEN_HANDLE(hard_map), .nr_bits = r->nr_bits},
        .cpumap_soft = {.bitmap = XEN_HANDLE(soft_map), .nr_bits = r->nr_bits}};
}

/* Sets the maps; prints what was written back and what is read afterwards. */
static void set_case(const char *name, u32 domid, struct request r)
{
    struct xen_domctl op;
    struct request read = {.flags = HARD | SOFT, .nr_bits = 64};

    prepare(hard_map, r.hard, r.nr_bits);
    prepare(soft_map, r.soft, r.nr_bits);
    fill(&op, XEN_DOMCTL_setvcpuaffinity, domid, &r);
    case_begin();
    long rc = domctl(&op);
    u8 hard = hard_map[0], soft = soft_map[0];
    prepare(hard_map, 0, 64);
    prepare(soft_map, 0, 64);
    fill(&op, XEN_DOMCTL_getvcpuaffinity, domid, &read);
    domctl(&op);
    case_end("domctl.setvcpuaffinity", name, rc, " hard=%x soft=%x then_hard=%x then_soft=%x nodes=%lx", hard,
             soft, hard_map[0] & CPUS, soft_map[0] & CPUS, node_affinity(domid));
}

static void get_case(const char *name, u32 domid, struct request r)
{
    struct xen_domctl op;

    memset(hard_map, UNTOUCHED, MAP_BYTES);
    memset(soft_map, UNTOUCHED, MAP_BYTES);
    fill(&op, XEN_DOMCTL_getvcpuaffinity, domid, &r);
    CASE_SHOW("domctl.getvcpuaffinity", name, domctl(&op), " hard=%x/%u soft=%x/%u", hard_map[0] & CPUS,
              bytes_written(hard_map), soft_map[0] & CPUS, bytes_written(soft_map));
}

#define SET_BITS(name, bits, ...) set_case(name, domid, (struct request){.nr_bits = (bits), __VA_ARGS__})
#define GET_BITS(name, bits, ...) get_case(name, domid, (struct request){.nr_bits = (bits), __VA_ARGS__})
#define SET(name, ...)            SET_BITS(name, 64, __VA_ARGS__)
#define GET(name, ...)            GET_BITS(name, 64, __VA_ARGS__)

static void good(u32 domid)
{
    GET("new_hard", .flags = HARD);
    GET("new_soft", .flags = SOFT);
    GET("new_both", .flags = HARD | SOFT);
    SET("hard_cpu_0", .flags = HARD, .hard = 1);
    SET("hard_cpu_1", .flags = HARD, .hard = 2);
    SET("hard_both_cpus", .flags = HARD, .hard = 3);
    SET("soft_cpu_0", .flags = SOFT, .soft = 1);
    SET("soft_cpu_1", .flags = SOFT, .soft = 2);
    SET("both_the_same", .flags = HARD | SOFT, .hard = 1, .soft = 1);
    SET("both_disjoint", .flags = HARD | SOFT, .hard = 1, .soft = 2);
    SET("hard_leaves_soft", .flags = HARD, .hard = 2, .soft = 1);
    SET("soft_leaves_hard", .flags = SOFT, .hard = 1, .soft = 3);
    SET("all_ones", .flags = HARD | SOFT, .hard = ~0ull, .soft = ~0ull);
    SET("soft_empty", .flags = SOFT);
    SET("soft_no_such_cpu", .flags = SOFT, .soft = 1ull << 63);
    SET("soft_all_ones", .flags = SOFT, .soft = ~0ull);
    SET("force_and_hard", .flags = HARD | XEN_VCPUAFFINITY_FORCE, .hard = 2);
    SET("own_domain", .flags = HARD, .hard = 3);
}

static void refused(u32 domid)
{
    SET("before_refusals", .flags = HARD | SOFT, .hard = 3, .soft = 1);
    SET("hard_empty", .flags = HARD);
    SET("hard_no_such_cpu", .flags = HARD, .hard = 1ull << 63);
    SET("hard_one_of_none_such", .flags = HARD, .hard = 1ull << 63 | 1);
    SET("hard_empty_soft_good", .flags = HARD | SOFT, .soft = 2);
    SET("hard_both_again", .flags = HARD, .hard = 3);
    SET("flags_0", .hard = 1, .soft = 1);
    SET("flags_force_only", .flags = XEN_VCPUAFFINITY_FORCE, .hard = 1);
    SET("flags_bit_3", .flags = 8, .hard = 1);
    SET("flags_bit_3_and_hard", .flags = HARD | 8, .hard = 1);
    SET("vcpu_1_of_2", .vcpu = 1, .flags = HARD, .hard = 1);
    SET("vcpu_beyond", .vcpu = 2, .flags = HARD, .hard = 1);
    SET("vcpu_all_ones", .vcpu = ~0u, .flags = HARD, .hard = 1);
    SET("vcpu_beyond_flags_0", .vcpu = 2, .hard = 1);
    GET("flags_0", .flags = 0);
    GET("flags_force_only", .flags = XEN_VCPUAFFINITY_FORCE);
    GET("vcpu_1_of_2", .vcpu = 1, .flags = HARD);
    GET("vcpu_beyond", .vcpu = 2, .flags = HARD);
    GET("vcpu_all_ones", .vcpu = ~0u, .flags = HARD | SOFT);
}

/* The caller's map may have fewer or more bits than there are CPUs. */
static void lengths(u32 domid)
{
    SET_BITS("bits_0", 0, .flags = HARD, .hard = 3);
    SET_BITS("bits_1", 1, .flags = HARD, .hard = 3);
    SET_BITS("bits_1_of_cpu_1", 1, .flags = HARD, .hard = 2);
    SET_BITS("bits_2", 2, .flags = HARD, .hard = 3);
    SET_BITS("bits_7", 7, .flags = HARD, .hard = 1);
    SET_BITS("bits_9", 9, .flags = HARD, .hard = 2);
    SET_BITS("bits_65", 65, .flags = HARD, .hard = 3);
    SET_BITS("bits_32768", 32768, .flags = HARD, .hard = 1);
    SET_BITS("bits_32769", 32769, .flags = HARD, .hard = 2);
    SET("bits_back", .flags = HARD | SOFT, .hard = 3, .soft = 3);
    GET_BITS("bits_0", 0, .flags = HARD);
    GET_BITS("bits_1", 1, .flags = HARD);
    GET_BITS("bits_7", 7, .flags = HARD);
    GET_BITS("bits_9", 9, .flags = HARD);
    GET_BITS("bits_65", 65, .flags = HARD);
    GET_BITS("bits_1024", 1024, .flags = HARD | SOFT);
    GET_BITS("bits_32768", 32768, .flags = HARD);
    GET_BITS("bits_32769", 32769, .flags = HARD);
}

static long with_pointers(u32 cmd, u32 domid, u32 flags, void *hard, void *soft, u32 nr_bits)
{
    struct xen_domctl op;
    struct request r = {.flags = flags, .nr_bits = nr_bits};

    fill(&op, cmd, domid, &r);
    op.u.vcpuaffinity.cpumap_hard.bitmap = XEN_HANDLE(hard);
    op.u.vcpuaffinity.cpumap_soft.bitmap = XEN_HANDLE(soft);
    return domctl(&op);
}

static void pointer_cases(const char *call, u32 cmd, u32 domid)
{
    u8 *edge = edge_ptr(1), good[8] = {3};

    *edge = 3;
    CASE(call, "hard_null", with_pointers(cmd, domid, HARD, NULL, good, 64));
    CASE(call, "soft_null", with_pointers(cmd, domid, SOFT, good, NULL, 64));
    CASE(call, "null_not_asked_for", with_pointers(cmd, domid, HARD, good, NULL, 64));
    CASE(call, "both_asked_soft_null", with_pointers(cmd, domid, HARD | SOFT, good, NULL, 64));
    CASE(call, "hard_not_mapped", with_pointers(cmd, domid, HARD, bad_ptr(), good, 64));
    CASE(call, "hard_no_memory", with_pointers(cmd, domid, HARD, hole_ptr(), good, 64));
    CASE(call, "soft_no_memory", with_pointers(cmd, domid, SOFT, good, hole_ptr(), 64));
    CASE(call, "hard_fits_to_the_edge", with_pointers(cmd, domid, HARD, edge, good, 8));
    *edge = 3;
    CASE(call, "hard_behind_the_edge_not_needed", with_pointers(cmd, domid, HARD, edge, good, 2));
    *edge = 3;
    CASE(call, "hard_one_bit_over_the_edge", with_pointers(cmd, domid, HARD, edge, good, 9));
    *edge = 3;
    CASE(call, "bits_all_ones_over_the_edge", with_pointers(cmd, domid, HARD, edge, good, ~0u));
    *edge = 3;
    CASE(call, "bits_2_to_31_over_the_edge", with_pointers(cmd, domid, HARD, edge, good, 1u << 31));
}

static void without_vcpus(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(2);
    u32 domid = 0;

    xc_domain_create(xch, &domid, &config);
    GET("no_vcpus_yet", .flags = HARD);
    GET("no_vcpus_yet_vcpu_1", .vcpu = 1, .flags = HARD);
    GET("no_vcpus_yet_vcpu_2", .vcpu = 2, .flags = HARD);
    SET("no_vcpus_yet", .flags = HARD, .hard = 1);
    domain_end(domid);
}

/* A running vCPU is moved. */
static void running_guest(void)
{
    u32 domid = helper_start();

    SET("running_on_cpu_0", .flags = HARD, .hard = 1);
    CASE("hypercall", "guest_on_cpu_0", helper_call(__HYPERVISOR_sched_op, 0, 0, 0, 0, 0));
    SET("running_on_cpu_1", .flags = HARD, .hard = 2);
    CASE("hypercall", "guest_on_cpu_1", helper_call(__HYPERVISOR_sched_op, 0, 0, 0, 0, 0));
    xc_vcpuinfo_t vcpu = {0};
    CASE_SHOW("domctl.getvcpuinfo", "on_cpu_1", xc_vcpu_getinfo(xch, domid, 0, &vcpu), " cpu=%u", vcpu.cpu);
    helper_stop();
}

void cases_affinity(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(2);
    u32 domid = 0;

    if (xc_domain_create(xch, &domid, &config) || xc_domain_max_vcpus(xch, domid, 2))
        give_up("making a domain", 0);
    good(domid);
    refused(domid);
    lengths(domid);
    pointer_cases("domctl.setvcpuaffinity", XEN_DOMCTL_setvcpuaffinity, domid);
    pointer_cases("domctl.getvcpuaffinity", XEN_DOMCTL_getvcpuaffinity, domid);
    domain_end(domid);
    without_vcpus();
    running_guest();
    affinity_nodes();
    affinity_auto();
}
