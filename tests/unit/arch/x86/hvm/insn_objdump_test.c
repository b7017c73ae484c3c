/*
 * The instruction decoder against objdump: random instructions of each kind and mode, with all kinds of prefixes. objdump says
 * what an instruction is and how long; its text gives the address, the registers and the size. What the decoder refuses must
 * be something else there.
 */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <unistd.h>

#include <arch/x86/hvm/insn.h>
#include <homestead/errno.h>

#define PER_MODE 12000u
#define SLOT     32u /* bytes: what follows an instruction is in step again before the next slot */

static struct hvm_regs regs;
static struct hvm_state state;

static void any_registers(void)
{
    struct hvm_segment *segments[] = {&state.es, &state.cs, &state.ss, &state.ds, &state.fs, &state.gs};

    for (u64 *r = (u64 *)&regs; r < (u64 *)(&regs + 1); r++)
        *r = (u64)rand() << 48 ^ (u64)rand() << 24 ^ (u64)rand();
    for (u32 i = 0; i < ARRAY_SIZE(segments); i++)
        segments[i]->base = (u64)rand() << 20 ^ (u64)rand();
}

/* --- what objdump says --- */

static const char *const names[16] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};

struct reg_name {
    u32 nr, bytes;
    bool high;
};

/* "rax", "r9d", "sil", "ah"; false: none. */
static bool parse_register(const char *text, size_t len, struct reg_name *out)
{
    char name[8] = "";

    if (len >= sizeof(name))
        return false;
    memcpy(name, text, len);
    *out = (struct reg_name){0};
    if (name[0] == 'r' && name[1] >= '1' && name[1] <= '9') {
        char *suffix;
        out->nr = (u32)strtoul(name + 1, &suffix, 10);
        out->bytes = *suffix == 'd' ? 4 : *suffix == 'w' ? 2 : *suffix == 'b' ? 1 : 8;
        return true;
    }
    for (out->nr = 0; out->nr < 8; out->nr++) {
        const char *word = names[out->nr];
        const char low[] = {word[0], out->nr < 4 ? 'l' : word[1], out->nr < 4 ? 0 : 'l', 0};

        out->bytes = !strcmp(name, word)                         ? 2
                     : name[0] == 'e' && !strcmp(name + 1, word) ? 4
                     : name[0] == 'r' && !strcmp(name + 1, word) ? 8
                                                                 : 0;
        if (!out->bytes && !strcmp(name, low))
            out->bytes = 1;
        if (!out->bytes && out->nr < 4 && name[0] == word[0] && name[1] == 'h' && !name[2]) {
            out->bytes = 1;
            out->high = true;
        }
        if (out->bytes)
            return true;
    }
    return false;
}

static u64 value_of(struct reg_name name)
{
    u64 value = regs.gpr[name.nr] >> (name.high ? 8 : 0);

    return name.bytes == 8 ? value : value & (BIT(8 * name.bytes) - 1);
}

/* Segment base that a memory operand's text names, by "fs:" or by its base register. */
static u64 segment_base_of(const char *text, bool stack, u32 mode)
{
    static const char prefixes[][4] = {"es:", "cs:", "ss:", "ds:", "fs:", "gs:"};
    const struct hvm_segment *const segments[] = {&state.es, &state.cs, &state.ss,
                                                  &state.ds, &state.fs, &state.gs};

    for (u32 i = 0; i < 6; i++)
        if (strstr(text, prefixes[i]))
            return mode == 64 && i < 4 ? 0 : segments[i]->base;
    return mode == 64 ? 0 : stack ? state.ss.base : state.ds.base;
}

/* The linear address of "QWORD PTR fs:[rax+rcx*4-0x10]", "ds:0x1234". length: for RIP-relative ones. */
static u64 address_of(const char *text, u32 mode, u32 length, u32 address_bytes)
{
    const char *p = strchr(text, '[');
    u64 offset = 0;
    bool stack = false, first = true;

    if (!p) { /* "ds:0x1234" */
        p = strchr(text, ':');
        assert_non_null(p);
        return segment_base_of(text, false, mode) + strtoull(p + 1, NULL, 16);
    }
    p++;
    while (*p != ']') {
        bool minus = *p == '-';
        struct reg_name name;

        if (*p == '+' || *p == '-')
            p++;
        size_t len = strcspn(p, "+-*]");
        if (!strncmp(p, "rip", 3) || !strncmp(p, "eip", 3)) {
            offset += regs.rip + length;
        } else if (!strncmp(p, "riz", 3) || !strncmp(p, "eiz", 3)) {
            if (p[len] == '*')
                len += 2;
        } else if (parse_register(p, len, &name)) {
            u64 value = value_of(name);

            if (p[len] == '*') {
                value *= (u64)(p[len + 1] - '0');
                len += 2;
            } else if (first) {
                stack = name.nr == 4 || name.nr == 5;
            }
            offset += value;
        } else {
            u64 value = strtoull(p, NULL, 16);

            offset += minus ? -value : value;
        }
        first = false;
        p += len;
    }
    if (address_bytes < 8)
        offset &= BIT(8 * address_bytes) - 1;
    return segment_base_of(text, stack, mode) + offset;
}

