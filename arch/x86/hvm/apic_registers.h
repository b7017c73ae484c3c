/* Registers of the guest's local APIC, which both modes have: shared by x2apic.c and xapic.c. */
#ifndef HVM_APIC_REGISTERS_H
#define HVM_APIC_REGISTERS_H

#include <arch/x86/hvm/x2apic.h>

/* Numbers of registers: MSR - 0x800, or offset / 16. */
enum {
    APIC_ID = 0x02,
    APIC_VERSION = 0x03,
    APIC_TPR = 0x08,
    APIC_PPR = 0x0a,
    APIC_EOI = 0x0b,
    APIC_LDR = 0x0d,
    APIC_DFR = 0x0e, /* xAPIC mode only */
    APIC_SVR = 0x0f,
    APIC_ISR = 0x10, /* 8 of ISR, 8 of TMR, 8 of IRR */
    APIC_TMR = 0x18,
    APIC_IRR = 0x20,
    APIC_IRR_END = 0x27,
    APIC_ESR = 0x28,
    APIC_ICR = 0x30,
    APIC_ICR_HIGH = 0x31, /* xAPIC mode only */
    APIC_LVT = 0x32,
    APIC_LVT_END = 0x37,
    APIC_TIMER_COUNT = 0x38,
    APIC_TIMER_CURRENT = 0x39,
    APIC_DIVIDE = 0x3e,
    APIC_SELF_IPI = 0x3f, /* x2APIC mode only */
};

/* Bits that can be set. */
#define SVR_VALID    0x3ffull /* vector, enable, focus checking */
#define DIVIDE_VALID 0xbull
#define ICR_VALID    0xffffffff000ccfffull
extern const u32 apic_lvt_valid[APIC_NR_LVT];

#define ICR_MODE(icr)   ((u32)((icr) >> 8 & 7)) /* delivery mode, SDM 3A figure 10-28 */
#define DFR_FLAT        0xffffffffu
#define ID_SHIFT        24u /* of ids in xAPIC mode's registers */
#define ID_ALL          0xffu
#define ESR_NO_REGISTER BIT(7)

/* What both modes read and write alike. -EFAULT: no such register, or a reserved bit; else 0, or X2APIC_*. */
int apic_read_register(const struct hvm_apic *a, u32 nr, u64 now_ns, u64 *value);
int apic_write_register(struct hvm_apic *a, u32 nr, u64 value, u64 now_ns);
int apic_write_icr(struct hvm_apic *a, u64 value);
/* ESR_*: latched by the next write to ESR, and the error interrupt, if it is the first. */
void apic_note_error(struct hvm_apic *a, u64 error);

#endif
