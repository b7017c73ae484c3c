/*
 * Installing, reading and releasing claims: docs/hypervisor-guide/mm/claims.md sections 2 and 3. Everything is checked
 * before anything changes, with the account's lock (its tot and own stand still) and those of the set's nodes held,
 * so a set over several nodes is installed in one piece or not at all. What these nodes cannot grant is decided
 * again with all nodes locked: a refusal is exact.
 *
 * Page counts come from guests as full 64-bit numbers: a sum of them is only used if it has not wrapped.
 */
#include <homestead/errno.h>
#include <mm/ledger_set.h>

static inline void unlock(struct mem_account *account, u64 locked)
{
    nodes_unlock(locked);
    spin_unlock(&account->lock);
}

/* Installs the set. -ENOMEM is final if all nodes are locked, and noted. */
static int install(struct mem_account *account, const struct claim_set *set, u64 locked)
{
    if (likely(ledger_install(account, set, locked)))
        return 0;
    if (locked == nodes_all())
        refusal_note_claim(account, set);
    return -ENOMEM;
}

/*
 * Deals pages to the nodes of the affinity, in the order in which the allocator tries them, each up to what is not
 * claimed there. Returns how many are left, which is all of them without an affinity. The account has no claims.
 * claims.md CL-2.20 to CL-2.23, CL-2.26.
 */
static u64 set_by_affinity(const struct mem_account *account, struct claim_set *set, u64 pages)
{
    u8 nodes[MAX_NODES];
    u32 nr = mm_affinity_order(account->affinity, nodes);

    if (nr == 0 || nr == mm_nr_nodes())
        return pages;
    for (u32 i = 0; i < nr; i++) {
        u64 part = MIN(pages, node_unclaimed(node_get(nodes[i])));

        set->on[i] = (struct claim_entry){.pages = part, .node = nodes[i]};
        set->nodes |= BIT(nodes[i]);
        pages -= part;
    }
    set->end = set->on + nr;
    if (account->legacy_claims == CLAIM_LEGACY_AFFINITY)
        return pages;
    /* What no node has is asked of the first one, which refuses, and is named for it. */
    set->on[0].pages += pages;
    return 0;
}

/*
 * The account's lock and those of ledger_lock_nodes(account, its affinity) held.
 * claims.md CL-2.1, CL-2.8 to CL-2.12, CL-2.14, CL-2.24, CL-2.25, CL-3.42.
 */
static int install_legacy_locked(struct mem_account *account, u64 pages, u64 locked)
{
    struct claim_set set;

    if (account->dying)
        return -EINVAL;
    if (pages == 0) {
        ledger_release(account, locked);
        return 0;
    }
    if (account->outstanding || pages <= account->tot_pages || pages > account->max_pages)
        return -EINVAL;
    set.flags = 0;
    set.nodes = 0;
    set.end = set.on;
    set.total = set.host = pages - account->tot_pages;
    if (account->legacy_claims != CLAIM_LEGACY_HOST)
        set.host = set_by_affinity(account, &set, set.total);
    return install(account, &set, locked);
}

int claim_install_legacy(struct mem_account *account, u64 pages)
{
    spin_lock(&account->lock);
    u64 locked = ledger_lock_nodes(account, account->affinity & nodes_all());
    int rc = install_legacy_locked(account, pages, locked);

    if (rc == -ENOMEM && locked != nodes_all()) {
        locked = nodes_lock_more(locked, nodes_all());
        rc = install_legacy_locked(account, pages, locked);
    }
    unlock(account, locked);
    return rc;
}

/* claims.md CL-2.18. */
enum claim_legacy claim_set_legacy(struct mem_account *account, enum claim_legacy mode)
{
    spin_lock(&account->lock);
    enum claim_legacy before = account->legacy_claims;
    if (mode != CLAIM_LEGACY_KEEP)
        account->legacy_claims = (u8)mode;
    spin_unlock(&account->lock);
    return before;
}

static inline bool is_host(const struct claim_entry *entry)
{
    return entry->node == CLAIM_HOST || entry->node == CLAIM_HOST_LATER;
}

