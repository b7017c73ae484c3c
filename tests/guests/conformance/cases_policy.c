/*
 * CPU policies: what CPUID may show and shows, of the host (sysctl) and of a domain (domctl). Values differ with the
 * host and the hypervisor, so cases print results, shapes, and what follows from what was set.
 * lint: long: one short function for each kind of argument.
 */
#include <tests/guests/conformance/cases.h>
#include <lib/string.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define FEATURES "sysctl.get_cpu_featureset"
#define HOST     "sysctl.get_cpu_policy"
#define GET      "domctl.get_cpu_policy"
#define SET      "domctl.set_cpu_policy"

#define ROOM 256u
#define MARK 0x5au
#define NONE 0xffffffffu

#define CR4_DE                (1u << 3)
#define CR4_SMEP              (1u << 20)
#define CR4_SMAP              (1u << 21)
#define EFER_SCE              (1u << 0)
#define APIC_X2               (1u << 10)
#define MSR_APIC_BASE         0x1bu
#define MSR_EFER              0xc0000080u
#define CPUID_DE              (1u << 2) /* 1 EDX */
#define CPUID_HTT             (1u << 28)
#define CPUID_X2APIC          (1u << 21) /* 1 ECX */
#define CPUID_AES             (1u << 25)
#define CPUID_SMEP            (1u << 7) /* 7 EBX */
#define CPUID_SMAP            (1u << 20)
#define CPUID_SYSCALL         (1u << 11) /* 0x80000001 EDX */
#define CPUID_ITSC            (1u << 8)  /* 0x80000007 EDX */
#define MSR_PLATFORM_INFO     0xceu
#define MSR_ARCH_CAPABILITIES 0x10au

static xen_cpuid_leaf_t leaves[ROOM], before[ROOM];
static xen_msr_entry_t msrs[8];
static u32 words[64];
static u32 dom;

static u32 written(const void *array, u32 bytes)
{
    for (u32 i = bytes; i; i--)
        if (((const u8 *)array)[i - 1] != MARK)
            return i;
    return 0;
}

/* --- the host's feature words --- */

static void features(const char *name, u32 index, u32 nr, void *at)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_get_cpu_featureset};

    memset(words, MARK, sizeof(words));
    op.u.cpu_featureset =
        (struct xen_sysctl_cpu_featureset){.index = index, .nr_features = nr, .features = XEN_HANDLE(at)};
    long rc = sysctl(&op);
    CASE_SHOW(FEATURES, name, rc, " nr=%u words=%u fpu=%u long_mode=%u", op.u.cpu_featureset.nr_features,
              written(words, sizeof(words)) / 4, words[0] & 1, words[2] >> 29 & 1);
}

static void featuresets(void)
{
    char name[32];

    for (u32 index = 0; index < 8; index++) {
        snprintf(name, sizeof(name), "null_%u", index);
        features(name, index, 3, NULL);
        snprintf(name, sizeof(name), "index_%u", index);
        features(name, index, ARRAY_SIZE(words), words);
    }
    features("index_all_ones", NONE, ARRAY_SIZE(words), words);
    for (u32 nr = 0; nr < 24; nr++) {
        snprintf(name, sizeof(name), "room_%u", nr);
        features(name, 1, nr, words);
    }
    features("room_for_all_ones", 1, NONE, words);
    features("short_and_bad_index", 9, 1, words);
    features("not_mapped", 1, 4, bad_ptr());
    features("no_memory", 1, 4, hole_ptr());
    features("not_mapped_room_0", 1, 0, bad_ptr());
    features("over_the_edge", 1, 4, edge_ptr(15));
}

/* --- the host's policies --- */

static u32 nr_leaves, nr_msrs; /* that an array must have */

/* The order and the kinds of leaves, from `leaves`. */
static u32 nr_of(u32 leaf, u32 nr)
{
    u32 found = 0;

    for (u32 i = 0; i < nr && i < ROOM; i++)
        found += leaves[i].leaf == leaf;
    return found;
}

static bool ordered(u32 nr)
{
    for (u32 i = 1; i < nr && i < ROOM; i++) {
        const xen_cpuid_leaf_t *a = &leaves[i - 1], *b = &leaves[i];

        if (b->leaf < a->leaf || (b->leaf == a->leaf && b->subleaf != a->subleaf + 1))
            return false;
    }
    return true;
}

