/* The virtual NUMA topology that the builder makes of a configuration and a memory layout. */
#include <tests/machine/test.h>

#include <guest/dom0/vnuma.h>
#include <string.h>

static struct xlcfg cfg;
static struct layout layout;
static struct vnuma_plan plan;

/* A plan of nodes with these sizes in MiB; node i is on the host's node 7 - i. */
static void make(const uint64_t *mib, uint32_t nr)
{
    memset(&cfg, 0, sizeof(cfg));
    cfg.nr_vnodes = nr;
    cfg.maxvcpus = 3;
    cfg.vcpu_vnode[1] = 1;
    for (uint32_t i = 0; i < nr; i++) {
        cfg.vnodes[i] = (struct xlcfg_vnode){.pnode = 7 - i, .size_mib = mib[i], .distance = {10 + i, 20}};
        cfg.memory_mib += mib[i];
    }
    layout_make(cfg.memory_mib, &layout);
    vnuma_make(&cfg, &layout, &plan);
}

/* The ranges are ascending and together exactly what the guest owns, and each node has its size. */
static void check_ranges(void)
{
    uint64_t pages[VNUMA_MAX] = {0};
    uint32_t i = 0;

    for (uint32_t l = 0; l < layout.nr_ranges; l++) {
        uint64_t at = layout.ranges[l].start << 12, end = layout.ranges[l].end << 12;
        for (; at < end; at = plan.range[i++].end) {
            assert_true(i < plan.nr_ranges);
            assert_int_equal(plan.range[i].start, at);
            assert_true(plan.range[i].end > at && plan.range[i].end <= end);
            assert_int_equal(plan.range[i].flags, 0);
            assert_true(!i || plan.range[i].nid >= plan.range[i - 1].nid);
            pages[plan.range[i].nid] += vnuma_range_pages(&plan.range[i]);
        }
    }
    assert_int_equal(i, plan.nr_ranges);
    for (uint32_t n = 0; n < plan.nr_vnodes; n++)
        assert_int_equal(pages[n], cfg.vnodes[n].size_mib << 8);
}

static void check_range(uint32_t i, uint64_t start, uint64_t end, uint32_t vnode)
{
    assert_int_equal(plan.range[i].start, start << 12);
    assert_int_equal(plan.range[i].end, end << 12);
    assert_int_equal(plan.range[i].nid, vnode);
}

TEST(no_virtual_nodes_no_plan)
{
    make(NULL, 0);
    assert_int_equal(plan.nr_vnodes, 0);
    assert_int_equal(plan.nr_ranges, 0);
}

TEST(nodes_end_at_their_size)
{
    make((uint64_t[]){64, 32}, 2);
    check_ranges();
    assert_int_equal(plan.nr_ranges, 2);
    check_range(0, 0, 0x4000, 0);
    check_range(1, 0x4000, 0x6000, 1);
    assert_int_equal(plan.pnode[0], 7);
    assert_int_equal(plan.pnode[1], 6);
    assert_int_equal(plan.nr_vcpus, 3);
    assert_memory_equal(plan.vcpu_to_vnode, ((uint32_t[]){0, 1, 0}), 12);
    assert_memory_equal(plan.distance, ((uint32_t[]){10, 20, 11, 20}), 16);
}

TEST(pages_on_a_node_of_the_host)
{
    make((uint64_t[]){0, 64, 32, 32}, 4);
    plan.pnode[3] = plan.pnode[2];
    assert_int_equal(vnuma_pages_on(&plan, 7), 0);
    assert_int_equal(vnuma_pages_on(&plan, 6), 0x4000);
    assert_int_equal(vnuma_pages_on(&plan, 5), 0x4000);
    assert_int_equal(vnuma_pages_on(&plan, 0), 0);
}

TEST(a_node_goes_on_after_the_hole_below_4g)
{
    make((uint64_t[]){2048, 2048, 1024}, 3);
    check_ranges();
    assert_int_equal(plan.nr_ranges, 4);
    check_range(1, 0x80000, 0xC0000, 1);
    check_range(2, 0x100000, 0x140000, 1);
    check_range(3, 0x140000, 0x180000, 2);
    make((uint64_t[]){3072, 512}, 2);
    check_ranges();
    assert_int_equal(plan.nr_ranges, 2);
    check_range(1, 0x100000, 0x120000, 1);
}

TEST(a_node_without_memory_has_no_range)
{
    make((uint64_t[]){0, 0, 16, 0, 16}, 5);
    check_ranges();
    assert_int_equal(plan.nr_ranges, 2);
    check_range(0, 0, 0x1000, 2);
}

TEST(every_size_is_covered)
{
    uint64_t mib[VNUMA_MAX];

    for (uint32_t seed = 1; seed < 400; seed++) {
        uint32_t draw = seed * 2654435761u, nr = 1 + draw % VNUMA_MAX;
        for (uint32_t i = 0; i < nr; i++) {
            draw = draw * 1103515245 + 12345;
            mib[i] = draw >> 16 & 3 ? draw >> 18 & 0x3ff : 0;
        }
        mib[nr - 1] += 2;
        make(mib, nr);
        check_ranges();
        assert_true(plan.nr_ranges <= VNUMA_RANGES_MAX);
    }
}