/* May the entry's pages be claimed in its order, which is not 0? claims.md CL-3.28, CL-3.46, CL-3.50. */
static __attribute__((noinline)) bool pad_is_good(const struct claim_entry *entry, u32 flags)
{
    if (is_host(entry) || !(flags & CLAIM_ORDERS) || (entry->pad != ORDER_2M && entry->pad != ORDER_1G))
        return false;
    return IS_ALIGNED(entry->pages, BIT(entry->pad));
}

/*
 * From the entries, absolute sizes, what is still missing; *set is empty if every size is 0. Account lock held.
 *
 * What the domain owns beyond its node entries fills the host-wide entry. So a set misses what its node entries miss, or,
 * if that is more, all sizes together without what the domain owns.
 * claims.md CL-1.3, CL-1.8, CL-3.3, CL-3.9, CL-3.11 to CL-3.13, CL-3.29, CL-3.30, CL-3.33, CL-3.34.
 */
static int set_decode(const struct mem_account *account, const struct claim_entry *entries, u32 nr, u32 flags,
                      struct claim_set *set)
{
    u64 tot = account->tot_pages, max = account->max_pages, wanted = 0, missing = 0, seen = 0;
    bool host_seen = false, wrapped = false;

    set->nodes = 0;
    set->end = set->on;
    for (const struct claim_entry *entry = entries; entry < entries + nr; entry++) {
        u64 pages = entry->pages;
        nodeid_t nid = entry->node;

        if (unlikely(entry->pad) && !pad_is_good(entry, flags))
            return -EINVAL;
        wanted += pages;
        wrapped |= wanted < pages;
        if (likely(nid < mm_nr_nodes())) {
            u64 own = account->own[nid];

            if (seen & BIT(nid))
                return -EINVAL;
            seen |= BIT(nid);
            if (pages <= own)
                continue;
            missing += pages - own;
            set->nodes |= BIT(nid);
            *set->end++ = (struct claim_entry){.pages = pages - own, .node = nid, .pad = entry->pad};
        } else if (!is_host(entry)) {
            return -ENOENT;
        } else if (host_seen) {
            return -EINVAL;
        } else {
            host_seen = true;
        }
    }
    set->flags = flags & (CLAIM_STRICT | CLAIM_SCRUB);
    set->total = wanted - missing > tot ? wanted - tot : missing;
    set->host = set->total - missing;
    if (wrapped)
        return -EINVAL; /* more than any max */
    if (!wanted)
        return 0;
    return set->total && tot <= max && set->total <= max - tot ? 0 : -EINVAL;
}

/*
 * An empty set: releases. The account's lock and those of ledger_lock_nodes(account, the set's nodes) held.
 * claims.md CL-1.5, CL-3.15, CL-3.17, CL-3.18, CL-3.31, CL-3.32.
 */
static USUAL int install_set_locked(struct mem_account *account, const struct claim_set *set, bool replace,
                                    u64 locked)
{
    if (!set->total) {
        ledger_release_here(account, locked);
        return 0;
    }
    if (unlikely(account->outstanding) && !replace)
        return -EINVAL;
    return likely(ledger_install_here(account, set, locked)) ? 0 : -ENOMEM;
}

/* Decides again what the locked nodes cannot grant, with all of them, and unlocks. The account's lock is held, and stays
 * so. */
static RARE int install_with_all(struct mem_account *account, const struct claim_set *set, u64 locked)
{
    if (locked != nodes_all())
        locked = nodes_lock_more(locked, nodes_all());
    int rc = install(account, set, locked);
    nodes_unlock(locked);
    return rc;
}

static RARE void wake_scrubbers(void)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (mm_scrub_wanted(nid))
            mm_wake_scrubber(nid);
}