/* Only leaves with subleaves have a number for them. */
static bool subleaves(u32 nr)
{
    for (u32 i = 0; i < nr && i < ROOM; i++) {
        u32 leaf = leaves[i].leaf;
        bool has = leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;

        if (has != (leaves[i].subleaf != XEN_CPUID_NO_SUBLEAF))
            return false;
    }
    return true;
}

static void clear(void)
{
    memset(leaves, MARK, sizeof(leaves));
    memset(msrs, MARK, sizeof(msrs));
}

static long host_policy(struct xen_sysctl *op, u32 index, u32 leaves_room, void *leaf_at, u32 msr_room,
                        void *msr_at)
{
    *op = (struct xen_sysctl){.cmd = XEN_SYSCTL_get_cpu_policy};
    clear();
    op->u.cpu_policy = (struct xen_sysctl_cpu_policy){.index = index,
                                                      .nr_leaves = leaves_room,
                                                      .nr_msrs = msr_room,
                                                      .leaves = XEN_HANDLE(leaf_at),
                                                      .msrs = XEN_HANDLE(msr_at)};
    return sysctl(op);
}

static void show_shape(const char *call, const char *name, long rc, u32 nr, u32 nr_msr)
{
    CASE_SHOW(
        call, name, rc,
        " fits=%u ordered=%u subleaves=%u basic=%u feat=%u some_d=%u hv=%u hv2=%u ext=%u ext8=%u msrs=%u "
        "msr0=%x msr1=%x flags=%u",
        nr <= nr_leaves, ordered(nr), subleaves(nr), nr_of(0, nr), nr_of(7, nr) != 0, nr_of(0xd, nr) >= 2,
        nr_of(0x40000000, nr), nr_of(0x40000100, nr), nr_of(0x80000000, nr), nr_of(0x80000008, nr), nr_msr,
        msrs[0].idx, msrs[1].idx, msrs[0].flags | msrs[1].flags);
}

static void host_query(const char *name, u32 index, u32 leaves_room, void *leaf_at, u32 msr_room,
                       void *msr_at)
{
    struct xen_sysctl op;

    long rc = host_policy(&op, index, leaves_room, leaf_at, msr_room, msr_at);
    const struct xen_sysctl_cpu_policy *p = &op.u.cpu_policy;
    CASE_SHOW(HOST, name, rc, " leaves=%s msrs=%s filled=%s/%u",
              p->nr_leaves == leaves_room ? "as_before"
              : p->nr_leaves == nr_leaves ? "most"
                                          : "some",
              p->nr_msrs == msr_room  ? "as_before"
              : p->nr_msrs == nr_msrs ? "most"
                                      : "some",
              written(leaves, sizeof(leaves)) ? "some" : "none", written(msrs, sizeof(msrs)) / 16);
}

static void host_policies(void)
{
    struct xen_sysctl op;
    char name[32];

    long rc = host_policy(&op, XEN_SYSCTL_cpu_policy_host, 1, NULL, 1, NULL);
    nr_leaves = op.u.cpu_policy.nr_leaves;
    nr_msrs = op.u.cpu_policy.nr_msrs;
    CASE_SHOW(HOST, "size", rc, " leaves=%u msrs=%u", nr_leaves, nr_msrs);
    for (u32 index = 0; index < 7; index++) {
        snprintf(name, sizeof(name), "null_%u", index);
        host_query(name, index, 1, NULL, 1, NULL);
        rc = host_policy(&op, index, ROOM, leaves, 8, msrs);
        snprintf(name, sizeof(name), "index_%u", index);
        show_shape(HOST, name, rc, op.u.cpu_policy.nr_leaves, op.u.cpu_policy.nr_msrs);
    }
    host_query("index_all_ones", NONE, ROOM, leaves, 8, msrs);
    op = (struct xen_sysctl){.cmd = XEN_SYSCTL_get_cpu_policy, .u.cpu_policy = {.index = 1, ._rsvd = 1}};
    CASE("sysctl.get_cpu_policy", "reserved_1", sysctl(&op));
    host_query("room_0", 5, 0, leaves, 0, msrs);
    host_query("room_1", 5, 1, leaves, 8, msrs);
    host_query("room_20", 5, 20, leaves, 8, msrs);
    host_query("room_all_ones", 5, NONE, leaves, NONE, msrs);
    host_query("msr_room_0", 5, ROOM, leaves, 0, msrs);
    host_query("msr_room_1", 5, ROOM, leaves, 1, msrs);
    host_query("leaves_only", 5, ROOM, leaves, 0, NULL);
    host_query("msrs_only", 5, 0, NULL, 8, msrs);
    host_query("leaves_not_mapped", 5, ROOM, bad_ptr(), 8, msrs);
    host_query("leaves_no_memory", 5, ROOM, hole_ptr(), 8, msrs);
    host_query("leaves_over_the_edge", 5, ROOM, edge_ptr(25), 8, msrs);
    host_query("msrs_not_mapped", 5, ROOM, leaves, 8, bad_ptr());
    host_query("msrs_over_the_edge", 5, ROOM, leaves, 8, edge_ptr(17));
    host_query("not_mapped_room_0", 5, 0, bad_ptr(), 0, bad_ptr());
}

