/* The product's grants against the model of grant_model.h, for grant_model_test.c: differs() says what is not the same. */
#ifndef TESTS_DOMAIN_GRANT_COMPARE_H
#define TESTS_DOMAIN_GRANT_COMPARE_H

#include "grant_model.h"

#include <tests/unit/hypercall/calls.h>

#include <domain/grant/entry.h>
#include <mm/region.h>

static struct domain *guest[GUESTS + 1]; /* by domid */

static inline struct grant_entry_v1 *entry_at(const struct domain *d, u32 i)
{
    struct grant_entry_v1 *frame = mfn_to_virt(d->grants->frame[ref_list[i] / GRANTS_PER_FRAME]);

    return &frame[ref_list[i] % GRANTS_PER_FRAME];
}

static inline const char *table_differs(const struct model *m, const struct domain *d,
                                        const struct model_guest *g)
{
    if ((d->grants ? d->grants->nr_frames : 0) != g->nr_frames)
        return "frames of the table";
    for (u32 i = 0; i < REFS && ref_exists(g, i); i++) {
        const struct grant_entry_v1 *entry = entry_at(d, i);
        const struct model_use *use = &g->use[i];
        const struct grant_active *page = mfn_to_virt(d->grants->active[ref_list[i] / ACTIVES_PER_PAGE]);
        const struct grant_active *a = &page[ref_list[i] % ACTIVES_PER_PAGE];

        if (memcmp(entry, &g->entry[i], sizeof(*entry)))
            return "an entry";
        if (a->nr_read != use->nr_read || a->nr_write != use->nr_write)
            return "the uses of an entry";
        if (use_is_active(use) && (a->domid != use->by || a->frame.n != m->page[use->page].mfn.n))
            return "who uses an entry, or its frame";
    }
    if (d->grants && d->grants->nr_active != model_nr_active(g))
        return "entries in use";
    return NULL;
}

static inline struct mapping peek(const struct domain *d, u32 handle)
{
    if (handle / MAPPINGS_PER_PAGE >= d->maptrack.nr_pages)
        return (struct mapping){.state = MAPTRACK_FREE};
    const mfn_t *directory = mfn_to_virt(d->maptrack.directory[0]);
    const struct mapping *page = mfn_to_virt(directory[handle / MAPPINGS_PER_PAGE]);
    return page[handle % MAPPINGS_PER_PAGE];
}

static inline const char *handles_differ(const struct model *m, struct domain *d, const struct model_guest *g)
{
    for (u32 handle = 0; handle < HANDLES; handle++) {
        const struct model_mapping *is = &g->mapping[handle];
        struct mapping mapping = peek(d, handle);
        bool mapped = mapping.state == MAPTRACK_MAPPED;

        if (mapped != is->mapped)
            return "whether a handle is in use";
        if (mapped && (mapping.mfn != m->page[is->page].mfn.n || mapping.domid != is->granter ||
                       mapping.gfn != slot_gfn(is->slot) || mapping.ref != ref_list[is->ref] ||
                       mapping.readonly != is->readonly))
            return "what a handle has";
    }
    return NULL;
}

static inline const char *map_differs(const struct model *m, struct domain *d, const struct model_guest *g)
{
    u64 nr_grants = 0;

    for (u32 i = 0; i < m->nr_slots; i++) {
        const struct model_slot *slot = &g->slot[i];
        struct np_entry is = physmap_lookup(d, gfn(slot_gfn(i)));
        enum np_type type = slot->page == NO_PAGE ? NP_NONE
                            : !slot->grant        ? NP_RAM
                            : slot->readonly      ? NP_GRANT_RO
                                                  : NP_GRANT;
        if (is.type != type)
            return "the type of what is mapped";
        if (type != NP_NONE && is.mfn.n != m->page[slot->page].mfn.n)
            return "the frame that is mapped";
        nr_grants += slot->page != NO_PAGE && slot->grant;
    }
    return d->physmap.nr_grants == nr_grants && g->nr_mapped == nr_grants ? NULL : "grants that are mapped";
}

static inline const char *pages_differ(const struct model *m)
{
    u64 pages[GUESTS + 1] = {0};

    for (u32 i = 0; i < MODEL_PAGES; i++) {
        const struct model_page *page = &m->page[i];
        struct place p;

        if (!page->owner)
            continue;
        pages[page->owner]++;
        BUG_ON(!place_lock(&p, page->mfn));
        u64 pins = frame_pins(p.word);
        spin_unlock(&p.node->lock);
        if (pins != page->pins || p.owner != page->owner)
            return "the pins or the owner of a page";
        if (memcmp(mfn_to_virt(page->mfn), page->data, DATA_BYTES))
            return "the bytes of a page";
    }
    for (u16 id = 1; id <= GUESTS; id++) {
        u64 args = m->guest[id].alive ? GUEST_BYTES >> PAGE_SHIFT : 0;

        if (m->guest[id].exists && guest[id]->mem.tot_pages != pages[id] + args)
            return "the pages of a guest";
    }
    return NULL;
}

static inline const char *differs(const struct model *m)
{
    const char *what = NULL;

    for (u16 id = 1; id <= GUESTS; id++) {
        const struct model_guest *g = &m->guest[id];

        if (exists(id) != g->exists)
            return "which guests there are";
        if (g->exists)
            what = table_differs(m, guest[id], g);
        if (!what && g->alive)
            what = map_differs(m, guest[id], g) ?: handles_differ(m, guest[id], g);
        if (what)
            return what;
    }
    return pages_differ(m);
}

#endif
