/*
 * Memory that goes offline takes back from claims exactly what is missing: docs/hypervisor-guide/mm/claims.md section 6.
 *
 * Domain 0 knows no frame numbers, so it finds the free frames of a node that is full but for a few: it takes
 * ranges offline and back, and those that say OFFLINED and were missed on the node were free there.
 */
#include <tests/guests/selftest/selftest.h>

#define LEFT      4u /* free pages of the node */
#define CLAIMED   3u
#define TAKEN     2u
#define RANGE     512u
#define RANGE_MAX 16384u /* ranges that are looked at: 32 GiB */

static u32 status[RANGE];

static int one(u64 frame, bool offline)
{
    u32 word;
    int rc = offline ? xc_mark_page_offline(xch, frame, frame, &word)
                     : xc_mark_page_online(xch, frame, frame, &word);

    return rc ? rc : (int)word;
}

/* Records the free frames of [first, first + RANGE) on the node, as long as there is room; all are online
 * again afterwards. Returns how many are recorded, or -errno. */
static int find_in_range(u64 first, u32 node, u64 frames[LEFT], u32 nr)
{
    u64 last = first + RANGE - 1;
    s64 before = selftest_free_on(node);
    int rc = xc_mark_page_offline(xch, first, last, status);
    bool missed = selftest_free_on(node) != before;
    u32 candidates[LEFT], nr_candidates = 0;

    for (u32 i = 0; !rc && missed && i < RANGE; i++)
        if ((status[i] & PG_OFFLINE_STATUS_MASK) == PG_OFFLINE_OFFLINED && nr_candidates < LEFT)
            candidates[nr_candidates++] = i;
    int back = xc_mark_page_online(xch, first, last, status);
    if (rc || back)
        return rc ? rc : back;
    for (u32 i = 0; i < nr_candidates && nr < LEFT; i++)
        frames[nr++] = first + candidates[i];
    return (int)nr;
}

/* From the top of memory down. */
static int find_free_frames(u32 node, u64 frames[LEFT])
{
    xc_physinfo_t info;
    int nr = 0, rc = xc_physinfo(xch, &info);

    if (rc)
        return rc;
    u64 first = ALIGN_DOWN(info.max_mfn, RANGE);
    for (u32 i = 0; i < RANGE_MAX && nr >= 0 && nr < (int)LEFT; i++, first -= RANGE) {
        /* The last range extends beyond the last frame: those frames are refused. */
        if (first + RANGE - 1 <= info.max_mfn)
            nr = find_in_range(first, node, frames, (u32)nr);
        if (first == 0)
            break;
    }
    return nr;
}

static s64 broken_pages(u32 domid)
{
    struct xen_sysctl_homestead_domain_memory domain;
    u32 nr = 0;
    int rc = xc_domain_claim_info(xch, domid, &nr, NULL, &domain);

    return rc ? rc : (s64)domain.broken_pages;
}

static s64 offline_pages(u32 node)
{
    xc_node_claim_t nodes[MAX_NODES];
    u32 nr = ARRAY_SIZE(nodes);
    int rc = xc_node_claim_info(xch, &nr, nodes, NULL);

    return rc ? rc : (s64)nodes[node].offline_pages;
}

/*
 * Of four free pages three are claimed. Two pages go offline: two pages are left, both claimed.
 * claims.md CL-6.2, CL-6.5, CL-6.15, CL-6.16, CL-6.18, CL-6.19, CL-7.5, CL-7.10.
 */
static void two_of_four(const struct selftest_host *host)
{
    unsigned int exact = (unsigned int)XENMEMF_exact_node(host->last);
    u64 frames[LEFT], done = 0;
    u32 keeper, a;

    if (!selftest_domain(host->now.free_total, host->now.size_pages[host->last], &keeper) ||
        !selftest_domain(64, 64, &a))
        return;
    u64 pages = (u64)selftest_free_on(host->last) - LEFT;
    selftest_equal("offline_fill_node", "result", 0,
                   populate_range(keeper, CASE_GFN, CASE_GFN + pages, host->last, &done));
    selftest_equal("offline_left", "pages free", LEFT, selftest_free_on(host->last));
    int nr = find_free_frames(host->last, frames);
    selftest_equal("offline_found", "free frames", LEFT, nr);
    selftest_equal("offline_search_undone", "pages free", LEFT, selftest_free_on(host->last));
    if (nr != (int)LEFT)
        return;
    selftest_equal("offline_claim", "result", 0, shell_claim_node(a, host->last, CLAIMED));
    for (u32 i = 0; i < TAKEN; i++)
        selftest_equal("offline_frame", "status", PG_OFFLINE_OFFLINED, one(frames[i], true));
    selftest_equal("offline_free", "pages free", LEFT - TAKEN, selftest_free_on(host->last));
    selftest_equal("offline_claimed", "pages", LEFT - TAKEN, shell_claim_on(a, host->last));
    selftest_equal("offline_outstanding", "pages", LEFT - TAKEN, shell_outstanding(a));
    selftest_equal("offline_broken", "pages", CLAIMED + TAKEN - LEFT, broken_pages(a));
    selftest_equal("offline_figure", "pages", TAKEN, offline_pages(host->last));
    selftest_equal("offline_build_what_is_left", "pages", LEFT - TAKEN,
                   shell_populate_few(a, CASE_GFN, LEFT, exact));
    for (u32 i = 0; i < TAKEN; i++)
        selftest_equal("online_frame", "status", PG_ONLINE_ONLINED, one(frames[i], false));
    selftest_equal("online_free", "pages free", TAKEN, selftest_free_on(host->last));
    selftest_equal("online_no_claim_comes_back", "pages", 0, shell_outstanding(a));
    selftest_equal("online_figure", "pages", 0, offline_pages(host->last));
}

const struct selftest_case selftest_offline[] = {
    {.name = "case_offline_two_of_four", .run = two_of_four, .ours = true, .min_nodes = 1},
    {0},
};
