/*
 * Refused claims and allocations, for the control domain (claims.md section 7): counters, and the last refusal
 * with those who held the memory.
 *
 * Locks: written with all nodes locked, so that what is reported was true at the instant of the refusal; read with
 * any of them.
 */
#include <mm/ledger.h>

static struct refusal_counts refused;
static struct refusal last_refusal;

void refusals_init(void)
{
    refused = (struct refusal_counts){0};
    last_refusal = (struct refusal){.kind = REFUSAL_NONE};
}

static u64 claimed_there(const struct mem_account *account, nodeid_t nid)
{
    return nid == NODE_NONE ? account->outstanding - account->host_claim : account->node_claim[nid];
}

/* Does claimant a come before the holder at i? */
static bool comes_before(const struct mem_account *a, nodeid_t nid, const struct refusal *r, u32 i)
{
    u64 pages = claimed_there(a, nid) + a->host_claim;
    u64 its = r->holder[i].node_pages + r->holder[i].host_pages;

    return pages > its || (pages == its && a->domid < r->holder[i].domid);
}

/* The largest holders except the one that asked, in order. claims.md CL-7.12. */
static void find_holders(const struct mem_account *asking, struct refusal *r)
{
    r->nr_holders = 0;
    for (const struct mem_account *a = ledger_claimants(); a; a = a->next_claimant) {
        u64 node_pages = claimed_there(a, r->node);
        u32 at = r->nr_holders;

        if (a == asking || node_pages + a->host_claim == 0)
            continue;
        while (at && comes_before(a, r->node, r, at - 1))
            at--;
        if (at == REFUSAL_HOLDERS)
            continue;
        r->nr_holders += r->nr_holders < REFUSAL_HOLDERS;
        for (u32 i = r->nr_holders - 1; i > at; i--)
            r->holder[i] = r->holder[i - 1];
        r->holder[at].domid = a->domid;
        r->holder[at].node_pages = node_pages;
        r->holder[at].host_pages = a->host_claim;
    }
}

/* claims.md CL-7.16. */
static void note(enum refusal_kind kind, const struct mem_account *account, nodeid_t nid, u32 order,
                 u64 pages)
{
    struct refusal *r = &last_refusal;

    *r = (struct refusal){.kind = kind, .node = nid, .order = order, .pages = pages};
    r->domid = account ? account->domid : REFUSAL_NOBODY;
    r->claimed_pages = nid == NODE_NONE ? ledger_host_claims() : 0;
    for (nodeid_t n = 0; n < mm_nr_nodes(); n++) {
        if (nid != NODE_NONE && n != nid)
            continue;
        r->claimed_pages += node_get(n)->claimed;
        r->free_pages += node_get(n)->free_pages;
    }
    find_holders(account, r);
}

/*
 * Of a set for several nodes, the lowest that is short by itself is named, with what was wanted there.
 * claims.md CL-2.22, CL-7.12, CL-7.13.
 */
void refusal_note_claim(const struct mem_account *account, const struct claim_set *set)
{
    nodeid_t nid = NODE_NONE;
    u64 pages = set->total;

    refused.claims++;
    for (const struct claim_entry *entry = set->on; entry < set->end; entry++)
        if (entry->pages == set->total || (entry->node < nid && node_is_short(account, entry))) {
            nid = entry->node;
            pages = entry->pages;
        }
    note(REFUSAL_CLAIM, account, nid, 0, pages);
}

/* Has the node fewer pages than that for this account, or the host? Or may it not use what there is? */
static bool lacks_credits(const struct mem_account *account, nodeid_t nid, u64 pages)
{
    u64 own = account ? account->node_claim[nid] : 0, host = account ? account->host_claim : 0;
    u64 outstanding = account ? account->outstanding : 0;

    if (pages > node_unclaimed(node_get(nid)) + own || pages > ledger_host_spare(nodes_all()) + outstanding)
        return true;
    return account && account->claim_flags & CLAIM_STRICT && pages > own + host && outstanding > own + host;
}

/* claims.md CL-7.14, CL-7.15. */
void refusal_note_alloc(const struct mem_account *account, nodeid_t nid, u32 order, u64 pages)
{
    bool lacks = true;

    nodes_lock(nodes_all());
    for (nodeid_t n = 0; n < mm_nr_nodes() && lacks; n++)
        lacks = (nid != NODE_NONE && n != nid) || lacks_credits(account, n, pages);
    if (lacks) {
        refused.allocs++;
        note(REFUSAL_ALLOC, account, nid, order, pages);
    }
    nodes_unlock(nodes_all());
}

void refusal_get(struct refusal_counts *counts, struct refusal *last)
{
    nodes_lock(BIT(0));
    *counts = refused;
    *last = last_refusal;
    nodes_unlock(BIT(0));
}
