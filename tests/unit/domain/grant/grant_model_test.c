/*
 * Random grants of three guests against the model of grant_model.h: maps, unmaps, copies, swaps and table sizes by
 * hypercall, while guests rewrite their entries, give up and populate pages, die and are created again. After each step
 * the entries with their marks, what is known of those in use, handles, maps, pins and pages are as the model has them.
 *
 * In some steps a guest writes to an entry, or gives up a page, in the middle of a call, at a random point where no lock
 * is held. Then all must be as if that had happened before the call, or after it.
 */
#include "grant_compare.h"
#include "grant_draw.h"

#define SEEDS 30u

/* How often each call has had each status: a run that does not come to all of them has not tested much. */
static const char *const call_name[] = {"map", "unmap", "copy", "swap", "setup", "decrease"};
static u32 seen[NR_CALLS][32], nr_zombies, nr_before, nr_after;

/* --- events --- */

static void write_word(struct grant_entry_v1 *at, struct grant_entry_v1 entry)
{
    u64 word;

    memcpy(&word, &entry, sizeof(word));
    __atomic_store_n((u64 *)(void *)at, word, __ATOMIC_SEQ_CST);
}

static void make_event(const struct event *e)
{
    u32 done;

    if (!e->give_up)
        write_word(entry_at(guest[e->domid], e->ref), e->entry);
    else
        physmap_give_up(guest[e->domid], &(gfn_t){slot_gfn(e->slot)}, 1, 1, &done);
}

static void model_event(struct model *m, const struct event *e)
{
    if (e->give_up)
        model_decrease(m, e->domid, e->slot);
    else
        m->guest[e->domid].entry[e->ref] = e->entry;
}

static struct event armed;
static u32 armed_in; /* unlocks; 0: it has happened, or there is none */
static void on_unlock(void)
{
    if (armed_in && --armed_in == 0)
        make_event(&armed);
}

/* --- calls --- */

static long grant_call(u32 cmd, u64 gva)
{
    on_last_unlock = armed_in ? on_unlock : NULL;
    long rc = hypercall(__HYPERVISOR_grant_table_op, cmd, gva, 1);
    on_last_unlock = NULL;
    return rc;
}

static void make_call(struct call_args *a)
{
    long rc = 0;

    call_from(a->by);
    switch (a->call) {
    case MAP:
        rc = grant_call(GNTTABOP_map_grant_ref, PUT(ARG, a->map));
        GET(ARG, a->map);
        a->status = a->map.status;
        break;
    case UNMAP:
        rc = grant_call(GNTTABOP_unmap_grant_ref, PUT(ARG, a->unmap));
        GET(ARG, a->unmap);
        a->status = a->unmap.status;
        break;
    case COPY:
        rc = grant_call(GNTTABOP_copy, PUT(ARG, a->copy));
        GET(ARG, a->copy);
        a->status = a->copy.status;
        break;
    case SWAP:
        rc = grant_call(GNTTABOP_swap_grant_ref, PUT(ARG, a->swap));
        GET(ARG, a->swap);
        a->status = a->swap.status;
        break;
    case SETUP:
        a->setup.frame_list = at(LIST);
        rc = grant_call(GNTTABOP_setup_table, PUT(ARG, a->setup));
        GET(ARG, a->setup);
        a->status = a->setup.status;
        break;
    default:
        put_frame(0, slot_gfn(a->slot));
        res = (struct xen_memory_reservation){.extent_start = at(LIST), .nr_extents = 1, .domid = DOMID_SELF};
        a->status = (s16)do_extents(XENMEM_decrease_reservation);
    }
    assert_int_equal(rc, 0);
}

static s16 model_call(struct model *m, const struct call_args *a)
{
    switch (a->call) {
    case MAP:
        return model_map(m, a->by, &a->map, a->map.handle);
    case UNMAP:
        return model_unmap(m, a->by, &a->unmap);
    case COPY:
        return model_copy(m, a->by, &a->copy);
    case SWAP:
        return model_swap(m, a->by, a->swap.ref_a, a->swap.ref_b);
    case SETUP:
        return model_setup(m, a->by, a->setup.dom, a->setup.nr_frames);
    default:
        return model_decrease(m, a->by, a->slot);
    }
}

