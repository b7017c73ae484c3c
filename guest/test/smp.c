/*
 * mode=smp: starts all vCPUs by INIT-SIPI-SIPI and checks what they can do to each other. Each check prints
 * one line, "smp: CHECK ok" or "smp: CHECK FAILED ..."; the last line is "smp: N vCPUs ok" or FAILED. Option
 * xapic: in xAPIC mode, up to 8 vCPUs.
 *
 * vCPU 0 leads: it writes a job for the others, wakes them by an interrupt and waits until they are done.
 * The others sleep in HLT between jobs.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define V_WAKE    0x30u /* look at your job */
#define V_RING    0x41u /* passed on to the next vCPU */
#define V_LOGICAL 0x42u
#define V_ALL     0x43u
#define V_LOW     0x52u
#define V_HIGH    0x93u
#define V_TIMER   0xe1u
#define WAIT_MS   50000u /* finds a hang: eight vCPUs on a busy host have taken 28 s */
#define RING_HOPS 256u   /* at least a lap: a wait of the same length must do for any number of vCPUs */
#define TICKS     5u
#define TICK      1000000u /* counts of 10 ns */

enum job { JOB_NONE, JOB_TOUCH, JOB_TIMER, JOB_MEET, JOB_SPIN, JOB_INIT_PEER };

static u32 nr;
static bool all_ok = true;
static volatile enum job job[SMP_MAX];
static volatile u32 nr_nmis[SMP_MAX], nr_logical[SMP_MAX], nr_all[SMP_MAX], nr_ticks[SMP_MAX];
static volatile u32 laps, nr_low, nr_high, met, spinning;
static u32 starts_wanted[SMP_MAX];

static void check(const char *name, bool ok)
{
    printf("smp: %s %s\n", name, ok ? "ok" : "FAILED");
    all_ok = all_ok && ok;
}

static void on_irq(u32 vector)
{
    u32 id = smp_id();

    switch (vector) {
    case 2:
        nr_nmis[id]++;
        break;
    case V_RING:
        if (id == 0)
            laps++;
        if (id != 0 || laps < RING_HOPS / nr)
            smp_send((id + 1) % nr, V_RING);
        break;
    case V_LOGICAL:
        nr_logical[id]++;
        break;
    case V_ALL:
        nr_all[id]++;
        break;
    case V_LOW:
        nr_low++;
        break;
    case V_HIGH:
        nr_high++;
        break;
    case V_TIMER:
        nr_ticks[id]++;
        break;
    }
}

/* Every page whose number leaves id behind when divided by nr gets its address and id; or: is it there? */
static bool touch(u32 id, bool look)
{
    u64 own_end = ALIGN_UP((u64)(uintptr_t)image_end, PAGE_SIZE);

    for (u32 n = 0; n < guest_env.nr_ranges; n++) {
        const struct guest_range *r = &guest_env.ranges[n];
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM)
            continue;
        for (u64 a = MAX(ALIGN_UP(r->base, PAGE_SIZE), own_end); a + PAGE_SIZE <= r->base + r->size;
             a += PAGE_SIZE) {
            volatile u64 *word = (volatile u64 *)a;
            if (a / PAGE_SIZE % nr != id)
                continue;
            if (!look)
                *word = a ^ id;
            else if (*word != (a ^ id))
                return false;
        }
    }
    return true;
}

static void tick(u32 id)
{
    nr_ticks[id] = 0;
    apic_write(APIC_DIVIDE, 0xb);
    apic_write(APIC_LVT_TIMER, 1u << 17 | V_TIMER);
    apic_write(APIC_TIMER_COUNT, TICK);
    while (nr_ticks[id] < TICKS)
        irq_wait();
    apic_write(APIC_TIMER_COUNT, 0);
    apic_write(APIC_LVT_TIMER, V_TIMER); /* one shot */
    irq_on();                            /* one more tick may have come meanwhile */
    __asm__ volatile("nop; nop" ::: "memory");
    irq_off();
    nr_ticks[id] = 0;
    apic_write(APIC_TIMER_COUNT, TICK);
    while (nr_ticks[id] < 1)
        irq_wait();
    if (apic_read(APIC_TIMER_CURRENT) != 0)
        nr_ticks[id] = 100; /* it must stand still now */
}

static void meet(void)
{
    __atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST);
    while (met < nr)
        __asm__ volatile("pause");
}

