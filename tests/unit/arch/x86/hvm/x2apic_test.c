/* The guest's local APIC: modes, registers, priorities against a simple model, ICR values, destinations, the timer. */
#include <tests/machine/test.h>

#include <arch/x86/hvm/x2apic.h>
#include <homestead/errno.h>

static struct hvm_apic a;
static u64 now;

static void setup(void)
{
    x2apic_init(&a, true);
    assert_int_equal(x2apic_write_base(&a, 0xfee00d00), 0);
    now = 1000000;
}

static void reads(u32 msr, u64 want)
{
    u64 value = ~want;

    assert_int_equal(x2apic_read(&a, 18, msr, now, &value), 0);
    assert_int_equal(value, want);
}
static void read_faults(u32 msr)
{
    u64 value = 0x77;

    assert_int_equal(x2apic_read(&a, 18, msr, now, &value), -EFAULT);
    assert_int_equal(value, 0x77);
}
#define writes(msr, value) assert_true(x2apic_write(&a, msr, value, now) >= 0)
static void write_faults(u32 msr, u64 value)
{
    struct hvm_apic before = a;

    assert_int_equal(x2apic_write(&a, msr, value, now), -EFAULT);
    assert_memory_equal(&a, &before, sizeof(a));
}

TEST(registers)
{
    reads(0x802, 18);
    reads(0x803, 0x00050014);
    reads(0x80d, 1 << 16 | 1 << 2);
    reads(0x80f, 0xff);
    for (u32 msr = 0x832; msr <= 0x837; msr++)
        reads(msr, 0x10000);
    writes(0x832, 0xf0);
    reads(0x832, 0x100f0); /* an APIC that is off keeps them masked */
    writes(0x80f, 0x1ff);
    writes(0x832, 0x200f0);
    reads(0x832, 0x200f0);
    write_faults(0x832, 0x400f0); /* TSC deadline */
    write_faults(0x833, 0x200f0); /* only the timer has modes */
    write_faults(0x832, 0x104f0);
    write_faults(0x834, 0x120f0);
    write_faults(0x837, 0x104f0);
    write_faults(0x80f, 0x11ff); /* no control of EOI broadcasts */
    writes(0x80f, 0xff);
    reads(0x832, 0x300f0);
    static const u64 too_large[][2] = {{0x80f, 0x10000}, {0x808, 0x100},   {0x80b, 1},    {0x828, 1},
                                       {0x83e, 4},       {0x838, BIT(32)}, {0x83f, 0x100}};
    for (u32 i = 0; i < ARRAY_SIZE(too_large); i++)
        write_faults((u32)too_large[i][0], too_large[i][1]);
    read_faults(0x80b); /* written only */
    read_faults(0x83f);
    for (u32 msr = 0x800; msr <= 0x8ff; msr++) { /* read only, or not there */
        bool writable = msr == 0x808 || msr == 0x80b || msr == 0x80f || msr == 0x828 || msr == 0x830 ||
                        (msr >= 0x832 && msr <= 0x838) || msr == 0x83e || msr == 0x83f;
        if (!writable)
            write_faults(msr, 0);
    }
}

/* --- modes --- */

#define OFF    0xfee00100ull
#define XAPIC  0xfee00900ull
#define X2APIC 0xfee00d00ull

TEST(transitions_of_the_mode)
{
    static const u64 modes[] = {OFF, XAPIC, X2APIC, 0xfee00500};
    /* from, to: 'y' allowed, 'f' #GP */
    static const char *const allowed[] = {"yyff", "yyyf", "yfyf"};

    for (u32 from = 0; from < 3; from++) {
        for (u32 to = 0; to < 4; to++) {
            x2apic_init(&a, true);
            assert_int_equal(a.base, XAPIC);
            if (from != 1)
                assert_true(x2apic_write_base(&a, modes[from]) >= 0);
            struct hvm_apic before = a;
            int rc = x2apic_write_base(&a, modes[to]);
            if (allowed[from][to] == 'y') {
                assert_true(rc >= 0);
                assert_int_equal(a.base, modes[to]);
            } else {
                assert_int_equal(rc, -EFAULT);
                assert_memory_equal(&a, &before, sizeof(a));
            }
            assert_int_equal(x2apic_in_xapic_mode(&a), a.base == XAPIC);
            assert_int_equal(x2apic_in_x2_mode(&a), a.base == X2APIC);
        }
    }
}

TEST(reserved_bits_of_the_base)
{
    x2apic_init(&a, false);
    assert_int_equal(a.base, 0xfee00800);
    for (u32 bit = 0; bit < 64; bit++) {
        bool valid = bit == 8 || bit >= 10;

        if (bit == 10 || bit == 11)
            continue;
        x2apic_init(&a, false);
        assert_int_equal(x2apic_write_base(&a, a.base | BIT(bit)), valid && bit < 48 ? 0 : -EFAULT);
    }
}

