/* What docs/hypervisor-guide/mm/claims.md says must happen, as plainly as it can be put. */
#include "reference.h"

#include <string.h>
#include <homestead/errno.h>

typedef unsigned __int128 wide;

u64 ref_claimed(u32 nid)
{
    u64 sum = 0;

    for (u32 d = 1; d < REF_DOMS; d++)
        sum += ref.c[d][nid];
    return sum;
}

u64 ref_out(u32 d)
{
    u64 sum = ref.h[d];

    for (u32 nid = 0; nid < ref.nr_nodes; nid++)
        sum += ref.c[d][nid];
    return sum;
}

u64 ref_unclaimed(u32 nid)
{
    return ref.free[nid] - ref_claimed(nid);
}

u64 ref_host_unclaimed(void)
{
    u64 pages = 0;

    for (u32 nid = 0; nid < ref.nr_nodes; nid++)
        pages += ref_unclaimed(nid);
    for (u32 d = 1; d < REF_DOMS; d++)
        pages -= ref.h[d];
    return pages;
}

/* --- section 4 --- */

bool ref_credits_suffice(u32 d, u32 nid, u64 pages)
{
    u64 here = d ? MIN(pages, ref.c[d][nid]) : 0, all = d ? MIN(pages, ref_out(d)) : 0;

    if (d && ref.strict[d] && here + MIN(pages - here, ref.h[d]) < all)
        return false;
    return pages - here <= ref_unclaimed(nid) && pages - all <= ref_host_unclaimed();
}

void ref_redeem(u32 d, u32 nid, u64 pages, struct ref_receipt *receipt)
{
    *receipt = (struct ref_receipt){.d = d, .nid = nid, .pages = pages};
    if (d == 0)
        return;
    receipt->set_gen = ref.set_gen[d];
    receipt->from_node = MIN(pages, ref.c[d][nid]);
    ref.c[d][nid] -= receipt->from_node;
    pages -= receipt->from_node;
    receipt->from_host = MIN(pages, ref.h[d]);
    ref.h[d] -= receipt->from_host;
    pages -= receipt->from_host;
    for (u32 i = 0; i < ref.nr_nodes; i++) {
        receipt->from_other[i] = MIN(pages, ref.c[d][i]);
        ref.c[d][i] -= receipt->from_other[i];
        pages -= receipt->from_other[i];
    }
}

/* Less what the kept pages redeemed, which went first. */
static u64 beyond_kept(u64 part, u64 *kept)
{
    u64 used = MIN(part, *kept);

    *kept -= used;
    return part - used;
}

void ref_refund(const struct ref_receipt *receipt, u64 kept)
{
    u32 d = receipt->d;

    if (d == 0 || ref.dying[d] || ref.set_gen[d] != receipt->set_gen)
        return;
    ref.c[d][receipt->nid] += beyond_kept(receipt->from_node, &kept);
    u64 host = beyond_kept(receipt->from_host, &kept);
    for (u32 i = 0; i < ref.nr_nodes; i++) {
        u64 pages = beyond_kept(receipt->from_other[i], &kept);
        u64 there = MIN(pages, ref_unclaimed(i));

        ref.c[d][i] += there;
        host += pages - there;
    }
    ref.h[d] += host;
}

bool ref_kept_whole(void)
{
    for (u32 d = 1; d < REF_DOMS; d++)
        for (u32 nid = 0; nid < ref.nr_nodes; nid++)
            if (ref.order[d][nid] && ref.c[d][nid] >> ref.order[d][nid])
                return true;
    return false;
}

/* --- section 6 --- */

/*
 * Takes one page back from those who claim. A domain's share of the loss is as what it had claimed is to all
 * that was; of those who have lost less than their share of what will be lost then, the one whose next loss
 * is due first, the least (lost + 1) / had; of equals the larger claim, then the lower domain. claim[d] and
 * lost[d] are stride apart.
 */