/* --- a domain's --- */

static long get_from(u32 domid, u32 *nr, void *leaf_at, u32 *nr_msr, void *msr_at)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_cpu_policy, .domain = (domid_t)domid};

    clear();
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){
        .nr_leaves = *nr, .nr_msrs = *nr_msr, .leaves = XEN_HANDLE(leaf_at), .msrs = XEN_HANDLE(msr_at)};
    long rc = domctl(&op);
    *nr = op.u.cpu_policy.nr_leaves;
    *nr_msr = op.u.cpu_policy.nr_msrs;
    return rc;
}

/* All of it, to leaves and msrs. */
static u32 get(u32 domid)
{
    u32 nr = ROOM, nr_msr = 8;

    return get_from(domid, &nr, leaves, &nr_msr, msrs) ? 0 : nr;
}

static void get_query(const char *name, u32 domid, u32 room, void *leaf_at, u32 msr_room, void *msr_at)
{
    u32 nr = room, nr_msr = msr_room;

    long rc = get_from(domid, &nr, leaf_at, &nr_msr, msr_at);
    CASE_SHOW(GET, name, rc, " leaves=%s msrs=%s filled=%s/%u",
              nr == room        ? "as_before"
              : nr == nr_leaves ? "most"
                                : "some",
              nr_msr == msr_room  ? "as_before"
              : nr_msr == nr_msrs ? "most"
                                  : "some",
              written(leaves, sizeof(leaves)) ? "some" : "none", written(msrs, sizeof(msrs)) / 16);
}

static void gets(void)
{
    u32 nr = ROOM, nr_msr = 8;

    long rc = get_from(dom, &nr, leaves, &nr_msr, msrs);
    show_shape(GET, "all", rc, nr, nr_msr);
    nr = ROOM, nr_msr = 8;
    rc = get_from(0, &nr, leaves, &nr_msr, msrs);
    show_shape(GET, "domain_0", rc, nr, nr_msr);
    get_query("unknown_domain", DOMID_UNKNOWN, ROOM, leaves, 8, msrs);
    get_query("self", DOMID_SELF, ROOM, leaves, 8, msrs);
    get_query("null", dom, 1, NULL, 1, NULL);
    get_query("room_0", dom, 0, leaves, 0, msrs);
    get_query("room_1", dom, 1, leaves, 8, msrs);
    get_query("room_20", dom, 20, leaves, 8, msrs);
    get_query("room_all_ones", dom, NONE, leaves, NONE, msrs);
    get_query("msr_room_1", dom, ROOM, leaves, 1, msrs);
    get_query("leaves_not_mapped", dom, ROOM, bad_ptr(), 8, msrs);
    get_query("leaves_over_the_edge", dom, ROOM, edge_ptr(25), 8, msrs);
    get_query("msrs_not_mapped", dom, ROOM, leaves, 8, bad_ptr());
    get_query("msrs_over_the_edge", dom, ROOM, leaves, 8, edge_ptr(17));
}

static struct xen_domctl_cpu_policy last; /* a set's, as it came back */

