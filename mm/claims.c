/*
 * Installing, reading and releasing claims: docs/claims.md sections 2 and 3. Everything is checked
 * before anything changes, with the account's lock (its tot and own stand still) and the ledger's held,
 * so a set over several nodes is installed in one piece or not at all.
 *
 * Page counts come from guests as full 64-bit numbers: sums are formed by subtracting from what is there.
 */
#include <homestead/errno.h>
#include <mm/internal.h>

static void both_lock(struct mem_account *account)
{
    spin_lock(&account->lock);
    ledger_lock();
}

static void both_unlock(struct mem_account *account)
{
    ledger_unlock();
    spin_unlock(&account->lock);
}

static int install_legacy_locked(struct mem_account *account, u64 pages)
{
    static const u64 no_nodes[MAX_NODES];

    if (account->dying)
        return -EINVAL;
    if (pages == 0) {
        ledger_release_locked(account);
        return 0;
    }
    if (account->outstanding || pages <= account->tot_pages || pages > account->max_pages)
        return -EINVAL;
    u64 host_pages = pages - account->tot_pages;
    if (!ledger_set_fits(account, no_nodes, host_pages))
        return -ENOMEM;
    ledger_install_locked(account, no_nodes, host_pages);
    return 0;
}

int claim_install_legacy(struct mem_account *account, u64 pages)
{
    both_lock(account);
    int rc = install_legacy_locked(account, pages);
    both_unlock(account);
    return rc;
}

struct claim_set {
    u64 node[MAX_NODES]; /* pages of the node entries, as given; later what is to be claimed */
    u64 host;
    bool any; /* an entry has pages */
};

/* The entries in array order, each: pad, selector twice, node unknown. */
static int set_decode(const struct claim_entry *entries, u32 nr, struct claim_set *set)
{
    u64 nodes_seen = 0;
    bool host_seen = false;

    *set = (struct claim_set){0};
    for (u32 i = 0; i < nr; i++) {
        const struct claim_entry *entry = &entries[i];
        bool host = entry->node == CLAIM_HOST || entry->node == CLAIM_HOST_LATER;
        if (entry->pad)
            return -EINVAL;
        if (host ? host_seen : entry->node < MAX_NODES && (nodes_seen & BIT(entry->node)))
            return -EINVAL;
        if (!host && entry->node >= mm_nr_nodes())
            return -ENOENT;
        if (host) {
            host_seen = true;
            set->host = entry->pages;
        } else {
            nodes_seen |= BIT(entry->node);
            set->node[entry->node] = entry->pages;
        }
        set->any |= entry->pages != 0;
    }
    return 0;
}

/* Absolute sizes become what is still missing: what the domain owns beyond its node entries fills the
 * host-wide entry. */
static void set_make_relative(const struct mem_account *account, struct claim_set *set)
{
    u64 own_beyond = 0;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        u64 own = account->own[nid], want = set->node[nid];
        own_beyond += own > want ? own - want : 0;
        set->node[nid] = want > own ? want - own : 0;
    }
    set->host = set->host > own_beyond ? set->host - own_beyond : 0;
}

/* Is tot + set > max? Then also if the sum does not fit in 64 bits. */
static bool set_exceeds_max(const struct mem_account *account, const struct claim_set *set)
{
    if (account->tot_pages > account->max_pages)
        return true;
    u64 room = account->max_pages - account->tot_pages;
    if (set->host > room)
        return true;
    room -= set->host;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        if (set->node[nid] > room)
            return true;
        room -= set->node[nid];
    }
    return false;
}

static bool set_is_empty(const struct claim_set *set)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (set->node[nid])
            return false;
    return set->host == 0;
}

static int install_set_locked(struct mem_account *account, const struct claim_entry *entries, u32 nr,
                              u32 flags)
{
    struct claim_set set;

    if (account->dying)
        return -EINVAL;
    int rc = set_decode(entries, nr, &set);
    if (rc)
        return rc;
    if (!set.any) {
        ledger_release_locked(account);
        return 0;
    }
    if (account->outstanding && !(flags & CLAIM_REPLACE))
        return -EINVAL;
    set_make_relative(account, &set);
    if (set_is_empty(&set) || set_exceeds_max(account, &set))
        return -EINVAL;
    if (!ledger_set_fits(account, set.node, set.host))
        return -ENOMEM;
    ledger_install_locked(account, set.node, set.host);
    return 0;
}

int claim_install_set(struct mem_account *account, const struct claim_entry *entries, u32 nr, u32 flags)
{
    if (nr == 0 || (flags & ~(u32)CLAIM_REPLACE))
        return -EINVAL;
    if (nr > MAX_NODES + 1)
        return -E2BIG;
    both_lock(account);
    int rc = install_set_locked(account, entries, nr, flags);
    both_unlock(account);
    return rc;
}

int claim_read_set(struct mem_account *account, struct claim_entry *entries, u32 *nr)
{
    struct claim_entry found[MAX_NODES + 1];
    u32 used = 0;

    ledger_lock();
    if (account->host_claim)
        found[used++] = (struct claim_entry){.pages = account->host_claim, .node = CLAIM_HOST};
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        if (account->node_claim[nid])
            found[used++] = (struct claim_entry){.pages = account->node_claim[nid], .node = nid};
    ledger_unlock();

    u32 room = *nr;
    *nr = used;
    if (used > room)
        return -ENOBUFS;
    for (u32 i = 0; i < used; i++)
        entries[i] = found[i];
    return 0;
}

void claim_release_all(struct mem_account *account)
{
    ledger_lock();
    ledger_release_locked(account);
    ledger_unlock();
}

u64 claim_outstanding(struct mem_account *account)
{
    ledger_lock();
    u64 pages = account->outstanding;
    ledger_unlock();
    return pages;
}
