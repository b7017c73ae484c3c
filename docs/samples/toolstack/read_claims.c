/* What a domain has claimed and what it owns, per node: for a toolstack's status line. */
#include <inttypes.h>
#include <stdio.h>
#include <homestead.h>

/* Writes "node 0: 512 owned, 512 claimed" and so on to out. 0, or -1 with errno set. */
int print_claims(FILE *out, uint32_t domid)
{
    struct hs_domain_node nodes[HS_MAX_NODES];
    struct hs_domain domain;
    uint32_t nr = HS_MAX_NODES;

    if (hs_domain(NULL, domid, &domain, nodes, &nr))
        return -1;
    for (uint32_t i = 0; i < nr; i++)
        if (nodes[i].own_pages || nodes[i].claim_pages)
            fprintf(out, "node %" PRIu32 ": %" PRIu64 " owned, %" PRIu64 " claimed\n", i, nodes[i].own_pages,
                    nodes[i].claim_pages);
    if (domain.host_claim_pages)
        fprintf(out, "any node: %" PRIu64 " claimed\n", domain.host_claim_pages);
    return 0;
}
