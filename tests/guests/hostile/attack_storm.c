/*
 * attack=storm: all vCPUs send each other interrupts as fast as they can, each with a periodic APIC timer of one
 * count, one-shot timers in the past and events to itself. vCPU 0 also resets the others by INIT and STARTUP. Ends
 * after ms= milliseconds; nothing may hang.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <xen/event_channel.h>
#include <xen/vcpu.h>

static volatile u64 nr_interrupts;
static volatile bool over;
static u64 nr_ipis, nr_starts;
static u32 nr_vcpus;

static void on_irq(u32 vector)
{
    (void)vector;
    nr_interrupts++;
}

static void timers(u32 id)
{
    struct vcpu_set_singleshot_timer past = {.timeout_abs_ns = 1};

    wrmsr(APIC_DIVIDE, 0xb);
    wrmsr(APIC_LVT_TIMER, 1u << 17 | 0x60u);
    wrmsr(APIC_TIMER_COUNT, 1);
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, id, XEN_HANDLE(&past), 0, 0);
}

static void shoot(u32 id, u64 *state)
{
    struct evtchn_send send = {.port = (u32)(random_next(state) % 64)};
    u32 modes[] = {0x30 + id, ICR_NMI, 0xff, 0x21};
    u32 mode = modes[random_next(state) % ARRAY_SIZE(modes)], to = (u32)(random_next(state) % nr_vcpus);

    /* The others are in their start code again and again, with no IDT for an NMI: that would shut the guest down. */
    smp_send(mode == ICR_NMI ? 0 : to, mode);
    wrmsr(APIC_ICR, ICR_TO_OTHERS | (0x30 + random_next(state) % 0xc0));
    wrmsr(APIC_SELF_IPI, 0x30 + random_next(state) % 0xc0);
    hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
    __atomic_fetch_add(&nr_ipis, 3, __ATOMIC_RELAXED);
}

static void body(u32 id)
{
    u64 state = id + 1;

    timers(id);
    irq_on();
    while (!over) {
        shoot(id, &state);
        __builtin_ia32_pause();
    }
    irq_off();
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_down, id, 0, 0, 0);
}

/* On a busy host there is more time, until it was something of a storm. */
static bool goes_on(u64 end)
{
    u64 now = guest_now_ms();

    return now < end || (now < end + MORE_MS && (!nr_interrupts || nr_ipis <= 100));
}

bool attack_storm(void)
{
    u64 state = 77, end = guest_now_ms() + guest_option_number("ms", 1500);

    nr_vcpus = smp_count();
    smp_init();
    smp_body = body;
    smp_on_irq = on_irq;
    while (goes_on(end)) {
        for (u32 id = 1; id < nr_vcpus; id++, nr_starts++)
            smp_start(id);
        timers(0);
        irq_on();
        for (u32 i = 0; i < 200 && goes_on(end); i++)
            shoot(0, &state);
        irq_off();
        wrmsr(APIC_TIMER_COUNT, 0);
    }
    over = true;
    for (u32 id = 1; id < nr_vcpus; id++)
        smp_send(id, ICR_INIT);
    printf("hostile   storm: %lu interrupts sent, %lu taken, %lu starts\n", nr_ipis, nr_interrupts,
           nr_starts);
    return nr_interrupts > 0 && nr_ipis > 100;
}
