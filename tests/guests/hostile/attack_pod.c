/*
 * attack=pod, domain 0 only: guests with frames to be populated on demand, whose vCPUs all fill the same frames, one after
 * the other, far beyond the target. Meanwhile domain 0 maps such frames, gives them back, marks and populates them again,
 * and sets targets, absurd ones too. Half of the guests run until they end, with code 3 and no other; the others are
 * destroyed in the middle. A frame that domain 0 maps is zero or what the guest has written to that frame. At the end
 * nothing may be lost.
 *
 * Options: rounds=N, seed=N. Each vCPU of domain 0 has guests of its own.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/image.h>
#include <guest/lib/work.h>
#include <guest/lib/xc.h>
#include <lib/string.h>
#include <xen/sched.h>

#define FIRST      200u /* ids */
#define VCPUS      3u
#define POD_GFN    0x200ull
#define POD_FRAMES 4096u
#define MAX_PAGES  (POD_FRAMES + 64)
#define WAIT_MS    60000u

static u64 window;
static u32 nr_ended, nr_killed, nr_faults, nr_maps;

struct pod_job {
    u64 rounds, seed;
};

/* 32-bit code: fills each frame with its address, the lowest bit set, for ever. */
static const u8 filler[] = {0xbf, 0x00, 0x00, 0x20, 0x00,             /* mov edi, POD_GFN << 12 */
                            0x89, 0xf8, 0x83, 0xc8, 0x01,             /* mov eax, edi; or eax, 1 */
                            0xb9, 0x00, 0x04, 0x00, 0x00, 0xf3, 0xab, /* mov ecx, 1024; rep stosd */
                            0x81, 0xff, 0x00, 0x00, 0x20, 0x01,       /* cmp edi, its end */
                            0x72, 0xec, 0xeb, 0xe5};                  /* jb to mov eax; jmp to the start */
_Static_assert((POD_GFN + POD_FRAMES) << 12 == 0x1200000, "as the code has it");

static long set_target(u32 domid, u64 pages)
{
    struct xen_pod_target pod = {.target_pages = pages, .domid = (domid_t)domid};

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_set_pod_target, &pod);
}

static long extents(u32 cmd, u32 domid, u64 gfn, u32 order, u32 flags)
{
    xen_pfn_t list[1] = {gfn};
    struct xen_memory_reservation arg = {.extent_start = (u64)list,
                                         .nr_extents = 1,
                                         .extent_order = order,
                                         .mem_flags = flags,
                                         .domid = (domid_t)domid};

    return hypercall2(__HYPERVISOR_memory_op, cmd, &arg);
}

/* What must fail, and change nothing. */
static bool absurd(u32 domid)
{
    static const u64 targets[] = {MAX_PAGES * 4 + 1, ~0ull, 1ull << 63, 1ull << 52, 1ull << 32};
    bool ok = extents(XENMEM_populate_physmap, DOMID_SELF, window, 0, XENMEMF_populate_on_demand) == 0 &&
              extents(XENMEM_populate_physmap, domid, ~0ull, 0, XENMEMF_populate_on_demand) == 0 &&
              extents(XENMEM_populate_physmap, domid, POD_GFN, 63, XENMEMF_populate_on_demand) == 0;

    for (u32 i = 0; i < ARRAY_SIZE(targets); i++)
        ok = set_target(domid, targets[i]) < 0 && ok;
    return ok;
}

static bool start(u32 domid, u64 r, u64 at)
{
    xc_interface *xch = xc_interface_open();
    struct xen_domctl_createdomain config = xc_domain_config(VCPUS);
    xen_pfn_t code = 0x10;
    u32 id = domid;

    bool ok = !xc_domain_create(xch, &id, &config) && !xc_domain_max_vcpus(xch, domid, VCPUS) &&
              !xc_domain_setmaxmem(xch, domid, MAX_PAGES * 4) &&
              xc_domain_populate_physmap(xch, domid, 1, 0, 0, &code) == 1 &&
              !hostile_map_foreign(domid, code, at);
    if (ok) {
        memcpy((void *)(at << 12), filler, sizeof(filler));
        xc_domain_remove_from_physmap(xch, DOMID_SELF, at);
    }
    for (u64 i = 0; ok && i < POD_FRAMES; i += 512)
        ok = extents(XENMEM_populate_physmap, domid, POD_GFN + i, 9, XENMEMF_populate_on_demand) == 1;
    ok = ok && !set_target(domid, 1 + 600 + r % 900) && absurd(domid);
    for (u32 i = 0; ok && i < VCPUS; i++)
        ok = !image_set_vcpu(xch, domid, i, (u32)code << 12, 0);
    return ok && !xc_domain_unpause(xch, domid);
}

