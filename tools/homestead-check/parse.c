#include "parse.h"

#include <string.h>

#define SPCR_ADDRESS 40u /* a generic address structure: space, width, offset, access size, u64 address */
#define SPCR_BYTES   52u
#define SPACE_MEMORY 0u
#define SPACE_IO     1u
#define IO_PORT_MAX  0xffffu
#define NR_LIST_MAX  100000u /* of a list of CPUs; more is no list of CPUs */
#define VALUE_MAX    (~0ull / 16 - 1)

static const struct {
    const char *word;
    u32 flag;
} flag_words[] = {
    {"lm", FLAG_LM},
    {"svm", FLAG_SVM},
    {"vmx", FLAG_VMX},
    {"npt", FLAG_NPT},
    {"ept", FLAG_EPT},
    {"vpid", FLAG_VPID},
    {"unrestricted_guest", FLAG_UNRESTRICTED_GUEST},
    {"x2apic", FLAG_X2APIC},
    {"hypervisor", FLAG_HYPERVISOR},
    {"pdpe1gb", FLAG_PDPE1GB},
    {"nonstop_tsc", FLAG_NONSTOP_TSC},
};

/* The line at *text without its end, and *text after it. */
static size_t next_line(const char **text, const char **line)
{
    size_t len = strcspn(*text, "\n");

    *line = *text;
    *text += len + ((*text)[len] == '\n');
    return len;
}

static size_t digits(const char *s, size_t len, u32 base, u64 *out)
{
    size_t i;

    *out = 0;
    for (i = 0; i < len; i++) {
        u32 lower = s[i] | 0x20;
        u32 digit = s[i] >= '0' && s[i] <= '9'     ? (u32)(s[i] - '0')
                    : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                   : base;

        if (digit >= base || *out > VALUE_MAX)
            break;
        *out = *out * base + digit;
    }
    return i;
}

static bool starts(const char *s, size_t len, const char *with)
{
    size_t n = strlen(with);

    return len >= n && !memcmp(s, with, n);
}

/* --- /proc/cpuinfo: `key<tab>: value` --- */

static u32 read_flags(const char *s, size_t len)
{
    u32 flags = 0;

    for (size_t i = 0, n; i < len; i += n) {
        for (n = 0; i + n < len && s[i + n] != ' '; n++)
            ;
        for (u32 k = 0; k < ARRAY_SIZE(flag_words); k++)
            if (n == strlen(flag_words[k].word) && !memcmp(s + i, flag_words[k].word, n))
                flags |= flag_words[k].flag;
        n += !n || i + n < len;
    }
    return flags;
}

static void copy(char *to, size_t size, const char *s, size_t len)
{
    len = MIN(len, size - 1);
    memcpy(to, s, len);
    to[len] = '\0';
}

/* Those of one CPU that all CPUs should have in common, as the places of their values in the text. */
enum same { SAME_FAMILY, SAME_MODEL, SAME_STEPPING, SAME_FLAGS, SAME_VMX_FLAGS, NR_SAME };
static const char *const same_keys[NR_SAME] = {"cpu family", "model", "stepping", "flags", "vmx flags"};

struct value {
    const char *at;
    size_t len;
};

static void compare(struct cpuinfo *out, struct value *first, enum same what, struct value v)
{
    if (out->nr == 1)
        first[what] = v;
    else if (first[what].len != v.len || (v.len && memcmp(first[what].at, v.at, v.len)))
        out->differ = true;
}

static void take(struct cpuinfo *out, struct value *first, const char *key, size_t key_len, struct value v)
{
    bool is_first = out->nr == 1;

    for (u32 i = 0; i < NR_SAME; i++)
        if (key_len == strlen(same_keys[i]) && !memcmp(key, same_keys[i], key_len))
            compare(out, first, i, v);
    if (is_first && key_len == 9 && starts(key, key_len, "vendor_id"))
        copy(out->vendor, sizeof(out->vendor), v.at, v.len);
    else if (is_first && key_len == 10 && starts(key, key_len, "model name"))
        copy(out->model, sizeof(out->model), v.at, v.len);
    else if (is_first && key_len == 5 && starts(key, key_len, "flags"))
        out->flags |= read_flags(v.at, v.len);
    else if (is_first && key_len == 9 && starts(key, key_len, "vmx flags")) {
        out->has_vmx_flags = true;
        out->flags |= read_flags(v.at, v.len);
    } else if (key_len == 6 && starts(key, key_len, "apicid")) {
        u64 id;
        if (digits(v.at, v.len, 10, &id) && id <= 0xffffffffu)
            out->max_apic_id = MAX(out->max_apic_id, (u32)id);
    }
}

