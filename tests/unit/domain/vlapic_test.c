/* Interrupts, NMIs, INIT and STARTUP from one vCPU to another, and the APIC's timer, on the real run loop. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/hvm/guest_cpuid.h>
#include <xen/sched.h>

#define ICR  0x830
#define SVR  0x80f
#define EOI  0x80b
#define INIT 0x4500u
#define SIPI 0x4600u
#define NMI  0x4400u

static struct domain *d; /* two vCPUs online, their APICs enabled */
static struct vcpu *v, *other;

static void setup(void)
{
    d = domain_get(1);
    domain_put(d);
    v = d->vcpu[0];
    other = d->vcpu[1];
    vcpu_block(caller); /* domain 0's */
    for (u32 i = 0; i < 2; i++) {
        vcpu_online(d->vcpu[i]);
        assert_int_equal(vlapic_wrmsr(d->vcpu[i], 0x1b, 0xfee00c00), 0); /* x2APIC mode */
        assert_int_equal(vlapic_wrmsr(d->vcpu[i], SVR, 0x1ff), 0);
        d->vcpu[i]->attention = false;
    }
}

FIXTURE(setup, NULL)
#define APIC_TEST(name) TEST(name, .domains = 2, .vcpus = 2)

/* As the run loop does before an entry, where the vCPU runs. */
static void enters(struct vcpu *who, u8 irq)
{
    here->current = who;
    fpu_loaded[here->id] = &who->hvm;
    injected_irq = 0;
    vcpu_deliver_event(who);
    fpu_loaded[here->id] = NULL;
    here->current = NULL;
    assert_int_equal(injected_irq, irq);
}

/* STARTUP's vector is the page of its first instruction; 0: it has not been taken yet. */
static u8 started_at(void)
{
    return (u8)(((const struct hvm_state *)other->hvm.control)->cs.selector >> 8);
}

static void send(u32 to, u32 mode)
{
    assert_int_equal(vlapic_wrmsr(v, ICR, (u64)(2 * to) << 32 | mode), 0);
}

APIC_TEST(an_interrupt_wakes_and_enters)
{
    vcpu_block(other);
    assert_int_equal(other->state, VCPU_BLOCKED);
    send(1, 0x4041);
    assert_int_equal(other->state, VCPU_RUNNABLE);
    assert_true(other->attention);
    vcpu_block(other); /* nothing has been taken yet: no sleep */
    assert_int_equal(other->state, VCPU_RUNNABLE);
    enters(other, 0x41);
    send(1, 0x4042); /* same class: waits for EOI */
    enters(other, 0);
    assert_false(other->irq_waits);
    send(1, 0x4053);
    can_inject = false;
    enters(other, 0);
    assert_true(other->irq_waits);
    assert_int_equal(other->hvm.window_class, 5);
    can_inject = true;
    enters(other, 0x53);
    vlapic_wrmsr(other, EOI, 0);
    vlapic_wrmsr(other, EOI, 0);
    enters(other, 0x42);
    vlapic_wrmsr(other, SVR, 0xff); /* switched off: it takes none */
    send(1, 0x4099);
    enters(other, 0);
}

APIC_TEST(cr8_holds_back)
{
    guest_cr8 = 5;
    send(0, 0x4052);
    enters(v, 0);
    assert_int_equal(v->hvm.window_class, 5); /* an exit when CR8 lets it */
    assert_false(v->irq_waits);
    guest_cr8 = 4;
    v->attention = true;
    enters(v, 0x52);
    vlapic_wrmsr(v, 0x808, 0x73);
    assert_int_equal(guest_cr8, 7);
    u64 value;
    assert_int_equal(vlapic_rdmsr(v, 0x808, &value), 0);
    assert_int_equal(value, 0x73); /* the lower half is only here */
    guest_cr8 = 2;
    vlapic_rdmsr(v, 0x808, &value);
    assert_int_equal(value, 0x20);
}

APIC_TEST(nmis_wait_their_turn)
{
    can_inject_nmi = false;
    send(1, NMI);
    enters(other, 0);
    assert_true(other->nmi_pending);
    can_inject_nmi = true;
    enters(other, 0);
    assert_false(other->nmi_pending);
    assert_int_equal(nr_nmis, 1);
}

