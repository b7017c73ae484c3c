/*
 * The decoder, see insn.h. Bytes are taken one after the other; one that is missing reads 0 and is noted.
 * lint: long: one instruction set, with the same prefixes, segments and registers for all.
 */
#include <arch/x86/hvm/insn.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <homestead/errno.h>

enum { ES, CS, SS, DS, FS, GS, NO_SEGMENT };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

#define REX_W    8u
#define NO_INDEX 4u
#define OP_INS   0x6cu /* bit 0: words, bit 1: OUTS */

#define SEGMENT_RIGHT        BIT(1) /* attributes: data can be written, code can be read */
#define SEGMENT_EXPANDS_DOWN BIT(2) /* data */
#define SEGMENT_CODE         BIT(3)
#define SEGMENT_PRESENT      BIT(7)

struct decoder {
    const u8 *at, *end;
    const struct hvm_regs *regs;
    const struct hvm_state *state;
    u32 mode; /* 2, 4 or 8: bytes of an address without prefixes */
    u32 op_bytes, address_bytes;
    u32 rex; /* its low bits: W, R, X, B */
    bool has_rex, lock, repeat, missing;
    u32 override, segment; /* given by a prefix, or NO_SEGMENT; used */
    u32 modrm_reg;
    bool rip_relative;
    u64 offset; /* of the memory operand in its segment */
};

static u64 low_bytes(u64 value, u32 bytes)
{
    return bytes >= 8 ? value : value & (BIT(8 * bytes) - 1);
}

static u64 sign_extended(u64 value, u32 bytes)
{
    u32 unused = 64 - 8 * bytes;

    return (u64)((s64)(value << unused) >> unused);
}

/* A 32-bit result clears the upper half; shorter ones leave the rest. */
static void set_register(struct hvm_regs *regs, u32 nr, u32 bytes, u64 value)
{
    u64 *reg = &regs->gpr[nr];

    *reg = (bytes >= 4 ? 0 : *reg & ~low_bytes(~0ull, bytes)) | low_bytes(value, bytes);
}

/* --- bytes ---------------------------------------------------------------------------------------------- */

static u64 take(struct decoder *d, u32 bytes)
{
    u64 value = 0;

    if ((u64)(d->end - d->at) < bytes) {
        d->missing = true;
        return 0;
    }
    for (u32 i = 0; i < bytes; i++)
        value |= (u64)*d->at++ << 8 * i;
    return value;
}

static u64 take_signed(struct decoder *d, u32 bytes)
{
    return sign_extended(take(d, bytes), bytes);
}

/* The opcode's first byte. In 64-bit code the prefixes of ES, CS, SS and DS do nothing; REX counts only right
 * before the opcode. */
static u32 take_prefixes(struct decoder *d)
{
    bool other_op = false, other_address = false;
    u32 byte;

    for (;;) {
        byte = (u32)take(d, 1);
        if (d->missing)
            return 0;
        if (d->mode == 8 && (byte & 0xf0) == 0x40) {
            d->has_rex = true;
            d->rex = byte & 0xf;
            continue;
        }
        if (byte == 0x66)
            other_op = true;
        else if (byte == 0x67)
            other_address = true;
        else if (byte == 0xf0)
            d->lock = true;
        else if (byte == 0xf2 || byte == 0xf3)
            d->repeat = true;
        else if (byte == 0x64 || byte == 0x65)
            d->override = byte - 0x64 + FS;
        else if ((byte & 0xe7) == 0x26)
            d->override = d->mode == 8 ? d->override : byte >> 3 & 3;
        else
            break;
        d->has_rex = false;
        d->rex = 0;
    }
    if (d->rex & REX_W)
        d->op_bytes = 8;
    else
        d->op_bytes = (d->mode == 2) == other_op ? 4 : 2;
    d->address_bytes = !other_address ? d->mode : d->mode == 4 ? 2 : 4;
    return byte;
}

/* --- addresses ------------------------------------------------------------------------------------------ */

static u64 linear(const struct decoder *d, u32 segment, u64 offset)
{
    const struct hvm_state *s = d->state;
    const u64 bases[] = {s->es.base, s->cs.base, s->ss.base, s->ds.base, s->fs.base, s->gs.base};
    u64 address = low_bytes(offset, d->address_bytes);

    if (d->mode == 8)
        return address + (segment >= FS ? bases[segment] : 0);
    return (u32)(address + bases[segment]);
}

