/* add_to_physmap_batch: sizes, an error in the middle, arrays that are not there, and its continuation bits.
 */
#include <tests/guests/conformance/physmap.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define ENTRIES   32u
#define UNWRITTEN 0x5a5a5a5a

static xen_ulong_t idxs[ENTRIES];
static xen_pfn_t gpfns[ENTRIES];
static int errs[ENTRIES];
static u32 dom; /* 64 pages from 0 */

/* Our own map shall have dom's frames from 0 at case_gfn(0...); nothing is in errs. */
static struct xen_add_to_physmap_batch fresh(u32 size)
{
    for (u32 i = 0; i < ENTRIES; i++) {
        idxs[i] = i;
        gpfns[i] = case_gfn(i);
        errs[i] = UNWRITTEN;
    }
    return (struct xen_add_to_physmap_batch){.domid = DOMID_SELF,
                                             .space = XENMAPSPACE_gmfn_foreign,
                                             .size = (u16)size,
                                             .u.foreign_domid = (domid_t)dom,
                                             .idxs = XEN_HANDLE(idxs),
                                             .gpfns = XEN_HANDLE(gpfns),
                                             .errs = XEN_HANDLE(errs)};
}

static long batch(const struct xen_add_to_physmap_batch *arg, u64 start)
{
    return memory_op(XENMEM_add_to_physmap_batch | start << MEMOP_EXTENT_SHIFT, arg);
}

/* Entries written with 0, with an error, and not at all. */
static u32 count(int which)
{
    u32 n = 0;

    for (u32 i = 0; i < ENTRIES; i++)
        n += which == 1 ? errs[i] != 0 && errs[i] != UNWRITTEN : errs[i] == which;
    return n;
}

/* Unmaps all of them; returns how many there were. */
static u32 unmap_all(void)
{
    u32 n = 0;

    for (u32 i = 0; i < ENTRIES; i++)
        n += unmap_gfn(i) == 0;
    return n;
}

static void run(const char *name, const struct xen_add_to_physmap_batch *arg, u64 start)
{
    case_begin();
    long rc = batch(arg, start);
    u32 done = count(0), failed = count(1), left = count(UNWRITTEN);
    case_end("memory_op.add_to_physmap_batch", name, rc, " good=%u bad=%u unwritten=%u mapped=%u", done,
             failed, left, unmap_all());
}

static void sizes(void)
{
    struct xen_add_to_physmap_batch arg = fresh(0);

    run("size_0", &arg, 0);
    arg = fresh(1);
    run("size_1", &arg, 0);
    arg = fresh(ENTRIES);
    run("size_32", &arg, 0);
    arg = fresh(0);
    arg.errs = arg.idxs = arg.gpfns = 0;
    run("size_0_null_arrays", &arg, 0);
}

static void middle(void)
{
    struct xen_add_to_physmap_batch arg = fresh(ENTRIES);

    idxs[10] = 4000;
    run("hole_in_the_middle", &arg, 0);
    arg = fresh(ENTRIES);
    idxs[0] = ~0ull;
    run("first_is_all_ones", &arg, 0);
    arg = fresh(ENTRIES);
    gpfns[31] = 1ull << 52;
    run("last_gpfn_too_high", &arg, 0);
    arg = fresh(ENTRIES);
    for (u32 i = 0; i < ENTRIES; i++)
        idxs[i] = 3;
    run("one_frame_32_times", &arg, 0);
    arg = fresh(ENTRIES);
    for (u32 i = 0; i < ENTRIES; i++)
        gpfns[i] = case_gfn(0);
    run("at_one_frame_32_times", &arg, 0);
}

static void arrays(void)
{
    struct xen_add_to_physmap_batch arg = fresh(8);
    xen_ulong_t *idx_edge = edge_ptr(4 * sizeof(*idx_edge));
    int *err_edge = edge_ptr(4 * sizeof(*err_edge));

    arg.idxs = XEN_HANDLE(bad_ptr());
    run("bad_idxs", &arg, 0);
    arg = fresh(8);
    arg.gpfns = XEN_HANDLE(bad_ptr());
    run("bad_gpfns", &arg, 0);
    arg = fresh(8);
    arg.errs = XEN_HANDLE(bad_ptr());
    run("bad_errs", &arg, 0);
    arg = fresh(8);
    memcpy(idx_edge, idxs, 4 * sizeof(*idxs));
    arg.idxs = XEN_HANDLE(idx_edge);
    run("idxs_end_after_4", &arg, 0);
    arg = fresh(8);
    memcpy(idx_edge, gpfns, 4 * sizeof(*gpfns));
    arg.gpfns = XEN_HANDLE(idx_edge);
    run("gpfns_end_after_4", &arg, 0);
    arg = fresh(8);
    arg.errs = XEN_HANDLE(err_edge);
    run("errs_end_after_4", &arg, 0);
    arg = fresh(8);
    arg.idxs = ~0ull - 15;
    run("idxs_wrap", &arg, 0);
}

