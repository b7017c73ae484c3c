/*
 * Debug console: the nodes' memory. Counters are read without locks, free lists under the node's lock if it
 * can be had; then for a bounded number of steps, as a list may be long.
 */
#include <mm/dump.h>

#include <arch/x86/cpu/keys.h>
#include <mm/internal.h>

#define STEPS_MAX 4096u /* list entries looked at, for each size */

enum { SIZE_1G, SIZE_2M, SIZE_4K, NR_SIZES };

static u32 size_of(u32 order)
{
    return order >= 18 ? SIZE_1G : order >= 9 ? SIZE_2M : SIZE_4K;
}

/* Free extents by size, as MiB in each. False: the lock was not to be had. *more: lists were longer. */
static bool count_lists(struct node *node, u64 pages[NR_SIZES], bool *more)
{
    u32 steps[NR_SIZES] = {0};

    for (u32 i = 0; i < NR_SIZES; i++)
        pages[i] = 0;
    *more = false;
    if (!spin_trylock_bounded(&node->lock))
        return false;
    for (u32 kind = 0; kind < NR_KINDS; kind++)
        for (u32 order = 0; order <= MAX_ORDER; order++) {
            u32 size = size_of(order);
            u64 n = node->lists[kind][order];
            for (; n != PAGE_LINK_NONE && steps[size] < STEPS_MAX; steps[size]++) {
                pages[size] += BIT(order);
                n = page_next(&frame_table[n]);
            }
            *more |= n != PAGE_LINK_NONE;
        }
    spin_unlock(&node->lock);
    return true;
}

void mm_dump_nodes(void)
{
    keys_printf("node      pages       free      clean      dirty  scrubbing    claimed   in pieces of"
                "   1G       2M       4K (pages)\n");
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct node *node = node_get(nid);
        u64 pages[NR_SIZES], free = node->free_pages, dirty = MIN(node->dirty_pages, free);
        bool more, counted = count_lists(node, pages, &more);

        keys_printf("%4u %10lu %10lu %10lu %10lu %10lu %10lu", nid, node->ram_pages + node->reserved_pages,
                    free, free - dirty, dirty, node->scrubbing_pages, ledger_claimed_hint(nid));
        if (counted)
            keys_printf(" %19lu %8lu %8lu%s\n", pages[SIZE_1G], pages[SIZE_2M], pages[SIZE_4K],
                        more ? " and more" : "");
        else
            keys_printf("   lists are busy\n");
    }
}

void mm_dump_locks(bool (*print)(const char *name, u32 nr, const spinlock_t *lock))
{
    u32 held = 0;

    keys_printf("%-16s    1, %u held\n", "claims", print("claims", 0, ledger_get_lock()));
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        held += print("node", nid, &node_get(nid)->lock);
    keys_printf("%-16s %4u, %u held\n", "node", mm_nr_nodes(), held);
}
