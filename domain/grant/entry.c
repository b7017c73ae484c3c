/*
 * Grant entries and their use: public/grant_table.h's protocol, Homestead's side. The first access of an entry sets
 * GTF_reading, and the first one that writes GTF_writing, by a compare-and-exchange of flags and domid together: it
 * fails if the guest revokes the entry at the same time, and the guest's fails afterwards. Only then is the frame read,
 * once; the guest does not change it while the marks are set. If it does, later accesses still get the frame that is
 * pinned. The last access clears the marks, after which the guest may use its page for something else.
 *
 * The compare-and-exchange is tried a few times only: a guest can change its flags faster than they can be read.
 */
#include <domain/grant/entry.h>

#include <domain/internal.h>
#include <lib/assert.h>

#define TRIES    5u
#define USES_MAX 0x80u /* of each kind; Xen's limit */

static struct grant_entry_v1 *entry_of(const struct grant_table *table, u32 ref)
{
    struct grant_entry_v1 *frame = mfn_to_virt(table->frame[ref / GRANTS_PER_FRAME]);

    return &frame[ref % GRANTS_PER_FRAME];
}

static struct grant_active *active_of(const struct grant_table *table, u32 ref)
{
    struct grant_active *page = mfn_to_virt(table->active[ref / ACTIVES_PER_PAGE]);

    return &page[ref % ACTIVES_PER_PAGE];
}

static bool in_use(const struct grant_active *a)
{
    return a->nr_read || a->nr_write;
}

/* Marks the entry; its flags and domid are one word. used: it is in use, so who may and what it is have been seen. */
static s16 mark(struct grant_entry_v1 *entry, bool used, const struct grant_use *use)
{
    u32 *word = (u32 *)(void *)entry;
    u32 seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    u16 kind = GTF_type_mask | (use->map ? GTF_sub_page : 0);

    for (u32 tries = 0; tries < TRIES; tries++) {
        if (!used && ((seen & kind) != GTF_permit_access || seen >> 16 != use->by))
            return GNTST_general_error;
        if (!use->readonly && (seen & GTF_readonly))
            return GNTST_general_error;
        u32 marked = seen | GTF_reading | (use->readonly ? 0 : GTF_writing);
        if (__atomic_compare_exchange_n(word, &seen, marked, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return GNTST_okay;
        }
    }
    return GNTST_general_error;
}

/* What is no longer so of an access of that kind. */
static void unmark(struct grant_entry_v1 *entry, const struct grant_active *a, bool readonly)
{
    u16 gone = !readonly && !a->nr_write ? GTF_writing : 0;

    if (!in_use(a))
        gone |= GTF_reading;
    if (gone)
        __atomic_and_fetch(&entry->flags, (u16)~gone, __ATOMIC_SEQ_CST);
}

/* Grant lock held. */
static s16 begin(struct domain *granter, struct grant_use *use)
{
    struct grant_table *table = granter->grants;

    if (use->ref / GRANTS_PER_FRAME >= (table ? table->nr_frames : 1))
        return GNTST_bad_gntref;
    if (!table)
        return GNTST_general_error; /* the first frame would be empty */
    struct grant_entry_v1 *entry = entry_of(table, use->ref);
    struct grant_active *a = active_of(table, use->ref);
    bool used = in_use(a);
    if (used && (a->domid != use->by || (use->readonly ? a->nr_read : a->nr_write) == USES_MAX))
        return GNTST_general_error;
    if (!used || (!use->readonly && !a->nr_write)) {
        s16 status = mark(entry, used, use);

        if (status)
            return status;
        if (!used &&
            physmap_pin_now(granter, gfn(__atomic_load_n(&entry->frame, __ATOMIC_SEQ_CST)), &a->frame)) {
            unmark(entry, a, use->readonly);
            return GNTST_bad_page;
        }
    }
    a->domid = use->by;
    ++*(use->readonly ? &a->nr_read : &a->nr_write);
    table->nr_active += !used;
    use->frame = a->frame;
    return GNTST_okay;
}

s16 grant_use_begin(struct domain *granter, struct grant_use *use)
{
    for (u32 i = 0;; i++) {
        spin_lock(&granter->grant_lock);
        s16 status = begin(granter, use);
        spin_unlock(&granter->grant_lock);
        if (likely(status != GNTST_bad_page) || i == POD_ATTEMPTS || !pod_refill(granter, false))
            return status;
    }
}

void grant_use_end(struct domain *granter, const struct grant_use *use)
{
    spin_lock(&granter->grant_lock);
    struct grant_table *table = granter->grants;
    struct grant_active *a = active_of(table, use->ref); /* which keeps the table */
    BUG_ON(a->domid != use->by || !(use->readonly ? a->nr_read : a->nr_write));
    --*(use->readonly ? &a->nr_read : &a->nr_write);
    unmark(entry_of(table, use->ref), a, use->readonly);
    bool last = !in_use(a);
    mfn_t frame = a->frame;
    table->nr_active -= last;
    spin_unlock(&granter->grant_lock);
    if (last)
        physmap_unpin(granter, frame);
}

s16 grant_swap(struct domain *d, u32 ref_a, u32 ref_b)
{
    s16 status = GNTST_okay;

    spin_lock(&d->grant_lock);
    const struct grant_table *table = d->grants;
    u32 nr = (table ? table->nr_frames : 1) * GRANTS_PER_FRAME;
    if (ref_a >= nr || ref_b >= nr) {
        status = GNTST_bad_gntref;
    } else if (table && ref_a != ref_b) {
        if (in_use(active_of(table, ref_a)) || in_use(active_of(table, ref_b))) {
            status = GNTST_eagain;
        } else {
            u64 *a = (u64 *)(void *)entry_of(table, ref_a), *b = (u64 *)(void *)entry_of(table, ref_b);
            u64 was = __atomic_load_n(a, __ATOMIC_SEQ_CST);

            __atomic_store_n(a, __atomic_load_n(b, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
            __atomic_store_n(b, was, __ATOMIC_SEQ_CST);
        }
    }
    spin_unlock(&d->grant_lock);
    return status;
}
