/*
 * What grants must be after each step, for grant_model_test.c: written from public/grant_table.h's protocol and from the
 * comments of domain/grant/grant.h, with arrays that are searched. Nothing of the product's is used here but the ABI.
 *
 * Guests 1 .. GUESTS grant and map each other's pages. Each has slots: guest frames with memory or a grant there, or
 * nothing. A page is a machine frame with an owner; it exists as long as it is in its owner's map or pinned by an entry
 * in use.
 *
 * model_map() and so on make a step, and return its status.
 *
 * lint: long: one model, whose steps share its state
 */
#ifndef TESTS_DOMAIN_GRANT_MODEL_H
#define TESTS_DOMAIN_GRANT_MODEL_H

#include <homestead/addr.h>
#include <string.h>
#include <xen/grant_table.h>

#define GUESTS      3u
#define SLOTS_MAX   272u
#define RAM_SLOTS   6u /* the first ones have memory at first */
#define RAM_GFN     0x100u
#define WINDOW_GFN  0x5000u
#define MODEL_PAGES 400u
#define DATA_BYTES  32u  /* of each page that are looked at */
#define HANDLES     256u /* that a guest can have at a time */
#define TABLE_MAX   2u   /* frames of a table */
#define FRAME_REFS  ((u32)(PAGE_SIZE / sizeof(struct grant_entry_v1)))
#define USES_MAX    0x80u /* of an entry, of each kind */

static const u32 ref_list[] = {0, 1, 7, 8, 9, 511, 512, 513, 1023};
#define REFS ((u32)ARRAY_SIZE(ref_list))

struct model_page {
    mfn_t mfn;
    u16 owner; /* domid, 0: no such page */
    bool in_map;
    u32 pins;
    u8 data[DATA_BYTES];
};

struct model_slot {
    u16 page; /* NO_PAGE: nothing */
    bool grant, readonly;
};
#define NO_PAGE 0xffffu

struct model_use {
    u16 by, page;
    u32 nr_read, nr_write;
};

struct model_mapping {
    bool mapped, readonly;
    u16 granter, page, slot;
    u32 ref; /* index in ref_list */
};

struct model_guest {
    bool exists, alive; /* only exists: dead, and somebody has pages of it */
    u32 nr_frames;      /* 0: no table */
    struct grant_entry_v1 entry[REFS];
    struct model_use use[REFS];
    struct model_slot slot[SLOTS_MAX];
    struct model_mapping mapping[HANDLES];
    u32 nr_mapped;
};

struct model {
    u32 nr_slots;
    struct model_guest guest[GUESTS + 1]; /* by domid; 0 is domain 0, which has no table */
    struct model_page page[MODEL_PAGES];
};

static u32 model_full_uses; /* maps and copies that USES_MAX refused */

static inline u64 slot_gfn(u32 slot)
{
    return slot < RAM_SLOTS ? RAM_GFN + slot : WINDOW_GFN + slot;
}

/* nr_slots: none is at g. */
static inline u32 gfn_slot(const struct model *m, u64 g)
{
    u32 slot = 0;

    while (slot < m->nr_slots && slot_gfn(slot) != g)
        slot++;
    return slot;
}

/* REFS: not one that the test uses. */
static inline u32 ref_index(u32 ref)
{
    u32 i = 0;

    while (i < REFS && ref_list[i] != ref)
        i++;
    return i;
}

static inline bool ref_exists(const struct model_guest *g, u32 i)
{
    return ref_list[i] / FRAME_REFS < g->nr_frames;
}

static inline struct model_guest *model_guest(struct model *m, u16 domid)
{
    return domid <= GUESTS && m->guest[domid].exists ? &m->guest[domid] : NULL;
}

static inline bool use_is_active(const struct model_use *use)
{
    return use->nr_read || use->nr_write;
}

static inline u32 model_nr_active(const struct model_guest *g)
{
    u32 nr = 0;

    for (u32 i = 0; i < REFS; i++)
        nr += use_is_active(&g->use[i]);
    return nr;
}

/* --- pages --- */

static inline void model_populate(struct model *m, u16 domid, u32 slot, mfn_t mfn, const u8 data[DATA_BYTES])
{
    u16 i = 0;

    while (m->page[i].owner)
        i++;
    m->page[i] = (struct model_page){.mfn = mfn, .owner = domid, .in_map = true};
    memcpy(m->page[i].data, data, DATA_BYTES);
    m->guest[domid].slot[slot] = (struct model_slot){.page = i};
}

static inline void page_check_gone(struct model *m, u16 page)
{
    if (!m->page[page].in_map && !m->page[page].pins)
        m->page[page].owner = 0;
}

/* The memory at a slot leaves the map. */
static inline void model_drop(struct model *m, u16 domid, u32 slot)
{
    struct model_slot *at = &m->guest[domid].slot[slot];
    u16 page = at->page;

    m->page[page].in_map = false;
    *at = (struct model_slot){.page = NO_PAGE};
    page_check_gone(m, page);
}

