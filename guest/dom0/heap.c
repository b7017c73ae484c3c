/* See heap.h. Each block begins with its header; blocks of a piece are adjacent. */
#include <guest/dom0/heap.h>

struct heap_block {
    struct heap_block *next;
    u64 bytes : 63; /* behind the header */
    u64 used : 1;
};
_Static_assert(sizeof(struct heap_block) == HEAP_ALIGN, "keeps the alignment");

static bool adjacent(const struct heap_block *a, const struct heap_block *b)
{
    return (const u8 *)(a + 1) + a->bytes == (const u8 *)b;
}

void heap_add(struct heap *h, void *start, u64 bytes)
{
    u64 from = ALIGN_UP((u64)(uintptr_t)start, HEAP_ALIGN),
        to = ALIGN_DOWN((u64)(uintptr_t)start + bytes, HEAP_ALIGN);
    struct heap_block **last = &h->first, *b = (struct heap_block *)(uintptr_t)from;

    if (to < from + 2 * HEAP_ALIGN)
        return;
    while (*last)
        last = &(*last)->next;
    *b = (struct heap_block){.bytes = to - from - sizeof(*b)};
    *last = b;
}

void *heap_alloc(struct heap *h, u64 bytes)
{
    struct heap_block *b = h->first;

    if (!bytes || bytes > ~0ull >> 1)
        return NULL;
    bytes = ALIGN_UP(bytes, HEAP_ALIGN);
    while (b && (b->used || b->bytes < bytes))
        b = b->next;
    if (!b)
        return NULL;
    if (b->bytes - bytes >= 2 * HEAP_ALIGN) {
        struct heap_block *rest = (struct heap_block *)((u8 *)(b + 1) + bytes);
        *rest = (struct heap_block){.next = b->next, .bytes = b->bytes - bytes - sizeof(*rest)};
        b->next = rest;
        b->bytes = bytes;
    }
    b->used = 1;
    return b + 1;
}

void heap_free(struct heap *h, void *p)
{
    if (!p)
        return;
    ((struct heap_block *)p - 1)->used = 0;
    for (struct heap_block *b = h->first; b; b = b->next)
        while (b->next && !b->used && !b->next->used && adjacent(b, b->next)) {
            b->bytes += sizeof(*b) + b->next->bytes;
            b->next = b->next->next;
        }
}

u64 heap_largest(const struct heap *h)
{
    u64 largest = 0;

    for (const struct heap_block *b = h->first; b; b = b->next)
        if (!b->used)
            largest = MAX(largest, (u64)b->bytes);
    return largest;
}
