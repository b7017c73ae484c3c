/*
 * Any bytes as a guest's instruction, in all modes: insn_decode() reads no byte beyond those it has (ASan), sets
 * its output on success only, and what it gives is in range; more bytes behind an instruction change nothing.
 * insn_finish() changes no register but the destination and a string instruction's. Input: 16 registers (8 bytes
 * each), RFLAGS, 6 segment bases, then code.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/cpu/msr.h>
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

/* INS and OUTS: never more elements than are left, nor beyond the page, and only their registers change. */
static void check_io(const u8 *code, u32 nr, u32 bits)
{
    struct insn_io io = {.length = 0x5a}, more;
    struct hvm_regs after = regs;
    u64 address = 0x5a5a;

    int rc = insn_decode_io(code, nr, bits, &io);
    REQUIRE(rc == 0 || rc == -EOPNOTSUPP || (rc == -ENODATA && nr < 15));
    if (rc) {
        REQUIRE(io.length == 0x5a);
        return;
    }
    REQUIRE(io.length >= 1 && io.length <= 15 && io.length <= nr && io.segment < 6);
    REQUIRE(io.bytes == 1 || io.bytes == 2 || io.bytes == 4);
    REQUIRE(!insn_decode_io(code, io.length, bits, &more) && !memcmp(&io, &more, sizeof(io)));
    int run = insn_io_run(&io, bits, &regs, &state, bits == 32, &address);
    REQUIRE(run <= (int)PAGE_SIZE);
    if (run <= 0) {
        REQUIRE(address == 0x5a5a);
        return;
    }
    u64 last =
        regs.rflags & RFLAGS_DF ? address - (u64)(run - 1) * io.bytes : address + (u64)run * io.bytes - 1;
    REQUIRE(run == 1 || address / PAGE_SIZE == last / PAGE_SIZE);
    insn_io_advance(&io, &after, (u32)run);
    for (u32 i = 0; i < 16; i++)
        REQUIRE(regs.gpr[i] == after.gpr[i] || (i == 1 && io.repeat) || i == (io.in ? 7 : 6));
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
        *segments[i] = (struct hvm_segment){
            .base = bases[i], .attributes = (u16)(bases[i] >> 48), .limit = (u32)(bases[i] >> 16)};
    for (u32 bits = 16; bits <= 64; bits *= 2) {
        u32 nr = (u32)(size - head < 16 ? size - head : 16);
        u8 *code = malloc(nr ? nr : 1); /* exactly so many: ASan sees a read past them */
        struct insn insn, copy;

        memcpy(code, data + head, nr);
        memset(&insn, 0x5a, sizeof(insn));
        copy = insn;
        check_io(code, nr, bits);
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
