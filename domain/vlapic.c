/*
 * The local APIC's effect on vCPUs: interrupts, NMIs, INIT and STARTUP from one to another, the timer, and
 * the choice of the event that is injected next.
 *
 * INIT and STARTUP change a vCPU's state, so the vCPU applies them itself before it enters its guest: no
 * vCPU waits for another, and two may send INIT to each other. A vCPU that has taken INIT, or never had a
 * state, is offline with `initialised` false until STARTUP comes; a second STARTUP is ignored. When the
 * last vCPU of a domain goes offline in this way, the domain powers off, as with VCPUOP_down.
 *
 * The APIC's timer is one software timer, armed only while its interrupt is not masked. Its handler only
 * notifies the vCPU. Ticks that a vCPU missed while it could not run count as one; periods have a minimum.
 *
 * Locks: the domain's for init_sipi and initialised; IRR, nmi_pending and attention are atomic; all else
 * belongs to the CPU that runs the vCPU.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/sched.h>

/* init_sipi */
#define GOT_INIT    BIT(8)
#define GOT_STARTUP BIT(9) /* the vector is in bits 0-7 */

/* --- the timer ------------------------------------------------------------------------------------------ */

static void update_timer(struct vcpu *v)
{
    u64 deadline = x2apic_timer_deadline(&v->hvm.apic);

    if (deadline == v->apic_timer.deadline_ns)
        return;
    if (deadline)
        timer_set(&v->apic_timer, deadline);
    else
        timer_cancel(&v->apic_timer);
}

/* CR8 is the upper half of TPR; guests write it without an exit. */
static void read_cr8(struct vcpu *v)
{
    u32 cr8 = hvm_ops->get_cr8(&v->hvm);

    if (v->hvm.apic.tpr >> 4 != cr8)
        v->hvm.apic.tpr = cr8 << 4;
}

/* --- from one vCPU to others ---------------------------------------------------------------------------- */

/* Domain lock held. */
static void receive_init(struct vcpu *v)
{
    v->init_sipi = (u32)GOT_INIT; /* cancels an earlier STARTUP */
    vcpu_notify(v);
}

/* Domain lock held. */
static void receive_startup(struct vcpu *v, u8 vector)
{
    bool waits = !v->initialised || (v->init_sipi & GOT_INIT);

    if (!waits || (v->init_sipi & GOT_STARTUP))
        return;
    v->init_sipi |= (u32)GOT_STARTUP | vector;
    vcpu_notify(v);
    vcpu_start(v);
}

void vcpu_send_nmi(struct vcpu *v)
{
    __atomic_store_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST);
    vcpu_notify(v);
}

bool vcpu_is_initialised(struct vcpu *v)
{
    spin_lock(&v->domain->lock);
    bool initialised = v->initialised;
    spin_unlock(&v->domain->lock);
    return initialised;
}

static void receive(struct vcpu *v, const struct apic_ipi *ipi)
{
    switch (ipi->kind) {
    case APIC_IPI_FIXED:
    case APIC_IPI_LOWEST:
        if (!x2apic_enabled(&v->hvm.apic))
            break;
        x2apic_request(&v->hvm.apic, ipi->vector);
        vcpu_notify(v);
        break;
    case APIC_IPI_NMI:
        vcpu_send_nmi(v);
        break;
    case APIC_IPI_INIT:
        receive_init(v);
        break;
    case APIC_IPI_STARTUP:
        receive_startup(v, ipi->vector);
        break;
    case APIC_IPI_NONE:
        break;
    }
}

static void send(struct vcpu *from)
{
    struct apic_ipi ipi = x2apic_decode_icr(&from->hvm.apic);
    struct domain *d = from->domain;
    bool locked = ipi.kind == APIC_IPI_INIT || ipi.kind == APIC_IPI_STARTUP;

    if (ipi.kind == APIC_IPI_NONE)
        return;
    if (locked)
        spin_lock(&d->lock);
    for (u32 id = 0; id < d->nr_vcpus; id++) {
        struct vcpu *v = d->vcpu[id];

        if (!x2apic_ipi_reaches(&ipi, hvm_apic_id(from->id), &v->hvm.apic, hvm_apic_id(id)))
            continue;
        if (ipi.kind == APIC_IPI_LOWEST && !x2apic_enabled(&v->hvm.apic))
            continue;
        receive(v, &ipi);
        if (ipi.kind == APIC_IPI_LOWEST)
            break;
    }
    if (locked)
        spin_unlock(&d->lock);
}

/* --- registers ------------------------------------------------------------------------------------------ */

/* Work that a write has left: X2APIC_*. */
static void finish_write(struct vcpu *v, int todo)
{
    if (todo & X2APIC_TPR)
        hvm_ops->set_cr8(&v->hvm, v->hvm.apic.tpr >> 4);
    if (todo & X2APIC_TIMER)
        update_timer(v);
    if (todo & X2APIC_SEND)
        send(v);
    if ((todo & X2APIC_ON) && vcpu_event_pending(v))
        vcpu_request_upcall(v);
    __atomic_store_n(&v->attention, true, __ATOMIC_SEQ_CST); /* a blocked interrupt may be deliverable now */
}

