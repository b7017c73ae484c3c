/*
 * The node of a guest whose configuration names none. Of the nodes of its affinity, which follows the CPUs that its
 * vCPUs are pinned to, it gets the one with the most free memory, if that has room for all of it.
 */
#include <guest/dom0/dom0.h>
#include <lib/string.h>

static bool has(const u8 *map, u32 node)
{
    return map[node / 8] & 1u << node % 8;
}

/* The node of map with the most free pages, if it has room. MAX_NODES: there is none. */
static u32 roomiest(const struct host_state *host, const u8 *map, u64 pages)
{
    u32 best = MAX_NODES;

    for (u32 n = 0; n < host->nr_nodes; n++)
        if (has(map, n) && host->free_pages[n] >= pages &&
            (best == MAX_NODES || host->free_pages[n] > host->free_pages[best]))
            best = n;
    return best;
}

/* Of free pages some may be promised to others, so a claim that fails only rules this node out. */
static int claim_on(struct build *b, u32 node)
{
    b->nr_nodes = 1;
    b->nodes[0] = node;
    b->quota[0] = b->layout.nr_pages;
    int rc = claim_on_nodes(b);
    if (rc)
        b->nr_nodes = 0;
    else
        claim_print(b, rc);
    return rc;
}

/* An affinity that is this node already stays automatic. */
static int prefer(const struct build *b, u32 node, const u8 *now)
{
    u8 map[MAX_NODES / 8] = {0};

    map[node / 8] = (u8)(1u << node % 8);
    return memcmp(map, now, sizeof(map)) ? xc_domain_node_setaffinity(xch, b->domid, map) : 0;
}

int place_guest(struct build *b)
{
    bool claims = b->cfg->claim_mode == CLAIM_NODE && host_has_node_claims();
    u8 map[MAX_NODES / 8];
    struct host_state host;
    u32 node;

    int rc = host_read(&host);
    if (!rc)
        rc = xc_domain_node_getaffinity(xch, b->domid, map);
    while (!rc && (node = roomiest(&host, map, b->layout.nr_pages)) != MAX_NODES) {
        rc = claims ? claim_on(b, node) : prefer(b, node, map);
        if (!claims || rc != -ENOMEM)
            break;
        host.free_pages[node] = 0;
        rc = 0;
    }
    return rc;
}