static void do_job(u32 id)
{
    switch (job[id]) {
    case JOB_TOUCH:
        touch(id, false);
        break;
    case JOB_TIMER:
        tick(id);
        break;
    case JOB_MEET:
        meet();
        break;
    case JOB_SPIN: /* only INIT ends this */
        __atomic_add_fetch(&spinning, 1, __ATOMIC_SEQ_CST);
        for (;;)
            __asm__ volatile("pause");
    case JOB_INIT_PEER: /* 1 and 2, each the other */
        __atomic_add_fetch(&spinning, 1, __ATOMIC_SEQ_CST);
        while (spinning < 2)
            __asm__ volatile("pause");
        smp_send(3 - id, ICR_INIT);
        for (;;)
            __asm__ volatile("pause");
    case JOB_NONE:
        break;
    }
    job[id] = JOB_NONE;
}

static void body(u32 id)
{
    if (smp_xapic)
        apic_write(APIC_LDR, 1u << (24 + id));
    for (;;) {
        while (job[id] == JOB_NONE)
            irq_wait();
        do_job(id);
    }
}

static void give(u32 id, enum job what)
{
    job[id] = what;
    smp_send(id, V_WAKE);
}

static void give_all(enum job what)
{
    for (u32 id = 1; id < nr; id++)
        job[id] = what;
    apic_write(APIC_ICR, ICR_TO_OTHERS | ICR_ASSERT | V_WAKE);
}

static bool jobs_done(void)
{
    for (u32 id = 1; id < nr; id++)
        if (job[id] != JOB_NONE)
            return false;
    return true;
}
static bool all_started(void)
{
    for (u32 id = 1; id < nr; id++)
        if (smp_vcpus[id].starts != starts_wanted[id])
            return false;
    return true;
}
static bool laps_done(void)
{
    return laps >= RING_HOPS / nr;
}
static bool each_has(const volatile u32 *count)
{
    for (u32 id = 1; id < nr; id++)
        if (count[id] != 1)
            return false;
    return true;
}
static bool nmis_done(void)
{
    return each_has(nr_nmis);
}
static bool logical_done(void)
{
    return each_has(nr_logical);
}
static bool broadcast_done(void)
{
    return each_has(nr_all) && nr_all[0] == 1;
}
static bool one_spins(void)
{
    return spinning == 1;
}
static bool both_spin(void)
{
    return spinning == 2;
}
static bool is_down(u32 id)
{
    return hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, 0, 0, 0) == 0;
}
static bool last_is_down(void)
{
    return is_down(nr - 1);
}
static bool one_is_down(void)
{
    return is_down(1) || is_down(2);
}

/* One interrupt too low for TPR and one above it; a lower TPR then lets the first one in. Not by CR8:
 * QEMU 7.2 aborts when MOV to CR8 makes a virtual interrupt deliverable (its lock is not held). */
static void priorities(void)
{
    __asm__ volatile("mov %0, %%cr8" : : "r"(5ull));
    bool ok = apic_read(APIC_TPR) == 0x50;
    apic_write(APIC_SELF_IPI, V_LOW);
    apic_write(APIC_SELF_IPI, V_HIGH);
    irq_on();
    __asm__ volatile("nop; nop" ::: "memory");
    ok = ok && nr_high == 1 && nr_low == 0;
    ok = ok && apic_read(APIC_IRR + V_LOW / 32) == 1u << V_LOW % 32;
    apic_write(APIC_TPR, 0x40);
    __asm__ volatile("nop; nop" ::: "memory");
    ok = ok && nr_low == 1 && apic_read(APIC_IRR + V_LOW / 32) == 0 && apic_read(APIC_ISR + V_LOW / 32) == 0;
    irq_off();
    __asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
    check("priorities", ok);
}

static void started(const char *name)
{
    bool ok = smp_wait(all_started, WAIT_MS);

    for (u32 id = 1; id < nr; id++)
        ok = ok && smp_vcpus[id].apic_id == 2 * id && smp_vcpus[id].early_hypercalls == 1;
    check(name, ok);
}

static void interrupts(void)
{
    smp_send(1, V_RING);
    check("ring", smp_wait(laps_done, WAIT_MS));
    apic_write(APIC_ICR, ICR_TO_OTHERS | ICR_ASSERT | ICR_NMI);
    check("nmi", smp_wait(nmis_done, WAIT_MS));
    if (smp_xapic) /* the flat model: a bit for each, all but vCPU 0 */
        apic_write(APIC_ICR, 0xfeull << 56 | ICR_LOGICAL | ICR_ASSERT | V_LOGICAL);
    for (u32 cluster = 0; !smp_xapic && cluster <= 2 * (nr - 1) / 16;
         cluster++) { /* all of the cluster but vCPU 0 */
        u64 members = cluster ? 0xffff : 0xfffe;
        apic_write(APIC_ICR, (u64)cluster << 48 | members << 32 | ICR_LOGICAL | ICR_ASSERT | V_LOGICAL);
    }
    check("logical", smp_wait(logical_done, WAIT_MS));
    apic_write(APIC_ICR, ICR_TO_ALL | ICR_ASSERT | V_ALL);
    check("broadcast", smp_wait(broadcast_done, WAIT_MS));
}

