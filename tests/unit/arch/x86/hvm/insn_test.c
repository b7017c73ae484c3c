/* The instruction decoder by hand: how long instructions are, and what they do to registers. See insn_objdump_test.c. */
#include <tests/machine/test.h>

#include <arch/x86/hvm/insn.h>
#include <homestead/errno.h>

static struct hvm_regs regs;
static struct hvm_state state;

/* --- the parts of an instruction --- */

static int decode(const u8 *bytes, u32 nr, u32 mode, struct insn *insn)
{
    memset(insn, 0xee, sizeof(*insn));
    return insn_decode(bytes, nr, mode, &regs, &state, insn);
}

TEST(every_byte_is_needed)
{
    static const struct {
        u8 nr, mode, code[16];
    } longest[] = {
        {15, 64, {0x64, 0x67, 0x66, 0x48, 0xc7, 0x84, 0x88}},
        {10, 64, {0x48, 0xa1}},
        {10, 32, {0x66, 0xc7, 0x84, 0x88}},
        {9, 16, {0x66, 0xc7, 0x06}},
        {5, 64, {0x66, 0x40, 0x0f, 0xb7, 0x00}},
    };
    struct insn insn, untouched;

    memset(&untouched, 0xee, sizeof(untouched));
    for_each_row (i, longest) {
        for (u32 nr = 0; nr < longest[i].nr; nr++) {
            assert_int_equal(decode(longest[i].code, nr, longest[i].mode, &insn), -ENODATA);
            assert_memory_equal(&insn, &untouched, sizeof(insn));
        }
        assert_int_equal(decode(longest[i].code, longest[i].nr, longest[i].mode, &insn), 0);
    }
}

TEST(fifteen_bytes_at_most)
{
    u8 bytes[16];
    struct insn insn;

    memset(bytes, 0x66, sizeof(bytes));
    bytes[13] = 0x8b;
    bytes[14] = 0x00;
    assert_int_equal(decode(bytes, 15, 64, &insn), 0);
    assert_int_equal(insn.length, 15);
    bytes[13] = 0x66;
    bytes[14] = 0x8b;
    bytes[15] = 0x00;
    assert_int_equal(decode(bytes, 16, 64, &insn), -EOPNOTSUPP);
    memset(bytes, 0x2e, sizeof(bytes)); /* prefixes only */
    assert_int_equal(decode(bytes, 15, 64, &insn), -EOPNOTSUPP);
    assert_int_equal(decode(bytes, 14, 64, &insn), -ENODATA);
}

TEST(lock_is_for_exchanges)
{
    struct insn insn;

    assert_int_equal(decode((const u8[]){0xf0, 0x87, 0x00}, 3, 32, &insn), 0);
    assert_int_equal(decode((const u8[]){0xf0, 0x89, 0x00}, 3, 32, &insn), -EOPNOTSUPP);
    assert_int_equal(decode((const u8[]){0xf0, 0x01, 0x00}, 3, 32, &insn), -EOPNOTSUPP);
    assert_int_equal(decode((const u8[]){0x66, 0x63, 0x00}, 3, 64, &insn), -EOPNOTSUPP);
    assert_int_equal(decode((const u8[]){0x63, 0x00}, 2, 32, &insn), -EOPNOTSUPP); /* ARPL */
    assert_int_equal(decode((const u8[]){0xc7, 0x08, 0, 0, 0, 0}, 6, 32, &insn), -EOPNOTSUPP);
}

/* --- what the access does to the registers --- */

#define OLD 0x1122334455667788ull

/* The instruction reads this value. True: it is complete. */
static bool reads(const u8 *bytes, u32 mode, u64 value)
{
    struct insn insn;

    assert_int_equal(decode(bytes, 15, mode, &insn), 0);
    return insn_finish(&insn, &regs, value);
}
#define READS(mode, value, ...) reads((const u8[16]){__VA_ARGS__}, mode, value)

static void registers(void)
{
    regs =
        (struct hvm_regs){.rax = OLD, .rbx = OLD, .rcx = OLD, .rdx = OLD, .rsi = OLD, .rdi = OLD, .r9 = OLD};
}

