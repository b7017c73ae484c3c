/*
 * The frame table of a host test: mm_init() on a fresh one, all zero, for frames [0, nr_frames). The one
 * place that knows how large it is. One table a program. And what every test of memory says often.
 */
#ifndef TESTS_MM_TABLE_H
#define TESTS_MM_TABLE_H

#include <stdlib.h>
#include <mm/mm.h>

static struct window *mm_table;

static inline void mm_table_free(void)
{
    free(mm_table);
    mm_table = NULL;
}

static inline void mm_table_init(u64 nr_frames)
{
    mm_table_free();
    mm_table = calloc(DIV_ROUND_UP(nr_frames, MAP_BITS), sizeof(*mm_table));
    mm_init(mm_table);
}

/* And nr_nodes nodes in a line: the nearest first, the lower one of equals first. */
static inline void mm_table_init_line(u32 nr_nodes, u64 nr_frames)
{
    static u8 near[MAX_NODES][MAX_NODES];

    for (u32 a = 0; a < nr_nodes; a++) {
        u32 nr = 0;

        for (u32 apart = 0; apart < nr_nodes; apart++)
            for (u32 b = 0; b < nr_nodes; b++)
                if ((a > b ? a - b : b - a) == apart)
                    near[a][nr++] = (u8)b;
    }
    mm_table_init(nr_frames);
    mm_set_nodes(nr_nodes, (const u8(*)[MAX_NODES])near);
}

/* mm_release_many() of one range. */
static inline int release_range(struct mem_account *account, mfn_t m, u32 order)
{
    return mm_release_many(account, &m, order, 1);
}

#endif
