/* Figures of nodes, domains and refusals: Homestead's sysctls, docs/hypervisor-guide/mm/claims.md section 7, and Xen's list of domains. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(HS_REFUSAL_CLAIM == XEN_HOMESTEAD_REFUSAL_claim &&
                   HS_REFUSAL_ALLOC == XEN_HOMESTEAD_REFUSAL_alloc &&
                   HS_MAX_HOLDERS == XEN_HOMESTEAD_HOLDERS && HS_NO_DOMAIN == XEN_HOMESTEAD_NO_DOMAIN &&
                   HS_ANY_NODE == XEN_INVALID_NODE_ID,
               "the ABI's numbers under the library's names");

/* Domains that one sysctl asks for. */
#define DOMAINS_A_CALL 256u

/* How many nodes there are. Both sysctls that have nodes answer it to a NULL array. */
static int count_nodes(hs_handle *h, uint32_t *nr)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_node_memory};

    if (hs_sysctl(h, &op, NULL))
        return -1;
    *nr = op.u.node_memory.num_nodes;
    return 0;
}

API int hs_probe(hs_handle *h)
{
    uint32_t nr;

    if (!count_nodes(h, &nr))
        return 1;
    /* EACCES is also what opening the driver says, and then nobody was asked. */
    if (errno == ENOSYS || (errno == EACCES && hs_resolve(h)))
        return 0;
    return -1;
}

/* *there: how many nodes there are, if an answer with room for so many entries said `answered`: with all of it filled
 * there may be more. */
static int check_count(hs_handle *h, u32 room, u32 answered, u32 *there)
{
    *there = answered;
    if (room && answered > room)
        return hs_bad_answer();
    return room && answered == room ? count_nodes(h, there) : 0;
}

API int hs_nodes(hs_handle *h, struct hs_host *host, struct hs_node *nodes, uint32_t *nr)
{
    struct xen_homestead_node_memory got[HS_MAX_NODES];
    u32 room = nodes ? MIN(*nr, (u32)HS_MAX_NODES) : 0, there;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_node_memory, .u.node_memory.num_nodes = room};
    const struct hs_array array = {&op.u.node_memory.nodes, NULL, got, room * sizeof(got[0])};

    if (hs_sysctl(h, &op, &array))
        return -1;
    struct xen_sysctl_homestead_node_memory *answer = &op.u.node_memory;
    u32 filled = room ? answer->num_nodes : 0;
    if (check_count(h, room, answer->num_nodes, &there))
        return -1;
    for (u32 i = 0; i < filled; i++)
        nodes[i] = (struct hs_node){.size_pages = got[i].size_pages,
                                    .free_pages = got[i].free_pages,
                                    .claimed_pages = got[i].claimed_pages,
                                    .dirty_pages = got[i].dirty_pages,
                                    .offline_pages = got[i].offline_pages,
                                    .free_2m = got[i].free_2m,
                                    .free_1g = got[i].free_1g,
                                    .reserved_2m = got[i].reserved_2m,
                                    .reserved_1g = got[i].reserved_1g};
    if (nodes)
        *nr = filled;
    if (host)
        *host = (struct hs_host){.nr_nodes = there,
                                 .free_pages = answer->free_pages,
                                 .outstanding_pages = answer->outstanding_pages,
                                 .host_claimed_pages = answer->host_claimed_pages};
    return 0;
}

