/*
 * H = sum of U[n] - sum of h[d]: what a new promise or an unclaimed page may use, on the host as a whole. It is dealt out
 * to the nodes: each has a part (host_part), and H is the sum of the parts. What a node's part covers is decided with
 * that node's lock alone; if it does not, all nodes are locked, the parts are added up and dealt out anew. A free page
 * raises the part of its own node. A part is a right and not a place: it can be more than the node has unclaimed.
 */
#include <lib/assert.h>
#include <mm/ledger.h>

u64 ledger_host_claims(void)
{
    u64 unclaimed = 0;

    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        unclaimed += node_unclaimed(node_get(nid));
    return unclaimed - ledger_host_spare(nodes_all());
}

void host_deal_out(nodeid_t from, u64 pages)
{
    u64 left = ledger_host_spare(nodes_all()), missing = (ledger_host_claims() - pages) / mm_nr_nodes();

    for (u32 round = 0; round < 2; round++, missing = 0)
        for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
            struct node *node = node_get(nid);
            u64 has = round ? node->host_part : 0, most = node_unclaimed(node) - (nid == from ? pages : 0);
            u64 more = MIN(left, most > missing + has ? most - missing - has : 0);

            node->host_part = has + more;
            left -= more;
        }
    ASSERT(left == 0);
}

bool host_take_other_parts(u64 locked, nodeid_t nid, u64 pages)
{
    u64 part = MIN(pages, node_get(nid)->host_part);

    node_get(nid)->host_part -= part;
    pages -= part;
    for_each_node (other, locked) {
        part = MIN(pages, node_get(other)->host_part);
        node_get(other)->host_part -= part;
        pages -= part;
    }
    ASSERT(pages == 0);
    return false;
}

enum verdict host_take_more(u64 locked, nodeid_t nid, u64 pages, u64 *needs)
{
    *needs = nodes_all();
    if (locked != nodes_all())
        return UNDECIDED;
    if (pages > ledger_host_spare(locked))
        return REFUSED;
    host_take_parts(locked, nid, pages);
    host_deal_out(nid, pages);
    return GRANTED;
}

bool ledger_host_lose(nodeid_t nid)
{
    if (!ledger_host_spare(nodes_all()))
        return false;
    host_take_parts(nodes_all(), nid, 1);
    return true;
}

void host_move(nodeid_t from, nodeid_t to, u64 pages)
{
    pages = MIN(pages, node_get(from)->host_part);
    node_get(from)->host_part -= pages;
    node_get(to)->host_part += pages;
}
