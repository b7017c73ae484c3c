/* Memory types by MTRRs: registers as firmware sets them, every overlap, and a model that looks at one address at a time. */
#include <tests/machine/test.h>
#include <tests/machine/random.h>

#include <arch/x86/cpu/mtrr.h>

#define NR_MSRS    0x300u
#define MADDR_BITS 36u
#define VALID      BIT(11)
#define ENABLED    BIT(11)
#define FIXED      BIT(10)
#define ALL        (BIT(MADDR_BITS) - 1)

static u64 msr[NR_MSRS];
static struct mtrr mtrr;

static u64 read_msr(u32 number)
{
    assert_true(number < NR_MSRS);
    return msr[number];
}

static void setup(void)
{
    memset(msr, 0, sizeof(msr));
    msr[MSR_IA32_MTRRCAP] = BIT(8) | 10;
    msr[MSR_IA32_MTRR_DEF_TYPE] = ENABLED | FIXED | MEMORY_WB;
    memset(&mtrr, 0xa5, sizeof(mtrr));
}

/* A range of a power of two. */
static void range(u32 i, u64 base, u64 size, u8 type)
{
    msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i] = base | type;
    msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i + 1] = (ALL & ~(size - 1)) | VALID;
}

static void expect(u64 maddr, u8 type, u64 end)
{
    u64 until;

    mtrr_read(&mtrr, read_msr, MADDR_BITS);
    assert_int_equal(mtrr_type(&mtrr, maddr, &until), type);
    assert_int_equal(until, end);
}

TEST(test_disabled)
{
    range(0, 0, GIB(1), MEMORY_WB);
    msr[MSR_IA32_MTRR_DEF_TYPE] = MEMORY_WB; /* without E everything is uncached */
    expect(0, MEMORY_UC, ~0ull);
    expect(GIB(2), MEMORY_UC, ~0ull);
}

TEST(test_fixed)
{
    msr[MSR_IA32_MTRR_FIX64K] = 0x0605040001060606;
    msr[MSR_IA32_MTRR_FIX16K + 1] = 0x01; /* 0xa0000 */
    msr[MSR_IA32_MTRR_FIX4K + 7] = 0x0500000000000000;
    range(0, 0, GIB(1), MEMORY_WT);
    expect(0, MEMORY_WB, 0x10000);
    expect(0x2ffff, MEMORY_WB, 0x30000);
    expect(0x30000, MEMORY_WC, 0x40000);
    expect(0x40000, MEMORY_UC, 0x50000);
    expect(0x50000, MEMORY_WT, 0x60000);
    expect(0x70000, MEMORY_WB, 0x80000);
    expect(0x80000, MEMORY_UC, 0x84000);
    expect(0x9ffff, MEMORY_UC, 0xa0000);
    expect(0xa0000, MEMORY_WC, 0xa4000);
    expect(0xc0000, MEMORY_UC, 0xc1000);
    expect(0xff000, MEMORY_WP, 0x100000);
    expect(0x100000, MEMORY_WT, GIB(1)); /* the first MiB alone is theirs */
    msr[MSR_IA32_MTRR_DEF_TYPE] &= ~FIXED;
    expect(0x30000, MEMORY_WT, GIB(1));
    msr[MSR_IA32_MTRR_DEF_TYPE] |= FIXED;
    msr[MSR_IA32_MTRRCAP] &= ~BIT(8); /* the CPU has none */
    expect(0x30000, MEMORY_WT, GIB(1));
}

/* Default write-back and a hole for devices, as SeaBIOS and OVMF have it. */
TEST(test_hole)
{
    range(0, GIB(3), GIB(1), MEMORY_UC);
    expect(MIB(1), MEMORY_WB, GIB(3));
    expect(GIB(3), MEMORY_UC, GIB(4));
    expect(GIB(4) - 1, MEMORY_UC, GIB(4));
    expect(GIB(4), MEMORY_WB, ~0ull);
    msr[MSR_IA32_MTRR_PHYSBASE0 + 1] &= ~VALID;
    expect(GIB(3), MEMORY_WB, ~0ull);
}

/* Default uncached, as many servers have it, with the last 64 MiB of 9 GiB forgotten. */
TEST(test_default_uncached)
{
    msr[MSR_IA32_MTRR_DEF_TYPE] = ENABLED | MEMORY_UC;
    range(0, 0, GIB(8), MEMORY_WB);
    range(1, GIB(3), GIB(1), MEMORY_UC);
    range(2, GIB(8), MIB(512), MEMORY_WB);
    range(3, GIB(8) + MIB(512), MIB(256), MEMORY_WB);
    expect(GIB(2), MEMORY_WB, GIB(3));
    expect(GIB(3) + 5, MEMORY_UC, GIB(4));
    expect(GIB(5), MEMORY_WB, GIB(8));
    expect(GIB(8), MEMORY_WB, GIB(8) + MIB(512));
    expect(GIB(8) + MIB(512), MEMORY_WB, GIB(8) + MIB(768));
    expect(GIB(8) + MIB(768), MEMORY_UC, ~0ull);
}

