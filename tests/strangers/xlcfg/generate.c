/*
 * Texts for the comparison, see generate.h. A text is made of assignments that are right or nearly right. Every choice
 * that a file's author has is drawn: which key, which quotes, which blanks, where a line ends.
 */
#include "generate.h"

#include <stdio.h>
#include <string.h>

static const char *const keys[] = {"name",        "kernel",     "memory",     "maxmem",  "vcpus",
                                   "maxvcpus",    "extra",      "root",       "cmdline", "cpus",
                                   "cpus_soft",   "nodes",      "claim_mode", "expect",  "timeout",
                                   "optional",    "type",       "pool",       "vnuma",   "numa_placement",
                                   "ramdisk",     "on_crash",   "on_reboot",  "vif",     "disk",
                                   "a",           "b",          "k_1",        "x9.y",    "vcpu",
                                   "claim_order", "claim_flags"};
static const char *const words[] = {"any",
                                    "all",
                                    "last",
                                    "node",
                                    "host",
                                    "off",
                                    "poweroff",
                                    "crash",
                                    "pvh",
                                    "pv",
                                    "Pool-0",
                                    "lots",
                                    "test.elf",
                                    "0-3,^1",
                                    "nodes:1",
                                    "all,^node:0",
                                    "2",
                                    " 64",
                                    "64 ",
                                    "+7",
                                    "-1",
                                    "0x1F",
                                    "0X1f",
                                    "010",
                                    "08",
                                    "",
                                    "0x",
                                    "-",
                                    "pnode=0",
                                    "size=64",
                                    "vcpus=0-1",
                                    "vdistances=10,20",
                                    "9223372036854775807",
                                    "9223372036854775808",
                                    "-9223372036854775808",
                                    "99999999999999999999",
                                    "99999999999999999999x",
                                    "bridge=xenbr0,mac=00:16:3e:00:00:01",
                                    "console=hvc0 ro",
                                    "1",
                                    "3",
                                    "128",
                                    "1,2",
                                    "strict",
                                    "scrub",
                                    "2M",
                                    "1G"};
static const char *const numbers[] = {"0",  "1",  "2",    "64",   "128", "0100", "010", "08",  "0x40", "0x1f",
                                      "0x", "00", "1fed", "12ab", "1xx", "64M",  "0X4", "1.5", "64k",  "3"};
/* Bytes that mean something to the reader or to the library. */
static const char marks[] = "\"'\\[]=+,;#\n\r\t 0178xafnZ_-$.\0\377\v";

static u32 draw(struct rng *rng, u32 below)
{
    return rng_draw(rng, below);
}

/* True in one of n cases. */
static bool one_in(struct rng *rng, u32 n)
{
    return draw(rng, n) == 0;
}

