/* The xl.cfg reader: a scanner over a bounded text, one value parser, one table of keys. See xlcfg.h. */
#include <guest/dom0/xlcfg.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define MEMORY_MAX_MIB (16u << 20) /* 16 TiB */
#define VCPUS_MAX      128u
#define TIMEOUT_MAX_S  3600u

const char *const xlcfg_expect_names[EXPECT_COUNT] = {"poweroff", "reboot",    "crash",    "loop",
                                                      "enomem",   "badkernel", "badconfig"};

struct scanner {
    const char *at, *end;
    u32 line;
    struct xlcfg_error *err;
};

enum value_kind { VALUE_NUMBER, VALUE_STRING, VALUE_LIST };
struct value {
    enum value_kind kind;
    u64 number;
    char text[XLCFG_TEXT_MAX]; /* of a list: its items, each with a ';' behind it */
    u32 nr_items;
    bool numbers;               /* the list holds nothing else */
    u64 items[XLCFG_NODES_MAX]; /* the first ones, if so */
};

static int fail(struct scanner *s, const char *text)
{
    *s->err = (struct xlcfg_error){.line = s->line, .text = text};
    return -EINVAL;
}

static int peek(const struct scanner *s)
{
    return s->at < s->end ? (unsigned char)*s->at : -1;
}

/* Blanks and comments; newlines too if across_lines. */
static void skip(struct scanner *s, bool across_lines)
{
    for (;;) {
        int c = peek(s);
        if (c == '#') {
            while (peek(s) != -1 && peek(s) != '\n')
                s->at++;
        } else if (c == '\n' && across_lines) {
            s->line++;
            s->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            s->at++;
        } else {
            return;
        }
    }
}

static bool is_key_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int scan_number(struct scanner *s, u64 *out)
{
    u64 base = 10, value = 0;
    bool any = false;

    if (s->end - s->at > 2 && s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X')) {
        base = 16;
        s->at += 2;
    }
    for (;; s->at++) {
        int c = peek(s);
        u64 digit = 99;
        if (c >= '0' && c <= '9')
            digit = (u64)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (u64)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (u64)(c - 'A') + 10;
        if (digit >= base)
            break;
        if (value > (~0ull - digit) / base)
            return fail(s, "a number is too large");
        value = value * base + digit;
        any = true;
    }
    if (!any || is_key_char(peek(s)))
        return fail(s, "not a number (strings need quotes)");
    *out = value;
    return 0;
}

static int scan_string(struct scanner *s, char *out, size_t size)
{
    int quote = peek(s);
    size_t n = 0;

    for (s->at++;; s->at++) {
        int c = peek(s);
        if (c == -1 || c == '\n' || c == 0)
            return fail(s, "a string is not closed");
        if (c == quote)
            break;
        if (n + 1 >= size)
            return fail(s, "a string is too long");
        out[n++] = (char)c;
    }
    s->at++;
    out[n] = 0;
    return 0;
}

/* An item of a list: a bare number, or a string, which may hold one. */
static int scan_item(struct scanner *s, struct value *v, size_t *len)
{
    const char *start = s->at;
    char text[XLCFG_TEXT_MAX];
    u64 number = 0;
    int rc;

    if (peek(s) == '"' || peek(s) == '\'') {
        struct xlcfg_error ignored;
        rc = scan_string(s, text, sizeof(text));
        struct scanner inner = {
            .at = text, .end = text + (rc ? 0 : strlen(text)), .line = s->line, .err = &ignored};
        if (!rc && (scan_number(&inner, &number) || inner.at != inner.end))
            v->numbers = false;
    } else {
        rc = scan_number(s, &number);
        size_t bytes = MIN((size_t)(s->at - start), sizeof(text) - 1);
        memcpy(text, start, bytes);
        text[bytes] = 0;
    }
    if (rc)
        return rc;
    size_t bytes = strlen(text);
    if (*len + bytes + 2 > sizeof(v->text))
        return fail(s, "a list is too long");
    memcpy(v->text + *len, text, bytes);
    *len += bytes;
    v->text[(*len)++] = ';';
    v->text[*len] = 0;
    if (v->nr_items < XLCFG_NODES_MAX)
        v->items[v->nr_items] = number;
    v->nr_items++;
    return 0;
}

