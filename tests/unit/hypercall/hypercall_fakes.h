/*
 * Fakes of what a vCPU does, of domain/physmap/physmap.h and of domain/evtchn/evtchn.h for the hypercall tests: a list of
 * mappings, a note of the last event operation with an answer to choose. Part of hypercall_harness.h.
 */
#ifndef TESTS_HYPERCALL_FAKES_H
#define TESTS_HYPERCALL_FAKES_H

/* --- vCPUs and the scheduler --- */
static u8 last_shutdown;
void domain_shutdown(struct domain *d, u8 code)
{
    d->shut_down = true;
    last_shutdown = code;
}
void vcpu_offline(struct vcpu *v)
{
    v->state = VCPU_OFFLINE;
}
void vcpu_start(struct vcpu *v)
{
    v->state = VCPU_RUNNABLE;
}
void vcpu_down(struct vcpu *v)
{
    v->state = VCPU_OFFLINE;
}
void vcpu_set_upcall_vector(struct vcpu *v, u8 vector)
{
    v->upcall_vector = vector;
}
static u64 registered_gfn, registered_offset;
int vcpu_register_info(struct vcpu *v, gfn_t g, u32 offset)
{
    (void)v;
    registered_gfn = g.n;
    registered_offset = offset;
    return 0;
}
void vcpu_online(struct vcpu *v)
{
    v->initialised = true;
    v->state = VCPU_RUNNABLE;
}
void vcpu_block(struct vcpu *v)
{
    v->state = VCPU_BLOCKED;
}
void vcpu_wake(struct vcpu *v)
{
    v->poll_any = false;
    v->state = VCPU_RUNNABLE;
}
u64 vcpu_run_ns(struct vcpu *v)
{
    return v->run_ns;
}
bool sched_should_yield(void)
{
    if (!yield_every || ++yield_count < yield_every)
        return false;
    yield_count = 0;
    return true;
}
static u32 yields;
void sched_get_affinity(const struct vcpu *v, u64 *hard, u64 *soft)
{
    memcpy(hard, v->hard_affinity, sizeof(v->hard_affinity));
    memcpy(soft, v->soft_affinity, sizeof(v->soft_affinity));
}
void sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft)
{
    memcpy(v->hard_affinity, hard, sizeof(v->hard_affinity));
    memcpy(v->soft_affinity, soft, sizeof(v->soft_affinity));
}
bool sched_is_placed(struct vcpu *v)
{
    (void)v;
    return true;
}
static u32 nr_home_updates;
void sched_update_home(struct domain *d)
{
    (void)d;
    nr_home_updates++;
}
void sched_yield_current(void)
{
    yields++;
}

/* --- physmap: a list of mappings per machine, for whichever domain --- */
static struct mapping {
    struct domain *d;
    u64 g, m;
    u32 order;
    enum np_type type;
} mappings[8192];
static u32 nr_mappings;
static u32 place_fails_at; /* that many physmap_place() succeed, then one fails; ~0: none */

static inline struct mapping *find_mapping(struct domain *d, u64 g)
{
    for (u32 i = 0; i < nr_mappings; i++)
        if (mappings[i].d == d && g >= mappings[i].g && g - mappings[i].g < BIT(mappings[i].order))
            return &mappings[i];
    return NULL;
}
struct np_entry physmap_lookup(struct domain *d, gfn_t g)
{
    const struct mapping *found = find_mapping(d, g.n);