int vlapic_rdmsr(struct vcpu *v, u32 msr, u64 *value)
{
    if (msr == MSR_IA32_APIC_BASE) {
        *value = v->hvm.apic.base;
        return 0;
    }
    read_cr8(v);
    x2apic_timer_expire(&v->hvm.apic, time_now_ns());
    return x2apic_read(&v->hvm.apic, hvm_apic_id(v->id), msr, time_now_ns(), value);
}

/* A CPU that does not offer x2APIC mode has no bit for it. */
static int write_base(struct vcpu *v, u64 value)
{
    if ((value & APIC_BASE_X2APIC) && !(v->hvm.policy->basic[1].ecx & CPUID_X2APIC))
        return -EFAULT;
    return x2apic_write_base(&v->hvm.apic, value);
}

int vlapic_wrmsr(struct vcpu *v, u32 msr, u64 value)
{
    read_cr8(v);
    int todo = msr == MSR_IA32_APIC_BASE ? write_base(v, value)
                                         : x2apic_write(&v->hvm.apic, msr, value, time_now_ns());
    if (todo < 0)
        return todo;
    finish_write(v, todo);
    return 0;
}

bool vlapic_is_at(const struct vcpu *v, u64 gaddr)
{
    return x2apic_in_xapic_mode(&v->hvm.apic) && !((v->hvm.apic.base ^ gaddr) & PAGE_MASK);
}

u64 vlapic_read(struct vcpu *v, u64 gaddr, u32 bytes)
{
    read_cr8(v);
    x2apic_timer_expire(&v->hvm.apic, time_now_ns());
    return xapic_read(&v->hvm.apic, hvm_apic_id(v->id), gaddr & ~PAGE_MASK, bytes, time_now_ns());
}

void vlapic_write(struct vcpu *v, u64 gaddr, u32 bytes, u64 value)
{
    read_cr8(v);
    finish_write(
        v, xapic_write(&v->hvm.apic, hvm_apic_id(v->id), gaddr & ~PAGE_MASK, bytes, value, time_now_ns()));
}

/* --- injection ------------------------------------------------------------------------------------------ */

/* No earlier event, timer or NMI stays pending. hvm_fpu_switch() loads the zeroed DR0-DR3. */
static void take_init(struct vcpu *v)
{
    hvm_ops->reset_events(&v->hvm);
    x2apic_reset(&v->hvm.apic);
    timer_cancel(&v->apic_timer);
    __atomic_store_n(&v->nmi_pending, false, __ATOMIC_SEQ_CST);
    hvm_fpu_switch(&v->hvm, NULL);
    memset(v->hvm.dr, 0, sizeof(v->hvm.dr));
    hvm_fpu_switch(NULL, &v->hvm);
    v->initialised = false;
}

static void take_init_sipi(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct cpuid_leaf signature;

    spin_lock(&d->lock);
    u32 got = v->init_sipi;
    v->init_sipi = 0;
    if (got & GOT_INIT)
        take_init(v);
    if (!v->initialised && (got & GOT_STARTUP)) {
        hvm_guest_cpuid(&v->hvm, 1, 0, &signature);
        hvm_set_startup_entry(&v->hvm, (u8)got, signature.eax);
        v->initialised = true;
    }
    bool waits = !v->initialised;
    if (waits)
        vcpu_offline(v); /* under the lock: a STARTUP comes either before or after, and none is lost */
    spin_unlock(&d->lock);
    if (waits && domain_nr_online(d) == 0)
        domain_shutdown(d, SHUTDOWN_poweroff);
}

static void deliver_interrupt(struct vcpu *v)
{
    struct hvm_apic *apic = &v->hvm.apic;
    u8 callback = vcpu_callback_vector(v);
    int vector = x2apic_highest(apic);

    v->irq_waits = false;
    if (callback) {
        if (!hvm_ops->can_inject_irq(&v->hvm)) {
            v->irq_waits = true;
            hvm_ops->request_irq_window(&v->hvm, HVM_ANY_CLASS);
            return;
        }
        hvm_ops->inject_irq(&v->hvm, callback);
    } else if (x2apic_deliverable(apic, vector) && hvm_ops->can_inject_irq(&v->hvm)) {
        x2apic_accept(apic, (u8)vector);
        hvm_ops->inject_irq(&v->hvm, (u8)vector);
        vector = x2apic_highest(apic);
    }
    if (vector >= 0 && x2apic_enabled(apic)) {
        v->irq_waits = x2apic_deliverable(apic, vector);
        hvm_ops->request_irq_window(&v->hvm, (u32)vector >> 4);
    }
}

void vcpu_deliver_event(struct vcpu *v)
{
    /* Cleared first: a request that comes during this call leads to another one. */
    if (__atomic_exchange_n(&v->attention, false, __ATOMIC_SEQ_CST)) {
        if (unlikely(v->init_sipi || !v->initialised)) {
            take_init_sipi(v);
            if (!v->initialised)
                return;
        }
        x2apic_timer_expire(&v->hvm.apic, time_now_ns());
        update_timer(v);
    }
    if (unlikely(__atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST)) && hvm_ops->inject_nmi(&v->hvm))
        __atomic_store_n(&v->nmi_pending, false, __ATOMIC_SEQ_CST);
    read_cr8(v);
    deliver_interrupt(v);
}
