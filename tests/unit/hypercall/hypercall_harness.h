/*
 * A machine for the hypercall tests: the real hypercall/ and mm/ on three nodes of 16 MiB, with fakes for
 * what is below them in domain/ and arch/. Domain 0 has one vCPU that makes the calls; a megabyte of memory
 * at GUEST_BASE is all it can address. One test program includes it once.
 */
#ifndef TESTS_HYPERCALL_HARNESS_H
#define TESTS_HYPERCALL_HARNESS_H

/* The accounts are the domains' own: mm_harness.h's way of finding one gets another name. */
#include <mm/account.h>
#define mem_account_find unused_account_find
struct mem_account *unused_account_find(u16 domid);
#include <tests/unit/hypercall/mm_harness.h>
#undef mem_account_find

#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/hvm/guest_walk.h>
#include <domain/domain.h>
#include <domain/exit.h>
#include <homestead/topology.h>
#include <hypercall/hypercall.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

#define NODE_PAGES 4096u
#define NR_NODES   3u
#ifndef GUEST_BASE /* a test of 32-bit callers wants it lower */
#define GUEST_BASE 0x7f0000100000ull
#endif
#define GUEST_BYTES (1u << 20)
#define NR_DOMAINS  8u

/* --- the calling vCPU, its memory, the other domains --- */
static struct domain *domains[NR_DOMAINS];
static struct vcpu caller;
static u8 guest[GUEST_BYTES];
static u64 hole_page = ~0ull,
           readonly_page = ~0ull;    /* offsets in guest[] of a page that is not there, or not writable */
static u32 references;               /* taken and not given back */
static u32 restarts;                 /* continuations in the last call */
static u32 yield_every, yield_count; /* sched_should_yield() says yes every n-th time; 0: never */
static bool caller_64 = true;
static u32 caller_cpl;
static u32 walks;

struct domain *domain_get(u16 domid)
{
    for (u32 i = 0; i < NR_DOMAINS; i++)
        if (domains[i] && domains[i]->id == domid) {
            references++;
            return domains[i];
        }
    return NULL;
}
struct domain *domain_get_next(u16 domid)
{
    struct domain *best = NULL;

    for (u32 i = 0; i < NR_DOMAINS; i++)
        if (domains[i] && domains[i]->id >= domid && (!best || domains[i]->id < best->id))
            best = domains[i];
    references += best != NULL;
    return best;
}
void domain_put(struct domain *d)
{
    assert_non_null(d);
    assert_true(references > 0);
    references--;
}

struct mem_account *mem_account_find(u16 domid)
{
    for (u32 i = 0; i < NR_DOMAINS; i++)
        if (domains[i] && domains[i]->id == domid)
            return &domains[i]->mem;
    return NULL;
}

static inline struct domain *add_domain(u16 id)
{
    struct domain *d = calloc(1, sizeof(*d));

    spin_lock_init(&d->lock, LOCK_DOMAIN);
    spin_lock_init(&d->physmap.lock, LOCK_PHYSMAP);
    spin_lock_init(&d->events.lock, LOCK_EVTCHN);
    mem_account_init(&d->mem, id);
    d->id = id;
    d->is_control = id == 0;
    d->shutdown_code = 0xff;
    d->max_vcpus = 2;
    d->shared_info = mfn(3);
    d->shared_info_gfn = INVALID_GFN;
    d->physmap.pool_pages = PHYSMAP_POOL_DEFAULT_PAGES;
    for (u32 i = 0; i < NR_DOMAINS; i++)
        if (!domains[i]) {
            domains[i] = d;
            return d;
        }
    abort();
}

