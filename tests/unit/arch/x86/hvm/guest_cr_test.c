/* Control registers: which bits a guest can set follows from what CPUID offers it, and MOV CR4 from its bytes. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_code.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/hvm/svm/svm.h>

enum { A, B, C, D };

/* The one bit of the host's CPUID that is missing; leaf 0: none is. */
static struct {
    u32 leaf, word, bit;
} missing;
static bool host_is_bare;

static struct cpuid_leaf host(u32 leaf, u32 subleaf)
{
    u32 words[4];

    (void)subleaf;
    memset(words, host_is_bare ? 0 : 0xff, sizeof(words));
    if (leaf == 0 || leaf == 0x80000000u)
        words[A] = leaf + 0x20;
    else if (leaf == missing.leaf)
        words[missing.word] &= ~(1u << missing.bit);
    return (struct cpuid_leaf){words[A], words[B], words[C], words[D]};
}

static struct hvm_ops ops;
static struct hvm_state state;
static struct hvm_vcpu v;

static void setup(void)
{
    ops = svm_ops;
    ops.cpuid = host;
    hvm_ops = &ops;
    missing.leaf = 0;
    host_is_bare = false;
    state = (struct hvm_state){0};
    v = (struct hvm_vcpu){.control = &state, .policy = cpu_policy_default()};
}
FIXTURE(setup, NULL)

/* APM2 3.1.3: the bit of CR4, and the bit of CPUID that says that it exists. */
static const struct {
    const char *name;
    u32 bit, leaf, word, cpuid_bit;
    bool hidden; /* from guests, on every host */
} cr4[] = {
    {"VME", 0, 1, D, 1, false},      {"PVI", 1, 1, D, 1, false},          {"TSD", 2, 1, D, 4, false},
    {"DE", 3, 1, D, 2, false},       {"PSE", 4, 1, D, 3, false},          {"PAE", 5, 1, D, 6, false},
    {"MCE", 6, 1, D, 7, false},      {"PGE", 7, 1, D, 13, false},         {"PCE", 8, 0, A, 0, false},
    {"OSFXSR", 9, 1, D, 24, false},  {"OSXMMEXCPT", 10, 1, D, 25, false}, {"UMIP", 11, 7, C, 2, false},
    {"LA57", 12, 7, C, 16, true},    {"VMXE", 13, 1, C, 5, true},         {"SMXE", 14, 1, C, 6, true},
    {"15", 15, 0, A, 0, true},       {"FSGSBASE", 16, 7, B, 0, false},    {"PCIDE", 17, 1, C, 17, true},
    {"OSXSAVE", 18, 1, C, 26, true}, {"KL", 19, 7, C, 23, true},          {"SMEP", 20, 7, B, 7, false},
    {"SMAP", 21, 7, B, 20, false},   {"PKE", 22, 7, C, 3, true},          {"CET", 23, 7, C, 7, true},
    {"PKS", 24, 7, C, 31, true},     {"UINTR", 25, 7, D, 5, true},
};

/* What a guest's CPUID says of a bit. */
static bool guest_has(u32 leaf, u32 word, u32 bit)
{
    struct cpuid_leaf out;

    hvm_guest_cpuid(&v, leaf, 0, &out);
    const u32 words[4] = {out.eax, out.ebx, out.ecx, out.edx};
    return words[word] >> bit & 1;
}

static u64 cr4_bits(void)
{
    u64 bits = 0;

    cpu_policy_init();
    for (u32 bit = 0; bit < 64; bit++)
        bits |= hvm_guest_control_valid(v.policy, CR0_ET, BIT(bit), 0) ? BIT(bit) : 0;
    return bits;
}

static u64 efer_bits(void)
{
    u64 bits = 0;

    cpu_policy_init();
    for (u32 bit = 0; bit < 64; bit++)
        bits |= hvm_guest_efer_valid(v.policy, BIT(bit)) ? BIT(bit) : 0;
    return bits;
}