static int scan_list(struct scanner *s, struct value *v)
{
    size_t len = 0;

    v->numbers = true;
    s->at++; /* [ */
    for (;;) {
        skip(s, true);
        if (peek(s) == ']')
            break;
        int rc = scan_item(s, v, &len);
        if (rc)
            return rc;
        skip(s, true);
        if (peek(s) == ',')
            s->at++;
        else if (peek(s) != ']')
            return fail(s, "a list is not closed");
    }
    s->at++;
    return 0;
}

static int scan_value(struct scanner *s, struct value *v)
{
    int c = peek(s);

    *v = (struct value){0};
    if (c == '"' || c == '\'') {
        v->kind = VALUE_STRING;
        return scan_string(s, v->text, sizeof(v->text));
    }
    if (c == '[') {
        v->kind = VALUE_LIST;
        return scan_list(s, v);
    }
    v->kind = VALUE_NUMBER;
    return scan_number(s, &v->number);
}

/* --- keys: each setter gets a value of any kind and says what is wrong with it ------------------------- */

static int set_text(struct scanner *s, const struct value *v, char *out, size_t size)
{
    if (v->kind != VALUE_STRING)
        return fail(s, "this key needs a \"string\"");
    size_t len = strlen(v->text);
    if (len >= size)
        return fail(s, "a string is too long for this key");
    memcpy(out, v->text, len + 1);
    return 0;
}

static int set_number(struct scanner *s, const struct value *v, u64 min, u64 max, u64 *out)
{
    if (v->kind != VALUE_NUMBER)
        return fail(s, "this key needs a number");
    if (v->number < min || v->number > max)
        return fail(s, "a number is out of range for this key");
    *out = v->number;
    return 0;
}

