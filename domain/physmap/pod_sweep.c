/*
 * A domain that touches more marked frames than its cache has pages for is not at its end as long as it has pages of
 * zeroes: they are taken back into the cache, and their frames are marked again. There are many of them where a guest
 * has touched one word of 2 MiB. Only then is its memory searched, in steps of under a millisecond; a nested page fault is
 * repeated until a page is found or all has been seen, other accesses wait for two steps.
 *
 * A frame is unmapped first, and then looked at again: no vCPU can write to it any more. Pinned frames stay.
 *
 * Lock: the domain's physmap lock. No pointer into guest memory lives across a step: physmap_frame() never comes here.
 */
#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <lib/assert.h>
#include <lib/printf.h>

#define STEP_FRAMES 2048u /* looked at in one step, or mappings and holes passed */
#define STEP_FOUND  64u
#define STEPS       2u /* for an access that cannot be repeated */

struct found {
    u32 nr, left; /* left: to be looked at */
    gfn_t g[STEP_FOUND];
    mfn_t m[STEP_FOUND];
    u32 order[STEP_FOUND];
};

/* The guest may write to it meanwhile. */
static bool is_zero(mfn_t m, u32 order)
{
    const volatile u64 *at = mfn_to_virt(m);

    for (u64 i = 0; i < (PAGE_SIZE / sizeof(u64)) << order; i += 4)
        if (at[i] | at[i + 1] | at[i + 2] | at[i + 3])
            return false;
    return true;
}

/* 2^order frames from g on become marked, if nobody has pinned them and there is a page for the table. */
static void take(struct domain *d, gfn_t g, mfn_t m, u32 order, struct found *found)
{
    struct np_table *np = &d->physmap.np;
    struct np_entry old;
    u64 marked;

    if (mm_any_pinned(m, order) || np_unmap(np, g, order, 1u << NP_RAM, &old))
        return;
    int rc = np_mark_pod(np, g, order, &marked); /* in the table that it was in */
    BUG_ON(rc != 0 || marked != BIT(order));
    d->physmap.pod.entries += marked;
    found->g[found->nr] = g;
    found->m[found->nr] = m;
    found->order[found->nr++] = order;
}

/* Looks at what is left of a mapping from frame g on. Returns where it came to. */
static u64 look_at(struct domain *d, u64 g, const struct np_entry *entry, struct found *found)
{
    u64 end = (g | (BIT(entry->order) - 1)) + 1;
    mfn_t m = entry->mfn;

    if (entry->order == ORDER_2M && IS_ALIGNED(g, BIT(ORDER_2M)) && is_zero(m, ORDER_2M)) {
        found->left -= MIN(found->left, (u32)BIT(ORDER_2M));
        take(d, gfn(g), m, ORDER_2M, found);
        return end;
    }
    for (; g < end && found->left && found->nr < STEP_FOUND; g++, m = mfn_add(m, 1), found->left--)
        if (is_zero(m, ORDER_4K))
            take(d, gfn(g), m, ORDER_4K, found);
    return g;
}

/* One step from where the last one ended. */
static void step(struct domain *d)
{
    struct pod *pod = &d->physmap.pod;
    struct found found;

    found.nr = 0;
    found.left = STEP_FRAMES;
    while (found.left && found.nr < STEP_FOUND) {
        struct np_entry entry = np_lookup(&d->physmap.np, gfn(pod->sweep_gfn));

        if (entry.type == NP_RAM &&
            entry.order <= ORDER_2M) { /* what is larger was not populated on demand */
            pod->sweep_gfn = look_at(d, pod->sweep_gfn, &entry, &found);
            continue;
        }
        found.left--;
        pod->sweep_gfn = (pod->sweep_gfn | (BIT(entry.order) - 1)) + 1;
        if (pod->sweep_gfn >= NP_GFN_LIMIT) {
            pod->sweep_gfn = 0;
            pod->nr_sweeps++;
        }
    }
    if (found.nr)
        sched_sync_domain(d);
    for (u32 i = 0; i < found.nr; i++) {
        if (is_zero(found.m[i], found.order[i])) {
            pod_push(pod, found.m[i], found.order[i]);
        } else {
            np_fill_pod(&d->physmap.np, found.g[i], found.m[i]);
            pod->entries -= BIT(found.order[i]);
        }
    }
}

/* It has taken less than a pass over all of the guest's memory to find nothing: there may be something. */
static bool may_have_more(const struct domain *d)
{
    const struct pod *pod = &d->physmap.pod;

    return pod->short_of == pod_no_memory && pod->nr_sweeps < 2 && !d->physmap.destroyed &&
           !__atomic_load_n(&d->shut_down, __ATOMIC_RELAXED);
}

bool pod_refill(struct domain *d, bool again)
{
    struct pod *pod = &d->physmap.pod;
    char why[96];

    if (likely(!__atomic_load_n(&pod->short_of, __ATOMIC_RELAXED)))
        return false;
    spin_lock(&d->physmap.lock);
    for (u32 i = 0; i < (again ? 1 : STEPS) && may_have_more(d); i++)
        step(d);
    const char *what = pod->short_of; /* NULL: something was found */
    if (what && again && may_have_more(d)) {
        __atomic_store_n(&pod->short_of, NULL, __ATOMIC_RELAXED);
        what = NULL;
    }
    spin_unlock(&d->physmap.lock);
    if (!what)
        return true;
    snprintf(why, sizeof(why), "it has touched more than its target: no %s for populate on demand", what);
    domain_crash(d, why);
    return false;
}