struct line {
    char text[160]; /* bytes and instruction, as objdump prints them */
    char mnemonic[24];
    char operands[2][96]; /* as in the text: destination, source */
    u32 length;
};

/* The words before the mnemonic are prefixes. False: not one of the decoder's instructions. */
static bool parse_line(char *text, struct line *line)
{
    static const char *const known[] = {"mov",  "movabs", "movzx", "movsx", "movsxd",
                                        "xchg", "movs",   "stos",  "lods"};
    char *at = strpbrk(text, "#<");

    if (at)
        *at = 0;
    for (char *word = strtok_r(text, " \t\n", &at); word; word = strtok_r(NULL, " \t\n", &at)) {
        for (u32 i = 0; i < ARRAY_SIZE(known); i++) {
            if (strcmp(word, known[i]))
                continue;
            snprintf(line->mnemonic, sizeof(line->mnemonic), "%s", word);
            const char *first = strtok_r(NULL, ",\n", &at), *second = strtok_r(NULL, ",\n", &at);
            snprintf(line->operands[0], sizeof(line->operands[0]), "%s", first ? first : "");
            snprintf(line->operands[1], sizeof(line->operands[1]), "%s", second ? second : "");
            return first && second;
        }
    }
    return false;
}

static bool is_memory(const char *operand)
{
    return strchr(operand, '[') || strchr(operand, ':');
}

static u32 size_of(const char *operand)
{
    return strstr(operand, "BYTE")    ? 1
           : strstr(operand, "QWORD") ? 8
           : strstr(operand, "DWORD") ? 4
           : strstr(operand, "WORD")  ? 2
                                      : 0;
}

/* A memory operand in the decoder's reach: not a segment or control register's. */
static bool decodable(const struct line *line)
{
    struct reg_name reg;
    const char *other = is_memory(line->operands[0]) ? line->operands[1] : line->operands[0];

    if (!is_memory(line->operands[0]) && !is_memory(line->operands[1]))
        return false;
    if (!strcmp(line->mnemonic, "movs"))
        return true;
    while (*other == ' ')
        other++;
    size_t len = strcspn(other, " ");
    return parse_register(other, len, &reg) || is_memory(other) || *other == '0' || *other == '-';
}

static void trimmed_register(const char *operand, struct reg_name *reg)
{
    while (*operand == ' ')
        operand++;
    if (!parse_register(operand, strcspn(operand, " "), reg))
        fail_msg("'%s' is no register", operand);
}

static void compare_register(const struct insn *insn, const char *operand)
{
    struct reg_name reg;

    trimmed_register(operand, &reg);
    assert_int_equal(insn->reg, reg.nr);
    assert_int_equal(insn->reg_bytes, reg.bytes);
    assert_int_equal(insn->high, reg.high);
}

static void compare(const struct insn *insn, const struct line *line, u32 mode, u32 address_bytes)
{
    const char *to = line->operands[0], *from = line->operands[1];
    const char *memory = is_memory(to) ? to : from;
    u64 mask = mode == 64 ? ~0ull : 0xffffffff;
    struct reg_name reg = {0};

    assert_int_equal(insn->length, line->length);
    if (strcmp(line->mnemonic, "movs"))
        assert_int_equal(insn->address, address_of(memory, mode, line->length, address_bytes) & mask);
    if (size_of(memory))
        assert_int_equal(insn->bytes, size_of(memory));
    if (!strcmp(line->mnemonic, "movs")) {
        assert_int_equal(insn->kind, INSN_MOVE);
        assert_int_equal(insn->to, address_of(to, mode, line->length, address_bytes) & mask);
        assert_int_equal(insn->address, address_of(from, mode, line->length, address_bytes) & mask);
    } else if (!strcmp(line->mnemonic, "xchg")) {
        assert_int_equal(insn->kind, INSN_EXCHANGE);
        compare_register(insn, is_memory(to) ? from : to);
        trimmed_register(is_memory(to) ? from : to, &reg);
        assert_int_equal(insn->value, value_of(reg));
    } else if (memory == from) {
        assert_int_equal(insn->kind, INSN_LOAD);
        compare_register(insn, to);
        assert_int_equal(insn->sign, !strncmp(line->mnemonic, "movsx", 5));
        if (line->mnemonic[3] != 's' && line->mnemonic[3] != 'z')
            assert_int_equal(insn->bytes, insn->reg_bytes);
    } else {
        const char *number = strstr(from, "0x");

        assert_int_equal(insn->kind, INSN_STORE);
        if (number) {
            u64 value = strtoull(number, NULL, 16) * (number > from && number[-1] == '-' ? ~0ull : 1ull);
            assert_int_equal(insn->value, insn->bytes == 8 ? value : value & (BIT(8 * insn->bytes) - 1));
        } else {
            trimmed_register(from, &reg);
            assert_int_equal(insn->bytes, reg.bytes);
            assert_int_equal(insn->value, value_of(reg));
        }
    }
}

/* --- random instructions --- */