/* --- steps --- */

static NORETURN void failed(const struct call_args *a, const char *what, s16 wanted)
{
    fprintf(stderr,
            "row %lld, %s by %u: status %d, the model says %d; not as the model has it: %s\n"
            "  map dom %u ref %u flags %#x addr %#llx handle %u; unmap handle %u addr %#llx\n",
            (long long)test_row, call_name[a->call], a->by, a->status, wanted,
            what ? what : "the status only", a->map.dom, a->map.ref, a->map.flags,
            (unsigned long long)a->map.host_addr, a->map.handle, a->unmap.handle,
            (unsigned long long)a->unmap.host_addr);
    fail();
}

static void must_agree(const struct call_args *a, s16 wanted)
{
    const char *what = differs(&now);

    if (what || a->status != wanted)
        failed(a, what, wanted);
}

/* With an event in the middle: before or after. */
static void must_agree_with(const struct call_args *a, const struct event *e)
{
    static struct model before;

    before = now;
    model_event(&before, e);
    if (a->status == model_call(&before, a) && !differs(&before)) {
        now = before;
        nr_before++;
        return;
    }
    s16 wanted = model_call(&now, a);
    model_event(&now, e);
    must_agree(a, wanted);
    nr_after++;
}

static void call_step(u16 by)
{
    struct call_args a = draw_call(by);
    u16 other = a.call == MAP ? a.map.dom : a.call == COPY ? a.copy.source.domid : by;
    u32 ref = ref_index(a.call == MAP ? a.map.ref : a.copy.source.u.ref);

    if (a.call == UNMAP && now.guest[by].mapping[a.unmap.handle % HANDLES].mapped) {
        other = now.guest[by].mapping[a.unmap.handle % HANDLES].granter;
        ref = now.guest[by].mapping[a.unmap.handle % HANDLES].ref;
    }
    bool event = a.call < SWAP && rng_draw(&rng, 4) == 0 && other - 1u < GUESTS && ref < REFS &&
                 draw_event(&armed, other, ref, false);
    armed_in = event ? 1 + rng_draw(&rng, 40) : 0;
    make_call(&a);
    if (armed_in) { /* it has not come yet */
        armed_in = 0;
        make_event(&armed);
    }
    if (event)
        must_agree_with(&a, &armed);
    else
        must_agree(&a, model_call(&now, &a));
    seen[a.call][a.status < 0 ? -a.status : a.status ? 31 : 0]++;
}

static void give_page(u16 id, u32 slot)
{
    u8 data[DATA_BYTES];
    mfn_t mfn = populate(guest[id], slot_gfn(slot), ORDER_4K);

    memset(data, (int)rng_draw(&rng, 256), sizeof(data));
    memcpy(mfn_to_virt(mfn), data, sizeof(data));
    model_populate(&now, id, slot, mfn, data);
}

static void born(u16 id)
{
    guest[id] = new_domain(id, 1);
    guest[id]->max_maptrack_frames = HANDLES / MAPPINGS_PER_PAGE;
    guest[id]->max_grant_frames = TABLE_MAX;
    call_from(id); /* its arguments' memory */
    model_born(&now, id);
    u32 nr_frames = rng_draw(&rng, TABLE_MAX + 1);
    if (nr_frames) {
        assert_int_equal(grant_set_frames(guest[id], nr_frames), 0);
        model_setup(&now, id, id, nr_frames);
    }
    for (u32 slot = 0; slot < RAM_SLOTS; slot++)
        give_page(id, slot);
}

static void populate_step(u16 id)
{
    for (u32 slot = 0; slot < RAM_SLOTS + 1; slot++)
        if (now.guest[id].slot[slot].page == NO_PAGE && rng_draw(&rng, 2))
            give_page(id, slot);
}

