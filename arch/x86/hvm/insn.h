/*
 * A small instruction decoder for accesses to guest-physical memory that is not there, or that is the APIC's
 * page: what moves data between one register and memory, and the string moves. Everything else is refused.
 *
 *   88-8B, A0-A3, C6/0, C7/0 MOV    0F B6/B7 MOVZX, 0F BE/BF MOVSX, 63 MOVSXD (64-bit code)
 *   86, 87 XCHG                     A4, A5 MOVS, AA, AB STOS, AC, AD LODS, with and without REP
 *
 * 16-, 32- and 64-bit code with all prefixes, REX, SIB and RIP-relative addresses. Plain C on bytes and
 * registers. The CPU has checked the access before it faulted: no segment limit, no right is checked here.
 * Source: APM3 chapter 1 and appendix A.
 */
#ifndef HVM_INSN_H
#define HVM_INSN_H

#include <arch/x86/hvm/hvm.h>

#define INSN_BYTES_MAX 15u

enum insn_kind {
    INSN_LOAD,     /* memory → register */
    INSN_STORE,    /* .value → memory */
    INSN_EXCHANGE, /* both */
    INSN_MOVE,     /* MOVS: memory → memory */
};

struct insn {
    enum insn_kind kind;
    u8 length; /* bytes of the instruction */
    u8 bytes;  /* of the memory access: 1, 2, 4, 8 */
    u8 reg;    /* LOAD, EXCHANGE: number of the register as encoded, 0 .. 15 */
    u8 reg_bytes;
    bool high; /* AH, CH, DH or BH of .reg */
    bool sign; /* the value is sign-extended to .reg_bytes, otherwise zero-extended */
    bool string, repeat;
    u8 address_bytes; /* of a string instruction's counters */
    u64 address;      /* linear; MOVE: of the source */
    u64 to;           /* linear; MOVE: of the destination */
    u64 value;        /* STORE, EXCHANGE: zero-extended */
};

/*
 * Decodes the instruction at regs->rip, of which nr bytes are known. code_bits: 16, 32 or 64. Of state the
 * segments' bases are used. -ENODATA: it is longer than nr; -EOPNOTSUPP: another instruction, or one without
 * a memory operand. *out is set on success only.
 */
int insn_decode(const u8 *code, u32 nr, u32 code_bits, const struct hvm_regs *regs,
                const struct hvm_state *state, struct insn *out);

/*
 * The access is done: sets the register to what was read (LOAD, EXCHANGE), and moves a string instruction's
 * registers one element on. False: REP has more elements to do, so RIP stays. regs->rip is never changed.
 */
bool insn_finish(const struct insn *insn, struct hvm_regs *regs, u64 value);

/* INS, OUTS: 6C-6F. */
struct insn_io {
    bool in, repeat;
    u8 length;
    u8 bytes; /* of an element: 1, 2, 4 */
    u8 address_bytes;
    u8 segment; /* of the memory: 0-5 are ES, CS, SS, DS, FS, GS */
};
/* -ENODATA, -EOPNOTSUPP as above. *out is set on success only. */
int insn_decode_io(const u8 *code, u32 nr, u32 code_bits, struct insn_io *out);
/*
 * How many elements the instruction may access in a row from *address on (linear), upwards or, with DF,
 * downwards: all that are left, or as many as are on one page; 1 if the element crosses a page. 0: none is left.
 * Below 0: less the vector of the exception that is due, with error code 0.
 */
int insn_io_run(const struct insn_io *io, u32 code_bits, const struct hvm_regs *regs,
                const struct hvm_state *state, bool user, u64 *address);
/* nr of them, 1 or more, are done. False: REP has more to do, so RIP stays. */
bool insn_io_advance(const struct insn_io *io, struct hvm_regs *regs, u32 nr);

#endif
