/*
 * The guest's local APIC, see x2apic.h. Registers have one number in both modes: MSR - 0x800, or offset / 16.
 * xAPIC mode: xapic.c.
 *
 * All interrupts are edge triggered: there is no I/O APIC, so TMR reads 0.
 * The TSC deadline mode is not offered by CPUID and refused.
 */
#include <arch/x86/hvm/apic_registers.h>

#include <homestead/errno.h>

enum { LVT_TIMER = 0, LVT_ERROR = 5 };

#define VERSION_6_LVTS 0x00050014u
#define SVR_RESET      0xffu
#define SVR_ENABLE     BIT(8)
#define LVT_MASKED     BIT(16)
#define LVT_PERIODIC   BIT(17)

#define ESR_SEND_ILLEGAL    BIT(5)
#define ESR_RECEIVE_ILLEGAL BIT(6)

#define BASE_VALID (APIC_BASE_BSP | APIC_BASE_X2APIC | APIC_BASE_ENABLE | 0x0000fffffffff000ull)

/* Bits of each LVT that can be set: vector, status and mask; what else is an entry's own (10.5.1). */
const u32 apic_lvt_valid[APIC_NR_LVT] = {
    0x310ff /* periodic */, 0x117ff /* mode */, 0x117ff, 0x1f7ff /* mode, level */, 0x1f7ff, 0x110ff};

static u32 class_of(int vector)
{
    return (u32)vector >> 4;
}

static int highest_bit(const u64 *words)
{
    for (int i = 3; i >= 0; i--) {
        u64 word = __atomic_load_n(&words[i], __ATOMIC_SEQ_CST);
        if (word)
            return i * 64 + 63 - __builtin_clzll(word);
    }
    return -1;
}

/* --- modes ---------------------------------------------------------------------------------------------- */

void x2apic_init(struct hvm_apic *a, bool is_bsp)
{
    a->base = APIC_BASE_RESET | APIC_BASE_ENABLE | (is_bsp ? APIC_BASE_BSP : 0);
    x2apic_reset(a);
}

void x2apic_reset(struct hvm_apic *a)
{
    *a = (struct hvm_apic){.base = a->base, .svr = SVR_RESET, .dfr = DFR_FLAT};
    for (u32 i = 0; i < ARRAY_SIZE(a->lvt); i++)
        a->lvt[i] = (u32)LVT_MASKED;
}

int x2apic_write_base(struct hvm_apic *a, u64 value)
{
    bool was_on = a->base & APIC_BASE_ENABLE, on = value & APIC_BASE_ENABLE;
    bool was_x2 = x2apic_in_x2_mode(a), x2 = value & APIC_BASE_X2APIC;

    /* x2APIC mode is entered from xAPIC mode, and left for "disabled". */
    if ((value & ~BASE_VALID) || (x2 && !(was_on && on)) || (was_x2 && !x2 && on))
        return -EFAULT;
    __atomic_store_n(&a->base, value, __ATOMIC_RELAXED);
    if (on == was_on)
        return 0;
    x2apic_reset(a);
    return X2APIC_TIMER | X2APIC_TPR;
}

/* --- priorities ----------------------------------------------------------------------------------------- */

int x2apic_highest(const struct hvm_apic *a)
{
    int requested = highest_bit(a->irr), in_service = highest_bit(a->isr);

    if (requested < 0 || (in_service >= 0 && class_of(requested) <= class_of(in_service)))
        return -1;
    return requested;
}

bool x2apic_deliverable(const struct hvm_apic *a, int vector)
{
    return vector >= 0 && x2apic_enabled(a) && class_of(vector) > a->tpr >> 4;
}

void x2apic_accept(struct hvm_apic *a, u8 vector)
{
    __atomic_fetch_and(&a->irr[vector / 64], ~BIT(vector % 64), __ATOMIC_SEQ_CST);
    a->isr[vector / 64] |= BIT(vector % 64);
}

static void end_of_interrupt(struct hvm_apic *a)
{
    int vector = highest_bit(a->isr);

    if (vector >= 0)
        a->isr[vector / 64] &= ~BIT(vector % 64);
}

static u32 processor_priority(const struct hvm_apic *a)
{
    int in_service = highest_bit(a->isr);

    if (in_service < 0 || a->tpr >> 4 >= class_of(in_service))
        return a->tpr;
    return class_of(in_service) << 4;
}

