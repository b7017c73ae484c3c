/* The local APIC in xAPIC mode: every register and size of access, and destinations. */
#include <tests/machine/test.h>

#include <arch/x86/hvm/x2apic.h>

static struct hvm_apic a;
static u64 now = 1000000;

static void to_xapic(void)
{
    x2apic_init(&a, true);
}
static u32 xread(u32 offset)
{
    return (u32)xapic_read(&a, 18, offset, 4, now);
}
static int xwrite(u32 offset, u32 value)
{
    return xapic_write(&a, 18, offset, 4, value, now);
}
static u32 new_errors(void)
{
    xwrite(0x280, 0xffffffff);
    return xread(0x280);
}

TEST(xapic_registers)
{
    /* offset; what a write of all ones leaves, what one of zeroes leaves */
    static const struct {
        u32 offset, ones, zeroes;
    } table[] = {
        {0x20, 18u << 24, 18u << 24},
        {0x30, 0x50014, 0x50014},
        {0x80, 0xff, 0},
        {0xd0, 0xff000000, 0},
        {0xe0, 0xffffffff, 0x0fffffff},
        {0xf0, 0x3ff, 0},
        {0x310, 0xff000000, 0},
        {0x320, 0x310ff, 0x10000}, /* the APIC is off then: masked */
        {0x330, 0x117ff, 0x10000},
        {0x340, 0x117ff, 0x10000},
        {0x350, 0x1f7ff, 0x10000},
        {0x360, 0x1f7ff, 0x10000},
        {0x370, 0x110ff, 0x10000},
        {0x380, 0xffffffff, 0},
        {0x3e0, 0xb, 0},
    };

    to_xapic();
    assert_int_equal(xread(0xe0), 0xffffffff);
    assert_int_equal(xread(0xf0), 0xff);
    for_each_row (i, table) {
        xwrite(table[i].offset, 0xffffffff);
        assert_int_equal(xread(table[i].offset), table[i].ones);
        xwrite(table[i].offset, 0);
        assert_int_equal(xread(table[i].offset), table[i].zeroes);
    }
    assert_int_equal(new_errors(), 0);
    xwrite(0x300, 0xffffffff);
    assert_int_equal(xread(0x300), 0xccfff);
}

TEST(xapic_has_no_faults)
{
    to_xapic();
    /* everything that is no register */
    for (u32 nr = 0; nr < 0x100; nr++) {
        bool is = nr == 2 || nr == 3 || nr == 8 || (nr >= 0xa && nr <= 0xb) || (nr >= 0xd && nr <= 0x28) ||
                  (nr >= 0x30 && nr <= 0x39) || nr == 0x3e;

        assert_int_equal(new_errors(), 0);
        if (!is)
            assert_int_equal(xread(nr * 16), 0);
        else
            xread(nr * 16);
        assert_int_equal(new_errors(), is ? 0 : 0x80);
        if (is && nr != 3 && (nr < 0x10 || nr > 0x27) && nr != 0x39)
            continue;
        struct hvm_apic before = a;
        assert_int_equal(xwrite(nr * 16, 0x12345678), 0);
        before.errors = a.errors;
        assert_memory_equal(&a, &before, sizeof(a));
        assert_int_equal(new_errors(), is ? 0 : 0x80);
    }
}