TEST(results_go_into_registers)
{
    static const struct {
        u8 mode, code[4];
        u64 *reg, want;
    } table[] = {
        {64, {0x8a, 0x00}, &regs.rax, 0x11223344556677f2},
        {64, {0x8a, 0x20}, &regs.rax, 0x112233445566f288},       /* AH */
        {64, {0x8a, 0x38}, &regs.rbx, 0x112233445566f288},       /* BH */
        {64, {0x40, 0x8a, 0x38}, &regs.rdi, 0x11223344556677f2}, /* DIL */
        {64, {0x66, 0x8b, 0x00}, &regs.rax, 0x112233445566e3f2},
        {64, {0x8b, 0x00}, &regs.rax, 0xd4d5e3f2},
        {64, {0x48, 0x8b, 0x00}, &regs.rax, 0x80a1b2c3d4d5e3f2},
        {64, {0x4c, 0x8b, 0x08}, &regs.r9, 0x80a1b2c3d4d5e3f2},
        {64, {0x0f, 0xb6, 0x00}, &regs.rax, 0xf2},
        {64, {0x66, 0x0f, 0xb6, 0x00}, &regs.rax, 0x11223344556600f2},
        {64, {0x0f, 0xbe, 0x00}, &regs.rax, 0xfffffff2},
        {64, {0x48, 0x0f, 0xbe, 0x00}, &regs.rax, 0xfffffffffffffff2},
        {64, {0x66, 0x0f, 0xbe, 0x00}, &regs.rax, 0x112233445566fff2},
        {64, {0x48, 0x0f, 0xbf, 0x00}, &regs.rax, 0xffffffffffffe3f2},
        {64, {0x48, 0x63, 0x00}, &regs.rax, 0xffffffffd4d5e3f2},
        {64, {0x63, 0x00}, &regs.rax, 0xd4d5e3f2},
        {32, {0x87, 0x10}, &regs.rdx, 0xd4d5e3f2},
        {16, {0x86, 0x34}, &regs.rdx, 0x112233445566f288}, /* DH */
        {16, {0x8b, 0x04}, &regs.rax, 0x112233445566e3f2},
    };

    for_each_row (i, table) {
        registers();
        u64 before[16];
        memcpy(before, &regs, sizeof(before));
        assert_true(reads(table[i].code, table[i].mode, 0x80a1b2c3d4d5e3f2));
        assert_int_equal(*table[i].reg, table[i].want);
        *table[i].reg = before[table[i].reg - (u64 *)&regs];
        assert_memory_equal(&regs, before, sizeof(before)); /* and nothing else */
    }
    registers();
    assert_true(READS(64, 5, 0x88, 0x00)); /* a store changes none */
    assert_int_equal(regs.rax, OLD);
}

TEST(strings_move_on)
{
    registers();
    regs.rcx = 3;
    assert_false(READS(64, 0xabcd, 0xf3, 0xa4)); /* REP MOVSB */
    assert_int_equal(regs.rcx, 2);
    assert_int_equal(regs.rsi, OLD + 1);
    assert_int_equal(regs.rdi, OLD + 1);
    assert_int_equal(regs.rax, OLD);
    regs.rflags = BIT(10);
    assert_false(READS(64, 0, 0xf2, 0x48, 0xab)); /* REPNE STOSQ, downwards */
    assert_int_equal(regs.rdi, OLD - 7);
    assert_int_equal(regs.rsi, OLD + 1);
    assert_true(READS(64, 0x8899, 0xf3, 0x66, 0xad)); /* REP LODSW, the last */
    assert_int_equal(regs.rcx, 0);
    assert_int_equal(regs.rsi, OLD - 1);
    assert_int_equal(regs.rax, 0x1122334455668899);
    registers(); /* without REP, RCX is not a counter */
    assert_true(READS(64, 0, 0xa5));
    assert_int_equal(regs.rcx, OLD);
    assert_int_equal(regs.rdi, OLD + 4);
    registers(); /* counters of the address size, which wrap in it */
    regs.rcx = 0xffff0001;
    regs.rsi = 0x1ffff;
    regs.rdi = 0x5000fffe;
    assert_true(READS(16, 0, 0xf3, 0xa5));
    assert_int_equal(regs.rcx, 0xffff0000);
    assert_int_equal(regs.rsi, 0x10001);
    assert_int_equal(regs.rdi, 0x50000000);
    regs.rcx = 0xffffffff00000001;
    regs.rdi = 0x1ffffffff;
    assert_true(READS(64, 0, 0x67, 0xf3, 0xaa));
    assert_int_equal(regs.rcx, 0);
    assert_int_equal(regs.rdi, 0);
}

/* In 64-bit code an offset and its segment's base may wrap, also within an element: that one is done by itself. */
TEST(io_where_the_offset_wraps)
{
    static const u8 outsd[] = {0x64, 0xf3, 0x6f}; /* REP OUTS DX, FS:[RSI] */
    struct insn_io io;
    u64 address = 0;

    registers();
    state.fs.base = 1;
    regs.rcx = 3;
    regs.rsi = ~0ull;
    assert_int_equal(insn_decode_io(outsd, sizeof(outsd), 64, &io), 0);
    assert_int_equal(insn_io_run(&io, 64, &regs, &state, false, &address), 1);
    assert_int_equal(address, 0);
    regs.rsi = 0xfff;
    assert_int_equal(insn_io_run(&io, 64, &regs, &state, false, &address), 3);
    assert_int_equal(address, 0x1000);
    regs.rcx = 0;
    assert_int_equal(insn_io_run(&io, 64, &regs, &state, false, &address), 0);
}