APIC_TEST(init_and_startup)
{
    send(1, SIPI | 0x10); /* it runs: ignored */
    enters(other, 0);
    assert_int_equal(started_at(), 0);
    x2apic_request(&other->hvm.apic, 0x99);
    other->hvm.dr[2] = 7;
    send(1, INIT);
    enters(other, 0);
    assert_int_equal(other->state, VCPU_OFFLINE);
    assert_false(other->initialised);
    assert_int_equal(other->hvm.dr[2], 0);
    assert_int_equal(nr_resets, 1);
    assert_int_equal(x2apic_highest(&other->hvm.apic), -1);
    assert_false(x2apic_enabled(&other->hvm.apic));
    vcpu_wake(other);
    assert_int_equal(other->state, VCPU_OFFLINE);
    send(1, SIPI | 0x22);
    send(1, SIPI | 0x33); /* the second is ignored, before and after the first has been taken */
    assert_int_equal(other->state, VCPU_RUNNABLE);
    enters(other, 0);
    assert_true(other->initialised);
    assert_int_equal(started_at(), 0x22);
    struct cpuid_leaf signature;
    hvm_guest_cpuid(&other->hvm, 1, 0, &signature);
    assert_int_equal(other->hvm.regs.rdx, signature.eax);
    send(1, SIPI | 0x44);
    enters(other, 0);
    assert_int_equal(started_at(), 0x22);
    /* INIT voids a STARTUP that has not been taken; both together are taken in order. */
    send(1, INIT);
    send(1, SIPI | 0x55);
    send(1, INIT);
    enters(other, 0);
    assert_int_equal(started_at(), 0x22);
    assert_int_equal(other->state, VCPU_OFFLINE);
    send(1, INIT);
    send(1, SIPI | 0x66);
    enters(other, 0);
    assert_int_equal(started_at(), 0x66);
    assert_int_equal(other->state, VCPU_RUNNABLE);
    assert_false(d->shut_down);
}

APIC_TEST(nobody_left_to_start_them)
{
    send(1, INIT);
    send(0, INIT);
    enters(other, 0);
    assert_false(d->shut_down);
    enters(v, 0);
    assert_true(d->shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_poweroff);
    enters(v, 0); /* and it does no harm to look again */
}

APIC_TEST(the_run_loop_leaves_a_vcpu_without_state)
{
    vcpu_offline(other);
    send(0, INIT);
    other->initialised = false;
    sched_step(here);
    assert_int_equal(nr_runs[1][0], 0);
    assert_int_equal(v->state, VCPU_OFFLINE);
}

APIC_TEST(the_timer_ticks)
{
    vlapic_wrmsr(v, 0x83e, 0xb);
    vlapic_wrmsr(v, 0x832, 1u << 17 | 0xe1);
    vlapic_wrmsr(v, 0x838, 1000000); /* 10 ms */
    assert_int_equal(v->apic_timer.deadline_ns, now_ns + 10000000);
    vcpu_block(v);
    v->attention = v->irq_waits = false;
    vcpu_block(v);
    pass(35000000);
    timer_run_due();
    assert_int_equal(v->state, VCPU_RUNNABLE);
    enters(v, 0xe1); /* three were due: one comes */
    assert_int_equal(v->apic_timer.deadline_ns, now_ns + 5000000);
    vlapic_wrmsr(v, EOI, 0);
    enters(v, 0);
    vlapic_wrmsr(v, 0x832, BIT(16) | 0xe1);
    assert_int_equal(v->apic_timer.deadline_ns, 0); /* masked: no host timer */
}

/* --- the upcall vector --- */

/* Linux: vCPU 0 sets vector and vcpu_info of one that is down, and events come before it starts. */
APIC_TEST(an_upcall_waits_for_the_apic)
{
    u32 port;

    send(1, INIT);
    enters(other, 0);
    vcpu_set_upcall_vector(other, 0xf3);
    assert_int_equal(evtchn_bind_ipi(d, 1, &port), 0);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(other->info->evtchn_upcall_pending, 1);
    assert_int_equal(x2apic_highest(&other->hvm.apic), -1);
    send(1, SIPI | 0x22);
    enters(other, 0);
    assert_int_equal(vlapic_wrmsr(other, SVR, 0x1ff), 0);
    enters(other, 0xf3);
    assert_int_equal(vlapic_wrmsr(other, SVR, 0x1fe), 0); /* it is on already: no second one */
    assert_int_equal(x2apic_highest(&other->hvm.apic), -1);
    /* and none of what is not pending */
    assert_int_equal(vlapic_wrmsr(other, EOI, 0), 0);
    other->info->evtchn_upcall_pending = 0;
    assert_int_equal(vlapic_wrmsr(other, SVR, 0xff), 0);
    assert_int_equal(vlapic_wrmsr(other, SVR, 0x1ff), 0);
    assert_int_equal(x2apic_highest(&other->hvm.apic), -1);
}

