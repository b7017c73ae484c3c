/*
 * The generator. Words come from a set in which dangerous values are frequent: zero, small numbers, powers
 * of two and their neighbours, all ones, pointers into an arena that the hypervisor may overwrite, invalid
 * pointers. No random number can be one of this guest's own addresses, because results are written where
 * arguments point.
 *
 * lint: long: a short generator for each family of calls.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define ARENA_BYTES  65536u
#define WINDOW_PAGES 64u
#define DOMID_SOME   24u /* ids made and aimed at: 1 .. */

u64 hostile_domains_made, hostile_aps_poked;

static u8 arena[ARENA_BYTES] ALIGNED(4096);
static u64 window; /* first frame of a hole in our own map */
static u64 state;

static u64 rnd(void)
{
    return random_next(&state);
}

static u64 below(u64 limit)
{
    return rnd() % limit;
}

static void hostile_wrmsr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static u64 arena_pointer(void)
{
    return (u64)arena + below(ARENA_BYTES);
}

static u64 pointer(void)
{
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return 0xffff800000000000ull + (rnd() & 0xffffffffffff);
    case 2:
        return 0x0000800000000000ull + (rnd() >> 20 << 12);
    case 3:
        return ~0ull - below(64);
    case 4:
        return (1ull << 46) + below(8192);
    default:
        return arena_pointer();
    }
}

/* Sizes, counts, orders, indexes, flags. Values from 64 KiB to 4 GiB could be addresses of ours. */
static u64 word(void)
{
    switch (below(10)) {
    case 0:
        return 0;
    case 1:
        return ~0ull >> below(8);
    case 2:
        return (1ull << (36 + below(28))) - below(3) + 1;
    case 3:
        return below(65536);
    case 4:
        return pointer();
    case 5:
        return rnd() | 1ull << 47;
    default:
        return below(20);
    }
}

static void fill(void *out, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        u64 value = below(4) ? word() : below(16) | below(16) << 32;
        memcpy((u8 *)out + i, &value, 8);
    }
}

/* A target that is not this domain. */
static u16 victim(void)
{
    switch (below(12)) {
    case 0:
        return (u16)(0x7ff1 + below(100));
    case 1:
        return (u16)(1000 + below(30000));
    default:
        return (u16)(1 + below(DOMID_SOME));
    }
}

static u64 window_gfn(void)
{
    return below(6) ? window + below(WINDOW_PAGES) : (1ull << 36) + (rnd() >> 8);
}

static u64 guest_gfn(void)
{
    return below(5) ? below(8192) << (below(3) * 3) : word();
}

static void random_create(struct xen_domctl *d)
{
    struct xen_domctl_createdomain *c = &d->u.createdomain;

    memset(c, 0, sizeof(*c));
    c->flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    c->max_vcpus = 1 + (u32)below(3);
    c->max_evtchn_port = 1023;
    c->max_grant_frames = 64;
    c->max_maptrack_frames = 1024;
    c->grant_opts = 1;
    c->arch.emulation_flags = 1;
    if (!below(4)) /* one word of it wrong */
        ((u32 *)c)[below(sizeof(*c) / 4)] = (u32)word();
    d->domain = (u16)(below(3) ? 1 + below(DOMID_SOME) : below(2) ? 0 : (u16)word());
}

static long call_domctl(void)
{
    /* A build mostly goes through these, so they come often. */
    static const u32 usual[] = {
        XEN_DOMCTL_createdomain,
        XEN_DOMCTL_max_mem,
        XEN_DOMCTL_max_vcpus,
        XEN_DOMCTL_claim_memory,
        XEN_DOMCTL_destroydomain,
        XEN_DOMCTL_unpausedomain,
        XEN_DOMCTL_pausedomain,
        XEN_DOMCTL_sethvmcontext,
        XEN_DOMCTL_gethvmcontext,
        XEN_DOMCTL_getdomaininfo,
        XEN_DOMCTL_set_paging_mempool_size,
        XEN_DOMCTL_setnodeaffinity,
        XEN_DOMCTL_get_memory_claims,
        XEN_DOMCTL_sendtrigger,
        XEN_DOMCTL_getvcpucontext,
        XEN_DOMCTL_gethvmcontext_partial,
        XEN_DOMCTL_resumedomain,
    };
    struct xen_domctl *d = (void *)(arena + ALIGN_DOWN(below(ARENA_BYTES - sizeof(*d)), 8));

    fill(&d->u, sizeof(d->u));
    d->cmd = below(5) ? usual[below(ARRAY_SIZE(usual))] : (u32)below(100);
    d->interface_version = below(40) ? XEN_DOMCTL_INTERFACE_VERSION : (u32)word();
    d->domain = victim();
    if (d->cmd == XEN_DOMCTL_createdomain)
        random_create(d);
    else if (d->cmd == XEN_DOMCTL_max_mem && below(4))
        d->u.max_mem.max_memkb = below(1ull << 20);
    else if (d->cmd == XEN_DOMCTL_max_vcpus && below(4))
        d->u.max_vcpus.max = 1 + (u32)below(3);
    else if (d->cmd == XEN_DOMCTL_set_paging_mempool_size && below(4))
        d->u.paging_mempool.size = below(2048) << 12;
    else if (d->cmd == XEN_DOMCTL_sendtrigger && below(4))
        d->u.sendtrigger.trigger = (u32)below(6), d->u.sendtrigger.vcpu = (u32)below(3);
    else if (d->cmd == XEN_DOMCTL_getvcpucontext && below(4))
        d->u.vcpucontext.vcpu = (u32)below(3), d->u.vcpucontext.ctxt = pointer();
    else if (d->cmd == XEN_DOMCTL_gethvmcontext_partial && below(4))
        d->u.hvmcontext_partial.type = (u32)below(20), d->u.hvmcontext_partial.instance = (u32)below(3);
    long rc = hypercall1(__HYPERVISOR_domctl, (u64)d);
    hostile_domains_made += rc == 0 && d->cmd == XEN_DOMCTL_createdomain;
    return rc;
}

