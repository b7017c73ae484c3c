/* In which order an allocation tries the nodes. */
#ifndef MM_NODE_ORDER_H
#define MM_NODE_ORDER_H

#include <mm/node.h>

struct node_order {
    u8 nid[MAX_NODES];
    u32 nr, nr_affine; /* the first nr_affine are those of the node affinity */
};

/* Of a request for node nid first (NODE_NONE: any) with flags (enum mm_flag). account NULL: Homestead's own. Takes the account's
 * lock for MM_AFFINITY_ONLY. */
void node_order_init(struct node_order *order, struct mem_account *account, nodeid_t nid, u32 flags);

#endif