TEST(disabling_resets)
{
    writes(0x80f, 0x1ff);
    writes(0x808, 0x55);
    writes(0x832, 0xf0);
    writes(0x838, 100);
    x2apic_request(&a, 0x99);
    assert_int_equal(x2apic_write_base(&a, OFF), X2APIC_TIMER | X2APIC_TPR);
    assert_false(x2apic_enabled(&a));
    assert_int_equal(x2apic_highest(&a), -1);
    assert_int_equal(x2apic_timer_deadline(&a), 0);
    assert_int_equal(a.tpr, 0);
    read_faults(0x802);
    write_faults(0x80f, 0x1ff);
    assert_true(x2apic_write_base(&a, XAPIC) >= 0);
    read_faults(0x802);
    x2apic_write_base(&a, X2APIC);
    x2apic_reset(&a); /* INIT */
    assert_int_equal(a.base, X2APIC);
}

TEST(errors)
{
    writes(0x80f, 0x1ff);
    writes(0x837, 0xfe);
    writes(0x83f, 15);
    reads(0x828, 0); /* latched by a write */
    writes(0x828, 0);
    reads(0x828, 0x20);
    reads(0x827, 1u << 30); /* the error interrupt */
    writes(0x828, 0);
    reads(0x828, 0);
    assert_int_equal(x2apic_write(&a, 0x830, 0x4005, now), X2APIC_SEND);
    writes(0x828, 0);
    reads(0x828, 0x20);
}

/* --- priorities: a list of requested and of served vectors, searched the slow way --- */

static bool model_irr[256], model_isr[256];

static int model_next(void)
{
    int top = -1, served = -1;

    for (int i = 0; i < 256; i++) {
        if (model_irr[i])
            top = i;
        if (model_isr[i])
            served = i;
    }
    return top >= 0 && top / 16 > served / 16 && !(served < 0 && top < 0) ? top : served < 0 ? top : -1;
}

TEST(same_as_the_model)
{
    srand(7);
    memset(model_irr, 0, sizeof(model_irr));
    memset(model_isr, 0, sizeof(model_isr));
    writes(0x80f, 0x1ff);
    for (u32 step = 0; step < 200000; step++) {
        u32 vector = 16 + (u32)rand() % 240, served = 0;

        switch (rand() % 4) {
        case 0:
            writes(0x83f, vector);
            model_irr[vector] = true;
            break;
        case 1:
            writes(0x80b, 0);
            for (int i = 255; i >= 0; i--)
                if (model_isr[i]) {
                    model_isr[i] = false;
                    break;
                }
            break;
        case 2:
            writes(0x808, vector & 0x7f);
            break;
        default: {
            int next = x2apic_highest(&a);
            if (x2apic_deliverable(&a, next)) {
                assert_true(next / 16 > (int)a.tpr / 16);
                x2apic_accept(&a, (u8)next);
                model_irr[next] = false;
                model_isr[next] = true;
            }
        }
        }
        assert_int_equal(x2apic_highest(&a), model_next());
        for (u32 i = 0; i < 256; i++)
            if (model_isr[i])
                served = i;
        reads(0x80a, a.tpr / 16 >= served / 16 ? a.tpr : served & 0xf0);
        u64 isr, irr;
        x2apic_read(&a, 0, 0x810 + vector / 32, now, &isr);
        x2apic_read(&a, 0, 0x820 + vector / 32, now, &irr);
        assert_int_equal(isr >> vector % 32 & 1, model_isr[vector]);
        assert_int_equal(irr >> vector % 32 & 1, model_irr[vector]);
    }
    writes(0x80f, 0xff);
    assert_false(x2apic_deliverable(&a, 0xff));
}

/* --- ICR: every value of the low half's fields --- */

TEST(all_icr_values)
{
    static const enum apic_ipi_kind kinds[8] = {APIC_IPI_FIXED,   APIC_IPI_LOWEST, APIC_IPI_NONE,
                                                APIC_IPI_NONE,    APIC_IPI_NMI,    APIC_IPI_INIT,
                                                APIC_IPI_STARTUP, APIC_IPI_NONE};
    for (u64 low = 0; low < 1u << 20; low++) {
        const u64 icr = 0x1234567800000000ull | low;
        a.icr = icr;
        struct apic_ipi ipi = x2apic_decode_icr(&a);
        u32 mode = low >> 8 & 7, to = low >> 18 & 3;
        enum apic_ipi_kind want = kinds[mode];

        if ((to == 1 || to == 2) && want != APIC_IPI_FIXED)
            want = APIC_IPI_NONE;
        if (want == APIC_IPI_INIT && (low & 0xc000) == 0x8000)
            want = APIC_IPI_NONE;
        if (mode < 2 && (low & 0xff) < 16)
            want = APIC_IPI_NONE;
        if (ipi.kind != want || ipi.to != to || ipi.vector != (low & 0xff) || ipi.dest != 0x12345678 ||
            ipi.logical != !!(low & BIT(11)))
            fail_msg("%#llx", (unsigned long long)icr);
        int rc = x2apic_write(&a, 0x830, icr, now);
        if (rc != (low & 0x33000 ? -EFAULT : X2APIC_SEND))
            fail_msg("write of %#llx: %d", (unsigned long long)icr, rc);
    }
    write_faults(0x830, BIT(20));
    write_faults(0x830, BIT(31));
    writes(0x830, 0xffffffff000c4030ull);
    reads(0x830, 0xffffffff000c4030ull);
}

