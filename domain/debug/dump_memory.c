/*
 * Debug console: the nodes' memory. Counters are read without locks, so two of them may be of different
 * moments.
 */
#include <domain/debug/dump.h>

#include <arch/x86/cpu/debug/keys.h>
#include <mm/ledger.h>
#include <mm/node.h>

void dump_nodes(void)
{
    keys_printf("node      pages       free      clean      dirty  scrubbing    claimed   in pieces of"
                "   1G       2M       4K (pages)\n");
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        struct node *node = node_get(nid);
        u64 free = node->free_pages, dirty = MIN(node->dirty_pages, free);
        u64 whole = node->free_1g, regions = node->free_2m;

        keys_printf("%4u %10lu %10lu %10lu %10lu %10lu %10lu", nid, node->ram_pages + node->unmanaged_pages,
                    free, free - dirty, dirty, node->scrubbing_pages, ledger_claimed_hint(nid));
        keys_printf(" %19lu %8lu %8lu\n", whole << ORDER_1G,
                    regions > whole * MAP_BITS ? (regions - whole * MAP_BITS) << ORDER_2M : 0,
                    free > regions << ORDER_2M ? free - (regions << ORDER_2M) : 0);
    }
}

void dump_memory_locks(bool (*print)(const char *name, u32 nr, const spinlock_t *lock))
{
    u32 held = 0;

    keys_printf("%-16s    1, %u held\n", "claims", print("claims", 0, ledger_get_lock()));
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        held += print("node", nid, &node_get(nid)->lock);
    keys_printf("%-16s %4u, %u held\n", "node", mm_nr_nodes(), held);
}