/* Sets a well-formed context with a damaged CPU record on a domain that may then run it. */
static long call_context(void)
{
    struct xen_domctl d = {.cmd = XEN_DOMCTL_gethvmcontext,
                           .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                           .domain = victim()};

    d.u.hvmcontext.size = 16384;
    d.u.hvmcontext.buffer = (u64)arena;
    long rc = hypercall1(__HYPERVISOR_domctl, (u64)&d);
    if (rc < 0)
        return rc;
    for (u32 i = 0; i < 1 + below(40);
         i++) { /* some damage, more likely to the registers than to the frame */
        u64 value = word();
        memcpy(arena + 32 + ALIGN_DOWN(below(1200), 4), &value, 1 + below(8));
    }
    d.cmd = XEN_DOMCTL_sethvmcontext;
    d.u.hvmcontext.size = below(8) ? d.u.hvmcontext.size : (u32)word();
    rc = hypercall1(__HYPERVISOR_domctl, (u64)&d);
    d.cmd = XEN_DOMCTL_unpausedomain;
    return below(2) ? hypercall1(__HYPERVISOR_domctl, (u64)&d) : rc;
}

/* The policy of some domain, with damage, written back to some domain that has mostly not run. */
static long call_policy(void)
{
    struct xen_domctl d = {.cmd = XEN_DOMCTL_get_cpu_policy,
                           .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                           .domain = victim()};
    xen_cpuid_leaf_t *leaves = (xen_cpuid_leaf_t *)arena;

    d.u.cpu_policy.leaves = (u64)arena;
    d.u.cpu_policy.nr_leaves = below(4) ? 128 : (u32)word();
    long rc = hypercall1(__HYPERVISOR_domctl, (u64)&d);
    if (rc < 0)
        return rc;
    for (u32 i = 0; i < below(12); i++)
        ((u32 *)&leaves[below(32)])[below(4) ? 2 + below(4) : below(6)] ^=
            below(2) ? 1u << below(32) : (u32)word();
    d.cmd = XEN_DOMCTL_set_cpu_policy;
    d.domain = victim();
    d.u.cpu_policy.nr_leaves = below(8) ? d.u.cpu_policy.nr_leaves : (u32)below(200);
    d.u.cpu_policy.nr_msrs = (u32)below(4);
    d.u.cpu_policy.msrs = below(4) ? (u64)arena + 8192 : pointer();
    return hypercall1(__HYPERVISOR_domctl, (u64)&d);
}

static long call_reservation(void)
{
    static const u32 commands[] = {XENMEM_populate_physmap, XENMEM_populate_physmap,
                                   XENMEM_decrease_reservation, XENMEM_increase_reservation,
                                   XENMEM_claim_pages};
    static xen_pfn_t frames[512];
    struct xen_memory_reservation r = {
        .extent_start = below(10) ? (u64)frames : pointer(),
        .nr_extents = below(8) ? below(ARRAY_SIZE(frames)) : word(),
        .extent_order = (u32)(below(4) ? below(2) * 9 : below(24)),
        .mem_flags = below(3) ? 0 : XENMEMF_exact_node(below(3)),
        .domid = victim(),
    };
    u64 cmd = commands[below(ARRAY_SIZE(commands))];

    if (!below(20))
        r.mem_flags = (u32)word();
    if (cmd == XENMEM_claim_pages && below(4)) {
        r.extent_start = 0;
        r.extent_order = r.mem_flags = 0;
        r.nr_extents = below(4) ? below(100000) : word();
    }
    for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = guest_gfn();
    if (!below(16))
        cmd |= below(1024) << 6; /* as if it were continued */
    return hypercall2(__HYPERVISOR_memory_op, cmd, &r);
}