/* XENMEM_decrease_reservation of a slot: how many extents. */
static inline s16 model_decrease(struct model *m, u16 domid, u32 slot)
{
    const struct model_slot *at = &m->guest[domid].slot[slot];

    if (!m->guest[domid].alive || at->page == NO_PAGE || at->grant)
        return 0;
    model_drop(m, domid, slot);
    return 1;
}

/* --- an entry's use --- */

static inline void clear_marks(struct grant_entry_v1 *entry, const struct model_use *use, bool readonly)
{
    if (!readonly && !use->nr_write)
        entry->flags &= (u16)~GTF_writing;
    if (!use_is_active(use))
        entry->flags &= (u16)~GTF_reading;
}

static inline s16 use_begin(struct model *m, u16 granter, u32 ref, u16 by, bool readonly, bool map, u16 *page)
{
    struct model_guest *g = &m->guest[granter];
    u32 i = ref_index(ref);

    if (ref >= (g->nr_frames ? g->nr_frames : 1) * FRAME_REFS)
        return GNTST_bad_gntref;
    if (!g->nr_frames)
        return GNTST_general_error;
    struct grant_entry_v1 *entry = &g->entry[i];
    struct model_use *use = &g->use[i];
    if (use_is_active(use)) {
        if ((readonly ? use->nr_read : use->nr_write) == USES_MAX) {
            model_full_uses++;
            return GNTST_general_error;
        }
        if (use->by != by)
            return GNTST_general_error;
        if (!readonly && !use->nr_write) { /* the first one that writes */
            if (entry->flags & GTF_readonly)
                return GNTST_general_error;
            entry->flags |= GTF_reading | GTF_writing;
        }
    } else {
        bool whole = !(entry->flags & GTF_sub_page) || !map;

        if ((entry->flags & GTF_type_mask) != GTF_permit_access || !whole || entry->domid != by ||
            (!readonly && (entry->flags & GTF_readonly)))
            return GNTST_general_error;
        entry->flags |= readonly ? GTF_reading : GTF_reading | GTF_writing;
        u32 slot = gfn_slot(m, entry->frame);
        if (!g->alive || slot == m->nr_slots || g->slot[slot].page == NO_PAGE || g->slot[slot].grant) {
            clear_marks(entry, use, readonly);
            return GNTST_bad_page;
        }
        use->by = by;
        use->page = g->slot[slot].page;
        m->page[use->page].pins++;
    }
    ++*(readonly ? &use->nr_read : &use->nr_write);
    *page = use->page;
    return GNTST_okay;
}

static inline void guest_check_gone(struct model_guest *g)
{
    if (!g->alive && !model_nr_active(g))
        g->exists = false;
}

static inline void use_end(struct model *m, u16 granter, u32 ref, bool readonly)
{
    struct model_guest *g = &m->guest[granter];
    u32 i = ref_index(ref);
    struct model_use *use = &g->use[i];

    --*(readonly ? &use->nr_read : &use->nr_write);
    clear_marks(&g->entry[i], use, readonly);
    if (use_is_active(use))
        return;
    m->page[use->page].pins--;
    page_check_gone(m, use->page);
    guest_check_gone(g);
}

/* --- calls --- */

/* handle: what the call has returned. One that is not free is a wrong status, 99. */
static inline s16 model_map(struct model *m, u16 by, const struct gnttab_map_grant_ref *op, u32 handle)
{
    struct model_guest *d = &m->guest[by];
    bool readonly = op->flags & GNTMAP_readonly;
    u32 slot = gfn_slot(m, op->host_addr >> PAGE_SHIFT);
    u16 page;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return GNTST_bad_gntref;
    if (op->flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte))
        return GNTST_general_error;
    if (!model_guest(m, op->dom))
        return GNTST_bad_domain;
    if (d->nr_mapped == HANDLES)
        return GNTST_no_space;
    s16 status = use_begin(m, op->dom, op->ref, by, readonly, true, &page);
    if (status)
        return status;
    if ((op->flags & ~(u32)GNTMAP_readonly) != GNTMAP_host_map || slot == m->nr_slots ||
        d->slot[slot].grant) {
        use_end(m, op->dom, op->ref, readonly);
        return GNTST_general_error;
    }
    if (handle >= HANDLES || d->mapping[handle].mapped)
        return 99;
    if (d->slot[slot].page != NO_PAGE)
        model_drop(m, by, slot);
    d->slot[slot] = (struct model_slot){page, true, readonly};
    d->mapping[handle] = (struct model_mapping){true, readonly, op->dom, page, (u16)slot, ref_index(op->ref)};
    d->nr_mapped++;
    return GNTST_okay;
}

static inline void end_mapping(struct model *m, u16 by, u32 handle)
{
    struct model_guest *d = &m->guest[by];
    struct model_mapping *mapping = &d->mapping[handle];

    mapping->mapped = false;
    d->nr_mapped--;
    d->slot[mapping->slot] = (struct model_slot){.page = NO_PAGE};
    use_end(m, mapping->granter, ref_list[mapping->ref], mapping->readonly);
}