    if (!found)
        return (struct np_entry){.type = NP_NONE, .order = 0};
    return (struct np_entry){
        .type = found->type, .order = found->order, .mfn = mfn(found->m + (g.n - found->g))};
}
/* Mappings go as a whole or, in the tests, are never split. */
int physmap_remove(struct domain *d, gfn_t g, u32 order, bool release)
{
    for (u64 n = g.n; n < g.n + BIT(order); n++) {
        struct mapping *found = find_mapping(d, n);

        if (!found)
            continue;
        assert_true(found->order <= order);
        if (found->type == NP_RAM && release)
            assert_int_equal(release_range(&d->mem, mfn(found->m), found->order), 0);
        *found = mappings[--nr_mappings];
    }
    return 0;
}
int physmap_place(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type)
{
    if (g.n >= NP_GFN_LIMIT)
        return -EINVAL;
    if (place_fails_at == 0)
        return -ENOMEM;
    place_fails_at -= place_fails_at != ~0u;
    assert_true(IS_ALIGNED(g.n, BIT(order)));
    physmap_remove(d, g, order, true);
    assert_true(nr_mappings < ARRAY_SIZE(mappings));
    mappings[nr_mappings++] = (struct mapping){d, g.n, m.n, order, type};
    return 0;
}
static u32 place_at_most = ~0u; /* physmap_place_many() does no more in one call: replacing took its time */
int physmap_place_many(struct domain *d, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, u32 *done)
{
    int rc = 0;

    assert_true(nr > 0 && nr <= MM_TAKE_MAX);
    for (*done = 0; *done < MIN(nr, place_at_most) && !rc;) {
        rc = physmap_place(d, g[*done], m[*done], order, NP_RAM);
        *done += !rc;
    }
    return rc;
}
int physmap_place_unaligned(struct domain *d, gfn_t g, mfn_t m, u32 order)
{
    u32 piece = (u32)__builtin_ctzll(g.n);

    if (g.n >= NP_GFN_LIMIT || NP_GFN_LIMIT - g.n < BIT(order) || BIT(order - piece) > PHYSMAP_PIECES_MAX)
        return -EINVAL;
    for (u64 done = 0; done < BIT(order); done += BIT(piece)) {
        if (!physmap_place(d, gfn_add(g, done), mfn_add(m, done), piece, NP_RAM))
            continue;
        for (u64 undone = 0; undone < done; undone += BIT(piece))
            physmap_remove(d, gfn_add(g, undone), piece, false);
        return -ENOMEM;
    }
    return 0;
}
static u32 room_calls; /* so many calls of physmap_make_room() say that there is more */
bool physmap_make_room(struct domain *d, gfn_t g, u64 nr_frames)
{
    (void)d;
    (void)g;
    (void)nr_frames;
    return room_calls && room_calls--;
}
int physmap_give_up(struct domain *d, const gfn_t *g, u64 nr_frames, u32 nr, u32 *done)
{
    for (*done = 0; *done < nr; ++*done) {
        for (u64 i = 0; i < nr_frames; i++) {
            const struct mapping *found = find_mapping(d, g[*done].n + i);

            if (!found || found->type == NP_FOREIGN)
                return -EINVAL;
        }
        for (u64 i = 0; i < nr_frames; i++)
            if (find_mapping(d, g[*done].n + i))
                physmap_remove(d, gfn_add(g[*done], i), find_mapping(d, g[*done].n + i)->order, true);
    }
    return 0;
}
int physmap_map_foreign(struct domain *d, gfn_t g, struct domain *src, gfn_t src_gfn)
{
    const struct mapping *from = find_mapping(src, src_gfn.n);

    if (!from || from->type != NP_RAM)
        return -EINVAL;
    return physmap_place(d, g, mfn(from->m), 0, NP_FOREIGN);
}
static u64 pool_limit = ~0ull;
int physmap_set_pool(struct domain *d, u64 pages)
{
    if (pages > pool_limit)
        return -ENOMEM;
    d->physmap.pool_pages = pages;
    return 0;
}
void *physmap_frame(struct domain *d, u64 gaddr)
{
    (void)d;
    return guest + (gaddr & PAGE_MASK);
}
int physmap_write(struct domain *d, u64 gaddr, const void *src, u64 len)
{
    (void)d;
    memcpy(guest + gaddr, src, len);
    return 0;
}

/* --- events: what was asked, and what is answered --- */
static struct {
    char name[24];
    struct domain *d;
    u32 a, b, c;
    u32 closed;
} event;
static int event_result;
static u32 event_port;
static bool event_port_set;
static u32 event_port_late; /* so many questions are answered "not pending" first */

static inline int event_call(const char *name, struct domain *d, u32 a, u32 b, u32 c, u32 *port)
{
    snprintf(event.name, sizeof(event.name), "%s", name);
    event.d = d;
    event.a = a;
    event.b = b;
    event.c = c;
    if (!event_result && port)
        *port = event_port;
    return event_result;
}
int evtchn_alloc_unbound(struct domain *d, u16 remote, u32 *port)
{
    return event_call("alloc_unbound", d, remote, 0, 0, port);
}
int evtchn_bind_interdomain(struct domain *d, u16 remote, u32 remote_port, u32 vcpu_id, u32 *port)
{
    return event_call("bind_interdomain", d, remote, remote_port, vcpu_id, port);
}
int evtchn_bind_virq(struct domain *d, u32 virq, u32 vcpu_id, u32 *port)
{
    return event_call("bind_virq", d, virq, vcpu_id, 0, port);
}
int evtchn_bind_ipi(struct domain *d, u32 vcpu_id, u32 *port)
{
    return event_call("bind_ipi", d, vcpu_id, 0, 0, port);
}
int evtchn_close(struct domain *d, u32 port)
{
    event.closed++;
    return event_call("close", d, port, 0, 0, NULL);
}
int evtchn_send(struct domain *d, u32 port)
{
    return event_call("send", d, port, 0, 0, NULL);
}
int evtchn_status(struct domain *d, u32 port, struct evtchn_status *out)
{
    *out = (struct evtchn_status){.status = 2, .vcpu = 1, .u.interdomain = {.dom = 5, .port = 77}};
    return event_call("status", d, port, 0, 0, NULL);
}
int evtchn_bind_vcpu(struct domain *d, u32 port, u32 vcpu_id)
{
    return event_call("bind_vcpu", d, port, vcpu_id, 0, NULL);
}
int evtchn_unmask(struct domain *d, u32 port)
{
    return event_call("unmask", d, port, 0, 0, NULL);
}
bool evtchn_port_pending(struct domain *d, u32 port)
{
    (void)d;
    (void)port;
    if (event_port_late) {
        event_port_late--;
        return false;
    }
    return event_port_set;
}

#endif