static long set_to(u32 domid, u32 nr, const void *leaf_at, u32 nr_msr, const void *msr_at)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_set_cpu_policy, .domain = (domid_t)domid};

    op.u.cpu_policy = (struct xen_domctl_cpu_policy){.nr_leaves = nr,
                                                     .nr_msrs = nr_msr,
                                                     .leaves = XEN_HANDLE(leaf_at),
                                                     .msrs = XEN_HANDLE(msr_at),
                                                     .err_leaf = 77,
                                                     .err_subleaf = 77,
                                                     .err_msr = 77};
    long rc = domctl(&op);
    last = op.u.cpu_policy;
    return rc;
}

static void show_set(const char *name, long rc)
{
    CASE_SHOW(SET, name, rc, " leaf=%x subleaf=%x msr=%x", last.err_leaf, last.err_subleaf, last.err_msr);
}

static void set_query(const char *name, u32 domid, u32 nr, const void *leaf_at, u32 nr_msr,
                      const void *msr_at)
{
    show_set(name, set_to(domid, nr, leaf_at, nr_msr, msr_at));
}

static xen_cpuid_leaf_t *find(u32 leaf, u32 nr)
{
    for (u32 i = 0; i < nr; i++)
        if (leaves[i].leaf == leaf && (leaves[i].subleaf == XEN_CPUID_NO_SUBLEAF || leaves[i].subleaf == 0))
            return &leaves[i];
    give_up("a leaf that every policy has", leaf);
}

/* Is the policy what it was, the topology aside? */
static bool unchanged(u32 nr)
{
    return get(dom) == nr && !memcmp(before, leaves, nr * sizeof(leaves[0]));
}

static void whole_policies(void)
{
    u32 nr = get(dom);

    memcpy(before, leaves, sizeof(leaves));
    set_query("what_was_read", dom, nr, leaves, 2, msrs);
    CASE_SHOW(GET, "after_that", 0, " unchanged=%u", unchanged(nr));
    set_query("nothing", dom, 0, NULL, 0, NULL);
    set_query("nothing_not_mapped", dom, 0, bad_ptr(), 0, bad_ptr());
    set_query("not_mapped", dom, 1, bad_ptr(), 0, NULL);
    set_query("msrs_not_mapped", dom, 0, NULL, 1, bad_ptr());
    set_query("unknown_domain", DOMID_UNKNOWN, nr, leaves, 2, msrs);
    set_query("own_domain", 0, nr, leaves, 2, msrs);
    set_query("self", DOMID_SELF, nr, leaves, 2, msrs);
    set_query("one_too_many", dom, nr_leaves + 1, leaves, 0, NULL);
    set_query("all_ones", dom, NONE, leaves, 0, NULL);
    set_query("one_msr_too_many", dom, 0, NULL, nr_msrs + 1, msrs);
    set_query("msrs_all_ones", dom, 0, NULL, NONE, msrs);
    get(dom);
    xen_cpuid_leaf_t *edge = edge_ptr(sizeof(leaves[0]) + 1);
    memcpy(edge, find(1, nr), sizeof(*edge));
    set_query("second_over_the_edge", dom, 2, edge, 0, NULL);
    CASE_SHOW(GET, "after_all_these", 0, " unchanged=%u", unchanged(nr));
}

static void strange_leaves(void)
{
    static const struct {
        const char *name;
        u32 leaf, subleaf;
    } rows[] = {
        {"leaf_0_subleaf_0", 0, 0},
        {"leaf_1_subleaf_0", 1, 0},
        {"leaf_4_no_subleaf", 4, NONE},
        {"leaf_4_subleaf_5", 4, 5},
        {"leaf_4_subleaf_6", 4, 6},
        {"leaf_7_no_subleaf", 7, NONE},
        {"leaf_7_subleaf_1", 7, 1},
        {"leaf_7_subleaf_2", 7, 2},
        {"leaf_7_subleaf_3", 7, 3},
        {"leaf_b_no_subleaf", 0xb, NONE},
        {"leaf_b_subleaf_0", 0xb, 0},
        {"leaf_b_subleaf_1", 0xb, 1},
        {"leaf_b_subleaf_2", 0xb, 2},
        {"leaf_d_no_subleaf", 0xd, NONE},
        {"leaf_d_subleaf_62", 0xd, 62},
        {"leaf_d_subleaf_63", 0xd, 63},
        {"leaf_e", 0xe, NONE},
        {"leaf_14", 0x14, NONE},
        {"leaf_40000000", 0x40000000, NONE},
        {"leaf_40000000_subleaf_0", 0x40000000, 0},
        {"leaf_40000001", 0x40000001, NONE},
        {"leaf_40000100", 0x40000100, NONE},
        {"leaf_7fffffff", 0x7fffffff, NONE},
        {"leaf_80000009", 0x80000009, NONE},
        {"leaf_80000021", 0x80000021, NONE},
        {"leaf_80000022", 0x80000022, NONE},
        {"leaf_80000001_subleaf_0", 0x80000001, 0},
        {"leaf_c0000000", 0xc0000000, NONE},
        {"leaf_all_ones", NONE, NONE},
    };

    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        xen_cpuid_leaf_t leaf = {.leaf = rows[i].leaf, .subleaf = rows[i].subleaf};

        if (rows[i].leaf == 0 || rows[i].leaf == 1)
            leaf = *find(rows[i].leaf, get(dom)), leaf.subleaf = rows[i].subleaf;
        set_query(rows[i].name, dom, 1, &leaf, 0, NULL);
    }
}