void parse_cpuinfo(const char *text, struct cpuinfo *out)
{
    struct value first[NR_SAME] = {{NULL, 0}};

    *out = (struct cpuinfo){.nr = 0};
    while (*text) {
        const char *line;
        size_t len = next_line(&text, &line), key_len = 0, at;

        while (key_len < len && line[key_len] != ':')
            key_len++;
        at = MIN(key_len + 1, len);
        while (at < len && line[at] == ' ')
            at++;
        while (key_len && (line[key_len - 1] == '\t' || line[key_len - 1] == ' '))
            key_len--;
        if (key_len == 9 && starts(line, key_len, "processor"))
            out->nr++;
        else if (out->nr)
            take(out, first, line, key_len, (struct value){line + at, len - at});
    }
}

/* --- serial ports --- */

static void add_port(struct serial_ports *out, u64 port)
{
    if (port == 0 || port > IO_PORT_MAX)
        return;
    for (u32 i = 0; i < out->nr; i++)
        if (out->port[i] == port)
            return;
    if (out->nr < SERIAL_PORTS_MAX)
        out->port[out->nr++] = (u16)port;
}

bool parse_ioports(const char *text, struct serial_ports *out)
{
    u64 last = 0;

    while (*text) {
        const char *line, *name;
        size_t len = next_line(&text, &line), blank = 0, n;
        u64 from, to;

        while (blank < len && line[blank] == ' ')
            blank++;
        line += blank;
        len -= blank;
        n = digits(line, len, 16, &from);
        if (!n || n >= len || line[n] != '-')
            continue;
        name = line + n + 1;
        n = digits(name, len - n - 1, 16, &to);
        name += n;
        len -= (size_t)(name - line);
        last |= to;
        if (n && len == 9 && !memcmp(name, " : serial", 9))
            add_port(out, from);
    }
    return last != 0;
}

void parse_tty_driver(const char *text, struct serial_ports *out)
{
    while (*text) {
        const char *line;
        size_t len = next_line(&text, &line);
        bool known = false;
        u64 port = 0;

        for (size_t i = 0; i < len; i++) {
            const char *word = line + i;
            if (starts(word, len - i, "uart:"))
                known = !starts(word + 5, len - i - 5, "unknown");
            else if (starts(word, len - i, "port:"))
                digits(word + 5, len - i - 5, 16, &port);
            else if (starts(word, len - i, "mmio:") && known)
                out->in_memory = true;
        }
        if (known)
            add_port(out, port);
    }
}

bool parse_spcr(const u8 *bytes, u64 len, struct serial_ports *out)
{
    u64 address;

    if (len < SPCR_BYTES || memcmp(bytes, "SPCR", 4))
        return false;
    memcpy(&address, bytes + SPCR_ADDRESS + 4, sizeof(address));
    if (bytes[SPCR_ADDRESS] == SPACE_IO)
        add_port(out, address);
    else if (bytes[SPCR_ADDRESS] == SPACE_MEMORY && address)
        out->in_memory = true;
    return true;
}

/* --- nodes --- */

u32 parse_cpu_list(const char *text)
{
    u32 count = 0;
    u64 from, to;

    for (;;) {
        size_t n = digits(text, strlen(text), 10, &from);
        if (!n)
            return count;
        text += n;
        to = from;
        if (*text == '-')
            text += 1 + digits(text + 1, strlen(text + 1), 10, &to);
        if (to - from >= NR_LIST_MAX) /* also a range that goes down */
            return count;
        count = MIN(count + (u32)(to - from) + 1, NR_LIST_MAX);
        if (*text != ',')
            return count;
        text++;
    }
}

u64 parse_mem_total_kib(const char *text)
{
    const char *at = strstr(text, "MemTotal:");
    u64 kib;

    if (!at)
        return 0;
    at += strlen("MemTotal:");
    at += strspn(at, " ");
    digits(at, strcspn(at, "\n"), 10, &kib);
    return kib;
}