/* --- xAPIC mode --- */

#define PAGE 0xfee00000u

static void xapic(struct vcpu *who)
{
    assert_int_equal(vlapic_wrmsr(who, 0x1b, 0xfee00000), 0);
    assert_int_equal(vlapic_wrmsr(who, 0x1b, 0xfee00800), 0);
    assert_true(vlapic_is_at(who, PAGE) && vlapic_is_at(who, PAGE + 0xfff));
    assert_false(vlapic_is_at(who, PAGE - 1) || vlapic_is_at(who, PAGE + 0x1000) ||
                 vlapic_is_at(who, BIT(32) | PAGE));
}

APIC_TEST(interrupts_in_xapic_mode)
{
    assert_false(vlapic_is_at(other, PAGE)); /* x2APIC mode */
    xapic(v);
    xapic(other);
    vlapic_write(v, PAGE + 0xf0, 4, 0x1ff);
    vlapic_write(other, PAGE + 0xf0, 4, 0x1ff);
    assert_int_equal(vlapic_read(other, PAGE + 0x20, 4), 2u << 24);
    vlapic_write(v, PAGE + 0x310, 4, 2u << 24);
    vlapic_write(v, PAGE + 0x300, 4, 0x4041);
    enters(other, 0x41);
    assert_int_equal(vlapic_read(other, PAGE + 0x120, 4), 2); /* ISR */
    vlapic_write(other, PAGE + 0xb0, 4, 0);
    assert_int_equal(vlapic_read(other, PAGE + 0x120, 4), 0);
    vlapic_write(v, PAGE + 0x80, 4, 0x73);
    assert_int_equal(guest_cr8, 7);
    guest_cr8 = 2;
    assert_int_equal(vlapic_read(v, PAGE + 0x80, 4), 0x20);
    vlapic_write(v, PAGE + 0x300, 4, INIT);
    vlapic_write(v, PAGE + 0x300, 4, SIPI | 0x22);
    enters(other, 0);
    assert_int_equal(started_at(), 0x22);
    assert_true(vlapic_is_at(other, PAGE)); /* INIT keeps the mode */
    assert_int_equal(vlapic_read(other, PAGE + 0xf0, 4), 0xff);
}

APIC_TEST(the_timer_in_xapic_mode)
{
    xapic(v);
    vlapic_write(v, PAGE + 0xf0, 4, 0x1ff);
    vlapic_write(v, PAGE + 0x3e0, 4, 0xb);
    vlapic_write(v, PAGE + 0x320, 4, 0xe1);
    vlapic_write(v, PAGE + 0x380, 4, 1000000); /* 10 ms */
    assert_int_equal(v->apic_timer.deadline_ns, now_ns + 10000000);
    pass(4000000);
    assert_int_equal(vlapic_read(v, PAGE + 0x390, 4), 600000);
    assert_int_equal(vlapic_wrmsr(v, 0x1b, 0xfee00000), 0); /* a disabled APIC ticks no more */
    assert_int_equal(v->apic_timer.deadline_ns, 0);
}

APIC_TEST(vcpu_info_moves_once)
{
    populate(d, 0x10, 0);
    u64 free_before = free_pages();
    v->info->evtchn_pending_sel = 1;
    assert_int_equal(vcpu_register_info(v, gfn(0x11), 0), -EINVAL);
    assert_int_equal(vcpu_register_info(v, gfn(0x10), 4096 - 56), -ENXIO);
    assert_int_equal(vcpu_register_info(v, gfn(0x10), 4), -EINVAL);
    assert_int_equal(vcpu_register_info(v, gfn(0x10), ~0u - 7), -ENXIO);
    assert_int_equal(vcpu_register_info(v, gfn(0x10), 4096 - 64), 0);
    const u8 *page = mfn_to_virt(physmap_lookup(d, gfn(0x10)).mfn);
    const struct vcpu_info *info = (const void *)(page + 4096 - 64);
    assert_ptr_equal(v->info, info);
    assert_int_equal(info->evtchn_pending_sel, ~0ull);
    assert_int_equal(info->evtchn_upcall_pending, 1);
    assert_int_equal(vcpu_register_info(v, gfn(0x10), 0), -EINVAL);
    /* The guest gives the page away: it stays ours until the domain dies. */
    assert_int_equal(physmap_remove(d, gfn(0x10), 0, true), 0);
    assert_int_equal(free_pages(), free_before);
    ((volatile struct vcpu_info *)v->info)->evtchn_upcall_pending = 0;
    /* the machine sees whether it comes back */
}
