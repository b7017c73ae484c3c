/*
 * The guest's local APIC in x2APIC mode: its registers, which interrupt is next, what an ICR value asks for,
 * and the timer's arithmetic. Plain C; domain/vlapic.c wakes vCPUs and drives the timer.
 *
 * Source: SDM 3A chapter 10 (priorities 10.8.3, timer 10.5.4, x2APIC 10.12), APM2 16. The timer counts at
 * 100 MHz, as on Xen.
 *
 * Locking: any CPU sets IRR bits, atomically. Everything else belongs to the CPU that runs the vCPU.
 */
#ifndef HVM_X2APIC_H
#define HVM_X2APIC_H

#include <homestead/types.h>

#define X2APIC_MSR_FIRST 0x800u
#define X2APIC_MSR_LAST  0x8ffu

#define X2APIC_TICK_NS       10ull     /* one count of the timer at divide by 1 */
#define X2APIC_PERIOD_MIN_NS 100000ull /* shortest period of a periodic timer */
#define X2APIC_VECTOR_MIN    16u       /* vectors below cannot be sent */

struct hvm_apic {
    u32 tpr, svr;
    u32 esr, errors; /* as latched by the last write; errors since then */
    u32 lvt[6];      /* MSRs 0x832-0x837: timer, thermal, performance, LINT0, LINT1, error */
    u32 timer_count; /* 0x838 */
    u32 divide;      /* 0x83e */
    u64 icr;         /* as written last */
    u64 deadline_ns; /* when the timer next reaches 0; 0: it is stopped */
    u64 isr[4];
    u64 irr[4]; /* [a] */
};

enum apic_ipi_kind {
    APIC_IPI_NONE, /* an undefined combination: ignored */
    APIC_IPI_FIXED,
    APIC_IPI_LOWEST, /* to one of those that match */
    APIC_IPI_NMI,
    APIC_IPI_INIT,
    APIC_IPI_STARTUP,
};
enum apic_shorthand { APIC_TO_DEST, APIC_TO_SELF, APIC_TO_ALL, APIC_TO_OTHERS };

struct apic_ipi {
    enum apic_ipi_kind kind;
    enum apic_shorthand to;
    bool logical;
    u8 vector;
    u32 dest;
};

/* Work that a write leaves to the caller, as a mask. */
#define X2APIC_SEND  1 /* the IPI in .icr */
#define X2APIC_TIMER 2 /* the timer's deadline has changed */
#define X2APIC_TPR   4 /* CR8 must be set from .tpr */

/* The state after RESET and INIT. */
void x2apic_reset(struct hvm_apic *a);
/* MSR 0x800-0x8ff of the APIC with this id. 0; -EFAULT: #GP is due, *value untouched. .tpr is up to date. */
int x2apic_read(const struct hvm_apic *a, u32 id, u32 msr, u64 now_ns, u64 *value);
/* X2APIC_* mask (>= 0); -EFAULT: #GP is due and nothing has changed. */
int x2apic_write(struct hvm_apic *a, u32 msr, u64 value, u64 now_ns);

/* Any value. */
struct apic_ipi x2apic_decode_icr(u64 icr);
/* Does an IPI sent by APIC source reach APIC id? */
bool x2apic_ipi_reaches(const struct apic_ipi *ipi, u32 source, u32 id);

/* The highest requested vector of a class above those in service, -1: none. See also x2apic_deliverable(). */
int x2apic_highest(const struct hvm_apic *a);
bool x2apic_deliverable(const struct hvm_apic *a, int vector);
/* The processor takes it: IRR to ISR. */
void x2apic_accept(struct hvm_apic *a, u8 vector);

/* Requests the timer's interrupt if it is due at now_ns. Several missed ticks count as one. */
void x2apic_timer_expire(struct hvm_apic *a, u64 now_ns);
/* When x2apic_timer_expire() must be called next, 0: never. */
u64 x2apic_timer_deadline(const struct hvm_apic *a);

static inline bool x2apic_enabled(const struct hvm_apic *a)
{
    return __atomic_load_n(&a->svr, __ATOMIC_RELAXED) & BIT(8);
}

/* Requests a vector; any CPU. The caller notifies its vCPU. */
static inline void x2apic_request(struct hvm_apic *a, u8 vector)
{
    __atomic_fetch_or(&a->irr[vector / 64], BIT(vector % 64), __ATOMIC_SEQ_CST);
}

#endif
