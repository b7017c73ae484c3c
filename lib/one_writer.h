/*
 * Words with one writer at a time, which holds a lock, and readers without it, who take them as hints: a reader sees the
 * old value or the new one, never a mixture.
 */
#ifndef LIB_ONE_WRITER_H
#define LIB_ONE_WRITER_H

#include <homestead/types.h>

/* *word += add. The writers' lock held. */
static inline void one_writer_add(u64 *word, u64 add)
{
#ifdef HOMESTEAD
    /* An aligned word is stored in one piece: one instruction, where C's atomic load and store are three. */
    __asm__ volatile("addq %1, %0" : "+m"(*word) : "er"(add) : "cc");
#else
    __atomic_store_n(word, *word + add, __ATOMIC_RELAXED);
#endif
}

#endif