/* --- errors --------------------------------------------------------------------------------------------- */

void apic_note_error(struct hvm_apic *a, u64 error)
{
    u32 lvt = a->lvt[LVT_ERROR];

    if (a->errors & error)
        return;
    a->errors |= (u32)error;
    if (!(lvt & LVT_MASKED) && (lvt & 0xff) >= X2APIC_VECTOR_MIN)
        x2apic_request(a, (u8)lvt);
}

/* --- the timer ------------------------------------------------------------------------------------------ */

/* Bits 0, 1 and 3: 0 is divide by 2, each more doubles it, 7 is divide by 1. */
static u64 tick_ns(const struct hvm_apic *a)
{
    u32 power = (a->divide & 3) | (a->divide >> 1 & 4);

    return X2APIC_TICK_NS * (power == 7 ? 1 : 2u << power);
}

static u64 period_ns(const struct hvm_apic *a)
{
    return MAX(a->timer_count * tick_ns(a), X2APIC_PERIOD_MIN_NS);
}

/* The first deadline after now of the series that a->deadline_ns starts; 0: there is none. */
static u64 deadline_after(const struct hvm_apic *a, u64 now_ns)
{
    if (a->deadline_ns > now_ns || !a->deadline_ns)
        return a->deadline_ns;
    if (!(a->lvt[LVT_TIMER] & LVT_PERIODIC) || !a->timer_count)
        return 0;
    u64 period = period_ns(a);
    return a->deadline_ns + period * ((now_ns - a->deadline_ns) / period + 1);
}

static u64 current_count(const struct hvm_apic *a, u64 now_ns)
{
    u64 deadline = deadline_after(a, now_ns);

    return deadline ? MIN(DIV_ROUND_UP(deadline - now_ns, tick_ns(a)), (u64)a->timer_count) : 0;
}

void x2apic_timer_expire(struct hvm_apic *a, u64 now_ns)
{
    u32 lvt = a->lvt[LVT_TIMER];

    if (!a->deadline_ns || a->deadline_ns > now_ns)
        return;
    a->deadline_ns = deadline_after(a, now_ns);
    if (lvt & LVT_MASKED)
        return;
    if ((lvt & 0xff) < X2APIC_VECTOR_MIN)
        apic_note_error(a, ESR_RECEIVE_ILLEGAL);
    else
        x2apic_request(a, (u8)lvt);
}

u64 x2apic_timer_deadline(const struct hvm_apic *a)
{
    return a->lvt[LVT_TIMER] & LVT_MASKED ? 0 : a->deadline_ns;
}

static void set_divide(struct hvm_apic *a, u32 divide, u64 now_ns)
{
    u64 left = current_count(a, now_ns);

    a->divide = divide;
    if (left)
        a->deadline_ns = now_ns + left * tick_ns(a);
}

/* --- interrupts to others ------------------------------------------------------------------------------- */

int apic_write_icr(struct hvm_apic *a, u64 value)
{
    u32 mode = ICR_MODE(value);

    if (value & ~ICR_VALID)
        return -EFAULT;
    a->icr = value;
    if (mode <= 1 && (u8)value < X2APIC_VECTOR_MIN)
        apic_note_error(a, ESR_SEND_ILLEGAL);
    return X2APIC_SEND;
}

/* --- registers ------------------------------------------------------------------------------------------ */

static u32 half_of(const u64 *words, u32 index)
{
    return (u32)(__atomic_load_n(&words[index / 2], __ATOMIC_SEQ_CST) >> index % 2 * 32);
}

int apic_read_register(const struct hvm_apic *a, u32 nr, u64 now_ns, u64 *value)
{
    switch (nr) {
    case APIC_VERSION:
        *value = VERSION_6_LVTS;
        return 0;
    case APIC_TPR:
        *value = a->tpr;
        return 0;
    case APIC_PPR:
        *value = processor_priority(a);
        return 0;
    case APIC_SVR:
        *value = a->svr;
        return 0;
    case APIC_ISR ... APIC_TMR - 1:
        *value = half_of(a->isr, nr - APIC_ISR);
        return 0;
    case APIC_TMR ... APIC_IRR - 1:
        *value = 0;
        return 0;
    case APIC_IRR ... APIC_IRR_END:
        *value = half_of(a->irr, nr - APIC_IRR);
        return 0;
    case APIC_ESR:
        *value = a->esr;
        return 0;
    case APIC_LVT ... APIC_LVT_END:
        *value = a->lvt[nr - APIC_LVT];
        return 0;
    case APIC_TIMER_COUNT:
        *value = a->timer_count;
        return 0;
    case APIC_TIMER_CURRENT:
        *value = current_count(a, now_ns);
        return 0;
    case APIC_DIVIDE:
        *value = a->divide;
        return 0;
    }
    return -EFAULT;
}