static void recall_page(u64 *claim, u64 *lost, u32 stride)
{
    wide all_had = 0, all_lost = 1;
    u32 best = 0;
    bool best_is_behind = false;

    for (u32 d = 1; d < REF_DOMS; d++) {
        all_had += claim[d * stride] + lost[d * stride];
        all_lost += lost[d * stride];
    }
    for (u32 d = 1; d < REF_DOMS; d++) {
        u64 has = claim[d * stride], gone = lost[d * stride], best_has = claim[best * stride];
        bool is_behind = (wide)(has + gone) * all_lost > (wide)gone * all_had;
        wide due = (wide)(gone + 1) * (best_has + lost[best * stride]);
        wide best_due = (wide)(lost[best * stride] + 1) * (has + gone);
        bool sooner = due < best_due || (due == best_due && has > best_has);

        if (!has || (best && best_is_behind > is_behind))
            continue;
        if (!best || is_behind > best_is_behind || sooner) {
            best = d;
            best_is_behind = is_behind;
        }
    }
    claim[best * stride]--;
    lost[best * stride]++;
}

void ref_recall(u32 nid)
{
    while (ref_claimed(nid) > ref.free[nid])
        recall_page(&ref.c[0][nid], &ref.broken[0][nid], REF_NODES);
    while ((s64)ref_host_unclaimed() < 0)
        recall_page(ref.h, ref.broken_host, 1);
}

/* --- section 5 --- */

/* Nodes lie on a line: nearest first, the lower of two equally near ones first. */
static u32 nodes_in_order(u32 d, u32 nid, u32 flags, u32 cpu_node, u32 *list, u32 *nr_affine)
{
    u32 nr = 0, from = nid;
    bool used[REF_NODES] = {false};

    *nr_affine = 0;
    if (nid != NODE_NONE && (flags & MM_EXACT_NODE)) {
        list[0] = nid;
        return 1;
    }
    if (nid == NODE_NONE) {
        for (u32 i = 0; i < ref.nr_nodes; i++)
            if (d && ref.affinity[d] & BIT(i)) {
                list[nr++] = i;
                used[i] = true;
            }
        *nr_affine = nr;
        from = nr ? list[0] : cpu_node;
    }
    for (u32 distance = 0; distance < ref.nr_nodes; distance++)
        for (u32 i = 0; i < ref.nr_nodes; i++)
            if (!used[i] && (i > from ? i - from : from - i) == distance) {
                list[nr++] = i;
                used[i] = true;
            }
    return nr;
}

int ref_predict_take(u32 d, const struct mm_request *r, u32 cpu_node, u32 *from)
{
    u32 list[REF_NODES], nr, nr_affine;
    bool guest = !(r->flags & MM_OVERHEAD);
    u64 limit = ref.nr_frames;

    if (r->order > MAX_ORDER || r->nr == 0 || r->nr > MM_TAKE_MAX || (!d && guest))
        return -EINVAL;
    if ((r->nid != NODE_NONE && r->nid >= ref.nr_nodes) || (r->address_bits && r->address_bits <= PAGE_SHIFT))
        return -EINVAL;
    if (d && ref.dying[d])
        return -ESRCH;
    if (guest && ref.tot[d] + BIT(r->order) > ref.max[d])
        return -E2BIG;
    if (r->address_bits && r->address_bits < 64)
        limit = MIN(limit, ALIGN_DOWN(BIT(r->address_bits) >> PAGE_SHIFT, 512)); /* by whole regions */
    nr = nodes_in_order(d, r->nid, r->flags, cpu_node, list, &nr_affine);
    for (u32 pass = nr > 1 ? 0 : 1; pass < 2; pass++)
        for (u32 i = 0; i < nr; i++) {
            bool clean_only = pass == 0 && i >= nr_affine && !(d && ref.c[d][list[i]]);
            if (ref_credits_suffice(d, list[i], BIT(r->order)) &&
                ref_run_exists(list[i], r->order, clean_only ? REF_CLEAN : REF_ANY, limit)) {
                *from = list[i];
                return 0;
            }
        }
    return -ENOMEM;
}