static inline s16 model_unmap(struct model *m, u16 by, const struct gnttab_unmap_grant_ref *op)
{
    const struct model_mapping *mapping = &m->guest[by].mapping[op->handle % HANDLES];

    if (op->handle >= HANDLES || !mapping->mapped)
        return GNTST_bad_handle;
    if (op->host_addr && op->host_addr >> PAGE_SHIFT != slot_gfn(mapping->slot))
        return GNTST_general_error;
    if (op->host_addr)
        end_mapping(m, by, op->handle);
    return GNTST_okay;
}

static inline s16 copy_side(struct model *m, u16 by, const struct gnttab_copy_ptr *ptr, bool by_ref,
                            bool readonly, u16 *page)
{
    if (by_ref)
        return use_begin(m, ptr->domid == DOMID_SELF ? by : ptr->domid, ptr->u.ref, by, readonly, false,
                         page);
    u32 slot = gfn_slot(m, ptr->u.gmfn);
    if (slot == m->nr_slots || m->guest[by].slot[slot].page == NO_PAGE || m->guest[by].slot[slot].grant)
        return GNTST_bad_page;
    *page = m->guest[by].slot[slot].page;
    return GNTST_okay;
}

static inline s16 copy_domain(struct model *m, const struct gnttab_copy_ptr *ptr, bool by_ref)
{
    if (ptr->domid == DOMID_SELF)
        return GNTST_okay;
    return !by_ref ? GNTST_permission_denied : model_guest(m, ptr->domid) ? GNTST_okay : GNTST_bad_domain;
}

static inline s16 model_copy(struct model *m, u16 by, const struct gnttab_copy *op)
{
    bool from_ref = op->flags & GNTCOPY_source_gref, to_ref = op->flags & GNTCOPY_dest_gref;
    u16 from_dom = op->source.domid == DOMID_SELF ? by : op->source.domid;
    u16 to_dom = op->dest.domid == DOMID_SELF ? by : op->dest.domid;
    u16 from, to;

    s16 status = copy_domain(m, &op->source, from_ref);
    if (!status)
        status = copy_domain(m, &op->dest, to_ref);
    if (!status)
        status = copy_side(m, by, &op->source, from_ref, true, &from);
    if (status)
        return status;
    status = copy_side(m, by, &op->dest, to_ref, false, &to);
    if (!status) {
        if (op->source.offset + op->len > (int)PAGE_SIZE || op->dest.offset + op->len > (int)PAGE_SIZE)
            status = GNTST_bad_copy_arg;
        else
            memmove(m->page[to].data + op->dest.offset, m->page[from].data + op->source.offset, op->len);
        if (to_ref)
            use_end(m, to_dom, op->dest.u.ref, false);
    }
    if (from_ref)
        use_end(m, from_dom, op->source.u.ref, true);
    return status;
}

static inline s16 model_swap(struct model *m, u16 by, u32 ref_a, u32 ref_b)
{
    struct model_guest *d = &m->guest[by];
    u32 end = (d->nr_frames ? d->nr_frames : 1) * FRAME_REFS;
    u32 a = ref_index(ref_a), b = ref_index(ref_b);

    if (ref_a >= end || ref_b >= end)
        return GNTST_bad_gntref;
    if (!d->nr_frames || a == b)
        return GNTST_okay;
    if (use_is_active(&d->use[a]) || use_is_active(&d->use[b]))
        return GNTST_eagain;
    struct grant_entry_v1 was = d->entry[a];
    d->entry[a] = d->entry[b];
    d->entry[b] = was;
    return GNTST_okay;
}

static inline s16 model_setup(struct model *m, u16 by, u16 domid, u32 nr)
{
    struct model_guest *d = &m->guest[by];

    if (domid != DOMID_SELF && domid != by)
        return model_guest(m, domid) ? GNTST_permission_denied : GNTST_bad_domain;
    if (nr > TABLE_MAX)
        return GNTST_general_error;
    if (d->nr_frames < nr || !d->nr_frames)
        d->nr_frames = nr ? nr : 1;
    return GNTST_okay;
}

/* --- lives --- */

static inline void model_born(struct model *m, u16 domid)
{
    m->guest[domid] = (struct model_guest){.exists = true, .alive = true};
    for (u32 i = 0; i < SLOTS_MAX; i++)
        m->guest[domid].slot[i].page = NO_PAGE;
}

static inline void model_kill(struct model *m, u16 domid)
{
    struct model_guest *d = &m->guest[domid];

    d->alive = false;
    for (u32 i = 0; i < m->nr_slots; i++)
        if (d->slot[i].page != NO_PAGE && !d->slot[i].grant)
            model_drop(m, domid, i);
    for (u32 i = 0; i < HANDLES; i++)
        if (d->mapping[i].mapped)
            end_mapping(m, domid, i);
    guest_check_gone(d);
}

#endif
