/*
 * The guest's local APIC: its modes and registers, which interrupt is next, what an ICR value asks for, and
 * the timer's arithmetic. Plain C; domain/vlapic.c wakes vCPUs and drives the timer.
 *
 * A vCPU starts in xAPIC mode: 32-bit registers in a page of guest-physical memory, 16 bytes apart. x2APIC
 * mode has the same registers as MSRs, with a 32-bit id and a 64-bit ICR, and refuses reserved bits.
 *
 * Source: SDM 3A chapter 10 (registers 10.4, modes 10.4.3, destinations 10.6.2, priorities 10.8.3, timer
 * 10.5.4, x2APIC 10.12), APM2 16. The timer counts at 100 MHz, as on Xen.
 *
 * Locking: any CPU sets IRR bits and reads what an interrupt's destination depends on, atomically: [a].
 * Everything else belongs to the CPU that runs the vCPU.
 */
#ifndef HVM_X2APIC_H
#define HVM_X2APIC_H

#include <homestead/types.h>

#define X2APIC_MSR_FIRST 0x800u
#define X2APIC_MSR_LAST  0x8ffu

#define X2APIC_TICK_NS       10ull     /* one count of the timer at divide by 1 */
#define X2APIC_PERIOD_MIN_NS 100000ull /* shortest period of a periodic timer */
#define X2APIC_VECTOR_MIN    16u       /* vectors below cannot be sent */

/* IA32_APIC_BASE */
#define APIC_BASE_RESET  0xfee00000ull
#define APIC_BASE_BSP    BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

#define APIC_NR_LVT 6u

struct hvm_apic {
    u64 base; /* [a] IA32_APIC_BASE; INIT keeps it */
    u32 svr;  /* [a] */
    u32 tpr;
    u32 esr, errors;      /* as latched by the last write; errors since then */
    u32 lvt[APIC_NR_LVT]; /* MSRs 0x832-0x837: timer, thermal, performance, LINT0, LINT1, error */
    u32 timer_count;      /* 0x838 */
    u32 divide;           /* 0x83e */
    u64 icr;              /* as written last; xAPIC mode: the destination is in bits 56-63 */
    u32 ldr, dfr;         /* [a] xAPIC mode: logical id in bits 24-31; cluster or flat in 28-31 */
    u64 deadline_ns;      /* when the timer next reaches 0; 0: it is stopped */
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
#define X2APIC_ON    8 /* SVR has switched the APIC on */

/* The state after RESET, in xAPIC mode. */
void x2apic_init(struct hvm_apic *a, bool is_bsp);
/* The state after INIT: the mode remains. */
void x2apic_reset(struct hvm_apic *a);
/* Writes IA32_APIC_BASE. X2APIC_* mask; -EFAULT: #GP is due: a reserved bit, or a change of mode that there is
 * not (SDM 3A figure 10-27). Leaving the mode "disabled" or entering it resets the registers. */
int x2apic_write_base(struct hvm_apic *a, u64 value);
/* MSR 0x800-0x8ff of the APIC with this id. 0; -EFAULT: #GP is due, *value untouched. .tpr is up to date. */
int x2apic_read(const struct hvm_apic *a, u32 id, u32 msr, u64 now_ns, u64 *value);
/* X2APIC_* mask (>= 0); -EFAULT: #GP is due and nothing has changed. */
int x2apic_write(struct hvm_apic *a, u32 msr, u64 value, u64 now_ns);
/*
 * The same by memory, in xAPIC mode: any 1 to 8 bytes at this offset of the page. Only the first four of a
 * register's 16 bytes are there, the others read 0 and drop writes; a narrow write leaves the register's
 * other bytes. An access to a register that does not exist is noted as an error (ESR bit 7).
 */
u64 xapic_read(struct hvm_apic *a, u32 id, u32 offset, u32 bytes, u64 now_ns);
int xapic_write(struct hvm_apic *a, u32 id, u32 offset, u32 bytes, u64 value, u64 now_ns);

/* What ICR asks for. */
struct apic_ipi x2apic_decode_icr(const struct hvm_apic *a);
/* Does an IPI sent by APIC source reach this APIC, with this id? */
bool x2apic_ipi_reaches(const struct apic_ipi *ipi, u32 source, const struct hvm_apic *a, u32 id);

/* The highest requested vector of a class above those in service, -1: none. See also x2apic_deliverable(). */
int x2apic_highest(const struct hvm_apic *a);
bool x2apic_deliverable(const struct hvm_apic *a, int vector);
/* The processor takes it: IRR to ISR. */
void x2apic_accept(struct hvm_apic *a, u8 vector);

/* Requests the timer's interrupt if it is due at now_ns. Several missed ticks count as one. */
void x2apic_timer_expire(struct hvm_apic *a, u64 now_ns);
/* When x2apic_timer_expire() must be called next, 0: never. */
u64 x2apic_timer_deadline(const struct hvm_apic *a);

static inline bool x2apic_in_x2_mode(const struct hvm_apic *a)
{
    return __atomic_load_n(&a->base, __ATOMIC_RELAXED) & APIC_BASE_X2APIC;
}

static inline bool x2apic_in_xapic_mode(const struct hvm_apic *a)
{
    return (a->base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE;
}

/* By software, in SVR. In the mode "disabled" it is off. */
static inline bool x2apic_enabled(const struct hvm_apic *a)
{
    return __atomic_load_n(&a->svr, __ATOMIC_SEQ_CST) & BIT(8);
}

/* Requests a vector; any CPU. The caller notifies its vCPU. */
static inline void x2apic_request(struct hvm_apic *a, u8 vector)
{
    __atomic_fetch_or(&a->irr[vector / 64], BIT(vector % 64), __ATOMIC_SEQ_CST);
}

#endif
