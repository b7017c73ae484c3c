/*
 * A machine whose CPUs are host threads: the real mm/, domain/ and hypercall/ on two nodes, a processor that
 * runs no guest, and a domain 0 with a vCPU on each CPU. Between two locks a thread now and then lets the
 * others run. One test program includes it once.
 */
#ifndef TESTS_THREADS_HARNESS_H
#define TESTS_THREADS_HARNESS_H

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <homestead/topology.h>
#include <hypercall/hypercall.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/claims.h>
#include <tests/mm_table.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define FRAMES     0x2000u /* 32 MiB on two nodes */
#define THREADS    3u
#define AREA_PAGES 16u
#define WINDOW_GFN 0x1000u /* where domain 0 maps foreign frames: all threads in the same few */

static u8 *arena;
static struct cpu cpu_on[THREADS];
static _Thread_local struct cpu *here = &cpu_on[0];
static _Thread_local u32 random_state;
static _Thread_local u32 asked;
static struct domain *dom0;

struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* --- locks: rising levels, and between two of them others come in, now and then for long --- */
static _Thread_local u32 levels[8], nr_levels, gap_state;

void lock_check_take(u32 level)
{
    CHECK(nr_levels < ARRAY_SIZE(levels) && (!nr_levels || levels[nr_levels - 1] < level));
    levels[nr_levels++] = level;
}
void lock_check_drop(u32 level)
{
    CHECK(nr_levels && levels[nr_levels - 1] == level);
    if (--nr_levels)
        return;
    gap_state = gap_state * 1664525u + 1013904223u + here->id;
    if ((gap_state >> 16) % 8 == 0)
        sched_yield();
    if ((gap_state >> 16) % 256 == 0)
        usleep(100);
}

/* --- what is below --- */
void *mfn_to_virt(mfn_t m)
{
    CHECK(m.n < FRAMES);
    return arena + m.n * PAGE_SIZE;
}
void frames_clear(mfn_t m, u64 nr)
{
    memset(mfn_to_virt(m), 0, nr * PAGE_SIZE);
    if (nr > 1)
        usleep(200);
}
nodeid_t this_node(void)
{
    return here->id % 2;
}
void printk(enum log_level level, const char *fmt, ...)
{
    if (level > LOG_ERROR)
        return;
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}
void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}
struct cpu *this_cpu(void)
{
    return here;
}
u64 tsc_khz = 2000000;
u64 time_now_ns(void)
{
    return 1000;
}
void time_arm_ns(u64 deadline_ns)
{
    (void)deadline_ns;
}
/* Asked by sched_should_yield(): every fifth long call has gone on for too long. */
u64 time_tsc_to_ns(u64 tsc)
{
    (void)tsc;
    return ++asked % 5 == 0 ? 1000000000 : 0;
}
u64 time_ns_to_tsc(u64 ns)
{
    return ns * 2;
}
void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = 0x80000000u;
    *shift = 1;
}
void machine_end(enum machine_end how)
{
    (void)how;
    abort();
}
void cpu_idle(bool sleep)
{
    (void)sleep;
}
void console_write(const char *text, size_t len)
{
    (void)text;
    (void)len;
}
u32 keys_read(char *bytes, u32 max)
{
    (void)bytes;
    (void)max;
    return 0;
}
void vcpu_handle_exit(struct vcpu *v, const struct hvm_exit *exit)
{
    (void)v;
    (void)exit;
}
void vcpu_deliver_event(struct vcpu *v)
{
    (void)v;
}
static struct topology topology = {.nr_nodes = 2,
                                   .nr_cpus = THREADS,
                                   .nr_ranges = 1,
                                   .ranges = {{.base = 0, .size = (u64)FRAMES * PAGE_SIZE}}};
const struct topology *host_topology = &topology;