static void work(void)
{
    bool ok;

    give_all(JOB_TOUCH);
    touch(0, false);
    ok = smp_wait(jobs_done, WAIT_MS);
    for (u32 id = 0; id < nr; id++)
        ok = ok && touch(id, true);
    check("memory", ok);
    give_all(JOB_TIMER);
    ok = smp_wait(jobs_done, WAIT_MS);
    for (u32 id = 1; id < nr; id++)
        ok = ok && nr_ticks[id] == 1;
    check("timer", ok);
    give_all(JOB_MEET);
    meet(); /* all spin */
    check("spin", smp_wait(jobs_done, WAIT_MS));
}

/* INIT reaches a vCPU that sleeps, one that spins with interrupts off, and two that send it to each other. */
static void restarts(void)
{
    smp_start(1);
    starts_wanted[1]++;
    started("restart asleep");
    give(1, JOB_SPIN);
    bool ok = smp_wait(one_spins, WAIT_MS);
    check("runstates", ok && runstates_add_up(nr, 1));
    job[1] = JOB_NONE;
    smp_start(1);
    starts_wanted[1]++;
    started(ok ? "restart spinning" : "restart (it did not spin)");
    smp_send(1, ICR_STARTUP | SMP_TRAMPOLINE >> 12); /* without INIT: nothing */
    started("startup ignored");
    if (nr < 3)
        return;
    spinning = 0;
    give(1, JOB_INIT_PEER);
    give(2, JOB_INIT_PEER);
    /* Once one is down the other has sent its INIT, and the one that is down sends no more: none can come
     * after the starts that follow. */
    ok = smp_wait(both_spin, WAIT_MS) && smp_wait(one_is_down, WAIT_MS);
    job[1] = job[2] = JOB_NONE;
    smp_start(1);
    smp_start(2);
    starts_wanted[1]++;
    starts_wanted[2]++;
    started(ok ? "restart each other" : "restart each other (neither went down)");
}

/* The last vCPU, by hypercalls instead of INIT-SIPI. */
static void by_hypercall(void)
{
    static struct vcpu_info info ALIGNED(64);
    u32 last = nr - 1;
    struct vcpu_hvm_context context = {.mode = VCPU_HVM_MODE_64B};
    struct vcpu_register_vcpu_info reg = {.mfn = (u64)(uintptr_t)&info >> PAGE_SHIFT,
                                          .offset = (u64)(uintptr_t)&info & ~PAGE_MASK};
    u64 cr0, cr3, cr4;

    __asm__("mov %%cr0, %0; mov %%cr3, %1; mov %%cr4, %2" : "=r"(cr0), "=r"(cr3), "=r"(cr4));
    context.cpu_regs.x86_64 = (xen_vcpu_hvm_x86_64_t){.rip = (u64)(uintptr_t)ap_entry_64,
                                                      .rsp = (u64)(uintptr_t)ap_stacks[last + 1],
                                                      .rflags = 2,
                                                      .cr0 = cr0,
                                                      .cr3 = cr3,
                                                      .cr4 = cr4,
                                                      .efer = rdmsr(0xc0000080)};
    bool ok = hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, last, (u64)(uintptr_t)&context, 0, 0) == -17;
    smp_send(last, ICR_INIT);
    ok = smp_wait(last_is_down, WAIT_MS) && ok;
    ok = ok && hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, last, 0, 0, 0) == -22;
    ok = ok && !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, last, (u64)(uintptr_t)&context, 0, 0);
    ok = ok && !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, last, (u64)(uintptr_t)&reg, 0, 0);
    ok = ok && info.evtchn_upcall_pending == 1 && info.time.tsc_to_system_mul;
    ok = ok && hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (u64)(uintptr_t)&reg, 0, 0) == 0;
    ok = ok &&
         hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, (u64)(uintptr_t)&reg, 0, 0) == -22;
    ok = ok && !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, last, 0, 0, 0);
    starts_wanted[last]++;
    check("VCPUOP_initialise", ok);
    started("started by VCPUOP_up");
}

bool smp_run(void)
{
    char word[2];

    nr = smp_count();
    smp_xapic = guest_option("xapic", word, sizeof(word));
    smp_on_irq = on_irq;
    smp_body = body;
    smp_init();
    priorities();
    for (u32 id = 1; id < nr; id++) {
        smp_start(id);
        starts_wanted[id] = 1;
    }
    started("start");
    if (nr > 1 && all_ok) {
        interrupts();
        work();
        restarts();
        by_hypercall();
    }
    printf("smp: %u vCPUs %s\n", nr, all_ok ? "ok" : "FAILED");
    return all_ok;
}
