/* What code compiled with -fsanitize=thread calls, and the functions of the C library that write memory for it. */
#include "words.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX (1u << 16) /* a power of two, and more than twice what is touched */

static struct word table[WORDS_MAX], sorted[WORDS_MAX];
static u32 nr_words;
static s32 builder = -1;
static u64 stack_from, stack_to;

/* Of the thread: whatever lies from here up to where main() began is the caller's own. */
static void find_stack(void)
{
    char *line = NULL;
    size_t room = 0;
    FILE *maps = fopen("/proc/self/maps", "re");

    while (maps && getline(&line, &room, maps) > 0) {
        unsigned long from, to;
        char name[16] = "";
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %15s", &from, &to, name) == 3 && name[1] == 's') {
            stack_from = from;
            stack_to = to;
        }
    }
    free(line);
    if (maps)
        fclose(maps);
}

void words_watch(u32 who)
{
    if (!stack_to)
        find_stack();
    builder = (s32)who;
}

void words_stop(void)
{
    builder = -1;
}

static u32 slot(u64 at)
{
    u32 i = (u32)(at * 0x9e3779b97f4a7c15ull >> 48) % WORDS_MAX;

    while (table[i].at && table[i].at != at)
        i = (i + 1) % WORDS_MAX;
    return i;
}

void words_forget(void)
{
    for (u32 i = 0; i < WORDS_MAX; i++)
        table[i] = (struct word){0};
    nr_words = 0;
}

static void note(const volatile void *address, u64 bytes, u32 how)
{
    u64 from = (u64)address;

    if (builder < 0 || (from >= stack_from - (1u << 20) && from < stack_to))
        return;
    for (u64 at = from & ~7ull; at < from + bytes; at += 8) {
        struct word *w = &table[slot(at)];

        if (!w->at && ++nr_words > WORDS_MAX / 2) {
            fprintf(stderr, "shared-words: too many words\n");
            exit(2);
        }
        w->first = w->at ? MIN(w->first, MAX(from, at)) : MAX(from, at);
        w->at = at;
        w->did[builder] |= (u8)how;
        w->nr_locked = (u16)(w->nr_locked + (builder == 0 && (how & LOCKED)));
    }
}

static int by_address(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

const struct word *words_all(u32 *nr)
{
    *nr = 0;
    for (u32 i = 0; i < WORDS_MAX; i++)
        if (table[i].at)
            sorted[(*nr)++] = table[i];
    qsort(sorted, *nr, sizeof(sorted[0]), by_address);
    return sorted;
}

/* --- the compiler's calls --- */

void __tsan_init(void) {}
void __tsan_func_entry(void *caller)
{
    (void)caller;
}
void __tsan_func_exit(void) {}

#define PLAIN(size) \
    void __tsan_read##size(void *at) \
    { \
        note(at, size, READ); \
    } \
    void __tsan_write##size(void *at) \
    { \
        note(at, size, WRITE); \
    } \
    void __tsan_unaligned_read##size(void *at) \
    { \
        note(at, size, READ); \
    } \
    void __tsan_unaligned_write##size(void *at) \
    { \
        note(at, size, WRITE); \
    }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *at, size_t bytes)
{
    note(at, bytes, READ);
}
void __tsan_write_range(void *at, size_t bytes)
{
    note(at, bytes, WRITE);
}

#define CHANGE(type, bits, name, operation) \
    type __tsan_atomic##bits##_##name(volatile type *at, type value, int order) \
    { \
        (void)order; \
        note(at, sizeof(type), READ | WRITE | LOCKED); \
        return operation(at, value, __ATOMIC_SEQ_CST); \
    }
#define ATOMIC(type, bits) \
    type __tsan_atomic##bits##_load(const volatile type *at, int order) \
    { \
        (void)order; \
        note(at, sizeof(type), READ); \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST); \
    } \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order) \
    { \
        (void)order; \
        note(at, sizeof(type), WRITE); \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST); \
    } \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *at, type *expected, type value, \
                                                      int order, int failed) \
    { \
        (void)order; \
        (void)failed; \
        note(at, sizeof(type), READ | WRITE | LOCKED); \
        return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    } \
    CHANGE(type, bits, exchange, __atomic_exchange_n) \
    CHANGE(type, bits, fetch_add, __atomic_fetch_add) \
    CHANGE(type, bits, fetch_sub, __atomic_fetch_sub) \
    CHANGE(type, bits, fetch_and, __atomic_fetch_and) \
    CHANGE(type, bits, fetch_or, __atomic_fetch_or) \
    CHANGE(type, bits, fetch_xor, __atomic_fetch_xor)
ATOMIC(u8, 8)
ATOMIC(u16, 16)
ATOMIC(u32, 32)
ATOMIC(u64, 64)

void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* --- the C library, by the linker's --wrap --- */

void *__real_memset(void *to, int value, size_t bytes);
void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__real_memmove(void *to, const void *from, size_t bytes);

void *__wrap_memset(void *to, int value, size_t bytes)
{
    note(to, bytes, WRITE);
    return __real_memset(to, value, bytes);
}
void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
    note(from, bytes, READ);
    note(to, bytes, WRITE);
    return __real_memcpy(to, from, bytes);
}
void *__wrap_memmove(void *to, const void *from, size_t bytes)
{
    note(from, bytes, READ);
    note(to, bytes, WRITE);
    return __real_memmove(to, from, bytes);
}