int domain_choose_id(u16 wanted, u16 *domid)
{
    static u16 last = 2;

    *domid = wanted == DOMID_ANY ? ++last : wanted;
    for (u32 i = 0; i < NR_DOMAINS; i++)
        if (domains[i] && domains[i]->id == *domid)
            return -EEXIST;
    return 0;
}
static struct domain_config created;
static int create_result;
int domain_create(const struct domain_config *config, struct domain **out)
{
    created = *config;
    if (create_result)
        return create_result;
    *out = add_domain(config->domid);
    (*out)->pause_count = 1;
    (*out)->max_vcpus = config->max_vcpus;
    (*out)->create_flags = config->flags;
    (*out)->emulation_flags = config->emulation_flags;
    (*out)->misc_flags = config->misc_flags;
    references++;
    return 0;
}
static struct vcpu other_vcpus[2];
int domain_alloc_vcpus(struct domain *d, u32 n)
{
    if (n != d->max_vcpus)
        return -EINVAL;
    for (u32 i = 0; i < MIN(n, 2u); i++) {
        static u8 fpu[2][512];

        other_vcpus[i] = (struct vcpu){.domain = d, .id = i};
        other_vcpus[i].hvm.fpu = fpu[i];
        d->vcpu[i] = &other_vcpus[i];
    }
    d->nr_vcpus = MIN(n, 2u);
    return 0;
}
static u32 kills_needed;
int domain_kill(struct domain *d)
{
    if (d->is_control)
        return -EINVAL;
    if (kills_needed) {
        kills_needed--;
        return -ERESTART;
    }
    d->dying = true;
    mm_account_kill(&d->mem);
    return 0;
}
void domain_pause(struct domain *d)
{
    d->pause_count++;
}
static u32 held_vcpus; /* by domain_hold() now */
u32 domain_hold(struct domain *d)
{
    held_vcpus += d->nr_vcpus;
    return d->nr_vcpus;
}
void domain_release(struct domain *d, u32 nr_held)
{
    (void)d;
    assert_true(held_vcpus >= nr_held);
    held_vcpus -= nr_held;
}
static u32 gone_checks;
void domain_check_gone(struct domain *d)
{
    assert_true(d->dying);
    gone_checks++;
}
void domain_unpause(struct domain *d)
{
    d->pause_count--;
}
/* --- arch --- */
static u32 fake_cpl(struct hvm_vcpu *v)
{
    (void)v;
    return caller_cpl;
}
static bool fake_long_mode_cs(struct hvm_vcpu *v)
{
    (void)v;
    return caller_64;
}
static void fake_paging_state(struct hvm_vcpu *v, struct hvm_paging *out)
{
    (void)v;
    *out = (struct hvm_paging){.cr0 = 0};
}
static struct hvm_state states[2];
static void fake_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    assert_true(held_vcpus > 0);
    *out = states[container_of(v, struct vcpu, hvm)->id];
}
static void fake_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    states[container_of(v, struct vcpu, hvm)->id] = *in;
}
static const struct hvm_ops fake_ops = {
    .cpl = fake_cpl,
    .long_mode_cs = fake_long_mode_cs,
    .paging_state = fake_paging_state,
    .get_state = fake_get_state,
    .set_state = fake_set_state,
};
const struct hvm_ops *hvm_ops = &fake_ops;
void hvm_fpu_reset(u8 *fpu)
{
    memset(fpu, 0, 512);
}
/* Guest virtual GUEST_BASE + x is guest physical x. */
int guest_walk(const struct guest_walk *walk, u64 gva, bool write, u64 *gaddr, u64 *run_bytes)
{
    u64 at = gva - GUEST_BASE;

    (void)walk;
    walks++;
    if (at >= GUEST_BYTES || at / PAGE_SIZE == hole_page / PAGE_SIZE ||
        (write && at / PAGE_SIZE == readonly_page / PAGE_SIZE))
        return -EFAULT;
    *gaddr = at;
    *run_bytes = PAGE_SIZE - at % PAGE_SIZE;
    return 0;
}
static struct cpu this, *cpu_list[1] = {&this};
struct cpu *cpus[MAX_CPUS] = {&this};
u32 nr_cpus = 1;
struct cpu *this_cpu(void)
{
    (void)cpu_list;
    return &this;
}
u64 tsc_khz = 2000000;
static u64 now_ns = 1000;
u64 time_now_ns(void)
{
    return now_ns;
}
void timer_set(struct timer *t, u64 deadline_ns)
{
    t->deadline_ns = deadline_ns;
}
void timer_cancel(struct timer *t)
{
    t->deadline_ns = 0;
}
static char console[4096];
static size_t console_len;
void console_write(const char *text, size_t len)
{
    assert_true(console_len + len < sizeof(console));
    memcpy(console + console_len, text, len);
    console_len += len;
}
static const char *console_input = "";
u32 keys_read(char *bytes, u32 max)
{
    u32 nr = 0;

    while (nr < max && *console_input)
        bytes[nr++] = *console_input++;
    return nr;
}
static struct topology topology = {.nr_nodes = NR_NODES,
                                   .nr_cpus = 1,
                                   .nr_ranges = 1,
                                   .ranges = {{.base = 0, .size = NR_NODES * NODE_PAGES * PAGE_SIZE}}};
