/*
 * Where the frame table's memory comes from: a pure plan, carried out slice by slice by memory_setup.c and
 * checked by host tests on maps of real servers.
 *
 * Its three tables (mm/page.h) are arrays over all addresses, one after another, backed in whole pages only where there
 * is RAM: 4.5 bytes for 4 KiB (0.11 %), and less than three pages for each end of a piece of RAM; pieces that lie close
 * share them. A slice's memory comes from the piece that it describes, then from the rest of that node, and only when
 * the node has not even a page left, from the nearest node that has. Where it is large its memory has the phase
 * of its place in the table, so that 1 GiB and 2 MiB pages map it.
 */
#ifndef BOOT_FRAME_PLAN_H
#define BOOT_FRAME_PLAN_H

#include <homestead/topology.h>
#include <boot/boot_ranges.h>
#include <mm/page.h>

/* One of the tables, at which byte from the start of all it begins, and what describes how many frames. */
struct frame_table {
    u64 start;
    u32 frames;
    u32 bytes;
};
#define NR_FRAME_TABLES     3u
#define FRAME_TABLES_BYTES  (FRAME_TABLE_CHUNKS + GIB(1))
#define FRAME_TABLE_WORDS   0ull
#define FRAME_TABLE_REGIONS (FRAME_TABLE_WORDS + (FRAME_LIMIT + 1) * sizeof(frame_word_t))
#define FRAME_TABLE_CHUNKS  (FRAME_TABLE_REGIONS + (FRAME_LIMIT + 1) / MAP_BITS * sizeof(struct region))
extern const struct frame_table frame_table[NR_FRAME_TABLES];

/* The bytes of it, from the start of all, that describe frames [start, end). */
static inline u64 frame_table_from(const struct frame_table *table, u64 start)
{
    return table->start + start / table->frames * table->bytes;
}
static inline u64 frame_table_to(const struct frame_table *table, u64 end)
{
    return table->start + DIV_ROUND_UP(end, table->frames) * table->bytes;
}

struct frame_slice {
    u64 offset;   /* of the first byte that this backs; page-aligned, ascending in each table */
    u64 maddr;    /* page-aligned; taken out of the free list */
    u64 size;     /* bytes, whole pages */
    nodeid_t nid; /* whose frames it describes */
    nodeid_t on;  /* whose memory it is */
};

struct frame_plan_report {
    u64 bytes; /* of all slices */
    u64 far;   /* of them, not on the node that they describe */
    u32 nr_slices;
};

/* Carries one slice out. It may take pages for page tables out of the free list. != 0 ends the plan. */
typedef int (*frame_slice_fn)(const struct frame_slice *slice, void *arg);

/*
 * Plans for all of ram, ascending, and calls fn for each slice. free: RAM that may be taken; a part of ram.
 * topo->near gives the nodes' order. *report counts what was done. 0; -ENOMEM: no free page is left; what fn
 * returned.
 */
int frame_plan(const struct boot_ranges *ram, const struct topology *topo, struct boot_ranges *free,
               frame_slice_fn fn, void *arg, struct frame_plan_report *report);

#endif