static void strange_msrs(void)
{
    static const struct {
        const char *name;
        u32 idx, flags;
        u64 val;
    } rows[] = {
        {"msr_ce", MSR_PLATFORM_INFO, 0, 0},       {"msr_ce_flags", MSR_PLATFORM_INFO, 1, 0},
        {"msr_ce_bit_0", MSR_PLATFORM_INFO, 0, 1}, {"msr_ce_bit_32", MSR_PLATFORM_INFO, 0, 1ull << 32},
        {"msr_10a", MSR_ARCH_CAPABILITIES, 0, 0},  {"msr_0", 0, 0, 0},
        {"msr_c0000080", 0xc0000080, 0, 0},
    };

    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        const xen_msr_entry_t entry = {.idx = rows[i].idx, .flags = rows[i].flags, .val = rows[i].val};

        set_query(rows[i].name, dom, 0, NULL, 1, &entry);
    }
}

/* One register of one leaf changed; what get says then. */
static void change(const char *name, u32 leaf, u32 reg, u32 clear_bits, u32 set_bits)
{
    u32 d = domain_new(16), nr = get(d);
    xen_cpuid_leaf_t *l = find(leaf, nr), sent;
    u32 *word = &l->a + reg;

    *word = (*word & ~clear_bits) | set_bits;
    sent = *l;
    long rc = set_to(d, 1, &sent, 0, NULL);
    nr = get(d);
    CASE_SHOW(SET, name, rc, " leaf=%x subleaf=%x as_sent=%u leaves=%s", last.err_leaf, last.err_subleaf,
              nr_of(leaf, nr) && (&find(leaf, nr)->a)[reg] == (&sent.a)[reg],
              nr < nr_leaves ? "some" : "most");
    domain_end(d);
}

enum { A, B, C, D };

static void values(void)
{
    change("no_aes", 1, C, CPUID_AES, 0);
    change("no_x2apic", 1, C, 1u << 21, 0);
    change("not_a_hypervisor", 1, C, 1u << 31, 0);
    change("htt", 1, D, 0, 1u << 28);
    change("lppp_2", 1, B, 0xff0000, 0x20000);
    change("family", 1, A, NONE, 0x00800f12);
    change("vmx", 1, C, 0, 1u << 5);
    change("no_smep", 7, B, CPUID_SMEP, 0);
    change("svm", 0x80000001, C, 0, 1u << 2);
    change("no_invariant_tsc", 0x80000007, D, CPUID_ITSC, 0);
    change("cores", 0x80000008, C, NONE, 1);
    change("brand", 0x80000002, A, NONE, 0x41424344);
    change("max_leaf_7", 0, A, NONE, 7);
    change("max_leaf_0", 0, A, NONE, 0);
    change("max_leaf_100", 0, A, NONE, 0x100);
    change("max_leaf_all_ones", 0, A, NONE, NONE);
    change("max_subleaf_all_ones", 7, A, 0, NONE);
    change("max_extended_4", 0x80000000, A, NONE, 0x80000004);
    change("max_extended_all_ones", 0x80000000, A, 0, NONE);
    change("xen_limit_2", 0x40000000, A, NONE, 2);
    change("xen_limit_40000002", 0x40000000, A, NONE, 0x40000002);
}

/* --- what the guest sees --- */

