/*
 * Translations that a CPU has cached are dropped before a vCPU could use them: tlb_tag.h and vmx/flush.c on caches that
 * forget nothing by themselves, as no emulator has them. Guests use any frame at any time, the tables change, vCPUs move
 * between CPUs, domains end and others begin with the same root page. An access must find what is mapped now.
 *
 * AMD: one cache, tagged by ASID (APM2 15.16). Intel: guest-physical mappings, tagged by the EPT pointer, and combined
 * mappings, tagged by it and the VPID (SDM 3C 29.4.2); the address space within a guest stands for its CR3, CR4 and PAT,
 * which set_state() may change.
 */
#include "np_pool.h"
#include <tests/machine/random.h>

#include <arch/x86/hvm/tlb_tag.h>
#include <arch/x86/hvm/vmx/flush.h>

#define NR_CPUS    3u
#define NR_VCPUS   4u
#define NR_FRAMES  8u /* guest frames in use */
#define NR_TAGS    6u /* few, so that they run out often */
#define CACHE_SIZE 512u

enum fault { NO_FAULT, NO_INVEPT, NO_INVVPID, NO_NEW_TAG, NO_FLUSH_ON_MOVE, NO_FLUSH_ON_CHANGE, NR_FAULTS };

struct cached {
    bool valid, combined;
    u64 tag;         /* ASID or VPID; not of guest-physical mappings */
    u64 ept_pointer; /* Intel */
    u64 address; /* guest frame; of combined mappings, the address that the guest's own tables make it of */
    mfn_t mfn;
};

static struct {
    struct cpu cpu;
    struct cached cache[CACHE_SIZE];
    u32 next;
} machine[NR_CPUS];

static struct hvm_vcpu vcpus[NR_VCPUS];
static u64 offset[NR_VCPUS]; /* the guest's tables map address a to guest frame a + offset */
static struct rng rng;
static enum fault fault;
static u32 on_cpu; /* whose instructions these are */
static u64 nr_stale, nr_hits, nr_invept, nr_invvpid;

static void drop(bool (*which)(const struct cached *c, u64 key), u64 key)
{
    for (u32 i = 0; i < CACHE_SIZE; i++)
        if (machine[on_cpu].cache[i].valid && which(&machine[on_cpu].cache[i], key))
            machine[on_cpu].cache[i].valid = false;
}

static bool of_context(const struct cached *c, u64 ept_pointer)
{
    return c->ept_pointer >> PAGE_SHIFT == ept_pointer >> PAGE_SHIFT;
}

static bool of_any_tag(const struct cached *c, u64 unused)
{
    (void)unused;
    return c->combined;
}

static bool all(const struct cached *c, u64 unused)
{
    (void)c;
    (void)unused;
    return true;
}

/* In place of the machine's. */
void vmx_invept(u64 type, u64 ept_pointer)
{
    nr_invept++;
    assert_true(type == INVEPT_CONTEXT || (type == INVEPT_ALL && !ept_pointer));
    if (fault != NO_INVEPT)
        drop(type == INVEPT_ALL ? all : of_context, ept_pointer);
}

void vmx_invvpid(u64 type, u16 vpid, u64 linear_address)
{
    nr_invvpid++;
    assert_true(type == INVVPID_ALL && !vpid && !linear_address);
    if (fault != NO_INVVPID)
        drop(of_any_tag, 0);
}

/* What svm_run() does with what is due. */
static void svm_enter_fake(struct hvm_vcpu *v, struct cpu *cpu)
{
    u64 generation = hvm_tlb_generation(v);

    if (!hvm_tlb_valid(v, cpu, generation) && (hvm_tlb_renew(v, cpu, generation) & HVM_TLB_ALL_TAGS))
        drop(all, 0);
}

static void enter(struct hvm_vcpu *v)
{
    struct cpu *cpu = &machine[on_cpu].cpu;
    u32 asid = v->asid;

    if (fault == NO_FLUSH_ON_MOVE)
        v->last_cpu = cpu;
    if (fault == NO_FLUSH_ON_CHANGE)
        v->np_generation = np.generation;
    if (!on_intel) {
        svm_enter_fake(v, cpu);
    } else {
        u32 due = vmx_flush_stale(v, cpu);
        assert_int_equal(due != 0, (due & VMX_NEW_VPID) != 0);
    }
    if (fault == NO_NEW_TAG && asid)
        v->asid = asid;
    assert_in_range(v->asid, 1, NR_TAGS);
}

static struct cached *find(const struct cached *key)
{
    for (u32 i = 0; i < CACHE_SIZE; i++) {
        struct cached *c = &machine[on_cpu].cache[i];
        if (c->valid && c->combined == key->combined && c->tag == key->tag &&
            c->ept_pointer == key->ept_pointer && c->address == key->address)
            return c;
    }
    return NULL;
}

static void keep(struct cached c)
{
    c.valid = true;
    machine[on_cpu].cache[machine[on_cpu].next++ % CACHE_SIZE] = c;
}