/* False: it shows something that is not the frame's own. */
static bool look(u32 domid, u64 gfn, u64 at)
{
    const volatile u32 *page = (const volatile u32 *)(at << 12);
    bool ok = true;

    if (hostile_map_foreign(domid, gfn, at))
        return true;
    __atomic_fetch_add(&nr_maps, 1, __ATOMIC_RELAXED);
    for (u32 i = 0; i < 1024; i += 93)
        ok = (page[i] == 0 || page[i] == ((u32)(gfn << 12) | 1)) && ok;
    xc_domain_remove_from_physmap(xc_interface_open(), DOMID_SELF, at);
    return ok;
}

/* Writes to a hole would be ignored, and take the guest long: what is given back is marked again. */
static void give_back(u32 domid, u64 gfn, u32 order)
{
    extents(XENMEM_decrease_reservation, domid, gfn, order, 0);
    extents(XENMEM_populate_physmap, domid, gfn, order, XENMEMF_populate_on_demand);
}

static bool disturb(u32 domid, u64 r, u64 at)
{
    u64 gfn = POD_GFN + (r >> 8) % POD_FRAMES;

    switch (r % 8) {
    case 0:
    case 1:
        give_back(domid, gfn, 0);
        return true;
    case 2:
        give_back(domid, gfn & ~511ull, 9);
        return true;
    case 3:
        extents(XENMEM_populate_physmap, domid, gfn, 0, 0);
        return true;
    case 4:
        set_target(domid, r & BIT(30) ? r >> 20 : 1200 + (r >> 32) % 1000);
        return true;
    default:
        return look(domid, gfn, at);
    }
}

static bool one_guest(u32 domid, u64 *state, bool to_the_end, u64 at)
{
    xc_interface *xch = xc_interface_open();
    u64 end = guest_now_ms() + WAIT_MS, more = to_the_end ? ~0ull : random_next(state) % 200;
    xc_domaininfo_t info = {0};
    bool ok = start(domid, random_next(state), at);
    u64 disturbances = to_the_end ? 100 : ~0ull;

    while (ok && more-- && guest_now_ms() < end && !xc_domain_getinfo_single(xch, domid, &info) &&
           !(info.flags & XEN_DOMINF_shutdown)) {
        if (disturbances && disturbances--)
            ok = disturb(domid, random_next(state), at);
        else
            work_nap();
    }
    if (info.flags & XEN_DOMINF_shutdown) {
        u32 code = info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

        ok = code == SHUTDOWN_crash && ok;
        __atomic_fetch_add(&nr_ended, 1, __ATOMIC_RELAXED);
    } else {
        ok = !to_the_end && ok;
    }
    __atomic_fetch_add(&nr_killed, 1, __ATOMIC_RELAXED);
    if (!ok)
        printf("hostile   pod: d%u, flags %#x\n", domid, info.flags);
    return !xc_domain_destroy(xch, domid) && ok;
}

static void job(void *arg, u32 n)
{
    const struct pod_job *pod = arg;
    u64 state = pod->seed * 0x9e3779b97f4a7c15ull + n + 1;

    for (u64 i = 0; i < pod->rounds; i++)
        if (!one_guest(FIRST + n, &state, i % 2, window + n))
            __atomic_fetch_add(&nr_faults, 1, __ATOMIC_RELAXED);
}

bool attack_pod(void)
{
    xc_interface *xch = xc_interface_open();
    struct pod_job pod = {.rounds = guest_option_number("rounds", 6), .seed = guest_option_number("seed", 1)};
    u32 vcpus = MIN(work_vcpus(), 8u), left = 0;
    u64 state = 1;
    xc_physinfo_t before, after;

    window = hostile_find_hole();
    /* The first one leaves the tables of our own map and of ids. */
    if (!window || !one_guest(FIRST, &state, false, window) || hostile_map_foreign(0, 0, window) == 0 ||
        xc_physinfo(xch, &before))
        return false;
    bool ok = work_run(vcpus, vcpus, job, &pod);
    for (u32 i = 0; i < vcpus; i++) {
        xc_domaininfo_t info;
        left += !xc_domain_getinfo_single(xch, FIRST + i, &info);
    }
    ok = !xc_physinfo(xch, &after) && ok;
    printf("hostile   pod: %u guests of %u, %u ended by themselves, %u frames seen, %u faults, %u left, %ld "
           "pages lost\n",
           nr_killed, vcpus, nr_ended, nr_maps, nr_faults, left,
           (long)(before.free_pages - after.free_pages));
    return ok && !left && !nr_faults && nr_ended && after.free_pages == before.free_pages &&
           after.outstanding_pages == before.outstanding_pages;
}
