/*
 * attack=toctou: one vCPU changes the words of hypercall arguments and the arrays that they refer to, while vCPU 0
 * makes the calls: what was checked must be what is used. In domain 0 claims, contexts and domain lists too, on a
 * domain of its own, whose books must be right afterwards.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/work.h>
#include <guest/lib/xc.h>
#include <lib/string.h>

#define FLIPS 8u

static volatile bool over;
static struct xen_memory_reservation reservation;
static xen_pfn_t frames[64];
static memory_claim_t claims[4];
static struct multicall_entry calls[8];
static u64 spare; /* the first of 64 frames of our own that are given up and taken back */

/* Values between which a word changes: valid ones, and such as must not get through. */
static void flip(u64 *state)
{
    u64 bad = random_next(state);

    reservation.nr_extents = bad & 1 ? 1 + (bad >> 8) % 64 : ~0ull;
    reservation.extent_order = bad & 2 ? 0 : (u32)(bad >> 16) % 64;
    reservation.extent_start = bad & 4 ? (u64)frames : bad << 12;
    reservation.domid = bad & 8 ? DOMID_SELF : (u16)(bad >> 32);
    frames[bad >> 40 & 63] = bad & 16 ? spare + (bad >> 40 & 63) : bad >> 4;
    claims[bad >> 50 & 3] = (memory_claim_t){.pages = bad & 32 ? 64 : bad,
                                             .node = (u32)(bad & 64 ? bad >> 50 & 1 : bad),
                                             .pad = (u32)(bad & 128 ? 0 : bad >> 20)};
    calls[bad >> 55 & 7].op = bad & 256 ? __HYPERVISOR_memory_op : bad >> 33;
}

static void flipper(void)
{
    u64 state = 99;

    while (!over) {
        for (u32 i = 0; i < FLIPS; i++)
            flip(&state);
        __builtin_ia32_pause();
    }
}

static u32 victim; /* domain 0's: a domain to claim for */

static void call(u64 i)
{
    xc_interface *xch = xc_interface_open();
    static u8 context[8192];

    hypercall2(__HYPERVISOR_memory_op, i & 1 ? XENMEM_populate_physmap : XENMEM_decrease_reservation,
               &reservation);
    hypercall(__HYPERVISOR_multicall, (u64)calls, ARRAY_SIZE(calls), 0, 0, 0);
    if (!guest_env.is_dom0)
        return;
    xc_domain_claim_memory_flags(xch, victim, 1 + (u32)(i % 4), claims, i & 2 ? XEN_DOMCTL_CLAIM_REPLACE : 0);
    if (i % 16 == 0 && xc_domain_hvm_getcontext(xch, victim, context, sizeof(context)) > 0)
        xc_domain_hvm_setcontext(xch, victim, context, 1200);
}

static void job(void *arg, u32 n)
{
    u64 nr = *(u64 *)arg;

    if (n) {
        flipper();
        return;
    }
    for (u64 i = 0; i < nr; i++) {
        call(i);
        __builtin_ia32_pause();
    }
    over = true;
}

static s64 host_difference(xc_physinfo_t *before)
{
    xc_physinfo_t after;

    if (xc_physinfo(xc_interface_open(), &after))
        return -1;
    return (s64)(before->outstanding_pages - after.outstanding_pages);
}

bool attack_toctou(void)
{
    xc_interface *xch = xc_interface_open();
    u64 nr = guest_option_number("calls", 3000);
    xc_physinfo_t before = {0};

    spare = ALIGN_UP((u64)image_end, MIB(2)) >> 12;
    for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = spare + i;
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++)
        calls[i] = (struct multicall_entry){.op = __HYPERVISOR_memory_op,
                                            .args = {XENMEM_populate_physmap, (u64)&reservation}};
    if (guest_env.is_dom0) {
        struct xen_domctl_createdomain config = xc_domain_config(1);
        if (xc_physinfo(xch, &before) || xc_domain_create(xch, &victim, &config) ||
            xc_domain_setmaxmem(xch, victim, 4096) || xc_domain_max_vcpus(xch, victim, 1))
            return false;
    }
    bool ok = work_vcpus() > 1 && work_run(2, 2, job, &nr);
    s64 claimed = 0;
    if (guest_env.is_dom0) {
        ok = !xc_domain_destroy(xch, victim) && ok;
        claimed = host_difference(&before);
    }
    printf("hostile   toctou: %lu rounds, %ld claimed pages left\n", nr, claimed);
    return ok && !claimed;
}
