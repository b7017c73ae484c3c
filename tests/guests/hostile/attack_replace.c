/*
 * attack=replace: one vCPU replaces the frame behind a guest-physical page again and again, by populating over it
 * (4K and 2M), by the shared info page, and in domain 0 by foreign frames, while all others read and write that
 * page. Nobody may be crashed, no vCPU may see the old frame once the call has returned, and no late write may
 * reach a frame that was given away: every new page must be zero.
 *
 * Option: rounds=N of all kinds. Needs two vCPUs at least, three for a race between readers.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/lock.h>
#include <guest/lib/work.h>
#include <guest/lib/smp.h>
#include <guest/lib/xc.h>
#include <lib/string.h>

#define ORDER_2M   9u
#define FRAMES_2M  (1u << ORDER_2M)
#define STAMP_WORD 480u /* beyond what the hypervisor writes to a shared info page */
#define MARK_WORD  (STAMP_WORD + 1)
#define MARKS      16u

static u64 target;         /* guest-physical, 2 MiB aligned; its first page is fought for */
static u64 fresh;          /* a page that nobody else uses */
static volatile u64 stamp; /* what the page holds; 0: being replaced */
static volatile bool over;
static u32 nr_ready; /* vCPUs that read and write */
static u64 nr_replaced, nr_reads, nr_stale, nr_soiled;

static volatile u64 *word_of(u64 gaddr, u32 word)
{
    return (volatile u64 *)gaddr + word;
}

static void read_and_write(u32 id)
{
    u64 reads = 0;

    __atomic_fetch_add(&nr_ready, 1, __ATOMIC_SEQ_CST);
    while (!over) {
        u64 before = stamp;
        u64 seen = *word_of(target, STAMP_WORD);
        __asm__ volatile("" ::: "memory");
        if (before && before == stamp && seen != before)
            __atomic_fetch_add(&nr_stale, 1, __ATOMIC_RELAXED);
        *word_of(target, MARK_WORD + id % MARKS) = ++reads;
        if (reads % 16 == 0)
            __builtin_ia32_pause(); /* an emulator with one thread goes on with another CPU here */
    }
    __atomic_fetch_add(&nr_reads, reads, __ATOMIC_RELAXED);
}

static bool populate_at(u64 gaddr, u32 order)
{
    xen_pfn_t frame = gaddr >> 12;

    return xc_domain_populate_physmap(xc_interface_open(), DOMID_SELF, 1, order, 0, &frame) == 1;
}

/* A new page is all zero, unless somebody wrote to the frame after it was given away. */
static bool look_for_late_writes(void)
{
    if (!populate_at(fresh, 0))
        return false;
    for (u32 i = 0; i < PAGE_SIZE / 8; i++)
        nr_soiled += *word_of(fresh, i) != 0;
    return true;
}

static bool place_4k(void)
{
    return populate_at(target, 0);
}

static bool place_2m(void)
{
    return populate_at(target, ORDER_2M);
}

static bool place_shared_info(void)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = target >> 12};

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add) == 0;
}

/* --- foreign frames: domain 0 ------------------------------------------------------------------------------- */

static u32 owner; /* of two frames, 0 and 1 */

static bool make_owner(void)
{
    xc_interface *xch = xc_interface_open();
    struct xen_domctl_createdomain config = xc_domain_config(1);
    xen_pfn_t frames[2] = {0, 1};

    return !xc_domain_create(xch, &owner, &config) && !xc_domain_setmaxmem(xch, owner, 64) &&
           xc_domain_populate_physmap(xch, owner, 2, 0, 0, frames) == 2;
}

static bool place_foreign(void)
{
    return hostile_map_foreign(owner, nr_replaced % 2, target >> 12) == 0;
}

/* --- the race ------------------------------------------------------------------------------------------------ */

static bool replace_all(u64 rounds)
{
    static const struct {
        const char *what;
        bool (*place)(void);
        bool dom0;
    } kinds[] = {{"a page", place_4k, false},
                 {"2 MiB", place_2m, false},
                 {"a page in 2 MiB", place_4k, false},
                 {"shared info", place_shared_info, false},
                 {"a foreign frame", place_foreign, true},
                 {"a foreign frame over another", place_foreign, true}};

    for (u64 round = 0; round < rounds; round++)
        for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
            if (kinds[i].dom0 && !guest_env.is_dom0)
                continue;
            stamp = 0;
            if (!kinds[i].place()) {
                printf("hostile   replace: cannot place %s in round %lu\n", kinds[i].what, round);
                return false;
            }
            *word_of(target, STAMP_WORD) = ++nr_replaced;
            __asm__ volatile("" ::: "memory");
            stamp = nr_replaced;
            if (i % 2 && !look_for_late_writes()) {
                printf("hostile   replace: no page to look at in round %lu\n", round);
                return false;
            }
        }
    return true;
}

/* Room for the target, then for as much as one call needs before it gives the old frames back. */
static bool find_room(void)
{
    static xen_pfn_t frames[FRAMES_2M];
    struct xen_memory_reservation give = {
        .extent_start = (u64)frames, .nr_extents = FRAMES_2M, .domid = DOMID_SELF};

    target = ALIGN_UP((u64)image_end, MIB(2));
    fresh = target + MIB(4);
    for (u32 i = 0; i < FRAMES_2M; i++)
        frames[i] = ((target + MIB(2)) >> 12) + i;
    return hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &give) == FRAMES_2M;
}

struct race {
    u32 vcpus;
    bool ok;
};

static void job(void *arg, u32 n)
{
    struct race *race = arg;

    if (n) {
        read_and_write(n);
        return;
    }
    while (__atomic_load_n(&nr_ready, __ATOMIC_SEQ_CST) < race->vcpus - 1)
        vcpu_yield();
    race->ok = replace_all(guest_option_number("rounds", 1000));
    over = true;
}

bool attack_replace(void)
{
    struct race race = {.vcpus = work_vcpus()};

    if (race.vcpus < 2 || !find_room() || (guest_env.is_dom0 && !make_owner())) {
        printf("hostile   replace: cannot start with %u vCPUs\n", race.vcpus);
        return false;
    }
    bool ok = work_run(race.vcpus, race.vcpus, job, &race) && race.ok;
    if (guest_env.is_dom0) {
        ok = place_4k() && ok;
        ok = !xc_domain_destroy(xc_interface_open(), owner) && ok;
    }
    printf("hostile   replace: %lu frames replaced, %lu reads and writes, %lu stale, %lu soiled\n",
           nr_replaced, nr_reads, nr_stale, nr_soiled);
    return ok && nr_reads && !nr_stale && !nr_soiled;
}
