/* Random steps for grant_model_test.c: what guests do, mostly by the rules. */
#ifndef TESTS_DOMAIN_GRANT_DRAW_H
#define TESTS_DOMAIN_GRANT_DRAW_H

#include "grant_model.h"

#include <tests/machine/random.h>

/* What a run is like. */
struct shape {
    u32 nr_slots, nr_refs;
    u32 nr_steps, deaths;   /* of 1000 steps */
    u32 map_end, unmap_end; /* of 100 calls: maps, and unmaps */
};
static struct shape shape;

static struct model now;
static struct rng rng;

enum call { MAP, UNMAP, COPY, SWAP, SETUP, DECREASE, NR_CALLS };
struct event { /* by a guest, between or in the middle of calls */
    u16 domid;
    bool give_up; /* the slot, else the entry is written */
    u32 slot, ref;
    struct grant_entry_v1 entry;
};

struct call_args {
    enum call call;
    u16 by;
    struct gnttab_map_grant_ref map;
    struct gnttab_unmap_grant_ref unmap;
    struct gnttab_copy copy;
    struct gnttab_swap_grant_ref swap;
    struct gnttab_setup_table setup;
    u32 slot; /* decrease */
    s16 status;
};

/* Mostly what a guest does, and sometimes anything. marks: it may write Homestead's bits too. */
static inline struct grant_entry_v1 draw_entry(bool marks)
{
    struct grant_entry_v1 entry = {.flags = GTF_permit_access,
                                   .domid = (u16)(1 + rng_draw(&rng, GUESTS)),
                                   .frame = (u32)slot_gfn(rng_draw(&rng, RAM_SLOTS))};
    u32 odd = rng_draw(&rng, 12);

    if (rng_draw(&rng, 3) == 0)
        entry.flags |= GTF_readonly;
    if (odd == 0)
        entry.flags = (u16)(rng_draw(&rng, 1u << 16) & ~(u32)(GTF_reading | GTF_writing));
    if (odd == 1)
        entry.frame = rng_draw(&rng, 2) ? 0xffffffff : 0x77;
    if (odd == 2)
        entry.flags |= GTF_sub_page;
    if (odd == 3)
        entry = (struct grant_entry_v1){0};
    if (odd == 4)
        entry.flags |= GTF_type_mask; /* transitive */
    if (marks && odd == 5)
        entry.flags |= GTF_reading | GTF_writing;
    return entry;
}

/* False: that guest cannot do anything. */
static inline bool draw_event(struct event *e, u16 domid, u32 ref, bool marks)
{
    const struct model_guest *g = &now.guest[domid];

    *e = (struct event){.domid = domid,
                        .give_up = !marks && rng_draw(&rng, 4) == 0,
                        .slot = rng_draw(&rng, RAM_SLOTS),
                        .ref = ref,
                        .entry = draw_entry(marks)};
    return g->alive && (e->give_up || ref_exists(g, ref));
}

static inline u16 draw_domid(void)
{
    static const u16 odd[] = {0, DOMID_SELF, 88, DOMID_INVALID, DOMID_IO};

    return rng_draw(&rng, 16) ? (u16)(1 + rng_draw(&rng, GUESTS)) : odd[rng_draw(&rng, ARRAY_SIZE(odd))];
}

static inline u32 draw_ref(void)
{
    static const u32 odd[] = {1024, 1u << 15, ~0u};

    return rng_draw(&rng, 40) ? ref_list[rng_draw(&rng, shape.nr_refs)]
                              : odd[rng_draw(&rng, ARRAY_SIZE(odd))];
}

/* Mostly one whose entry is for `by`. */
static inline u32 draw_ref_of(u16 granter, u16 by)
{
    u32 ref = draw_ref();

    for (u32 i = 0; i < 12 && granter <= GUESTS && rng_draw(&rng, 16); i++) {
        u32 at = ref_index(ref);
        const struct model_guest *g = &now.guest[granter];

        if (at < REFS && ref_exists(g, at) && g->entry[at].domid == by && g->entry[at].flags)
            break;
        ref = draw_ref();
    }
    return ref;
}

static inline u64 draw_addr(void)
{
    return slot_gfn(rng_draw(&rng, now.nr_slots)) << PAGE_SHIFT | rng_draw(&rng, PAGE_SIZE);
}