/* --- sections 2 and 3 --- */

static bool is_host(u32 node)
{
    return node == CLAIM_HOST || node == CLAIM_HOST_LATER;
}

static bool pad_allowed(const struct claim_entry *e, u32 flags)
{
    if (e->pad == 0)
        return true;
    return (flags & CLAIM_ORDERS) && !is_host(e->node) && (e->pad == 9 || e->pad == 18) &&
           e->pages % BIT(e->pad) == 0;
}

static int predict_entries(const struct claim_entry *e, u32 nr, u32 flags, u64 *node_pages, u64 *host_pages)
{
    for (u32 i = 0; i < nr; i++) {
        if (!pad_allowed(&e[i], flags))
            return -EINVAL;
        for (u32 j = 0; j < i; j++)
            if (e[j].node == e[i].node || (is_host(e[j].node) && is_host(e[i].node)))
                return -EINVAL;
        if (is_host(e[i].node))
            *host_pages = e[i].pages;
        else if (e[i].node < ref.nr_nodes)
            node_pages[e[i].node] = e[i].pages;
        else
            return -ENOENT;
    }
    return 0;
}

int ref_predict_set(u32 d, const struct claim_entry *e, u32 nr, u32 flags, struct ref_set *set)
{
    u64 node_pages[REF_NODES] = {0}, host_pages = 0, beyond = 0;

    if ((flags & ~(u32)CLAIM_ALL_FLAGS) || ref.dying[d])
        return -EINVAL;
    int rc = predict_entries(e, nr, flags, node_pages, &host_pages);
    if (rc)
        return rc;
    *set = (struct ref_set){.release = true};
    for (u32 i = 0; i < nr; i++) {
        set->release &= e[i].pages == 0;
        if (e[i].pad)
            set->order[e[i].node] = e[i].pad;
        set->by_order |= e[i].pad != 0;
    }
    set->strict = flags & CLAIM_STRICT;
    if (set->release)
        return 0;
    if (ref_out(d) && !(flags & CLAIM_REPLACE))
        return -EINVAL;
    for (u32 i = 0; i < ref.nr_nodes; i++) {
        set->c[i] = node_pages[i] > ref.own[d][i] ? node_pages[i] - ref.own[d][i] : 0;
        beyond += ref.own[d][i] > node_pages[i] ? ref.own[d][i] - node_pages[i] : 0;
    }
    set->h = host_pages > beyond ? host_pages - beyond : 0;
    wide sum = set->h;
    for (u32 i = 0; i < ref.nr_nodes; i++)
        sum += set->c[i];
    if (sum == 0 || sum + ref.tot[d] > ref.max[d])
        return -EINVAL;
    for (u32 i = 0; i < ref.nr_nodes; i++)
        if (set->c[i] > ref_unclaimed(i) + ref.c[d][i])
            return -ENOMEM;
    return sum > (wide)ref_host_unclaimed() + ref_out(d) ? -ENOMEM : 0;
}

void ref_install(u32 d, const struct ref_set *set)
{
    ref.set_gen[d]++;
    memcpy(ref.c[d], set->c, sizeof(set->c));
    ref.h[d] = set->h;
    ref.strict[d] = set->strict && !set->release;
    memcpy(ref.order[d], set->order, sizeof(set->order));
    memset(ref.broken[d], 0, sizeof(ref.broken[d]));
    ref.broken_host[d] = 0;
}

int ref_predict_legacy(u32 d, u64 pages)
{
    if (ref.dying[d])
        return -EINVAL;
    if (pages == 0)
        return 0;
    if (ref_out(d) || pages <= ref.tot[d] || pages > ref.max[d])
        return -EINVAL;
    return pages - ref.tot[d] > ref_host_unclaimed() ? -ENOMEM : 0;
}

void ref_kill(u32 d)
{
    const struct ref_set none = {.release = true};

    ref_install(d, &none);
    ref.dying[d] = true;
}
