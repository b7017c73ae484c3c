/*
 * The frame table of a host test: mm_init() on a fresh one, all zero, for frames [0, nr_frames). The one
 * place that knows how large it is. One table a program.
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

#endif