static u32 data_segment(const struct decoder *d)
{
    return d->override == NO_SEGMENT ? DS : d->override;
}

static u64 displacement(struct decoder *d, u32 mod, u32 bytes)
{
    return mod == 1 ? take_signed(d, 1) : mod == 2 ? take_signed(d, bytes) : 0;
}

static void take_operand_16(struct decoder *d, u32 mod, u32 rm)
{
    static const struct {
        u8 base, index;
    } forms[8] = {{RBX, RSI}, {RBX, RDI}, {RBP, RSI}, {RBP, RDI},
                  {RSI, RAX}, {RDI, RAX}, {RBP, RAX}, {RBX, RAX}};

    if (mod == 0 && rm == 6) {
        d->offset = take(d, 2);
        return;
    }
    d->offset = d->regs->gpr[forms[rm].base];
    if (rm < 4)
        d->offset += d->regs->gpr[forms[rm].index];
    if (forms[rm].base == RBP)
        d->segment = SS;
    d->offset += displacement(d, mod, 2);
}

static void add_base(struct decoder *d, u32 base)
{
    d->offset += d->regs->gpr[base];
    if (base == RSP || base == RBP)
        d->segment = SS;
}

static void take_operand_32(struct decoder *d, u32 mod, u32 rm)
{
    u32 rex_b = (d->rex & 1) << 3;

    if (rm == 4) {
        u32 sib = (u32)take(d, 1);
        u32 index = (sib >> 3 & 7) | (d->rex & 2) << 2;

        if (index != NO_INDEX)
            d->offset = d->regs->gpr[index] << (sib >> 6);
        rm = sib & 7;
        if (mod == 0 && rm == 5)
            d->offset += take_signed(d, 4);
        else
            add_base(d, rm | rex_b);
    } else if (mod == 0 && rm == 5) {
        d->offset = take_signed(d, 4);
        d->rip_relative = d->mode == 8;
    } else {
        add_base(d, rm | rex_b);
    }
    d->offset += displacement(d, mod, 4);
}

/* The ModRM byte and what belongs to it. False: the operand is a register. */
static bool take_operand(struct decoder *d)
{
    u32 modrm = (u32)take(d, 1);
    u32 mod = modrm >> 6, rm = modrm & 7;

    d->modrm_reg = (modrm >> 3 & 7) | (d->rex & 4) << 1;
    d->segment = DS;
    if (mod == 3)
        return false;
    if (d->address_bytes == 2)
        take_operand_16(d, mod, rm);
    else
        take_operand_32(d, mod, rm);
    if (d->override != NO_SEGMENT)
        d->segment = d->override;
    return true;
}

/* --- instructions --------------------------------------------------------------------------------------- */

/* A general register as the other operand; without REX, bytes 4-7 are AH to BH. */
static void set_operand_register(const struct decoder *d, struct insn *insn, u32 nr, u32 bytes)
{
    insn->high = bytes == 1 && !d->has_rex && nr >= 4 && nr < 8;
    insn->reg = (u8)(insn->high ? nr - 4 : nr);
    insn->reg_bytes = (u8)bytes;
    insn->value = low_bytes(d->regs->gpr[insn->reg] >> (insn->high ? 8 : 0), bytes);
}

static int decode_extending(struct decoder *d, struct insn *insn, u32 bytes, u32 reg_bytes, bool sign)
{
    if (!take_operand(d))
        return -EOPNOTSUPP;
    insn->kind = INSN_LOAD;
    insn->bytes = (u8)bytes;
    insn->sign = sign;
    set_operand_register(d, insn, d->modrm_reg, reg_bytes);
    return 0;
}

static int decode_string(const struct decoder *d, struct insn *insn, enum insn_kind kind)
{
    insn->kind = kind;
    insn->string = true;
    insn->repeat = d->repeat;
    insn->address_bytes = (u8)d->address_bytes;
    insn->to = linear(d, ES, d->regs->gpr[RDI]);
    insn->address = kind == INSN_STORE ? insn->to : linear(d, data_segment(d), d->regs->gpr[RSI]);
    set_operand_register(d, insn, RAX, insn->bytes);
    return 0;
}