static void put(struct text *t, const char *bytes, size_t len)
{
    if (len > TEXT_MAX - t->len)
        len = TEXT_MAX - t->len;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void puts_to(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

#define PICK(rng, array) ((array)[draw(rng, (u32)(sizeof(array) / sizeof((array)[0])))])

static void put_blanks(struct rng *rng, struct text *t)
{
    static const char *const blanks[] = {"", "", "", " ", " ", "  ", "\t", " \t "};

    puts_to(t, PICK(rng, blanks));
}

static void put_number(struct rng *rng, struct text *t)
{
    char digits[24];

    if (one_in(rng, 2)) {
        puts_to(t, PICK(rng, numbers));
        return;
    }
    static const char *const forms[] = {"%u", "%u", "0%o", "0x%x"};
    snprintf(digits, sizeof(digits), PICK(rng, forms), draw(rng, one_in(rng, 4) ? 100000 : 200));
    puts_to(t, digits);
}

static void put_escape(struct rng *rng, struct text *t)
{
    static const char *const escapes[] = {"\\a", "\\b", "\\f",  "\\n",  "\\r",
                                          "\\t", "\\v", "\\\\", "\\\"", "\\'"};
    static const char *const odd[] = {"\\101", "\\0 12", "\\0799", "\\7+1 ", "\\00", "\\1",    "\\x41",
                                      "\\x4",  "\\e",    "\\8",    "\\",     "\\\n", "\\0\"1", "\\3-9x"};

    puts_to(t, one_in(rng, 6) ? PICK(rng, odd) : PICK(rng, escapes));
}

static void put_string(struct rng *rng, struct text *t)
{
    char quote = one_in(rng, 2) ? '"' : '\'';

    put(t, &quote, 1);
    if (!one_in(rng, 3)) {
        puts_to(t, PICK(rng, words));
    } else {
        u32 count = one_in(rng, 200) ? draw(rng, 70000) : draw(rng, 8);
        for (u32 i = 0; i < count; i++) {
            char c = (char)(' ' + draw(rng, 95));
            if (one_in(rng, 4))
                put_escape(rng, t);
            else if (one_in(rng, 40))
                put(t, &marks[draw(rng, sizeof(marks) - 1)], 1);
            else if (c != quote && c != '\\')
                put(t, &c, 1);
        }
    }
    if (!one_in(rng, 100))
        put(t, &quote, 1);
}

/* What may stand between the parts of a list. */
static void put_gap(struct rng *rng, struct text *t)
{
    put_blanks(rng, t);
    while (one_in(rng, 6)) {
        puts_to(t, one_in(rng, 3) ? "# in [a, list]\n" : "\n");
        put_blanks(rng, t);
    }
}

static void put_value(struct rng *rng, struct text *t, u32 depth);

static void put_list(struct rng *rng, struct text *t, u32 depth)
{
    u32 count = one_in(rng, 300) ? draw(rng, 2000) : draw(rng, 5);

    puts_to(t, "[");
    for (u32 i = 0; i < count; i++) {
        put_gap(rng, t);
        put_value(rng, t, depth);
        put_gap(rng, t);
        if (i + 1 < count || one_in(rng, 4))
            puts_to(t, one_in(rng, 80) ? " " : one_in(rng, 80) ? ",," : ",");
    }
    put_gap(rng, t);
    puts_to(t, one_in(rng, 80) ? "" : "]");
}

static void put_value(struct rng *rng, struct text *t, u32 depth)
{
    u32 kind = draw(rng, depth ? 5 : 4);

    if (kind < 2)
        put_string(rng, t);
    else if (kind < 4)
        put_number(rng, t);
    else
        put_list(rng, t, depth - 1);
}

/* A value that the key takes, as far as that is known here. */
static void put_right_value(struct rng *rng, struct text *t, const char *key)
{
    static const struct {
        const char *key, *values[8];
    } right[] = {{"name", {"'web-1.x'", "\"a\"", "'9'", "7"}},
                 {"kernel", {"'test.elf'", "\"k\"", "\"/boot/vmlinuz\"", "'a b'"}},
                 {"memory", {"64", "'64'", "0100", "0x20", "' 32'", "\"+16\""}},
                 {"maxmem", {"63", "64", "128", "'0x80'", "4096"}},
                 {"vcpus", {"1", "'2'", "010", "3"}},
                 {"maxvcpus", {"8", "'16'", "0x80"}},
                 {"cpus", {"2", "'0-3,^1'", "['0', 1, \"nodes:1\"]", "'all'", "[]"}},
                 {"cpus_soft", {"'nodes:0'", "[1,\n2,]", "0", "'all,^0'"}},
                 {"nodes", {"1", "'1'", "[0, '1']", "'any'", "'all'", "\"last\"", "[\n2\n]", "010"}},
                 {"claim_mode", {"'node'", "'host'", "\"off\""}},
                 {"vnuma",
                  {"[['pnode=0','size=32','vcpus=0','vdistances=10,20'],\n['pnode=1',\"size=32\",'vcpus=1']]",
                   "[[\"pnode=1\", \"size=64\", \"vcpus=0-1,2\"]]",
                   "[['size=16','vcpus=1','pnode=0'],['pnode=3','size=32','vcpus=0'],['pnode=0','vcpus=2-7','"
                   "size=16']]",
                   "[['pnode=0','size=64','vdistances=10,30'],['vcpus=0-1','pnode=0','size=0','vdistances=30,"
                   "10']]",
                   "[['pnode=0','size=64','vcpus=0','vdistances=10,20']]",
                   "[['pnode=0','size=32','vcpus=0-1'],['pnode=1','size=32','vcpus=1']]",
                   "[['pnode=0','size=63','vcpus=0']]"}},
                 {"claim_order", {"'2M'", "\"1G\"", "'4K'"}},
                 {"claim_flags", {"['strict', 'scrub']", "'scrub'", "[]", "[\"strict\",]"}},
                 {"expect", {"'crash'", "'poweroff'", "\"enomem\""}},
                 {"timeout", {"5", "'60'"}},
                 {"optional", {"0", "'1'"}},
                 {"type", {"'pvh'", "'pv'"}},
                 {"pool", {"'Pool-0'"}},
                 {"on_crash", {"'restart'", "\"preserve\"", "'coredump-destroy'"}},
                 {"on_reboot", {"'destroy'", "\"soft-reset\"", "'rename-restart'"}},
                 {"numa_placement", {"1", "'0'"}},
                 {"ramdisk", {"'initrd'", "\"/boot/initrd.img\""}}};

    for (u32 i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        if (strcmp(right[i].key, key) != 0)
            continue;
        u32 count = 0;
        while (count < 8 && right[i].values[count])
            count++;
        puts_to(t, right[i].values[draw(rng, count)]);
        return;
    }
    put_value(rng, t, 3);
}

/* A list in a list in a list ... */
static void put_deep_list(struct rng *rng, struct text *t)
{
    u32 depth = draw(rng, 6000);
    const char *open = one_in(rng, 2) ? "[" : "[1,";

    for (u32 i = 0; i < depth; i++)
        puts_to(t, open);
    for (u32 i = 0; i < depth; i++)
        puts_to(t, "]");
}

static void put_assignment(struct rng *rng, struct text *t, const char *key, bool right)
{
    put_blanks(rng, t);
    puts_to(t, key);
    put_blanks(rng, t);
    puts_to(t, one_in(rng, right ? 20 : 5) ? "+=" : "=");
    put_blanks(rng, t);
    if (right)
        put_right_value(rng, t, key);
    else if (one_in(rng, 2000))
        put_deep_list(rng, t);
    else
        put_value(rng, t, 3);
    put_blanks(rng, t);
}

static void put_end(struct rng *rng, struct text *t)
{
    static const char *const ends[] = {"\n",     "\n", "\n", "\n", ";", ";\n", "# a comment 'with' [marks\n",
                                       "\n\n#\n"};

    puts_to(t, one_in(rng, 300) ? "\r\n" : one_in(rng, 300) ? "" : PICK(rng, ends));
}

void generate(struct rng *rng, struct text *out)
{
    bool right = !one_in(rng, 3); /* a configuration that may be complete */
    u32 count = draw(rng, 8);

    out->len = 0;
    if (one_in(rng, 10))
        puts_to(out, "# a file\n");
    if (right) {
        for (u32 i = 0; i < 3; i++) {
            put_assignment(rng, out, (const char *const[]){"name", "kernel", "memory"}[i], true);
            put_end(rng, out);
        }
    }
    for (u32 i = 0; i < count; i++) {
        const char *key = PICK(rng, keys);
        put_assignment(rng, out, key, right && !one_in(rng, 20));
        if (i + 1 < count || one_in(rng, 2))
            put_end(rng, out);
    }
}

static void erase(struct text *t, size_t at, size_t len)
{
    if (len > t->len - at)
        len = t->len - at;
    memmove(t->bytes + at, t->bytes + at + len, t->len - at - len);
    t->len -= len;
}

static void insert(struct text *t, size_t at, const char *bytes, size_t len)
{
    if (len > TEXT_MAX - t->len)
        return;
    memmove(t->bytes + at + len, t->bytes + at, t->len - at);
    memcpy(t->bytes + at, bytes, len);
    t->len += len;
}

void mutate(struct rng *rng, struct text *text, const struct text *other)
{
    static char copy[256];

    for (u32 times = 1 + draw(rng, 3); times; times--) {
        size_t at = draw(rng, (u32)text->len + 1), from = draw(rng, (u32)other->len + 1);
        size_t len = draw(rng, one_in(rng, 3) ? sizeof(copy) : 4);
        switch (draw(rng, 6)) {
        case 0:
            insert(text, at, &marks[draw(rng, sizeof(marks) - 1)], 1);
            break;
        case 1:
            erase(text, at, len);
            break;
        case 2:
            if (at < text->len)
                text->bytes[at] = marks[draw(rng, sizeof(marks) - 1)];
            break;
        case 3:
            if (one_in(rng, 4))
                text->len = at;
            else if (at < text->len)
                text->bytes[at] = (char)(text->bytes[at] ^ (1 << draw(rng, 8)));
            break;
        default:
            if (len > other->len - from)
                len = other->len - from;
            memcpy(copy, other->bytes + from, len);
            insert(text, at, copy, len);
        }
    }
}