static u8 code[PER_MODE][SLOT];

static void make_code(u32 mode)
{
    static const u8 prefixes[] = {0x66, 0x66, 0x67, 0x67, 0x64, 0x65, 0x2e, 0x36, 0x3e, 0x26};
    static const u8 opcodes[] = {0x88, 0x89, 0x8a, 0x8b, 0xa0, 0xa1, 0xa2, 0xa3, 0xc6, 0xc7, 0x86, 0x87,
                                 0x63, 0xb6, 0xb7, 0xbe, 0xbf, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad};

    for (u32 i = 0; i < PER_MODE; i++) {
        u8 *p = code[i];
        u8 opcode = opcodes[(u32)rand() % ARRAY_SIZE(opcodes)];

        memset(p, 0x90, SLOT);
        /* objdump prints a prefix that is there twice, or has no effect, as an instruction of its own. */
        if (rand() % 3 == 0)
            *p++ = 0x66;
        if (rand() % 3 == 0)
            *p++ = 0x67;
        if (rand() % 4 == 0)
            *p++ = mode == 64 ? prefixes[4 + rand() % 2] : prefixes[4 + rand() % 6];
        if ((opcode >= 0xa4 && opcode <= 0xa5) || (opcode >= 0xaa && opcode <= 0xad))
            if (rand() % 2)
                *p++ = 0xf3;
        if (mode == 64 && rand() % 2)
            *p++ = 0x40 | (rand() & 0xf);
        if (opcode >= 0xb6 && opcode <= 0xbf)
            *p++ = 0x0f;
        *p++ = rand() % 30 ? opcode : (u8)(0x80 + rand() % 0x60); /* and something else at times, no prefix */
        for (u32 n = 0; n < 10 && p < code[i] + INSN_BYTES_MAX; n++)
            *p++ = (u8)rand();
    }
}

static u32 address_bytes_of(const u8 *bytes, u32 mode)
{
    for (; *bytes == 0x66 || (*bytes & 0xfe) == 0x64 || (*bytes & 0xe7) == 0x26; bytes++)
        ;
    bool other = *bytes == 0x67;
    return mode == 64 ? (other ? 4 : 8) : (mode == 32) == other ? 2 : 4;
}

static u32 nr_same, nr_refused;

static void compare_slot(u32 i, u32 mode, struct line *line, bool ours)
{
    struct insn insn;
    int rc = insn_decode(code[i], INSN_BYTES_MAX, mode, &regs, &state, &insn);

    test_row = (s64)i;
    if (!ours || !decodable(line)) {
        if (!rc)
            fail_msg("slot %u of mode %u: decoded, but objdump says %s", i, mode, line->text);
        nr_refused++;
        return;
    }
    if (rc && !strcmp(line->mnemonic, "movsxd") && code[i][0] == 0x66)
        return; /* a 16-bit register */
    if (rc)
        fail_msg("slot %u of mode %u: not decoded (%d), but objdump says %s", i, mode, rc, line->text);
    compare(&insn, line, mode, address_bytes_of(code[i], mode));
    nr_same++;
}

/* One line of objdump for each instruction; those at the start of a slot count. Long ones take two lines. */
static void compare_mode(u32 mode, const char *machine)
{
    char path[] = "/tmp/insn_testXXXXXX", command[160], text[512];
    int fd = mkstemp(path);
    struct line line = {0};
    bool ours = false;
    s64 current = -1;

    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "wb");
    assert_int_equal(fwrite(code, 1, sizeof(code), out), sizeof(code));
    fclose(out);
    snprintf(command, sizeof(command), "objdump -D -z -w -b binary -m %s -M intel%s %s", machine,
             mode == 64   ? ""
             : mode == 32 ? ",i386"
                          : ",i8086",
             path);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    while (fgets(text, sizeof(text), in)) {
        char *colon, *end;
        u64 at = strtoull(text, &colon, 16);

        if (*colon != ':' || colon[1] != '\t')
            continue;
        if (current >= 0) { /* its end is known now */
            line.length = (u32)(at - (u64)current * SLOT);
            compare_slot((u32)current, mode, &line, ours);
            current = -1;
        }
        if (at % SLOT)
            continue;
        current = (s64)(at / SLOT);
        memset(&line, 0, sizeof(line));
        end = strchr(colon + 2, '\t');
        snprintf(line.text, sizeof(line.text), "%s", colon + 2);
        ours = end && parse_line(end + 1, &line);
    }
    assert_int_equal(pclose(in), 0);
    unlink(path);
}

TEST(agrees_with_objdump)
{
    static const struct {
        u32 bits;
        const char *machine;
    } modes[] = {{16, "i8086"}, {32, "i386"}, {64, "i386:x86-64"}};

    srand(12);
    for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
        any_registers();
        make_code(modes[i].bits);
        nr_same = nr_refused = 0;
        compare_mode(modes[i].bits, modes[i].machine);
        assert_true(nr_same >
                    PER_MODE / 3); /* the others have no memory operand, or begin in an earlier slot */
        assert_true(nr_refused > 100);
    }
}