TEST(xapic_takes_any_size)
{
    to_xapic();
    xwrite(0x320, 0x200f1);
    assert_int_equal(xapic_read(&a, 18, 0x320, 1, now), 0xf1);
    assert_int_equal(xapic_read(&a, 18, 0x321, 2, now), 0x300);
    assert_int_equal(xapic_read(&a, 18, 0x322, 4, now), 3);
    assert_int_equal(xapic_read(&a, 18, 0x320, 8, now), 0x300f1);
    assert_int_equal(xapic_read(&a, 18, 0x324, 4, now), 0);
    assert_int_equal(xapic_read(&a, 18, 0x3ff, 1, now), 0);
    xapic_write(&a, 18, 0x320, 1, 0x77, now);
    assert_int_equal(xread(0x320), 0x30077);
    xapic_write(&a, 18, 0x322, 1, 1, now);
    assert_int_equal(xread(0x320), 0x10077);
    xapic_write(&a, 18, 0x320, 8, 0xffffffff000200e0, now);
    assert_int_equal(xread(0x320), 0x300e0);
    static const u32 outside[][2] = {{0x324, 4}, {0x322, 4}, {0x323, 2}, {0x328, 8}, {0x321, 8}, {0x32f, 1}};
    for_each_row (i, outside) {
        xapic_write(&a, 18, outside[i][0], outside[i][1], 0, now);
        assert_int_equal(xread(0x320), 0x300e0);
    }
    a.isr[0] = BIT(40);
    xapic_write(&a, 18, 0xb0, 1, 0x5a, now); /* an EOI of any size and value */
    assert_int_equal(a.isr[0], 0);
}

static struct apic_ipi xsends(u32 high, u32 low)
{
    xwrite(0x310, high << 24);
    assert_int_equal(xwrite(0x300, low), X2APIC_SEND);
    return x2apic_decode_icr(&a);
}

TEST(xapic_destinations)
{
    struct hvm_apic flat, cluster, far;

    to_xapic();
    x2apic_init(&flat, false);
    x2apic_init(&cluster, false);
    x2apic_init(&far, false);
    xapic_write(&flat, 2, 0xd0, 4, 0x04ffffff, now);
    xapic_write(&cluster, 4, 0xd0, 4, 0x32ffffff, now); /* cluster 3, member 1 */
    xapic_write(&cluster, 4, 0xe0, 4, 0, now);
    x2apic_write_base(&far, 0xfee00c00); /* id 0x24: cluster 2, member 4 */
    const struct {
        u32 dest, low;
        bool flat, cluster, far;
    } table[] = {
        {2, 0x4031, true, false, false},    {4, 0x4031, false, true, false},
        {0x24, 0x4031, false, false, true}, {5, 0x4031, false, false, false},
        {0xff, 0x4031, true, true, true}, /* everybody */
        {4, 0x4831, true, false, false},    {0x36, 0x4831, true, true, false},
        {0x34, 0x4831, true, false, false}, {0x32, 0x4831, false, true, false},
        {0xf2, 0x4831, false, true, false}, {0xff, 0x4831, true, true, false},
        {0, 0x4831, false, false, false},   {0, 0xc4031, true, true, true}, /* all others */
    };
    for_each_row (i, table) {
        struct apic_ipi ipi = xsends(table[i].dest, table[i].low);

        assert_int_equal(ipi.kind, APIC_IPI_FIXED);
        assert_int_equal(ipi.vector, 0x31);
        assert_int_equal(x2apic_ipi_reaches(&ipi, 18, &flat, 2), table[i].flat);
        assert_int_equal(x2apic_ipi_reaches(&ipi, 18, &cluster, 4), table[i].cluster);
        assert_int_equal(x2apic_ipi_reaches(&ipi, 18, &far, 0x24), table[i].far);
    }
    /* from x2APIC mode: 32-bit destinations, of which xAPIC mode has 8 bits */
    struct apic_ipi wide = {.kind = APIC_IPI_FIXED, .dest = 0xff};
    assert_false(x2apic_ipi_reaches(&wide, 0, &flat, 2));
    wide.dest = 0x102;
    assert_false(x2apic_ipi_reaches(&wide, 0, &flat, 2));
    wide.logical = true;
    wide.dest = 0x104;
    assert_false(x2apic_ipi_reaches(&wide, 0, &flat, 2));
    wide.dest = 0x20010;
    assert_true(x2apic_ipi_reaches(&wide, 0, &far, 0x24));
    wide.dest = ~0u;
    assert_true(x2apic_ipi_reaches(&wide, 0, &flat, 2));
}