TEST(cr4_bits_follow_cpuid)
{
    for_each_row (i, cr4) {
        missing.leaf = 0;
        cpu_policy_init();
        assert_int_equal(!(cr4_bits() & BIT(cr4[i].bit)), cr4[i].hidden);
        if (!cr4[i].leaf)
            continue;
        assert_int_equal(guest_has(cr4[i].leaf, cr4[i].word, cr4[i].cpuid_bit), !cr4[i].hidden);
        missing.leaf = cr4[i].leaf;
        missing.word = cr4[i].word;
        missing.bit = cr4[i].cpuid_bit;
        assert_int_equal(cr4_bits() & BIT(cr4[i].bit), 0);
        assert_false(guest_has(cr4[i].leaf, cr4[i].word, cr4[i].cpuid_bit));
    }
    missing.leaf = 0;
    assert_int_equal(cr4_bits() >> 26, 0);
    assert_int_equal(efer_bits(), EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    assert_true(hvm_guest_control_valid(v.policy, CR0_ET, cr4_bits(), 0)); /* all at once */
    assert_false(hvm_guest_control_valid(v.policy, CR0_ET, cr4_bits() | CR4_PKE, 0));
    host_is_bare = true;
    assert_int_equal(cr4_bits(), CR4_PCE);
    assert_int_equal(efer_bits(), 0);
}

TEST(writes_of_cr4)
{
    for (u32 bit = 0; bit < 64; bit++) {
        u64 before = state.cr4;
        bool can = cr4_bits() & BIT(bit);

        assert_int_equal(hvm_guest_write_cr4(&v, BIT(bit)), can ? 0 : -EFAULT);
        assert_int_equal(state.cr4, can ? BIT(bit) : before);
    }
    assert_int_equal(hvm_guest_write_cr4(&v, 0), 0);
    state.efer = EFER_LME | EFER_LMA;
    state.cr4 = CR4_PAE | CR4_PGE;
    assert_int_equal(hvm_guest_write_cr4(&v, CR4_PGE), -EFAULT); /* long mode needs PAE */
    assert_int_equal(state.cr4, CR4_PAE | CR4_PGE);
    assert_int_equal(hvm_guest_write_cr4(&v, CR4_PAE), 0);
    assert_int_equal(state.cr4, CR4_PAE);
}

/* --- the instruction --- */

#define CODE(...) ((const u8[]){__VA_ARGS__})

TEST(mov_cr4_decoded)
{
    static const struct {
        u8 code[15];
        u8 nr, len, gpr;
        bool is_64, write;
    } rows[] = {
        {{0x0f, 0x22, 0xe0}, 15, 3, 0, true, true},
        {{0x0f, 0x22, 0xe0}, 3, 3, 0, false, true},
        {{0x0f, 0x20, 0xe7}, 15, 3, 7, true, false},
        {{0x0f, 0x22, 0xe4}, 15, 3, 4, true, true},        /* RSP */
        {{0x0f, 0x22, 0x20}, 15, 3, 0, true, true},        /* mod does not matter */
        {{0x41, 0x0f, 0x22, 0xe3}, 15, 4, 11, true, true}, /* R11 */
        {{0x48, 0x0f, 0x20, 0xe3}, 15, 4, 3, true, false},
        {{0x66, 0xf2, 0x67, 0x41, 0x0f, 0x22, 0xe3}, 15, 7, 11, true, true},
        {{0x2e, 0x0f, 0x22, 0xe3}, 15, 4, 3, false, true},
        /* others */
        {{0x0f, 0x22, 0xe0}, 2, 0, 0, true, true},
        {{0x0f, 0x22, 0xe0}, 0, 0, 0, true, true},
        {{0x0f, 0x22, 0xd8}, 15, 0, 0, true, true},        /* CR3 */
        {{0x44, 0x0f, 0x22, 0xe0}, 15, 0, 0, true, true},  /* CR12 */
        {{0x44, 0x0f, 0x22, 0xc0}, 15, 0, 0, true, true},  /* CR8 */
        {{0x41, 0x0f, 0x22, 0xe3}, 15, 0, 0, false, true}, /* INC ECX first */
        {{0x41, 0x66, 0x0f, 0x22, 0xe3},
         15,
         0,
         0,
         true,
         true},                                           /* a REX that is not last has no effect: not ours */
        {{0xf0, 0x0f, 0x22, 0xe0}, 15, 0, 0, true, true}, /* LOCK */
        {{0x0f, 0x23, 0xe0}, 15, 0, 0, true, true},       /* DR4 */
        {{0x0f, 0x21, 0xe0}, 15, 0, 0, true, true},
        {{0x0f, 0xa2, 0xe0}, 15, 0, 0, true, true},
        {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66},
         15,
         0,
         0,
         true,
         true},
        {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0x22, 0xe0},
         15,
         15,
         0,
         true,
         true},
        {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0x22},
         15,
         0,
         0,
         true,
         true},
    };
    for_each_row (i, rows) {
        u8 *code = malloc(rows[i].nr + 1u), gpr = 0xee;
        bool write = !rows[i].write;

        memcpy(code, rows[i].code, rows[i].nr); /* as long as it is: ASan sees a byte too far */
        code = realloc(code, rows[i].nr ? rows[i].nr : 1u);
        assert_int_equal(hvm_decode_mov_cr4(code, rows[i].nr, rows[i].is_64, &write, &gpr), rows[i].len);
        if (rows[i].len) {
            assert_int_equal(gpr, rows[i].gpr);
            assert_int_equal(write, rows[i].write);
        }
        free(code);
    }
}

/* Every three bytes, with and without a REX before them: at most 15 bytes, and a register that exists. */
TEST(any_bytes)
{
    for (u32 n = 0; n < 1u << 24; n += n & 0x800000 ? 257 : 7) {
        u8 code[4] = {(u8)n, (u8)(n >> 8), (u8)(n >> 16), 0xe1}, gpr = 0;
        bool write;
        u32 len = hvm_decode_mov_cr4(code, 4, n & 1, &write, &gpr);

        assert_true(len == 0 || len == 3 || len == 4);
        assert_true(gpr < 16);
    }
}
