/* Guest page-table walks in every paging mode, on a small guest memory of the test's own. */
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_walk.h>
#include <homestead/errno.h>

#define PAGES 16u
static u64 memory[PAGES][512];
static u32 reads;
static struct guest_walk w;

#define P  1ull
#define W  2ull
#define PS 0x80ull

static int read_entry(void *ctx, u64 gaddr, u32 size, u64 *entry)
{
    (void)ctx;
    assert_int_equal(gaddr % size, 0);
    reads++;
    if (gaddr >= sizeof(memory))
        return -EFAULT;
    *entry = 0;
    memcpy(entry, (char *)memory + gaddr, size);
    return 0;
}

static void put8(u32 table, u32 index, u64 entry)
{
    memory[table][index] = entry;
}

static void put4(u32 table, u32 index, u32 entry)
{
    ((u32 *)memory[table])[index] = entry;
}

static void setup(void)
{
    memset(memory, 0, sizeof(memory));
    reads = 0;
    w = (struct guest_walk){.entry = read_entry};
}

static void maps(u64 gva, bool write, u64 want_gaddr, u64 want_run)
{
    u64 gaddr = 0, run = 0;

    reads = 0;
    assert_int_equal(guest_walk(&w, gva, write, &gaddr, &run), 0);
    assert_int_equal(gaddr, want_gaddr);
    assert_int_equal(run, want_run);
    assert_true(reads <= 5);
}

static void faults(u64 gva, bool write)
{
    u64 gaddr = 0x5555, run = 0x6666;

    reads = 0;
    assert_int_equal(guest_walk(&w, gva, write, &gaddr, &run), -EFAULT);
    assert_int_equal(gaddr, 0x5555); /* outputs are written on success only */
    assert_int_equal(run, 0x6666);
    assert_true(reads <= 5);
}

static void long_mode(u64 cr3, u64 more_cr4)
{
    w.cr0 = CR0_PE | CR0_PG | CR0_WP;
    w.cr4 = CR4_PAE | more_cr4;
    w.efer = EFER_LME | EFER_LMA;
    w.cr3 = cr3;
}

TEST(test_no_paging)
{
    w.cr0 = CR0_PE;
    w.cr3 = 0xfffff000; /* not looked at */
    maps(0x123456, true, 0x123456, GIB(1) - 0x123456);
    maps(0xffffffff, false, 0xffffffff, 1);
    assert_int_equal(reads, 0);
    faults(0x100000000ull, false);
    faults(~0ull, true);
    w.efer = EFER_LME | EFER_LMA; /* found by fuzzing: no such state, but no upper half either */
    faults(~0ull, true);
}

TEST(test_4_levels)
{
    /* 0xffff808060a03000: indexes 257, 1, 261, 3 */
    u64 gva = 0xffff808060a03000ull;
    long_mode(0x1000 | 0xfff, 0);
    put8(1, gva >> 39 & 511, 0x2000 | P | W);
    put8(2, gva >> 30 & 511, 0x3000 | P | W);
    put8(3, gva >> 21 & 511, 0x4000 | P | W);
    put8(4, gva >> 12 & 511,
         0x8000123456789000ull | P | W); /* NX and bits 52-62 are no part of the address */
    maps(gva + 0x10, true, 0x0000123456789000ull + 0x10 - 0, 0xff0);
    put8(4, gva >> 12 & 511, 0x7ff0000000005000ull | P | W);
    maps(gva + 0xfff, true, 0x5fff, 1);
    faults(gva + 0x1000, false);
    faults(gva - 1, false);

    /* not canonical */
    faults(gva & 0x0000ffffffffffffull, false);
    faults(gva ^ BIT(63), false);
    faults(0x0000800000000000ull, false);
    assert_int_equal(reads, 0);

    /* each level: not present, not writable */
    u32 index[4] = {gva >> 39 & 511, gva >> 30 & 511, gva >> 21 & 511, gva >> 12 & 511};
    for (u32 level = 0; level < 4; level++) {
        u64 *entry = &memory[1 + level][index[level]], old = *entry;
        *entry = old & ~P;
        faults(gva, false);
        *entry = old & ~W;
        maps(gva, false, 0x5000, 0x1000);
        faults(gva, true);
        w.cr0 &= ~CR0_WP;
        maps(gva, true, 0x5000, 0x1000);
        w.cr0 |= CR0_WP;
        *entry = old;
    }
    /* a large page where there are none */
    put8(1, index[0], 0x2000 | P | W | PS);
    faults(gva, false);
    /* tables outside of memory */
    put8(1, index[0], 0x2000 | P | W);
    put8(2, index[1], 0x7fffffff000ull | P | W);
    faults(gva, false);
    w.cr3 = 0xffffffffffffffffull;
    faults(gva, false);
}