API int hs_domain(hs_handle *h, uint32_t domid, struct hs_domain *domain, struct hs_domain_node *nodes,
                  uint32_t *nr)
{
    struct xen_homestead_domain_node got[HS_MAX_NODES];
    u32 room = nodes ? MIN(*nr, (u32)HS_MAX_NODES) : 0, there;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_domain_memory,
                            .u.domain_memory = {.domid = (domid_t)domid, .num_nodes = room}};
    const struct hs_array array = {&op.u.domain_memory.nodes, NULL, got, room * sizeof(got[0])};

    if (hs_check_domid(domid, ESRCH) || hs_sysctl(h, &op, &array))
        return -1;
    struct xen_sysctl_homestead_domain_memory *answer = &op.u.domain_memory;
    u32 filled = room ? answer->num_nodes : 0;
    if (check_count(h, room, answer->num_nodes, &there))
        return -1;
    for (u32 i = 0; i < filled; i++)
        nodes[i] = (struct hs_domain_node){.own_pages = got[i].own_pages,
                                           .claim_pages = got[i].claim_pages,
                                           .claim_extents = got[i].claim_extents,
                                           .claim_order = got[i].claim_order};
    if (nodes)
        *nr = filled;
    if (domain)
        *domain = (struct hs_domain){.domid = domid,
                                     .nr_nodes = there,
                                     .tot_pages = answer->tot_pages,
                                     .max_pages = answer->max_pages,
                                     .overhead_pages = answer->overhead_pages,
                                     .host_claim_pages = answer->host_claim_pages,
                                     .outstanding_pages = answer->outstanding_pages,
                                     .broken_pages = answer->broken_pages,
                                     .broken_extents = answer->broken_extents,
                                     .claim_flags = answer->claim_flags};
    return 0;
}

/* Fills up to room entries from first up. *filled counts them. */
static int list_some(hs_handle *h, uint32_t first, struct hs_domain_info *info, u32 room, u32 *filled)
{
    xen_domctl_getdomaininfo_t *got = calloc(room, sizeof(*got));
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist,
                            .u.getdomaininfolist = {.first_domain = (domid_t)first, .max_domains = room}};
    const struct hs_array array = {&op.u.getdomaininfolist.buffer, NULL, got, room * sizeof(*got)};

    if (!got)
        return -1;
    int rc = hs_sysctl(h, &op, &array);
    u32 nr = op.u.getdomaininfolist.num_domains;
    if (!rc && nr > room)
        rc = hs_bad_answer();
    for (u32 i = 0; !rc && i < nr; i++) {
        info[i] = (struct hs_domain_info){.domid = got[i].domain,
                                          .dying = !!(got[i].flags & XEN_DOMINF_dying),
                                          .tot_pages = got[i].tot_pages,
                                          .max_pages = got[i].max_pages,
                                          .outstanding_pages = got[i].outstanding_pages};
        memcpy(info[i].uuid, got[i].handle, sizeof(info[i].uuid));
        /* Ascending, or whoever asks for the next ones would never come to an end. */
        if (info[i].domid < first)
            rc = hs_bad_answer();
        first = info[i].domid + 1;
    }
    int why = errno;
    free(got);
    errno = why;
    *filled = nr;
    return rc;
}

API int hs_domain_list(hs_handle *h, uint32_t first_domid, struct hs_domain_info *info, uint32_t *nr)
{
    u32 done = 0;

    while (done < *nr && first_domid < DOMID_FIRST_RESERVED) {
        u32 room = MIN(*nr - done, DOMAINS_A_CALL), filled;

        if (list_some(h, first_domid, info + done, room, &filled))
            return -1;
        done += filled;
        if (filled < room)
            break;
        first_domid = info[done - 1].domid + 1;
    }
    *nr = done;
    return 0;
}

API int hs_refusals(hs_handle *h, struct hs_refusals *refusals)
{
    struct xen_homestead_refusals got;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_homestead_refusals};
    const struct hs_array array = {&op.u.refusals.buffer, NULL, &got, sizeof(got)};

    if (hs_sysctl(h, &op, &array))
        return -1;
    if (got.nr_holders > HS_MAX_HOLDERS)
        return hs_bad_answer();
    *refusals = (struct hs_refusals){.nr_claims = got.nr_claims,
                                     .nr_allocs = got.nr_allocs,
                                     .kind = got.kind,
                                     .domid = got.domid,
                                     .node = got.node,
                                     .order = got.order,
                                     .pages = got.pages,
                                     .free_pages = got.free_pages,
                                     .claimed_pages = got.claimed_pages,
                                     .nr_holders = got.nr_holders};
    for (u32 i = 0; i < got.nr_holders; i++)
        refusals->holders[i] = (struct hs_holder){.domid = got.holder[i].domid,
                                                  .node_pages = got.holder[i].node_pages,
                                                  .host_pages = got.holder[i].host_pages};
    return 0;
}