static void fake_vcpu_init(struct hvm_vcpu *v)
{
    (void)v;
}
static void fake_paging_state(struct hvm_vcpu *v, struct hvm_paging *out)
{
    (void)v;
    *out = (struct hvm_paging){.cr0 = 0};
}
static bool fake_long_mode_cs(struct hvm_vcpu *v)
{
    (void)v;
    return true;
}
/* The vCPU's state is in its control page: two CPUs at it at once are seen. */
static void fake_get_state(struct hvm_vcpu *v, struct hvm_state *out)
{
    memcpy(out, v->control, sizeof(*out));
}
static void fake_set_state(struct hvm_vcpu *v, const struct hvm_state *in)
{
    memcpy(v->control, in, sizeof(*in));
}
static const struct hvm_ops fake_ops = {
    .vcpu_init = fake_vcpu_init,
    .paging_state = fake_paging_state,
    .long_mode_cs = fake_long_mode_cs,
    .get_state = fake_get_state,
    .set_state = fake_set_state,
};
const struct hvm_ops *hvm_ops = &fake_ops;
void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to)
{
    (void)from;
    (void)to;
}
void hvm_fpu_reset(u8 *fpu)
{
    memset(fpu, 0, 512);
}
void hvm_dump(struct hvm_vcpu *v, const char *name)
{
    (void)v;
    (void)name;
}

/* --- the callers --- */
static u32 draw(u32 below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 10) % below;
}

/* A thread's own pages of domain 0's memory: the argument first, arrays from the second page on. */
static u64 area(void)
{
    return (u64)here->id * AREA_PAGES * PAGE_SIZE;
}
static u64 array_at(void)
{
    return area() + PAGE_SIZE;
}
static void put(u64 gaddr, const void *data, u64 len)
{
    CHECK(physmap_write(dom0, gaddr, data, len) == 0);
}

/* The call until it is through, as the run loop would. */
static long call(u64 nr, u64 arg0, u64 arg1)
{
    struct hypercall c = {.v = dom0->vcpu[here->id], .arg = {arg0, arg1}};
    long rc;

    do {
        rc = hypercall_call(&c, nr);
    } while (rc == -ERESTART);
    CHECK(nr_levels == 0);
    return rc;
}

static long domctl(u32 cmd, u16 domid, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domid;
    put(area(), op, sizeof(*op));
    return call(__HYPERVISOR_domctl, area(), 0);
}

/* --- the machine --- */
static void set_up(void)
{
    static u8 near[MAX_NODES][MAX_NODES] = {{0, 1}, {1, 0}};
    const struct domain_config config = {
        .domid = 0, .max_vcpus = THREADS, .max_evtchn_port = 1023, .is_control = true};

    arena = aligned_alloc(PAGE_SIZE, (size_t)FRAMES * PAGE_SIZE);
    memset(arena, 0xa5, (size_t)FRAMES * PAGE_SIZE);
    mm_table_init(FRAMES);
    mm_set_nodes(2, (const u8(*)[MAX_NODES])near);
    CHECK(mm_add_range(mfn(0x10), mfn(FRAMES / 2), 0) == 0);
    CHECK(mm_add_range(mfn(FRAMES / 2), mfn(FRAMES), 1) == 0);
    nr_cpus = THREADS;
    for (u32 i = 0; i < THREADS; i++) {
        cpu_on[i].id = i;
        cpu_on[i].nid = i % 2;
        cpus[i] = &cpu_on[i];
    }
    sysctl_init();
    sched_init();
    for (u32 i = 0; i < THREADS; i++)
        CHECK(sched_cpu_init(&cpu_on[i]) == 0);
    CHECK(domain_create(&config, &dom0) == 0);
    CHECK(domain_alloc_vcpus(dom0, THREADS) == 0);
    dom0->mem.max_pages = FRAMES;
    for (u64 g = 0; g < (u64)THREADS * AREA_PAGES; g++) {
        mfn_t m;
        CHECK(mm_alloc(&dom0->mem, NODE_NONE, 0, 0, &m) == 0 &&
              physmap_place(dom0, gfn(g), m, 0, NP_RAM) == 0);
    }
}

static u64 free_pages(void)
{
    struct mm_host_info host;

    mm_host_get_info(&host);
    CHECK(host.outstanding_pages == 0);
    return host.free_pages;
}

#endif
