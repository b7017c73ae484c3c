/*
 * Scrub on claim: while claims with CLAIM_SCRUB stand, their nodes keep at least that many pages clean. It is
 * a matter of figures alone: cleaned pages that somebody else takes are made up for, and nothing has to be
 * undone when a claim is redeemed, replaced or released.
 */
#include <mm/internal.h>
#include <mm/ledger.h>

static u64 clean_pages(nodeid_t nid, u64 *dirty)
{
    struct mm_node_info info;

    mm_node_get_info(nid, &info);
    *dirty = info.dirty_pages;
    return info.free_pages - info.dirty_pages;
}

bool mm_scrub_wanted(nodeid_t nid)
{
    u64 wanted = __atomic_load_n(&ledger.scrub[nid], __ATOMIC_RELAXED), dirty;
    u64 host_wanted = __atomic_load_n(&ledger.host_scrub, __ATOMIC_RELAXED);

    if (!wanted && !host_wanted)
        return false;
    u64 clean = clean_pages(nid, &dirty);
    if (!dirty)
        return false;
    if (clean < wanted || !host_wanted)
        return clean < wanted;
    /* Host-wide claims are served from anywhere: every node works until there is enough in all. */
    for (nodeid_t n = 0; n < mm_nr_nodes(); n++) {
        u64 there = clean_pages(n, &dirty), own = __atomic_load_n(&ledger.scrub[n], __ATOMIC_RELAXED);
        u64 spare = there > own ? there - own : 0;
        if (spare >= host_wanted)
            return false;
        host_wanted -= spare;
    }
    return true;
}