static int decode_opcode(struct decoder *d, u32 opcode, struct insn *insn)
{
    u32 bytes = opcode & 1 ? d->op_bytes : 1;

    insn->bytes = (u8)bytes;
    switch (opcode) {
    case 0x0f:
        opcode = (u32)take(d, 1);
        if ((opcode & 0xf6) != 0xb6)
            return -EOPNOTSUPP;
        return decode_extending(d, insn, opcode & 1 ? 2 : 1, d->op_bytes, opcode & 8);
    case 0x63: /* with a 16-bit register, vendors differ */
        if (d->mode != 8 || d->op_bytes == 2)
            return -EOPNOTSUPP;
        return decode_extending(d, insn, 4, d->op_bytes, true);
    case 0x86 ... 0x8b:
        if (!take_operand(d))
            return -EOPNOTSUPP;
        insn->kind = opcode < 0x88 ? INSN_EXCHANGE : opcode < 0x8a ? INSN_STORE : INSN_LOAD;
        set_operand_register(d, insn, d->modrm_reg, bytes);
        return 0;
    case 0xa0 ... 0xa3:
        d->segment = data_segment(d);
        d->offset = take(d, d->address_bytes);
        insn->kind = opcode < 0xa2 ? INSN_LOAD : INSN_STORE;
        set_operand_register(d, insn, RAX, bytes);
        return 0;
    case 0xc6:
    case 0xc7:
        if (!take_operand(d) || (d->modrm_reg & 7))
            return -EOPNOTSUPP;
        insn->kind = INSN_STORE;
        insn->value = low_bytes(take_signed(d, MIN(bytes, 4u)), bytes);
        return 0;
    case 0xa4:
    case 0xa5:
        return decode_string(d, insn, INSN_MOVE);
    case 0xaa:
    case 0xab:
        return decode_string(d, insn, INSN_STORE);
    case 0xac:
    case 0xad:
        return decode_string(d, insn, INSN_LOAD);
    }
    return -EOPNOTSUPP;
}

int insn_decode(const u8 *code, u32 nr, u32 code_bits, const struct hvm_regs *regs,
                const struct hvm_state *state, struct insn *out)
{
    struct decoder d = {.at = code,
                        .end = code + MIN(nr, INSN_BYTES_MAX),
                        .regs = regs,
                        .state = state,
                        .mode = code_bits / 8,
                        .override = NO_SEGMENT};
    struct insn insn = {0};

    u32 opcode = take_prefixes(&d);
    int rc = d.missing ? 0 : decode_opcode(&d, opcode, &insn);
    if (d.missing)
        return nr < INSN_BYTES_MAX ? -ENODATA : -EOPNOTSUPP;
    if (!rc && d.lock && insn.kind != INSN_EXCHANGE)
        rc = -EOPNOTSUPP; /* #UD, before any access */
    if (rc)
        return rc;
    insn.length = (u8)(d.at - code);
    if (d.rip_relative)
        d.offset += regs->rip + insn.length;
    if (!insn.string)
        insn.address = linear(&d, d.segment, d.offset);
    *out = insn;
    return 0;
}

static void step(struct hvm_regs *regs, u32 nr, const struct insn *insn, u64 by)
{
    set_register(regs, nr, insn->address_bytes, regs->gpr[nr] + by);
}

bool insn_finish(const struct insn *insn, struct hvm_regs *regs, u64 value)
{
    u64 by = regs->rflags & RFLAGS_DF ? -(u64)insn->bytes : insn->bytes;

    if (insn->kind == INSN_LOAD || insn->kind == INSN_EXCHANGE) {
        value = insn->sign ? sign_extended(value, insn->bytes) : low_bytes(value, insn->bytes);
        if (insn->high)
            set_register(regs, insn->reg, 2, (regs->gpr[insn->reg] & 0xff) | value << 8);
        else
            set_register(regs, insn->reg, insn->reg_bytes, value);
    }
    if (!insn->string)
        return true;
    if (insn->kind != INSN_STORE)
        step(regs, RSI, insn, by);
    if (insn->kind != INSN_LOAD)
        step(regs, RDI, insn, by);
    if (!insn->repeat)
        return true;
    step(regs, RCX, insn, ~0ull);
    return low_bytes(regs->rcx, insn->address_bytes) == 0;
}

/* --- INS and OUTS ---------------------------------------------------------------------------------------- */