const struct topology *host_topology = &topology;

#include "hypercall_fakes.h"

/* --- making calls --- */
static inline u64 at(u64 offset)
{
    return GUEST_BASE + offset;
}
static inline u64 put(u64 offset, const void *data, u64 len)
{
    memcpy(guest + offset, data, len);
    return at(offset);
}
#define PUT(offset, object) put(offset, &(object), sizeof(object))
#define GET(offset, object) memcpy(&(object), guest + (offset), sizeof(object))

/* guest_copy.c has to walk again. */
static inline void forget_walks(void)
{
    memset(caller.paths, 0, sizeof(caller.paths));
    walks = 0;
}

/* Executes the hypercall instruction until it is passed, as the run loop would. */
static inline long hypercall(u64 nr, u64 arg1, u64 arg2, u64 arg3)
{
    u32 refs = references;

    caller.hvm.regs = (struct hvm_regs){.rax = nr, .rdi = arg1, .rsi = arg2, .rdx = arg3};
    if (!caller_64)
        caller.hvm.regs = (struct hvm_regs){.rax = nr, .rbx = arg1, .rcx = arg2, .rdx = arg3};
    for (restarts = 0; restarts < 100000; restarts++) {
        u8 action = hypercall_dispatch(&caller).action;
        assert_int_equal(references, refs);
        assert_int_equal(harness_depth, 0);
        if (action == VERDICT_SKIP)
            return caller_64 ? (long)caller.hvm.regs.rax : (long)(s32)caller.hvm.regs.rax;
        assert_int_equal(action, VERDICT_RETRY);
        assert_int_equal(caller.hvm.regs.rax, nr);
    }
    fail_msg("the call never ends");
    return 0;
}

static inline void machine_setup(void)
{
    harness_init(NR_NODES, NR_NODES * NODE_PAGES, 600);
    for (nodeid_t nid = 0; nid < NR_NODES; nid++)
        assert_int_equal(mm_add_range(mfn(nid * NODE_PAGES), mfn((nid + 1) * NODE_PAGES), nid), 0);
    memset(guest, 0, sizeof(guest));
    add_domain(0);
    add_domain(1)->mem.max_pages = 100000;
    add_domain(2)->mem.max_pages = 100000;
    caller = (struct vcpu){.domain = domains[0], .state = VCPU_RUNNABLE};
    domains[0]->vcpu[0] = &caller;
    domains[0]->nr_vcpus = 1;
    sysctl_init();
    caller_64 = true;
    caller_cpl = 0;
    hole_page = readonly_page = ~0ull;
    yield_every = yield_count = nr_mappings = kills_needed = 0;
    place_fails_at = place_at_most = ~0u;
    room_calls = 0;
    pool_limit = ~0ull;
    create_result = event_result = 0;
    event_port_set = false;
    event_port = 9;
    memset(&event, 0, sizeof(event));
    console_len = 0;
    for (u32 a = 0; a < NR_NODES; a++)
        for (u32 b = 0; b < NR_NODES; b++)
            topology.distance[a][b] = a == b ? 10 : a + b == 2 ? 255 : 21;
}

static inline void machine_teardown(void)
{
    assert_int_equal(mm_check(), 0);
    for (u32 i = 0; i < NR_DOMAINS; i++) {
        free(domains[i]);
        domains[i] = NULL;
    }
    harness_teardown();
}

#endif
