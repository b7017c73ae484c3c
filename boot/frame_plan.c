/* Where the frame table's memory comes from. See frame_plan.h. */
#include <boot/frame_plan.h>

#include <homestead/errno.h>
#include <arch/x86/acpi/ram_nodes.h>
#include <boot/ram_map.h>

const struct frame_table frame_table[NR_FRAME_TABLES] = {
    {FRAME_TABLE_WORDS, 1, sizeof(frame_word_t)},
    {FRAME_TABLE_REGIONS, MAP_BITS, sizeof(struct region)},
    {FRAME_TABLE_CHUNKS, MAP_BITS *MAP_BITS, sizeof(struct chunk_page)},
};

struct plan {
    const struct topology *topo;
    struct boot_ranges *free;
    frame_slice_fn fn;
    void *arg;
    struct frame_plan_report *report;
    u64 done[NR_FRAME_TABLES]; /* each is backed up to here, where there is RAM */
    int rc;
};

/* size bytes of [low, high) with the best phase for a mapping of them at offset. */
static u64 take_in(struct boot_ranges *free, u64 offset, u64 size, u64 low, u64 high)
{
    static const u64 aligns[] = {GIB(1), MIB(2), PAGE_SIZE};
    u64 maddr = 0;

    for (u32 i = 0; i < ARRAY_SIZE(aligns) && !maddr; i++)
        if (size >= aligns[i])
            maddr = boot_ranges_take_phase(free, size, aligns[i], offset % aligns[i], low, high);
    return maddr;
}

/* The same anywhere on a node, highest range first. */
static u64 take_on_node(const struct plan *plan, nodeid_t nid, u64 offset, u64 size)
{
    for (u32 i = plan->free->nr; i-- > 0;) {
        u64 at = plan->free->range[i].start, end = plan->free->range[i].end;

        while (at < end) {
            u64 until, maddr = 0;
            nodeid_t on = acpi_ram_node(plan->topo, at, &until, NULL);

            until = MIN(until, end);
            if (on == nid && until - at >= size)
                maddr = take_in(plan->free, offset, size, at, until);
            if (maddr)
                return maddr;
            at = until;
        }
    }
    return 0;
}

/* As much of *size as there is in one piece: the piece [start, end) first, then its node, then the nearest.
 * *size becomes what was got. */
static u64 take_near(const struct plan *plan, nodeid_t nid, u64 start, u64 end, u64 offset, u64 *size,
                     nodeid_t *on)
{
    u64 maddr = take_in(plan->free, offset, *size, start, end);

    *on = nid;
    for (u32 i = 0; i < plan->topo->nr_nodes && !maddr; i++) {
        *on = plan->topo->near[nid][i];
        for (u64 part = *size; part && !maddr; part = ALIGN_DOWN(part / 2, PAGE_SIZE)) {
            maddr = take_on_node(plan, *on, offset, part);
            if (maddr)
                *size = part;
        }
    }
    return maddr;
}

static void plan_slices(struct plan *plan, u32 table, u64 start, u64 end, nodeid_t nid)
{
    u64 from = ALIGN_DOWN(frame_table_from(&frame_table[table], start >> PAGE_SHIFT), PAGE_SIZE);
    u64 to = ALIGN_UP(frame_table_to(&frame_table[table], DIV_ROUND_UP(end, PAGE_SIZE)), PAGE_SIZE);

    from = MAX(from, plan->done[table]); /* the first page may be shared with the piece before */
    while (from < to && !plan->rc) {
        struct frame_slice slice = {.offset = from, .size = to - from, .nid = nid};

        slice.maddr = take_near(plan, nid, start, end, from, &slice.size, &slice.on);
        if (!slice.maddr) {
            plan->rc = -ENOMEM;
            return;
        }
        plan->report->bytes += slice.size;
        plan->report->far += slice.on != nid ? slice.size : 0;
        plan->report->nr_slices++;
        from += slice.size;
        plan->done[table] = from;
        plan->rc = plan->fn(&slice, plan->arg);
    }
}

static void plan_piece(u64 start, u64 end, nodeid_t nid, void *arg)
{
    for (u32 table = 0; table < NR_FRAME_TABLES; table++)
        plan_slices(arg, table, start, end, nid);
}

int frame_plan(const struct boot_ranges *ram, const struct topology *topo, struct boot_ranges *free,
               frame_slice_fn fn, void *arg, struct frame_plan_report *report)
{
    struct plan plan = {.topo = topo, .free = free, .fn = fn, .arg = arg, .report = report};

    *report = (struct frame_plan_report){0};
    ram_for_each_piece(ram, topo, plan_piece, &plan);
    return plan.rc;
}