int insn_decode_io(const u8 *code, u32 nr, u32 code_bits, struct insn_io *out)
{
    struct decoder d = {
        .at = code, .end = code + MIN(nr, INSN_BYTES_MAX), .mode = code_bits / 8, .override = NO_SEGMENT};

    u32 opcode = take_prefixes(&d);
    if (d.missing)
        return nr < INSN_BYTES_MAX ? -ENODATA : -EOPNOTSUPP;
    if ((opcode & ~3u) != OP_INS || d.lock)
        return -EOPNOTSUPP;
    bool in = !(opcode & 2);
    *out = (struct insn_io){.in = in,
                            .repeat = d.repeat,
                            .length = (u8)(d.at - code),
                            .bytes = opcode & 1 ? (u8)MIN(d.op_bytes, 4u) : 1,
                            .address_bytes = (u8)d.address_bytes,
                            .segment = (u8)(in ? ES : data_segment(&d))};
    return 0;
}

/* Offsets of a segment outside 64-bit code: [*low, *high]. False: it may not be accessed. */
static bool segment_range(const struct hvm_segment *segment, bool write, u64 *low, u64 *high)
{
    bool code = segment->attributes & SEGMENT_CODE, right = segment->attributes & SEGMENT_RIGHT;

    *low = 0;
    *high = segment->limit;
    if (!(segment->attributes & SEGMENT_PRESENT))
        return false;
    if (!code && (segment->attributes & SEGMENT_EXPANDS_DOWN)) {
        *low = *high + 1;
        *high = segment->attributes & HVM_SEG_D ? 0xffffffffu : 0xffff;
    }
    return write ? !code && right : !code || right;
}

static bool canonical(u64 address, u64 cr4)
{
    u32 unused = cr4 & CR4_LA57 ? 7 : 16;

    return (u64)((s64)(address << unused) >> unused) == address;
}

int insn_io_run(const struct insn_io *io, u32 code_bits, const struct hvm_regs *regs,
                const struct hvm_state *state, bool user, u64 *address)
{
    const struct hvm_segment *const segments[] = {&state->es, &state->cs, &state->ss,
                                                  &state->ds, &state->fs, &state->gs};
    const struct hvm_segment *segment = segments[io->segment];
    u64 left = io->repeat ? low_bytes(regs->rcx, io->address_bytes) : 1;
    u64 last = low_bytes(~0ull, io->address_bytes), offset = regs->gpr[io->in ? RDI : RSI] & last;
    u64 low = 0, high = ~0ull, at = offset;
    int fault = io->segment == SS ? -TRAP_SS : -TRAP_GP;
    bool down = regs->rflags & RFLAGS_DF;

    if (!left)
        return 0;
    if (code_bits == 64) {
        at += io->segment >= FS ? segment->base : 0;
        if (!canonical(at, state->cr4) || !canonical(at + io->bytes - 1, state->cr4))
            return fault;
    } else {
        if (!segment_range(segment, io->in, &low, &high) || offset < low || offset + io->bytes - 1 > high)
            return fault;
        at = (u32)(at + segment->base);
    }
    if (user && (state->cr0 & CR0_AM) && (regs->rflags & RFLAGS_AC) && at % io->bytes)
        return -TRAP_AC;

    *address = at;
    u64 in_page = at % PAGE_SIZE, nr = 1;
    if (down && in_page + io->bytes <= PAGE_SIZE)
        nr = MIN(in_page, offset - low) / io->bytes + 1;
    else if (in_page + io->bytes <= PAGE_SIZE)
        nr = MIN((MIN(high - offset, PAGE_SIZE - 1 - in_page) + 1) / io->bytes,
                 (last - offset) / io->bytes + 1);
    /* 0 where the offset wraps within the element, as it may in 64-bit code with a base. */
    return (int)MIN(MAX(nr, 1ull), left);
}

bool insn_io_advance(const struct insn_io *io, struct hvm_regs *regs, u32 nr)
{
    u64 by = (u64)nr * io->bytes;
    u32 pointer = io->in ? RDI : RSI;

    set_register(regs, pointer, io->address_bytes,
                 regs->rflags & RFLAGS_DF ? regs->gpr[pointer] - by : regs->gpr[pointer] + by);
    if (!io->repeat)
        return true;
    set_register(regs, RCX, io->address_bytes, regs->rcx - nr);
    return low_bytes(regs->rcx, io->address_bytes) == 0;
}