TEST(test_overlaps)
{
    static const struct {
        u8 a, b, c, want;
    } cases[] = {
        {MEMORY_WB, MEMORY_WB, MEMORY_WB, MEMORY_WB},
        {MEMORY_UC, MEMORY_WB, MEMORY_WB, MEMORY_UC},
        {MEMORY_WB, MEMORY_WC, MEMORY_UC, MEMORY_UC},
        {MEMORY_WT, MEMORY_WB, MEMORY_WB, MEMORY_WT},
        {MEMORY_WB, MEMORY_WT, MEMORY_WB, MEMORY_WT},
        {MEMORY_WB, MEMORY_WT, MEMORY_UC, MEMORY_UC},
        {MEMORY_WC, MEMORY_WC, MEMORY_WC, MEMORY_WC},
        {MEMORY_WC, MEMORY_WB, MEMORY_WB, MEMORY_UC}, /* undefined */
        {MEMORY_WP, MEMORY_WT, MEMORY_WT, MEMORY_UC}, /* undefined */
    };

    msr[MSR_IA32_MTRR_DEF_TYPE] = ENABLED | MEMORY_WP;
    for_each_row (i, cases) {
        range(0, GIB(4), GIB(4), cases[i].a);
        range(5, GIB(6), GIB(2), cases[i].b);
        range(9, GIB(7), GIB(1), cases[i].c);
        expect(GIB(2), MEMORY_WP, GIB(4));
        expect(GIB(4), cases[i].a, GIB(6));
        expect(GIB(7), cases[i].want, GIB(8));
        expect(GIB(8), MEMORY_WP, ~0ull);
    }
}

/* A mask with a gap makes ranges that repeat, and one without bits is everything. */
TEST(test_strange_masks)
{
    msr[MSR_IA32_MTRR_PHYSBASE0] = MEMORY_UC;
    msr[MSR_IA32_MTRR_PHYSBASE0 + 1] = MIB(1) | VALID; /* every other MiB */
    expect(MIB(3), MEMORY_WB, MIB(4));
    expect(MIB(4), MEMORY_UC, MIB(5));
    msr[MSR_IA32_MTRR_PHYSBASE0 + 1] = VALID;
    expect(MIB(3), MEMORY_UC, ~0ull);
}

/* The end of a stretch is never too far: one address at a time, against SDM 12.11.4.1 as it is written. */
static u8 model_type(u64 maddr)
{
    u32 seen = 0;
    u8 type = (u8)msr[MSR_IA32_MTRR_DEF_TYPE], nr = 0;

    for (u32 i = 0; i < 10; i++) {
        u64 base = msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i], mask = msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i + 1];

        if ((mask & VALID) && !((maddr ^ base) & mask & ALL & PAGE_MASK)) {
            type = (u8)base;
            seen |= 1u << type;
            nr++;
        }
    }
    if (nr < 2 || seen == 1u << type)
        return type;
    return seen == (1u << MEMORY_WT | 1u << MEMORY_WB) ? MEMORY_WT : MEMORY_UC;
}

TEST(test_against_model)
{
    static const u8 types[] = {MEMORY_UC, MEMORY_WC, MEMORY_WT, MEMORY_WP, MEMORY_WB, MEMORY_WB};
    struct rng rng;
    u64 end;

    rng_seed(&rng, 17);
    for (u32 round = 0; round < 300; round++) {
        setup();
        msr[MSR_IA32_MTRR_DEF_TYPE] = ENABLED | types[rng_draw(&rng, ARRAY_SIZE(types))];
        for (u32 i = 0; i < 10; i++) {
            u64 size = PAGE_SIZE << rng_draw(&rng, 6);

            range(i, ALIGN_DOWN(rng_draw(&rng, 64) * PAGE_SIZE, size), size,
                  types[rng_draw(&rng, ARRAY_SIZE(types))]);
            if (rng_draw(&rng, 3) == 0)
                msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i + 1] &= ~(PAGE_SIZE << rng_draw(&rng, 6)); /* a gap */
            if (rng_draw(&rng, 3) == 0)
                msr[MSR_IA32_MTRR_PHYSBASE0 + 2 * i + 1] &= ~VALID;
        }
        mtrr_read(&mtrr, read_msr, MADDR_BITS);
        for (u64 at = 0; at < 96 * PAGE_SIZE; at = end)
            for (u64 type = mtrr_type(&mtrr, at, &end), a = at; a < MIN(end, 128 * PAGE_SIZE); a += PAGE_SIZE)
                assert_int_equal(model_type(a), type);
    }
}

FIXTURE(setup, NULL)