/* The position of v's text in names. */
static int set_choice(struct scanner *s, const struct value *v, const char *const *names, u32 count, u32 *out)
{
    if (v->kind != VALUE_STRING)
        return fail(s, "this key needs a \"string\"");
    for (u32 i = 0; i < count; i++) {
        if (strcmp(v->text, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return fail(s, "this key does not know that word");
}

static int set_nodes(struct scanner *s, const struct value *v, struct xlcfg *out)
{
    static const char *const words[] = {"any", "last", "all"};
    const u64 *items = v->kind == VALUE_NUMBER ? &v->number : v->items;
    u32 count = v->kind == VALUE_NUMBER ? 1 : v->nr_items;
    u32 word = 0;

    if (v->kind == VALUE_STRING) {
        int rc = set_choice(s, v, words, ARRAY_SIZE(words), &word);
        if (!rc)
            out->nodes_kind = word == 0 ? NODES_ANY : word == 1 ? NODES_LAST : NODES_ALL;
        return rc;
    }
    if (count == 0)
        return fail(s, "the list of nodes is empty");
    if (v->kind == VALUE_LIST && !v->numbers)
        return fail(s, "not a number (strings need quotes)");
    if (count > XLCFG_NODES_MAX)
        return fail(s, "a list is too long");
    for (u32 i = 0; i < count; i++) {
        if (items[i] > 0xffff)
            return fail(s, "not a node number");
        for (u32 j = 0; j < i; j++) {
            if (items[j] == items[i])
                return fail(s, "a node is named twice");
        }
        out->nodes[i] = (u32)items[i];
    }
    out->nr_nodes = count;
    out->nodes_kind = NODES_LIST;
    return 0;
}

/* What the words mean is found out when the host's CPUs are known. */
static int set_cpus(struct scanner *s, const struct value *v, char *out)
{
    if (v->kind == VALUE_NUMBER || !v->text[0])
        return fail(s, "this key needs a \"string\" or a list");
    memcpy(out, v->text, sizeof(v->text));
    return 0;
}

static bool key_is(const char *key, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(key, name, len) == 0;
}

/* lint: long: one line per key */
static int set_key(struct scanner *s, const char *key, size_t len, const struct value *v, struct xlcfg *out)
{
    static const char *const claim_words[] = {"node", "host", "off"};
    u64 number = 0;
    u32 word = 0;
    int rc;

    if (key_is(key, len, "name")) {
        rc = set_text(s, v, out->name, sizeof(out->name));
        for (const char *p = out->name; !rc && *p; p++) {
            if (!is_key_char((unsigned char)*p) && *p != '.')
                rc = fail(s, "a name has letters, digits and . _ - only");
        }
        return rc;
    }
    if (key_is(key, len, "kernel"))
        return set_text(s, v, out->kernel, sizeof(out->kernel));
    if (key_is(key, len, "extra") || key_is(key, len, "cmdline"))
        return set_text(s, v, out->extra, sizeof(out->extra));
    if (key_is(key, len, "memory"))
        return set_number(s, v, 1, MEMORY_MAX_MIB, &out->memory_mib);
    if (key_is(key, len, "maxmem"))
        return set_number(s, v, 1, MEMORY_MAX_MIB, &out->maxmem_mib);
    if (key_is(key, len, "nodes"))
        return set_nodes(s, v, out);
    if (key_is(key, len, "vcpus") || key_is(key, len, "maxvcpus")) {
        rc = set_number(s, v, 1, VCPUS_MAX, &number);
        *(len == 5 ? &out->vcpus : &out->maxvcpus) = (u32)number; /* not used if rc */
        return rc;
    }
    if (key_is(key, len, "cpus"))
        return set_cpus(s, v, out->cpus);
    if (key_is(key, len, "cpus_soft"))
        return set_cpus(s, v, out->cpus_soft);
    if (key_is(key, len, "timeout")) {
        rc = set_number(s, v, 1, TIMEOUT_MAX_S, &number);
        out->timeout_s = rc ? out->timeout_s : (u32)number;
        return rc;
    }
    if (key_is(key, len, "optional")) {
        rc = set_number(s, v, 0, 1, &number);
        out->optional = number != 0;
        return rc;
    }
    if (key_is(key, len, "claim_mode")) {
        rc = set_choice(s, v, claim_words, ARRAY_SIZE(claim_words), &word);
        out->claim_mode = rc ? out->claim_mode : (enum xlcfg_claim)word;
        return rc;
    }
    if (key_is(key, len, "expect")) {
        rc = set_choice(s, v, xlcfg_expect_names, EXPECT_COUNT, &word);
        out->expect = rc ? out->expect : (enum xlcfg_expect)word;
        return rc;
    }
    if (!out->unknown[0] && !key_is(key, len, "type")) {
        size_t n = MIN(len, sizeof(out->unknown) - 1);
        memcpy(out->unknown, key, n);
        out->unknown[n] = 0;
    }
    return 0;
}

static int parse_line(struct scanner *s, struct xlcfg *out)
{
    struct value v;
    const char *key = s->at;

    while (is_key_char(peek(s)))
        s->at++;
    size_t len = (size_t)(s->at - key);
    if (len == 0)
        return fail(s, "a line does not start with a key");
    skip(s, false);
    if (peek(s) != '=')
        return fail(s, "a key is not followed by '='");
    s->at++;
    skip(s, false);
    int rc = scan_value(s, &v);
    if (rc)
        return rc;
    rc = set_key(s, key, len, &v, out);
    if (rc)
        return rc;
    skip(s, false);
    if (peek(s) != -1 && peek(s) != '\n' && peek(s) != ';')
        return fail(s, "something follows a value");
    return 0;
}

int xlcfg_parse(const char *text, size_t len, struct xlcfg *out, struct xlcfg_error *err)
{
    struct scanner s = {.at = text, .end = text + len, .line = 1, .err = err};

    *out = (struct xlcfg){.vcpus = 1, .timeout_s = 60};
    for (;;) {
        skip(&s, true);
        if (peek(&s) == ';') {
            s.at++;
            continue;
        }
        if (peek(&s) == -1)
            break;
        int rc = parse_line(&s, out);
        if (rc)
            return rc;
    }
    if (!out->name[0])
        return fail(&s, "there is no name");
    if (!out->kernel[0])
        return fail(&s, "there is no kernel");
    if (!out->memory_mib)
        return fail(&s, "there is no memory");
    if (!out->maxvcpus)
        out->maxvcpus = out->vcpus;
    if (out->maxvcpus < out->vcpus)
        return fail(&s, "maxvcpus is less than vcpus");
    if (!out->maxmem_mib)
        out->maxmem_mib = out->memory_mib;
    if (out->maxmem_mib < out->memory_mib)
        return fail(&s, "maxmem is less than memory");
    return 0;
}