/* claims.md CL-1.7, CL-3.21, CL-3.27. */
int claim_install_set(struct mem_account *account, const struct claim_entry *entries, u32 nr, u32 flags)
{
    struct claim_set set;

    ASSERT(claim_check_args(nr, flags) == 0);
    spin_lock(&account->lock);
    int rc = unlikely(account->dying) ? -EINVAL : set_decode(account, entries, nr, flags, &set);
    if (likely(rc == 0)) {
        u64 locked = ledger_lock_nodes(account, set.nodes);

        rc = install_set_locked(account, &set, flags & CLAIM_REPLACE, locked);
        if (unlikely(rc == -ENOMEM))
            rc = install_with_all(account, &set, locked);
        else
            nodes_unlock(locked);
    }
    spin_unlock(&account->lock);
    if (unlikely(flags & CLAIM_SCRUB) && rc == 0)
        wake_scrubbers();
    return rc;
}

/* claims.md CL-3.36 to CL-3.38. */
int claim_read_set(struct mem_account *account, struct claim_entry *entries, u32 *nr)
{
    struct claim_entry found[MAX_NODES + 1];
    u32 used = 0;

    spin_lock(&account->lock);
    u64 locked = ledger_lock_nodes(account, 0);
    if (account->host_claim)
        found[used++] = (struct claim_entry){.pages = account->host_claim, .node = CLAIM_HOST};
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (account->node_claim[nid])
            found[used++] = (struct claim_entry){
                .pages = account->node_claim[nid], .node = nid, .pad = account->claim_order[nid]};
    unlock(account, locked);

    u32 room = *nr;
    *nr = used;
    if (used > room)
        return -ENOBUFS;
    for (u32 i = 0; i < used; i++)
        entries[i] = found[i];
    return 0;
}

/* claims.md CL-7.1. */
u64 claim_outstanding(struct mem_account *account)
{
    spin_lock(&account->lock);
    u64 locked = ledger_lock_nodes(account, 0);
    u64 pages = account->outstanding;
    unlock(account, locked);
    return pages;
}

/* claims.md CL-7.11. */
void claim_get_view(struct mem_account *account, struct claim_view *out)
{
    *out = (struct claim_view){0};
    spin_lock(&account->lock);
    u64 locked = ledger_lock_nodes(account, 0);
    out->tot = account->tot_pages;
    out->max = account->max_pages;
    out->overhead = account->overhead_pages;
    out->host_claim = account->host_claim;
    out->outstanding = account->outstanding;
    out->broken_pages = account->broken_pages;
    out->broken_units = account->broken_units;
    out->flags = account->claim_flags;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        out->node[nid].own = account->own[nid];
        out->node[nid].claim = account->node_claim[nid];
        out->node[nid].units = claim_units(account, nid);
        out->node[nid].order = account->claim_order[nid];
    }
    unlock(account, locked);
}

/* --- scrub on claim ------------------------------------------------------------------------------------- */

/*
 * While claims with CLAIM_SCRUB stand, their nodes keep at least that many pages clean. It is a matter of
 * figures alone: cleaned pages that somebody else takes are made up for, and nothing has to be undone when a
 * claim is redeemed, replaced or released.
 */

static u64 clean_pages(nodeid_t nid, u64 *dirty)
{
    struct mm_node_info info;

    mm_node_get_info(nid, &info);
    *dirty = info.dirty_pages;
    return info.free_pages - info.dirty_pages;
}

/* claims.md CL-3.60, CL-3.63, CL-3.64. */
bool mm_scrub_wanted(nodeid_t nid)
{
    u64 wanted = __atomic_load_n(&node_get(nid)->scrub, __ATOMIC_RELAXED), dirty;
    u64 host_wanted = ledger_host_scrub();

    if (!wanted && !host_wanted)
        return false;
    u64 clean = clean_pages(nid, &dirty);
    if (!dirty)
        return false;
    if (clean < wanted || !host_wanted)
        return clean < wanted;
    /* Host-wide claims are served from anywhere: every node works until there is enough in all. */
    for (nodeid_t n = 0; n < mm_nr_nodes(); n++) {
        u64 there = clean_pages(n, &dirty), own = __atomic_load_n(&node_get(n)->scrub, __ATOMIC_RELAXED);
        u64 spare = there > own ? there - own : 0;
        if (spare >= host_wanted)
            return false;
        host_wanted -= spare;
    }
    return true;
}
