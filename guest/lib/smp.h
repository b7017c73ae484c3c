/*
 * Several vCPUs: starting them by INIT-SIPI-SIPI, interrupts between them, waiting. vCPU n has APIC id 2n
 * and its own 16 KiB stack, from whose address it derives n. Page SMP_TRAMPOLINE is overwritten.
 *
 * The vCPUs share everything else. Jobs for all of them at once: work.h.
 */
#ifndef GUEST_LIB_SMP_H
#define GUEST_LIB_SMP_H

#include <homestead/types.h>

#define SMP_MAX         128u
#define SMP_TRAMPOLINE  0x10000u
#define SMP_STACK_BYTES 16384u

/* Registers of the local APIC by their MSR, in either mode: apic_read(). */
enum {
    APIC_TPR = 0x808,
    APIC_EOI = 0x80b,
    APIC_LDR = 0x80d,
    APIC_SVR = 0x80f,
    APIC_ISR = 0x810,
    APIC_IRR = 0x820,
    APIC_ICR = 0x830,
    APIC_LVT_TIMER = 0x832,
    APIC_TIMER_COUNT = 0x838,
    APIC_TIMER_CURRENT = 0x839,
    APIC_DIVIDE = 0x83e,
    APIC_SELF_IPI = 0x83f,
};
#define ICR_NMI       (4u << 8)
#define ICR_INIT      (5u << 8)
#define ICR_STARTUP   (6u << 8)
#define ICR_LOGICAL   (1u << 11)
#define ICR_ASSERT    (1u << 14)
#define ICR_TO_SELF   (1u << 18)
#define ICR_TO_ALL    (2u << 18)
#define ICR_TO_OTHERS (3u << 18)

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}
static inline void irq_on(void)
{
    __asm__ volatile("sti" ::: "memory");
}
static inline void irq_off(void)
{
    __asm__ volatile("cli" ::: "memory");
}
/* Sleeps for an interrupt, which is taken; called and returns with interrupts off. */
static inline void irq_wait(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* What the guest does on an NMI (vector 2) or interrupt, on the vCPU that got it; EOI follows by itself. */
extern void (*smp_on_irq)(u32 vector);
/* The body of every other vCPU, at each start; interrupts are off, its APIC is on. id from 1. */
extern void (*smp_body)(u32 id);

struct smp_vcpu {
    volatile u32 starts;           /* how often its body was started */
    volatile u32 apic_id;          /* as CPUID reported it in real mode */
    volatile u32 early_hypercalls; /* 1: those from real and from protected mode agreed */
};
extern struct smp_vcpu smp_vcpus[SMP_MAX];

/* Which vCPU this is. */
u32 smp_id(void);
/* The number of vCPUs, by VCPUOP_is_up. */
u32 smp_count(void);
/* Gets the trampoline and this vCPU's APIC ready. Once, on vCPU 0. */
void smp_init(void);
/* The APICs stay in xAPIC mode, in which a vCPU starts. Set before smp_init(). Otherwise they are in x2APIC mode. */
extern bool smp_xapic;
/* Sets this vCPU's APIC to its mode, and on. */
void smp_apic_on(void);
/* In xAPIC mode, ICR's destination is in bits 56-63, and SELF_IPI is an ICR. */
u64 apic_read(u32 reg);
void apic_write(u32 reg, u64 value);
/* mode: vector and ICR_ bits. */
void smp_send(u32 id, u32 mode);
/* INIT, STARTUP, STARTUP to one. */
void smp_start(u32 id);
/* Yields the CPU until done() returns true. False: timeout. For vCPU 0. */
bool smp_wait(bool (*done)(void), u64 ms);

/* ap_start.asm: where VCPUOP_initialise can start a vCPU, in long mode. */
extern u8 ap_entry_64[];
extern u8 ap_stacks[SMP_MAX][SMP_STACK_BYTES];

#endif