static long call_physmap(void)
{
    static xen_ulong_t idxs[32];
    static xen_pfn_t gpfns[32];
    static int errs[32];
    struct xen_add_to_physmap_batch batch = {.domid = DOMID_SELF,
                                             .space = (u16)(below(4) ? XENMAPSPACE_gmfn_foreign : below(8)),
                                             .size = (u16)(below(8) ? below(33) : word())};
    struct xen_remove_from_physmap remove = {.domid = below(2) ? DOMID_SELF : victim()};
    struct xen_add_to_physmap add = {
        .domid = victim(), .space = (u32)below(6), .idx = word(), .gpfn = guest_gfn()};

    for (u32 i = 0; i < ARRAY_SIZE(idxs); i++) {
        idxs[i] = guest_gfn();
        gpfns[i] = window_gfn();
    }
    batch.u.foreign_domid = victim();
    batch.idxs = below(12) ? (u64)idxs : pointer();
    /* Never an array of our own that holds anything but window frames. */
    batch.gpfns = below(12) ? (u64)gpfns : 1ull << 46;
    batch.errs = below(12) ? (u64)errs : pointer();
    batch.size = batch.size > ARRAY_SIZE(gpfns) && batch.gpfns == (u64)gpfns ? ARRAY_SIZE(gpfns) : batch.size;
    switch (below(4)) {
    case 0:
        remove.gpfn = remove.domid == DOMID_SELF ? window_gfn() : guest_gfn();
        return hypercall2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove);
    case 1:
        return hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add);
    default:
        return hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &batch);
    }
}

void hostile_unmap_window(void)
{
    for (u32 i = 0; i < WINDOW_PAGES; i++) {
        struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = window + i};
        hypercall2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove);
    }
}

static long call_memory_query(void)
{
    static const u32 commands[] = {
        XENMEM_maximum_ram_page, XENMEM_current_reservation, XENMEM_maximum_reservation,
        XENMEM_memory_map,       XENMEM_machine_memory_map,  XENMEM_maximum_gpfn,
        XENMEM_set_memory_map,   XENMEM_acquire_resource,    XENMEM_exchange};
    u64 *argument = (u64 *)(arena + ALIGN_DOWN(below(ARENA_BYTES - 256), 8));
    u64 cmd = commands[below(ARRAY_SIZE(commands))];

    fill(argument, 256);
    u16 domid = victim();
    memcpy(argument, &domid,
           sizeof(domid)); /* exchange and resources name their domain elsewhere: not ours by chance */
    if (cmd == XENMEM_exchange)
        ((u16 *)argument)[12] = ((u16 *)argument)[28] = domid;
    return hypercall(__HYPERVISOR_memory_op, cmd, below(8) ? (u64)argument : pointer(), 0, 0, 0);
}

/* Keys that only show something, R would end the run; the console gets little of it, h and e are short. */
static void random_keys(struct xen_sysctl *s)
{
    static char keys[] = "hec~k\n\xff h";

    s->u.debug_keys.keys = below(4) ? (u64)keys + below(sizeof(keys)) : pointer();
    s->u.debug_keys.nr_keys = (u32)(below(8) ? below(4) : word());
    /* What is not keys[] could have an R. */
    if (s->u.debug_keys.keys - (u64)keys >= sizeof(keys) || s->u.debug_keys.nr_keys > 4)
        s->u.debug_keys.keys = 0xffff800000000000ull;
}

static long call_sysctl(void)
{
    struct xen_sysctl *s = (void *)(arena + ALIGN_DOWN(below(ARENA_BYTES - sizeof(*s)), 8));

    fill(&s->u, sizeof(s->u));
    s->cmd = (u32)below(32);
    s->interface_version = below(20) ? XEN_SYSCTL_INTERFACE_VERSION : (u32)word();
    if (s->cmd == XEN_SYSCTL_debug_keys) {
        if (below(64)) /* each takes the serial line's time */
            return 0;
        random_keys(s);
    } else if (s->cmd == XEN_SYSCTL_readconsole && below(2)) {
        s->u.readconsole.buffer = (u64)arena;
        s->u.readconsole.count = (u32)below(ARENA_BYTES);
    }
    return hypercall1(__HYPERVISOR_sysctl, (u64)s);
}

