/*
 * Any bytes as a guest's instruction, in all modes: insn_decode() reads no byte beyond those it has (ASan), sets
 * its output on success only, and what it gives is in range; more bytes behind an instruction change nothing.
 * insn_finish() changes no register but the destination and a string instruction's. Input: 16 registers (8 bytes
 * each), RFLAGS, 6 segment bases, then code.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/hvm/insn.h>
#include <homestead/errno.h>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct hvm_regs regs;
static struct hvm_state state;

static void check_insn(const struct insn *insn, u32 nr, u32 bits)
{
    REQUIRE(insn->length >= 1 && insn->length <= 15 && insn->length <= nr);
    REQUIRE(insn->bytes == 1 || insn->bytes == 2 || insn->bytes == 4 || insn->bytes == 8);
    REQUIRE(insn->bytes < 8 || bits == 64);
    REQUIRE(insn->kind == INSN_LOAD || insn->bytes == 8 || !(insn->value >> 8 * insn->bytes));
    REQUIRE(insn->reg < (bits == 64 ? 16 : 8) && insn->kind <= INSN_MOVE);
    REQUIRE(bits == 64 || !(insn->address >> 32 | insn->to >> 32));
    REQUIRE(!insn->repeat || insn->string);
}

static void check_finish(const struct insn *insn)
{
    struct hvm_regs after = regs;
    const u64 *old = (const u64 *)&regs, *new = (const u64 *)&after;

    bool done = insn_finish(insn, &after, 0x8899aabbccddeeff);
    REQUIRE(done || insn->repeat);
    for (u32 i = 0; i < sizeof(regs) / sizeof(u64); i++) {
        bool loaded = i == insn->reg && (insn->kind == INSN_LOAD || insn->kind == INSN_EXCHANGE);
        bool counts = insn->string && (i == 1 || i == 6 || i == 7);

        REQUIRE(old[i] == new[i] || loaded || counts);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u64 bases[6];
    const size_t head = 17 * sizeof(u64) + sizeof(bases);
    struct hvm_segment *const segments[] = {&state.es, &state.cs, &state.ss, &state.ds, &state.fs, &state.gs};

    if (size < head)
        return 0;
    memcpy(&regs, data, 16 * sizeof(u64));
    memcpy(&regs.rflags, data + 16 * sizeof(u64), sizeof(u64));
    memcpy(bases, data + 17 * sizeof(u64), sizeof(bases));
    for (u32 i = 0; i < 6; i++)
        segments[i]->base = bases[i];
    for (u32 bits = 16; bits <= 64; bits *= 2) {
        u32 nr = (u32)(size - head < 16 ? size - head : 16);
        u8 *code = malloc(nr ? nr : 1); /* exactly so many: ASan sees a read past them */
        struct insn insn, copy;

        memcpy(code, data + head, nr);
        memset(&insn, 0x5a, sizeof(insn));
        copy = insn;
        int rc = insn_decode(code, nr, bits, &regs, &state, &insn);
        REQUIRE(rc == 0 || rc == -EOPNOTSUPP || (rc == -ENODATA && nr < 15));
        if (rc) {
            REQUIRE(!memcmp(&insn, &copy, sizeof(insn)));
        } else {
            check_insn(&insn, nr, bits);
            check_finish(&insn);
            REQUIRE(!insn_decode(code, insn.length, bits, &regs, &state, &copy));
            REQUIRE(!memcmp(&insn, &copy, sizeof(insn)));
            REQUIRE(insn_decode(code, insn.length - 1u, bits, &regs, &state, &copy) == -ENODATA);
        }
        free(code);
    }
    return 0;
}