static void starts(void)
{
    struct xen_add_to_physmap_batch arg = fresh(8);

    run("start_4_of_8", &arg, 4);
    arg = fresh(8);
    run("start_7_of_8", &arg, 7);
    arg = fresh(8);
    run("start_8_of_8", &arg, 8);
    arg = fresh(8);
    run("start_9_of_8", &arg, 9);
    arg = fresh(0);
    run("start_1_of_0", &arg, 1);
    arg = fresh(8);
    run("start_65535", &arg, 65535);
    arg = fresh(8);
    run("start_65536", &arg, 65536);
    arg = fresh(8);
    run("start_2_to_57", &arg, 1ull << 57);
    CASE("memory_op.add_to_physmap_batch", "start_65536_not_mapped",
         memory_op(XENMEM_add_to_physmap_batch | 65536ull << MEMOP_EXTENT_SHIFT, bad_ptr()));
}

static void spaces(void)
{
    static const char *const names[] = {
        "space_0", "space_1", "space_2",    "space_3", "space_4_extra_domain_0",
        "space_5", "space_6", "space_65535"};

    for (u32 space = 0; space < ARRAY_SIZE(names); space++) {
        struct xen_add_to_physmap_batch arg = fresh(1);

        arg.space = space == 7 ? 0xffff : (u16)space;
        arg.u.foreign_domid = 0;
        idxs[0] = space == XENMAPSPACE_gmfn ? case_gfn(1) : 0;
        run(names[space], &arg, 0);
    }
    struct xen_add_to_physmap_batch arg = fresh(3);
    arg.space = XENMAPSPACE_shared_info;
    arg.u.res0 = 0;
    idxs[0] = idxs[2] = 0;
    idxs[1] = 1;
    run("shared_info_bad_index_between", &arg, 0);
    arg = fresh(1);
    arg.space = XENMAPSPACE_shared_info;
    arg.u.res0 = 1;
    idxs[0] = 0;
    run("shared_info_res0_set", &arg, 0);
}

static void targets(void)
{
    static const struct {
        const char *name;
        u16 domid;
    } ids[] = {
        {"domain_0", 0},          {"unknown_domain", 0x7fef},       {"domid_io", DOMID_IO},
        {"domid_xen", DOMID_XEN}, {"domid_invalid", DOMID_INVALID}, {"domid_ffff", 0xffff},
    };

    for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
        struct xen_add_to_physmap_batch arg = fresh(2);

        arg.domid = ids[i].domid;
        run(ids[i].name, &arg, 0);
    }
    struct xen_add_to_physmap_batch arg = fresh(2);
    arg.domid = 0x7fef;
    arg.space = XENMAPSPACE_gmfn_range;
    run("unknown_domain_gmfn_range", &arg, 0);
    arg.space = XENMAPSPACE_dev_mmio;
    run("unknown_domain_dev_mmio", &arg, 0);
    arg = fresh(2);
    arg.domid = (domid_t)dom;
    arg.space = XENMAPSPACE_dev_mmio;
    run("guest_dev_mmio", &arg, 0);
    arg = fresh(0);
    arg.domid = 0x7fef;
    run("unknown_domain_size_0", &arg, 0);
    CASE("memory_op.add_to_physmap_batch", "not_mapped", batch(bad_ptr(), 0));
    CASE("memory_op.add_to_physmap_batch", "no_memory", batch(hole_ptr(), 0));
    CASE("memory_op.add_to_physmap_batch", "over_the_edge", batch(edge_ptr(sizeof(arg) - 1), 0));
}

void cases_physmap_batch(void)
{
    dom = domain_new(128);
    for (u32 i = 0; i < 64; i++)
        domain_populate(dom, i, 0, NODE_ANY);
    watch(dom, WATCH_DOMAIN);
    sizes();
    middle();
    arrays();
    starts();
    spaces();
    targets();
    domain_end(dom);
}