static long call_platform(void)
{
    static const u32 usual[] = {XENPF_settime32, XENPF_settime64, XENPF_firmware_info, XENPF_get_cpuinfo,
                                XENPF_get_cpu_version};
    struct xen_platform_op *p = (void *)(arena + ALIGN_DOWN(below(ARENA_BYTES - sizeof(*p)), 8));

    fill(&p->u, sizeof(p->u));
    p->cmd = below(4) ? usual[below(ARRAY_SIZE(usual))] : (u32)below(70);
    p->interface_version = below(20) ? XENPF_INTERFACE_VERSION : (u32)word();
    return hypercall1(__HYPERVISOR_platform_op, below(8) ? (u64)p : pointer());
}

static long call_event(void)
{
    u64 *argument = (u64 *)(arena + ALIGN_DOWN(below(ARENA_BYTES - 64), 8));

    fill(argument, 64);
    if (below(2))
        ((u32 *)argument)[0] = (u32)below(64);
    if (below(2))
        ((u16 *)argument)[1] = (u16)victim();
    u64 cmd = below(16);
    /* Events would be written into our own memory. attack=fifo makes these calls. */
    if (cmd == EVTCHNOP_init_control || cmd == EVTCHNOP_expand_array)
        return hypercall(__HYPERVISOR_event_channel_op, cmd, 1ull << 46, 0, 0, 0);
    return hypercall(__HYPERVISOR_event_channel_op, cmd, below(8) ? (u64)argument : pointer(), 0, 0, 0);
}

static long call_sched(void)
{
    struct sched_poll poll = {.ports = pointer(), .nr_ports = (u32)word(), .timeout = 1};
    struct sched_remote_shutdown shutdown = {.domain_id = victim(), .reason = (u32)word()};

    switch (below(3)) {
    case 0:
        return hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
    case 1:
        return hypercall2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &shutdown);
    default:
        return hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
    }
}

static long call_hvm(void)
{
    struct xen_hvm_param param = {
        .domid = victim(), .index = (u32)(below(8) ? below(48) : word()), .value = word()};

    return hypercall2(__HYPERVISOR_hvm_op, below(2) ? HVMOP_get_param : HVMOP_set_param, &param);
}

/* Unknown numbers and commands, and those that only read. */
static long call_other(void)
{
    switch (below(4)) {
    case 0:
        return hypercall(64 + below(1000), word(), word(), word(), word(), word());
    case 1:
        return hypercall(__HYPERVISOR_xen_version, below(16), pointer(), 0, 0, 0);
    case 2:
        return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, word(), pointer(), 0, 0);
    default:
        return hypercall(__HYPERVISOR_console_io, 1, below(64), pointer(), 0, 0);
    }
}

/* Any register of the own APIC, mostly the ICR: INIT, STARTUP, NMI and interrupts to vCPUs
 * (dom0_max_vcpus=), which run the zeroes of low memory until INIT ends it. Not to this one: it goes on, with
 * interrupts off. Reserved bits are not written: they fault, as they should. */
static long call_apic(void)
{
    u64 icr = (below(8) << 8) | below(256) | below(2) << 11 | below(4) << 14 | below(4) << 18;
    u32 mode = icr >> 8 & 7, to = icr >> 18 & 3;

    if (below(4) == 0) {
        static const u32 registers[] = {0x808, 0x80f, 0x832, 0x833, 0x837, 0x838, 0x83e, 0x83f};
        static const u64 valid[] = {0xff, 0x1ff, 0x310ff, 0x117ff, 0x110ff, 0xffffffff, 0xb, 0xff};
        u32 i = (u32)below(ARRAY_SIZE(registers));
        hostile_wrmsr(registers[i], rnd() & valid[i]);
        return 0;
    }
    if (mode == 6 && (u8)icr >= HOSTILE_VECTORS)
        icr &= ~0x80ull; /* above is the PC's hole, where a domain ends */
    if (to != 3) {
        icr &= ~(u64)(3u << 18 | 1u << 11);
        icr |= (2 + 2 * below(4)) << 32;
    }
    icr &= ~0x3000ull;
    hostile_wrmsr(0x830, icr);
    hostile_aps_poked += mode >= 5;
    return 0;
}

int hostile_init(u64 seed)
{
    u64 hole = guest_find_hole(MIB(2));

    hostile_wrmsr(0x1b, 0xfee00d00); /* to x2APIC mode */
    state = seed * 0x9e3779b97f4a7c15ull | 1;
    window = hole >> 12;
    return hole ? 0 : -ENOSPC;
}

long hostile_call(void)
{
    static long (*const kinds[])(void) = {
        call_domctl, call_domctl,  call_domctl,       call_reservation, call_reservation, call_context,
        call_policy, call_physmap, call_memory_query, call_sysctl,      call_event,       call_sched,
        call_hvm,    call_other,   call_apic,         call_platform,
    };

    return kinds[below(ARRAY_SIZE(kinds))]();
}