TEST(test_large_pages_4_levels)
{
    long_mode(0x1000, 0);
    put8(1, 0, 0x2000 | P | W);
    put8(2, 0, 0x3000 | P | W);
    put8(2, 3, 0x123ull << 30 | P | W | PS);
    put8(3, 5, 0x456ull << 21 | P | PS | 0x1000); /* bit 12: PAT */
    maps(3ull << 30 | 0x2345678, true, (0x123ull << 30) + 0x2345678, GIB(1) - 0x2345678);
    maps(5ull << 21 | 0x1234, false, (0x456ull << 21) + 0x1234, MIB(2) - 0x1234);
    faults(5ull << 21, true);
    put8(3, 5, 0x456ull << 21 | P | PS | 0x2000); /* reserved */
    faults(5ull << 21, false);
    put8(2, 3, 0x123ull << 30 | 0x200000 | P | W | PS);
    faults(3ull << 30, false);
}

TEST(test_5_levels)
{
    u64 gva = 0xff00123456789abcull;
    long_mode(0x1000, CR4_LA57);
    put8(1, gva >> 48 & 511, 0x2000 | P | W);
    put8(2, gva >> 39 & 511, 0x3000 | P | W);
    put8(3, gva >> 30 & 511, 0x4000 | P | W);
    put8(4, gva >> 21 & 511, 0x5000 | P | W);
    put8(5, gva >> 12 & 511, 0x6000 | P | W);
    maps(gva, true, 0x6abc, 0x544);
    assert_int_equal(reads, 5);
    faults(gva ^ BIT(63), false);
    faults(gva ^ BIT(57), false);
    put8(1, gva >> 48 & 511, 0x2000 | P | W | PS);
    faults(gva, false);
    w.cr4 &= ~CR4_LA57; /* now it is not canonical */
    faults(gva, false);
}

TEST(test_self_reference)
{
    long_mode(0x1000, 0);
    put8(1, 0, 0x1000 | P | W);
    maps(0x678, true, 0x1678, 0x988);
    put8(1, 511, 0x1000 | P | W);
    maps(0xfffffffffffff008ull, true, 0x1008, 0xff8);
    long_mode(0x1000, CR4_LA57);
    maps(0xfffffffffffff008ull, true, 0x1008, 0xff8);
}

TEST(test_pae)
{
    w.cr0 = CR0_PE | CR0_PG | CR0_WP;
    w.cr4 = CR4_PAE;
    w.cr3 = 0x1fe0;                     /* the four entries may stand anywhere at 32 bytes */
    put8(1, 0xfe0 / 8 + 3, 0x2000 | P); /* no R/W bit at this level */
    put8(2, 511, 0x3000 | P | W);
    put8(2, 510, 0x987ull << 21 | P | W | PS);
    put8(3, 511, 0xabcdef000ull | P | W);
    maps(0xfffffff0, true, 0xabcdefff0ull, 16);
    maps(0xffc00004, true, (0x987ull << 21) + 4, MIB(2) - 4);
    faults(0x3fffffff, false);
    faults(0x1ffffffffull, false);
    put8(2, 511, 0x3000 | P);
    faults(0xfffffff0, true);
    maps(0xfffffff0, false, 0xabcdefff0ull, 16);
    put8(1, 0xfe0 / 8 + 3, 0x2000 | P | PS); /* reserved here */
    faults(0xfffffff0, false);
}

TEST(test_32_bit)
{
    w.cr0 = CR0_PE | CR0_PG | CR0_WP;
    w.cr3 = 0xffff000000001018ull; /* cache bits, and an upper half that does not exist */
    put4(1, 1023, 0x2000 | P | W);
    put4(2, 1023, 0xfedcb000 | P | W);
    put4(2, 1022, 0xfedca000 | P);
    maps(0xfffff123, true, 0xfedcb123, 0xedd);
    maps(0xffffe123, false, 0xfedca123, 0xedd);
    faults(0xffffe123, true);
    w.cr0 &= ~CR0_WP;
    maps(0xffffe123, true, 0xfedca123, 0xedd);
    faults(0xffffd000, false);

    /* PS counts only with CR4.PSE; without, the entry points to a table */
    put4(1, 2, 0x3000 | P | W | PS);
    put4(3, 0, 0x4000 | P | W);
    maps(0x800000, true, 0x4000, 0x1000);
    w.cr4 = CR4_PSE;
    put4(1, 2, 0xc0000000 | P | W | PS);
    maps(0x812345, true, 0xc0012345, MIB(4) - 0x12345);
    put4(1, 2, 0xc0000000 | 0xa5 << 13 | P | W | PS); /* PSE-36: bits 32-39 */
    maps(0x812345, true, 0xa5c0012345ull, MIB(4) - 0x12345);
    put4(1, 2, 0xc0000000 | 1u << 21 | P | W | PS);
    faults(0x812345, false);
}

FIXTURE(setup, NULL)
