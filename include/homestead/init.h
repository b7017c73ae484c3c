/*
 * What only booting needs. It becomes free memory, and is no longer mapped, when domain 0 has been built
 * (boot/give_back.c). tools/check-init.py proves that nothing that stays refers to it.
 *
 *     INIT            a function in a file that stays; whole files are listed in the Makefile, INIT_FILES
 *     INIT_BSS        a variable of such a function, zero at first
 *     SIZED, SIZED_BY arrays with room for the largest machine: the pages beyond what this one needs
 *
 *     static SIZED struct thing things[MAX_THINGS];
 *     SIZED_BY(things, nr_things, 0);
 *
 * nr_things, a u32, no longer grows then, or by no more than the third value. The pages that stay may move in machine
 * memory: no image_to_maddr() of them.
 */
#ifndef HOMESTEAD_INIT_H
#define HOMESTEAD_INIT_H

#include <homestead/types.h>

struct sized_array {
    void *start; /* on a page of its own */
    u64 bytes, element_bytes;
    const u32 *nr_used; /* elements */
    u64 nr_more;        /* that may still be needed */
};

#ifdef HOMESTEAD
#define INIT     __attribute__((section(".init.text"), noinline))
#define INIT_BSS __attribute__((section(".bss.init"))) /* the name makes it take no room in the file */
#define SIZED    __attribute__((section(".bss.sized"), aligned(PAGE_SIZE)))
#define SIZED_BY(array, nr, more) \
    static const struct sized_array array##_sized \
        __attribute__((section(".init.sized"), used, aligned(8))) = {array, sizeof(array), \
                                                                     sizeof((array)[0]), &(nr), more}
#else /* host tests */
#define INIT
#define INIT_BSS
#define SIZED
#define SIZED_BY(array, nr, more) _Static_assert(sizeof(nr) == 4 && (more) >= 0, "as above")
#endif

#endif