/* The guest accesses an address. What is not mapped is not cached, as with both vendors. */
static void access(u32 vcpu, u64 address)
{
    struct hvm_vcpu *v = &vcpus[vcpu];
    gfn_t g = gfn((address + offset[vcpu]) % NR_FRAMES);
    u64 context = on_intel ? ept_pointer(np.root_maddr) : 0;
    struct cached combined = {.combined = true, .tag = v->asid, .ept_pointer = context, .address = address};
    struct cached physical = {.ept_pointer = context, .address = g.n};
    struct np_entry now = np_lookup(&np, g);
    struct cached *hit = find(&combined);

    if (!hit && on_intel)
        hit = find(&physical);
    if (hit) {
        nr_hits++;
        nr_stale += now.type == NP_NONE || hit->mfn.n != now.mfn.n;
        return;
    }
    if (now.type == NP_NONE)
        return;
    combined.mfn = physical.mfn = now.mfn;
    keep(combined);
    if (on_intel)
        keep(physical);
}

static void start(void)
{
    memset(machine, 0, sizeof(machine));
    memset(vcpus, 0, sizeof(vcpus));
    memset(offset, 0, sizeof(offset));
    for (u32 i = 0; i < NR_CPUS; i++)
        machine[i].cpu = (struct cpu){.asid_next = 1, .asid_max = NR_TAGS, .asid_generation = 1};
    for (u32 i = 0; i < NR_VCPUS; i++)
        vcpus[i].np = &np;
    nr_stale = nr_hits = nr_invept = nr_invvpid = 0;
    rng_seed(&rng, 5);
}

/* The domain ends, and another one's tables have the same root page. */
static void new_domain(void)
{
    u64 root = np.root_maddr;

    while (np_destroy(&np, ~0u))
        ;
    assert_int_equal(np_init(&np), 0);
    assert_int_equal(np.root_maddr, root);
    memset(vcpus, 0, sizeof(vcpus)); /* vcpu_init() */
    for (u32 i = 0; i < NR_VCPUS; i++)
        vcpus[i].np = &np;
}

static void change_tables(void)
{
    gfn_t g = gfn(rng_draw(&rng, NR_FRAMES));
    struct np_entry old;

    assert_int_equal(np_unmap_page(&np, g, ALL_TYPES, &old), 0);
    if (rng_draw(&rng, 4))
        assert_int_equal(np_map_page(&np, g, mfn(1 + rng_draw(&rng, 1000)), NP_RAM), 0);
}

static void run(enum fault with, u32 steps)
{
    start();
    fault = with;
    for (u32 step = 0; step < steps; step++) {
        u32 vcpu = rng_draw(&rng, NR_VCPUS);

        /* Mostly they stay: INVEPT, which a move brings about, would hide that INVVPID was forgotten. */
        on_cpu = rng_draw(&rng, 20) ? vcpu % NR_CPUS : rng_draw(&rng, NR_CPUS);
        if (rng_draw(&rng, 20) == 0)
            change_tables();
        if (rng_draw(&rng, 3) == 0) { /* set_state() */
            offset[vcpu] = rng_draw(&rng, NR_FRAMES);
            vcpus[vcpu].asid_generation = 0;
        }
        if (rng_draw(&rng, 200) == 0)
            new_domain();
        enter(&vcpus[vcpu]);
        for (u32 i = 0; i < 4; i++)
            access(vcpu, rng_draw(&rng, NR_FRAMES));
    }
    fault = NO_FAULT;
}

NP_TEST(test_nothing_stale_is_used)
{
    run(NO_FAULT, 20000);
    assert_int_equal(nr_stale, 0);
    assert_true(nr_hits > 1000);
}

/* The caches above do show what is forgotten. */
NP_TEST(test_what_is_forgotten_shows)
{
    for (enum fault with = NO_FAULT + 1; with < NR_FAULTS; with++) {
        if (!on_intel && (with == NO_INVEPT || with == NO_INVVPID))
            continue;
        run(with, 20000);
        if (!nr_stale)
            fail_msg("fault %d was not seen", with);
    }
}

/* Neither instruction is used for nothing: none as long as a vCPU stays and its tables do not change. */
TEST_WITH(test_no_flush_without_need, setup_intel, teardown)
{
    start();
    on_cpu = 0;
    enter(&vcpus[0]);
    assert_int_equal(nr_invept, 1);
    assert_int_equal(nr_invvpid, 1); /* the CPU's first VPID */
    for (u32 i = 0; i < 10; i++)
        assert_int_equal(vmx_flush_stale(&vcpus[0], &machine[0].cpu), 0);
    vcpus[0].asid_generation = 0; /* set_state(): a new VPID is enough */
    assert_int_equal(vmx_flush_stale(&vcpus[0], &machine[0].cpu), VMX_NEW_VPID);
    assert_int_equal(nr_invept, 1);
    assert_int_equal(map(gfn(1), mfn(2), 0, NP_RAM), 0); /* more rights: nothing */
    assert_int_equal(vmx_flush_stale(&vcpus[0], &machine[0].cpu), 0);
    assert_int_equal(unmap(gfn(1), 0), 0);
    assert_int_equal(vmx_flush_stale(&vcpus[0], &machine[0].cpu), VMX_NEW_VPID | HVM_TLB_NESTED);
    assert_int_equal(nr_invept, 2);
    assert_int_equal(vmx_flush_stale(&vcpus[0], &machine[1].cpu),
                     VMX_NEW_VPID | HVM_TLB_NESTED | HVM_TLB_MOVED | HVM_TLB_ALL_TAGS);
    vmx_flush_all();
    assert_int_equal(nr_invept, 4);
    assert_int_equal(nr_invvpid, 3);
}