/* Mostly where nothing is. */
static inline u64 draw_place(const struct model_guest *g)
{
    u32 slot = RAM_SLOTS + rng_draw(&rng, now.nr_slots - RAM_SLOTS);

    if (rng_draw(&rng, 16) == 0)
        slot = rng_draw(&rng, now.nr_slots);
    for (u32 i = 0; rng_draw(&rng, 32) && i < now.nr_slots && g->slot[slot].page != NO_PAGE; i++)
        slot = (slot + 1) % now.nr_slots;
    return slot_gfn(slot) << PAGE_SHIFT | rng_draw(&rng, PAGE_SIZE);
}

static inline struct gnttab_map_grant_ref draw_map(u16 by)
{
    static const u32 odd[] = {0,
                              GNTMAP_readonly,
                              GNTMAP_device_map,
                              GNTMAP_host_map | GNTMAP_device_map,
                              GNTMAP_host_map | GNTMAP_application_map,
                              GNTMAP_host_map | GNTMAP_contains_pte,
                              GNTMAP_host_map | 1u << 16};
    u32 flags = GNTMAP_host_map | (rng_draw(&rng, 2) ? GNTMAP_readonly : 0);
    u16 granter = draw_domid();

    if (rng_draw(&rng, 30) == 0)
        flags = odd[rng_draw(&rng, ARRAY_SIZE(odd))];
    return (struct gnttab_map_grant_ref){.host_addr =
                                             rng_draw(&rng, 60) ? draw_place(&now.guest[by]) : 1ull << 48,
                                         .flags = flags,
                                         .ref = draw_ref_of(granter, by),
                                         .dom = granter,
                                         .status = 99,
                                         .handle = ~0u};
}

/* Mostly one of the caller's. */
static inline struct gnttab_unmap_grant_ref draw_unmap(const struct model_guest *g)
{
    u32 handle = rng_draw(&rng, HANDLES), odd = rng_draw(&rng, 24);

    for (u32 i = 0; i < HANDLES && !g->mapping[handle].mapped; i++)
        handle = (handle + 1) % HANDLES;
    u64 addr = slot_gfn(g->mapping[handle].slot) << PAGE_SHIFT;
    if (odd == 0)
        handle = rng_draw(&rng, 2) ? HANDLES + handle : ~0u;
    else if (odd < 3)
        addr = odd == 1 ? 0 : draw_addr();
    return (struct gnttab_unmap_grant_ref){addr, 0, handle, 99};
}

/* Within the bytes that are looked at, or beyond the page. */
static inline struct gnttab_copy draw_copy(u16 by)
{
    struct gnttab_copy copy = {.len = (u16)rng_draw(&rng, 16),
                               .flags = (u16)rng_draw(&rng, 4),
                               .status = 99,
                               .source = {.domid = DOMID_SELF, .offset = (u16)rng_draw(&rng, 16)},
                               .dest = {.domid = DOMID_SELF, .offset = (u16)rng_draw(&rng, 16)}};
    struct gnttab_copy_ptr *side[2] = {&copy.source, &copy.dest};

    for (u32 i = 0; i < 2; i++) {
        if (!(copy.flags & 1u << i)) {
            side[i]->u.gmfn = rng_draw(&rng, 12) ? slot_gfn(rng_draw(&rng, RAM_SLOTS + 2)) : ~0ull >> 12;
            if (rng_draw(&rng, 20) == 0)
                side[i]->domid = 1;
            continue;
        }
        side[i]->domid = draw_domid();
        side[i]->u.ref = draw_ref_of(side[i]->domid, by);
    }
    if (rng_draw(&rng, 8) == 0)
        side[rng_draw(&rng, 2)]->offset = (u16)(PAGE_SIZE + 1 - copy.len);
    return copy;
}

static inline struct call_args draw_call(u16 by)
{
    u32 kind = rng_draw(&rng, 100);
    struct call_args a = {.by = by,
                          .call = kind < shape.map_end     ? MAP
                                  : kind < shape.unmap_end ? UNMAP
                                  : kind < 90              ? COPY
                                  : kind < 94              ? SWAP
                                  : kind < 97              ? SETUP
                                                           : DECREASE};

    a.map = draw_map(by);
    a.unmap = draw_unmap(&now.guest[by]);
    a.copy = draw_copy(by);
    a.swap = (struct gnttab_swap_grant_ref){draw_ref(), draw_ref(), 99};
    a.setup = (struct gnttab_setup_table){.dom = rng_draw(&rng, 4) ? by : draw_domid(),
                                          .nr_frames = rng_draw(&rng, TABLE_MAX + 2),
                                          .status = 99};
    a.slot = rng_draw(&rng, now.nr_slots);
    return a;
}

#endif
