/*
 * The local APIC's page in xAPIC mode, see x2apic.h. It masks what x2APIC mode refuses, and is otherwise the same
 * but for the few registers of its own.
 */
#include <arch/x86/hvm/apic_registers.h>

#define DFR_ONES 0x0fffffffu /* bits that are always set */

/* -EFAULT: there is no such register. */
static int read_xapic_register(const struct hvm_apic *a, u32 id, u32 nr, u64 now_ns, u64 *value)
{
    switch (nr) {
    case APIC_ID:
        *value = id << ID_SHIFT;
        return 0;
    case APIC_LDR:
        *value = a->ldr;
        return 0;
    case APIC_DFR:
        *value = a->dfr;
        return 0;
    case APIC_ICR:
        *value = (u32)a->icr;
        return 0;
    case APIC_ICR_HIGH:
        *value = a->icr >> 32;
        return 0;
    case APIC_EOI:
        *value = 0;
        return 0;
    }
    return apic_read_register(a, nr, now_ns, value);
}

/* The bits of a register that a write can set. */
static u32 xapic_valid_bits(u32 nr)
{
    switch (nr) {
    case APIC_TPR:
        return 0xff;
    case APIC_SVR:
        return SVR_VALID;
    case APIC_LVT ... APIC_LVT_END:
        return apic_lvt_valid[nr - APIC_LVT];
    case APIC_DIVIDE:
        return DIVIDE_VALID;
    case APIC_TIMER_COUNT:
        return ~0u;
    }
    return 0; /* EOI, ESR: the value does not matter */
}

static int write_xapic_register(struct hvm_apic *a, u32 id, u32 nr, u32 value, u64 now_ns)
{
    u64 unused;

    switch (nr) {
    case APIC_LDR:
        __atomic_store_n(&a->ldr, value & ID_ALL << ID_SHIFT, __ATOMIC_RELAXED);
        return 0;
    case APIC_DFR:
        __atomic_store_n(&a->dfr, value | DFR_ONES, __ATOMIC_RELAXED);
        return 0;
    case APIC_ICR_HIGH:
        a->icr = (u32)a->icr | (u64)(value & ID_ALL << ID_SHIFT) << 32;
        return 0;
    case APIC_ICR:
        return apic_write_icr(a, (a->icr >> 32 << 32) | (value & (u32)ICR_VALID));
    }
    int todo = apic_write_register(a, nr, value & xapic_valid_bits(nr), now_ns);
    if (todo >= 0)
        return todo;
    if (read_xapic_register(a, id, nr, now_ns, &unused)) /* otherwise it is read only */
        apic_note_error(a, ESR_NO_REGISTER);
    return 0;
}

u64 xapic_read(struct hvm_apic *a, u32 id, u32 offset, u32 bytes, u64 now_ns)
{
    u32 within = offset % 16;
    u64 value = 0;

    if (read_xapic_register(a, id, offset / 16, now_ns, &value))
        apic_note_error(a, ESR_NO_REGISTER);
    value = within < 4 ? value >> 8 * within : 0;
    return bytes < 4 ? value & (BIT(8 * bytes) - 1) : value;
}

int xapic_write(struct hvm_apic *a, u32 id, u32 offset, u32 bytes, u64 value, u64 now_ns)
{
    u32 within = offset % 16;
    u64 old = 0;

    if (within + MIN(bytes, 4u) > 4)
        return 0; /* not in the register alone */
    if (bytes < 4) {
        u64 mask = (BIT(8 * bytes) - 1) << 8 * within;

        read_xapic_register(a, id, offset / 16, now_ns, &old);
        value = (old & ~mask) | (value << 8 * within & mask);
    }
    return write_xapic_register(a, id, offset / 16, (u32)value, now_ns);
}