static u32 count_reached(u32 dest, bool logical, u32 to, u32 source)
{
    const struct apic_ipi ipi = {.kind = APIC_IPI_FIXED, .to = to, .logical = logical, .dest = dest};
    u32 n = 0;

    for (u32 id = 0; id < 256; id += 2)
        n += x2apic_ipi_reaches(&ipi, source, &a, id);
    return n;
}

TEST(destinations)
{
    const struct apic_ipi ipi = {.kind = APIC_IPI_FIXED, .logical = true, .dest = 2u << 16 | 1u << 4};

    assert_int_equal(count_reached(36, false, APIC_TO_DEST, 0), 1);
    assert_int_equal(count_reached(37, false, APIC_TO_DEST, 0), 0);
    assert_int_equal(count_reached(0x10024, false, APIC_TO_DEST, 0), 0);
    assert_int_equal(count_reached(~0u, false, APIC_TO_DEST, 0), 128);
    assert_int_equal(count_reached(~0u, true, APIC_TO_DEST, 0), 128);
    assert_int_equal(count_reached(2u << 16 | 0xffff, true, APIC_TO_DEST, 0), 8);
    assert_int_equal(count_reached(2u << 16, true, APIC_TO_DEST, 0), 0);
    assert_int_equal(count_reached(99u << 16 | 0xffff, true, APIC_TO_DEST, 0), 0);
    assert_true(x2apic_ipi_reaches(&ipi, 0, &a, 36));
    assert_int_equal(count_reached(0, false, APIC_TO_SELF, 8), 1);
    assert_int_equal(count_reached(0, true, APIC_TO_ALL, 8), 128);
    assert_int_equal(count_reached(0, false, APIC_TO_OTHERS, 8), 127);
}

/* --- the timer --- */

static bool tick_came(void)
{
    bool came = a.irr[3] & BIT(0xe1 - 192);

    a.irr[3] = 0;
    return came;
}
static void pass(u64 ns)
{
    now += ns;
    x2apic_timer_expire(&a, now);
}

TEST(one_shot)
{
    writes(0x80f, 0x1ff);
    writes(0x832, 0xe1);
    assert_int_equal(x2apic_timer_deadline(&a), 0);
    writes(0x838, 1000); /* divided by 2: 20 ns each */
    assert_int_equal(x2apic_timer_deadline(&a), now + 20000);
    pass(5000);
    reads(0x839, 750);
    writes(0x83e, 0xb); /* by 1: what is left goes by twice as fast */
    reads(0x839, 750);
    assert_int_equal(x2apic_timer_deadline(&a), now + 7500);
    pass(7499);
    assert_false(tick_came());
    pass(1);
    assert_true(tick_came());
    reads(0x839, 0);
    pass(1000000);
    assert_false(tick_came());
    assert_int_equal(x2apic_timer_deadline(&a), 0);
    static const u8 divide[8] = {0, 1, 2, 3, 8, 9, 10, 11};
    for (u32 i = 0; i < 8; i++) {
        writes(0x83e, divide[i]);
        writes(0x838, 1);
        assert_int_equal(x2apic_timer_deadline(&a), now + (i == 7 ? 10 : 20u << i));
    }
    writes(0x838, 0);
    assert_int_equal(x2apic_timer_deadline(&a), 0);
}

TEST(periodic)
{
    writes(0x80f, 0x1ff);
    writes(0x83e, 0xb);
    writes(0x832, 0x200e1);
    writes(0x838, 100000); /* 1 ms */
    u64 start = now;
    for (u32 i = 1; i <= 100; i++) {
        pass(1000000);
        assert_true(tick_came());
        assert_int_equal(x2apic_timer_deadline(&a), start + (i + 1) * 1000000ull); /* no drift */
    }
    pass(10500000); /* ten and a half: one tick, and the next one in time */
    assert_true(tick_came());
    assert_int_equal(x2apic_timer_deadline(&a), start + 111 * 1000000ull);
    reads(0x839, 50000);
    writes(0x832, 0x300e1);
    assert_int_equal(x2apic_timer_deadline(&a), 0);
    pass(2000000);
    assert_false(tick_came());
    writes(0x832, 0x200e1);
    assert_int_equal(x2apic_timer_deadline(&a), start + 113 * 1000000ull);
    writes(0x838, 1); /* 10 ns: far too often */
    pass(10);
    assert_true(tick_came());
    assert_true(x2apic_timer_deadline(&a) - now >= 99000);
    writes(0x832, 0x20005); /* a vector that cannot be */
    pass(1000000);
    writes(0x828, 0);
    reads(0x828, 0x40);
}

FIXTURE(setup, NULL)
