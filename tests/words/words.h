/*
 * shared-words: which words of memory do two builders have in common? mm/ is compiled as for ThreadSanitizer, so each of its
 * loads, stores and atomic operations calls a function; here that is one of hooks.c, which notes the address.
 */
#ifndef TESTS_WORDS_WORDS_H
#define TESTS_WORDS_WORDS_H

#include <homestead/types.h>

#define BUILDERS 2u

enum access {
    READ = 1u << 0,
    WRITE = 1u << 1,
    LOCKED = 1u << 2 /* a read-modify-write, which locks the bus */
};

struct word {
    u64 at;           /* its address: 8 bytes */
    u64 first;        /* the first byte of them that was touched */
    u8 did[BUILDERS]; /* enum access */
    u16 nr_locked;    /* operations of the first one */
};

/* From here on accesses are this builder's, but for those of the stack. */
void words_watch(u32 builder);
void words_stop(void);
void words_forget(void);
/* All that were touched, by address; until words_forget(). */
const struct word *words_all(u32 *nr);

#endif
