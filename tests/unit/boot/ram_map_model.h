/*
 * A memory map and a topology to fill, a model of which page is RAM that knows nothing of range lists, and
 * checks of all that boot/ makes of the map: RAM, pieces on nodes, the frame table's plan.
 */
#ifndef TESTS_RAM_MAP_MODEL_H
#define TESTS_RAM_MAP_MODEL_H

#include <tests/machine/test.h>

#include <arch/x86/acpi/ram_nodes.h>
#include <boot/frame_plan.h>
#include <boot/ram_map.h>
#include <homestead/errno.h>
#include <lib/log.h>

#define SLICES_MAX 16384u

static struct boot_info info;
static struct topology topo;
static struct ram_map map;
static struct boot_ranges free_ram, before;
static struct frame_slice slices[SLICES_MAX];
static u32 nr_slices, page_tables;

static inline void fresh(void)
{
    memset(&info, 0, sizeof(info));
    memset(&topo, 0, sizeof(topo));
    topo.nr_nodes = 1;
}

static inline void entry(u64 start, u64 end, u32 type)
{
    boot_info_add_mem(&info, start, end - start, type);
}

static inline void node(u64 start, u64 end, nodeid_t nid)
{
    u32 at = topo.nr_ranges++;

    for (; at && topo.ranges[at - 1].base > start; at--)
        topo.ranges[at] = topo.ranges[at - 1];
    topo.ranges[at] = (struct topology_range){.base = start, .size = end - start, .nid = nid};
    topo.nr_nodes = MAX(topo.nr_nodes, (u32)nid + 1);
}

/* --- the model ------------------------------------------------------------------------------------------ */

static inline bool model_is_ram(u64 page)
{
    bool ram = false;

    if (page < RAM_LOW_RESERVED || page >= RAM_LIMIT)
        return false;
    for (u32 i = 0; i < info.nr_mem; i++) {
        const struct boot_mem *m = &info.mem[i];
        bool wraps = m->size > ~0ull - m->base, good = m->type == BOOT_MEM_RAM;
        u64 end = wraps ? ~0ull : m->base + m->size;

        if (!m->size)
            continue;
        if (!good && m->base < page + PAGE_SIZE && end > page)
            return false;
        ram |= good && !wraps && m->base <= page && end >= page + PAGE_SIZE;
    }
    return ram;
}

/* Neither RAM nor firmware's data: no cacheable mapping may show it. What the loader uses is mapped anyway.
 */
static inline bool model_is_device(u64 page)
{
    bool device = false;

    for (u32 i = 0; i < info.nr_used; i++)
        if (info.used[i].base < page + PAGE_SIZE && info.used[i].base + info.used[i].size > page)
            return false;
    for (u32 i = 0; i < info.nr_mem; i++) {
        const struct boot_mem *m = &info.mem[i];
        if (!m->size || m->base >= page + PAGE_SIZE || boot_mem_end(m) <= page)
            continue;
        device |= m->type != BOOT_MEM_RAM && m->type != BOOT_MEM_ACPI && m->type != BOOT_MEM_NVS &&
                  m->type != BOOT_MEM_EFI_RT_DATA;
    }
    return device;
}

static inline bool has(const struct boot_ranges *r, u64 page)
{
    for (u32 i = 0; i < r->nr; i++)
        if (page >= r->range[i].start && page < r->range[i].end)
            return true;
    return false;
}

static inline int by_value(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return x < y ? -1 : x > y;
}

/* Between two neighbouring page boundaries of entries all pages are alike: one of each stretch is looked at,
 * and that is all of memory. */
static inline void check_ram(void)
{
    static u64 at[4 * BOOT_MEM_MAX + 2];
    u64 total = 0;
    u32 n = 0;

    at[n++] = RAM_LOW_RESERVED;
    at[n++] = RAM_LIMIT;
    for (u32 i = 0; i < info.nr_mem; i++) {
        u64 start = info.mem[i].base, end = boot_mem_end(&info.mem[i]);
        at[n++] = ALIGN_DOWN(start, PAGE_SIZE);
        at[n++] = ALIGN_DOWN(start, PAGE_SIZE) + PAGE_SIZE;
        at[n++] = ALIGN_DOWN(end, PAGE_SIZE);
        at[n++] = ALIGN_DOWN(end - 1, PAGE_SIZE) + PAGE_SIZE;
    }
    qsort(at, n, sizeof(at[0]), by_value);
    for (u32 i = 0; i + 1 < n; i++) {
        bool ram = at[i] < at[i + 1] && model_is_ram(at[i]);

        if (at[i] < at[i + 1])
            assert_int_equal(has(&map.ram, at[i]), ram);
        if (ram)
            assert_true(has(&map.mapped, at[i]));
        if (at[i] < at[i + 1] && model_is_device(at[i]))
            assert_false(has(&map.mapped, at[i]));
        total += ram ? at[i + 1] - at[i] : 0;
    }
    assert_int_equal(boot_ranges_total(&map.ram), total);
    assert_int_equal(map.firmware, total + map.low + map.out_of_reach + map.left_out);
}

/* --- pieces and the plan -------------------------------------------------------------------------------- */

static u64 node_bytes[MAX_NODES];
static u64 last_end;
static u32 nr_pieces;

static inline void count_piece(u64 start, u64 end, nodeid_t nid, void *arg)
{
    (void)arg;
    assert_true(start < end && start >= last_end);
    assert_true(nid < topo.nr_nodes);
    assert_int_equal(acpi_ram_node(&topo, end - PAGE_SIZE, &last_end, NULL), nid);
    last_end = end;
    node_bytes[nid] += end - start;
    nr_pieces++;
}

