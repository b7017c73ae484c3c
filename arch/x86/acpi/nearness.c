/* Orders the nodes around each node. See topology.h. */
#include "topology.h"

#define DISTANCE_UNREACHABLE 255u
#define KEY_LAST             (~0ull)

/* One node as seen from another. */
struct neighbour {
    u64 key;       /* latency, or anything that grows with it; equal for all pairs of one row */
    u64 bandwidth; /* 0: unknown */
    nodeid_t nid;
};

/* Whose latencies count for memory wanted on node `from`; NODE_NONE if the HMAT has nothing. */
static nodeid_t initiator_of(const struct topology *t, const struct acpi_hmat *hmat, nodeid_t from)
{
    for (u32 to = 0; to < t->nr_nodes; to++)
        if (hmat->latency[from][to])
            return from;
    nodeid_t attached = hmat->initiator[from];
    if (attached != NODE_NONE && attached < t->nr_nodes)
        for (u32 to = 0; to < t->nr_nodes; to++)
            if (hmat->latency[attached][to])
                return attached;
    return NODE_NONE;
}

static bool measured(u64 latency)
{
    return latency != 0 && latency != HMAT_UNREACHABLE;
}

/* The pair whose latency and distance give the scale for pairs that the HMAT does not cover. */
static nodeid_t reference_of(const struct topology *t, const struct acpi_hmat *hmat, nodeid_t initiator)
{
    if (measured(hmat->latency[initiator][initiator]))
        return initiator;
    for (u32 to = 0; to < t->nr_nodes; to++)
        if (measured(hmat->latency[initiator][to]))
            return to;
    return NODE_NONE;
}

static u64 key_of(const struct topology *t, const struct acpi_hmat *hmat, nodeid_t initiator,
                  nodeid_t reference, nodeid_t from, nodeid_t to)
{
    u64 distance = t->distance[from][to];

    if (initiator != NODE_NONE && hmat->latency[initiator][to])
        return hmat->latency[initiator][to];
    if (distance == DISTANCE_UNREACHABLE)
        return KEY_LAST;
    /* At most 255 * 2^56 (acpi_hmat_parse() bounds latencies), so this cannot overflow. */
    return reference == NODE_NONE
               ? distance
               : distance * hmat->latency[initiator][reference] / t->distance[initiator][reference];
}

static bool nearer(const struct neighbour *a, const struct neighbour *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    if (a->bandwidth != b->bandwidth)
        return a->bandwidth > b->bandwidth;
    return a->nid < b->nid;
}

/* One row. True if the HMAT helped. */
static bool fill_row(struct topology *t, const struct acpi_hmat *hmat, nodeid_t from)
{
    struct neighbour order[MAX_NODES];
    nodeid_t initiator = hmat ? initiator_of(t, hmat, from) : NODE_NONE;
    nodeid_t reference = initiator != NODE_NONE ? reference_of(t, hmat, initiator) : NODE_NONE;
    u32 nr = 0;

    if (reference == NODE_NONE)
        initiator = NODE_NONE; /* nothing but "unreachable" */
    for (nodeid_t to = 0; to < t->nr_nodes; to++) {
        struct neighbour n = {
            .key = to == from ? 0 : key_of(t, hmat, initiator, reference, from, to),
            .bandwidth = initiator != NODE_NONE ? hmat->bandwidth[initiator][to] : 0,
            .nid = to,
        };
        u32 i = nr++;

        for (; i > 0 && (to == from || (order[i - 1].nid != from && nearer(&n, &order[i - 1]))); i--)
            order[i] = order[i - 1];
        order[i] = n;
    }
    for (u32 i = 0; i < nr; i++)
        t->near[from][i] = (u8)order[i].nid;
    return initiator != NODE_NONE;
}

u32 acpi_nearness_fill(struct topology *t, const struct acpi_hmat *hmat)
{
    u32 nr_helped = 0;

    for (nodeid_t from = 0; from < t->nr_nodes; from++)
        nr_helped += fill_row(t, hmat, from);
    t->have_hmat = nr_helped > 0;
    return nr_helped;
}