static void kill(u16 id)
{
    caller = dom0->vcpu[0];
    assert_int_equal(kill_all_steps(guest[id]), 0);
    model_kill(&now, id);
    nr_zombies += now.guest[id].exists;
    if (differs(&now)) {
        fprintf(stderr, "row %lld, the end of %u: %s\n", (long long)test_row, id, differs(&now));
        fail();
    }
}

static void step(void)
{
    u16 id = (u16)(1 + rng_draw(&rng, GUESTS));
    u32 kind = rng_draw(&rng, 1000);
    struct event e;

    if (!now.guest[id].exists)
        born(id);
    else if (!now.guest[id].alive)
        return;
    else if (kind < shape.deaths)
        kill(id);
    else if (kind < 60)
        populate_step(id);
    else if (kind < 250) {
        if (draw_event(&e, id, rng_draw(&rng, shape.nr_refs), true)) {
            make_event(&e);
            model_event(&now, &e);
        }
    } else
        call_step(id);
}

static void run(u64 seed)
{
    rng_seed(&rng, seed);
    now = (struct model){.nr_slots = shape.nr_slots, .guest[0] = {.exists = true, .alive = true}};
    for (u32 i = 0; i < shape.nr_steps; i++) {
        test_row = (s64)(seed * 1000000 + i);
        step();
    }
    for (u16 id = 1; id <= GUESTS; id++)
        if (now.guest[id].alive)
            kill(id);
    for (u16 id = 1; id <= GUESTS; id++)
        assert_false(exists(id));
    test_row = -1;
}

#define MODEL_TEST(name) TEST(name, .nodes = NR_NODES, .domains = 1, .setup = forget_seen)

static void forget_seen(void)
{
    memset(seen, 0, sizeof(seen));
    nr_zombies = nr_before = nr_after = model_full_uses = 0;
}

MODEL_TEST(grants_of_many_kinds)
{
    shape = (struct shape){
        .nr_slots = 24, .nr_refs = REFS, .nr_steps = 2500, .deaths = 4, .map_end = 50, .unmap_end = 75};
    for (u64 seed = 0; seed < SEEDS; seed++)
        run(seed);
    for (enum call call = MAP; call < SETUP; call++)
        assert_in_range(seen[call][0], 100, ~0u);
    static const s16 map[] = {GNTST_general_error, GNTST_bad_domain, GNTST_bad_gntref, GNTST_bad_page};
    static const s16 copy[] = {GNTST_general_error,     GNTST_bad_domain, GNTST_bad_gntref,
                               GNTST_permission_denied, GNTST_bad_page,   GNTST_bad_copy_arg};
    for (u32 i = 0; i < ARRAY_SIZE(map); i++)
        assert_in_range(seen[MAP][-map[i]], 20, ~0u);
    for (u32 i = 0; i < ARRAY_SIZE(copy); i++)
        assert_in_range(seen[COPY][-copy[i]], 10, ~0u);
    assert_in_range(seen[UNMAP][-GNTST_bad_handle], 20, ~0u);
    assert_in_range(seen[UNMAP][-GNTST_general_error], 20, ~0u);
    assert_in_range(seen[SWAP][-GNTST_eagain], 10, ~0u);
    assert_in_range(seen[SETUP][-GNTST_general_error], 10, ~0u);
    assert_in_range(seen[DECREASE][31], 20, ~0u);
    assert_in_range(nr_zombies, 10, ~0u);
    assert_in_range(nr_before, 100, ~0u);
    assert_in_range(nr_after, 100, ~0u);
}

/* Few deaths and many places, so that handles and the uses of an entry come to their limits. */
MODEL_TEST(grants_up_to_the_limits)
{
    for (u32 nr_refs = 1; nr_refs <= 2; nr_refs++) {
        shape = (struct shape){
            .nr_slots = SLOTS_MAX, .nr_refs = nr_refs, .nr_steps = 5000, .map_end = 86, .unmap_end = 88};
        run(100 + nr_refs);
    }
    assert_in_range(seen[MAP][-GNTST_no_space], 20, ~0u);
    assert_in_range(model_full_uses, 20, ~0u);
}