static inline void check_pieces(void)
{
    u64 sum = 0;

    memset(node_bytes, 0, sizeof(node_bytes));
    last_end = 0;
    nr_pieces = 0;
    ram_for_each_piece(&map.ram, &topo, count_piece, NULL);
    for (u32 i = 0; i < MAX_NODES; i++)
        sum += node_bytes[i];
    assert_int_equal(sum, boot_ranges_total(&map.ram));
}

static inline u64 free_on_node(nodeid_t nid)
{
    u64 found = 0;

    for (u32 i = 0; i < free_ram.nr; i++)
        for (u64 at = free_ram.range[i].start, until; at < free_ram.range[i].end; at = until) {
            nodeid_t on = acpi_ram_node(&topo, at, &until, NULL);
            until = MIN(until, free_ram.range[i].end);
            found += on == nid ? until - at : 0;
        }
    return found;
}

/* The machine's part, simulated: notes the slice; page tables come out of the same list, as in boot. */
static inline int note_slice(const struct frame_slice *slice, void *arg)
{
    (void)arg;
    assert_true(nr_slices < SLICES_MAX);
    slices[nr_slices++] = *slice;
    if (slice->on != slice->nid)
        assert_int_equal(free_on_node(slice->nid), 0);
    if (nr_slices % 16 == 1 && boot_ranges_take(&free_ram, PAGE_SIZE, PAGE_SIZE, RAM_LOW_RESERVED, GIB(4)))
        page_tables++;
    return 0;
}

static inline void check_slice(const struct frame_slice *s, u64 above)
{
    u64 until;

    assert_true(s->size && IS_ALIGNED(s->size | s->offset | s->maddr, PAGE_SIZE));
    assert_true(s->offset >= above);
    for (u64 at = s->maddr; at < s->maddr + s->size; at = until) {
        assert_int_equal(acpi_ram_node(&topo, at, &until, NULL), s->on);
        assert_true(has(&before, at));
    }
    assert_true(has(&before, s->maddr + s->size - PAGE_SIZE));
    assert_false(has(&free_ram, s->maddr) || has(&free_ram, s->maddr + s->size - PAGE_SIZE));
}

/* The slice that backs it, or the next one. */
static inline u32 slice_at(u64 offset)
{
    u32 lo = 0, hi = nr_slices;

    while (lo < hi) {
        u32 mid = (lo + hi) / 2;
        if (slices[mid].offset + slices[mid].size <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static inline bool table_backed(u64 offset)
{
    u32 i = slice_at(offset);

    return i < nr_slices && slices[i].offset <= offset;
}

static inline int by_offset(const void *a, const void *b)
{
    u64 x = ((const struct frame_slice *)a)->offset, y = ((const struct frame_slice *)b)->offset;

    return x < y ? -1 : x > y;
}

static inline struct frame_plan_report check_plan(void)
{
    struct frame_plan_report report;
    u64 bytes = 0, far = 0;

    boot_ranges_copy(&before, &free_ram);
    nr_slices = page_tables = 0;
    assert_int_equal(frame_plan(&map.ram, &topo, &free_ram, note_slice, NULL, &report), 0);
    qsort(slices, nr_slices, sizeof(slices[0]), by_offset);
    for (u32 i = 0; i < nr_slices; i++) {
        check_slice(&slices[i], i ? slices[i - 1].offset + slices[i - 1].size : 0);
        bytes += slices[i].size;
        far += slices[i].on != slices[i].nid ? slices[i].size : 0;
    }
    assert_int_equal(report.bytes, bytes);
    assert_int_equal(report.far, far);
    assert_int_equal(report.nr_slices, nr_slices);
    /* Nothing was taken twice. */
    assert_int_equal(boot_ranges_total(&before) - boot_ranges_total(&free_ram),
                     bytes + page_tables * PAGE_SIZE);
    for (u32 i = 0; i < map.ram.nr * NR_FRAME_TABLES; i++) {
        const struct frame_table *table = &frame_table[i % NR_FRAME_TABLES];
        u64 first = frame_table_from(table, map.ram.range[i / NR_FRAME_TABLES].start >> PAGE_SHIFT);
        u64 last = frame_table_to(table, map.ram.range[i / NR_FRAME_TABLES].end >> PAGE_SHIFT) - 1;

        for (u64 at = ALIGN_DOWN(first, PAGE_SIZE); at <= last; at += MAX(PAGE_SIZE, (last - first) / 512))
            assert_true(table_backed(at));
        assert_true(table_backed(last));
    }
    /* Half of a fifth byte a frame, a page a GiB, and for each end of a piece less than two pages of each table. */
    assert_true(bytes <=
                boot_ranges_total(&map.ram) / PAGE_SIZE * 9 / 2 +
                    (boot_ranges_total(&map.ram) / GIB(1) + (u64)nr_pieces * 2 * NR_FRAME_TABLES * 2) *
                        PAGE_SIZE);
    return report;
}

static inline void near_by_number(void)
{
    for (u32 a = 0; a < topo.nr_nodes; a++)
        for (u32 i = 0; i < topo.nr_nodes; i++)
            topo.near[a][i] = (u8)((a + i) % topo.nr_nodes);
}

static inline struct frame_plan_report whole_way(void)
{
    near_by_number();
    assert_int_equal(ram_map_make(&map, &free_ram, &info), 0);
    check_ram();
    check_pieces();
    return check_plan();
}

#endif