/* A disabled APIC keeps its local interrupts masked (10.4.7.2). */
static int set_svr(struct hvm_apic *a, u32 value)
{
    u32 old = __atomic_exchange_n(&a->svr, value, __ATOMIC_SEQ_CST);

    for (u32 i = 0; i < ARRAY_SIZE(a->lvt) && !(value & SVR_ENABLE); i++)
        a->lvt[i] |= (u32)LVT_MASKED;
    return X2APIC_TIMER | ((value & ~old & SVR_ENABLE) ? X2APIC_ON : 0);
}

static int write_lvt(struct hvm_apic *a, u32 index, u64 value)
{
    if (value & ~(u64)apic_lvt_valid[index])
        return -EFAULT;
    a->lvt[index] = (u32)(value | (x2apic_enabled(a) ? 0 : LVT_MASKED));
    return index == LVT_TIMER ? X2APIC_TIMER : 0;
}

static int write_self_ipi(struct hvm_apic *a, u64 value)
{
    if (value > 0xff)
        return -EFAULT;
    if (value < X2APIC_VECTOR_MIN)
        apic_note_error(a, ESR_SEND_ILLEGAL);
    else if (x2apic_enabled(a))
        x2apic_request(a, (u8)value);
    return 0;
}

int apic_write_register(struct hvm_apic *a, u32 nr, u64 value, u64 now_ns)
{
    switch (nr) {
    case APIC_TPR:
        if (value > 0xff)
            return -EFAULT;
        a->tpr = (u32)value;
        return X2APIC_TPR;
    case APIC_SVR:
        if (value & ~SVR_VALID)
            return -EFAULT;
        return set_svr(a, (u32)value);
    case APIC_EOI:
        if (value)
            return -EFAULT;
        end_of_interrupt(a);
        return 0;
    case APIC_ESR:
        if (value)
            return -EFAULT;
        a->esr = a->errors;
        a->errors = 0;
        return 0;
    case APIC_LVT ... APIC_LVT_END:
        x2apic_timer_expire(a, now_ns); /* a tick that is due uses the old entry */
        return write_lvt(a, nr - APIC_LVT, value);
    case APIC_TIMER_COUNT:
        if (value >> 32)
            return -EFAULT;
        a->timer_count = (u32)value;
        a->deadline_ns = value ? now_ns + value * tick_ns(a) : 0;
        return X2APIC_TIMER;
    case APIC_DIVIDE:
        if (value & ~DIVIDE_VALID)
            return -EFAULT;
        x2apic_timer_expire(a, now_ns);
        set_divide(a, (u32)value, now_ns);
        return X2APIC_TIMER;
    }
    return -EFAULT;
}

/* --- x2APIC mode ---------------------------------------------------------------------------------------- */

int x2apic_read(const struct hvm_apic *a, u32 id, u32 msr, u64 now_ns, u64 *value)
{
    u32 nr = msr - X2APIC_MSR_FIRST;

    if (!x2apic_in_x2_mode(a))
        return -EFAULT;
    switch (nr) {
    case APIC_ID:
        *value = id;
        return 0;
    case APIC_LDR: /* cluster and bit follow from the id: 10.12.10.2 */
        *value = (id >> 4) << 16 | 1u << (id & 15);
        return 0;
    case APIC_ICR:
        *value = a->icr;
        return 0;
    }
    return apic_read_register(a, nr, now_ns, value);
}

int x2apic_write(struct hvm_apic *a, u32 msr, u64 value, u64 now_ns)
{
    u32 nr = msr - X2APIC_MSR_FIRST;

    if (!x2apic_in_x2_mode(a))
        return -EFAULT;
    if (nr == APIC_ICR)
        return apic_write_icr(a, value);
    if (nr == APIC_SELF_IPI)
        return write_self_ipi(a, value);
    return apic_write_register(a, nr, value, now_ns);
}