/* One register of one leaf of the domain that is being made. */
static void edit(u32 d, u32 leaf, u32 reg, u32 clear_bits, u32 set_bits)
{
    xen_cpuid_leaf_t *l = find(leaf, get(d));
    u32 *word = &l->a + reg;

    *word = (*word & ~clear_bits) | set_bits;
    if (set_to(d, 1, l, 0, NULL))
        give_up("a policy for the helper", leaf);
}

static void show_guest(const char *name)
{
    struct cpuid_regs one = helper_cpuid(1), seven = helper_cpuid(7), ext = helper_cpuid(0x80000001);
    u64 base = 0, efer = 0;

    helper_rdmsr(MSR_APIC_BASE, &base);
    helper_rdmsr(MSR_EFER, &efer);
    CASE_SHOW("guest.cpuid", name, 0,
              " de=%u htt=%u x2apic=%u aes=%u smep=%u smap=%u syscall=%u itsc=%u hypervisor=%u",
              !!(one.edx & CPUID_DE), !!(one.edx & CPUID_HTT), !!(one.ecx & CPUID_X2APIC),
              !!(one.ecx & CPUID_AES), !!(seven.ebx & CPUID_SMEP), !!(seven.ebx & CPUID_SMAP),
              !!(ext.edx & CPUID_SYSCALL), !!(helper_cpuid(0x80000007).edx & CPUID_ITSC), one.ecx >> 31);
    CASE_SHOW("guest.cpuid_values", name, 0, " threads=%u apic_id=%u brand=%x xen=%x leaf_4_of_xen=%u",
              one.ebx >> 16 & 0xff, one.ebx >> 24, helper_cpuid(0x80000002).eax == 0x41424344,
              helper_cpuid(0x40000000).eax, helper_cpuid(0x40000004).eax != 0);
    CASE("guest.cr4", name, helper_set_cr4(CR4_SMEP));
    CASE("guest.cr4_smap", name, helper_set_cr4(CR4_SMAP));
    CASE("guest.cr4_de", name, helper_set_cr4(CR4_DE));
    CASE("guest.efer_sce", name, helper_wrmsr(MSR_EFER, efer | EFER_SCE));
    CASE("guest.x2apic", name, helper_wrmsr(MSR_APIC_BASE, base | APIC_X2));
}

/* Two threads a package, as Xen's toolstack tells its guests. */
static void all_of_them(u32 d)
{
    edit(d, 1, D, 0, CPUID_HTT);
    edit(d, 1, B, 0xffff0000, 0x33020000); /* with the id of an APIC */
}

static void fewer(u32 d)
{
    all_of_them(d);
    edit(d, 1, D, CPUID_DE, 0);
    edit(d, 1, C, CPUID_AES | CPUID_X2APIC, 0);
    edit(d, 7, B, CPUID_SMEP, 0);
    edit(d, 0x80000001, D, CPUID_SYSCALL, 0);
    edit(d, 0x80000002, A, NONE, 0x41424344);
    edit(d, 0x40000000, A, NONE, 3);
}

static void no_leaf_7(u32 d)
{
    all_of_them(d);
    edit(d, 0, A, NONE, 6);
}

static void guests(void)
{
    static const struct {
        const char *name;
        void (*before)(u32 domid);
    } rows[] = {{"all", all_of_them}, {"fewer_features", fewer}, {"no_leaf_7", no_leaf_7}};

    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        u32 d = helper_start_with(1, rows[i].before), nr = get(d);

        memcpy(before, leaves, sizeof(leaves));
        show_guest(rows[i].name);
        CASE_SHOW("guest.policy", rows[i].name, 0, " unchanged=%u",
                  get(d) == nr && !memcmp(before, leaves, sizeof(before)));
        if (i == 0) {
            set_query("of_a_running_domain", d, nr, before, 2, msrs);
            set_query("of_a_running_domain_not_mapped", d, 1, bad_ptr(), 0, NULL);
            xc_domain_pause(xch, d);
            set_query("of_a_paused_domain", d, 0, NULL, 0, NULL);
            xc_domain_unpause(xch, d);
        }
        helper_stop();
    }
}

void cases_policy(void)
{
    featuresets();
    host_policies();
    dom = domain_new(16);
    gets();
    whole_policies();
    strange_leaves();
    strange_msrs();
    domain_end(dom);
    values();
    guests();
}
