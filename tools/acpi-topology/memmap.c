/* Reads a memory map from text. See memmap.h. Two passes over the lines: RAM in, then what is not RAM out. */
#include "memmap.h"

#include <homestead/errno.h>
#include <lib/parse.h>

#include <stdio.h>
#include <string.h>

#define LINE_BYTES  512u
#define ADDRESS_END BIT(52) /* what physical addresses can reach */

struct entry {
    u64 start, end; /* empty: nothing in this line */
    bool is_ram;
};

/* A line in a form: not of it, an entry (perhaps an empty one), or of it and damaged. */
enum found { NOT_HERE, ENTRY, DAMAGED };

static const char *skip_spaces(const char *p)
{
    while (is_space(*p))
        p++;
    return p;
}

static u32 hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? (u32)(c - '0')
           : c >= 'a' && c <= 'f' ? (u32)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (u32)(c - 'A') + 10
                                  : 16;
}

/* A hexadecimal number with or without 0x. False if there is none, or it has more than 16 digits. */
static bool parse_hex(const char **p, u64 *out)
{
    const char *s = *p;
    u32 nr = 0;

    if (s[0] == '0' && s[1] == 'x')
        s += 2;
    for (*out = 0; nr <= 16; nr++, s++) {
        u32 digit = hex_digit(*s);
        if (digit == 16)
            break;
        *out = *out << 4 | digit;
    }
    *p = s;
    return nr >= 1 && nr <= 16;
}

static bool starts(const char *p, const char *word)
{
    return strncmp(p, word, strlen(word)) == 0;
}

/* A BETWEEN B, from *p on; blanks around BETWEEN. */
static bool parse_pair(const char **p, char between, struct entry *out)
{
    if (!parse_hex(p, &out->start))
        return false;
    *p = skip_spaces(*p);
    if (**p != between)
        return false;
    *p = skip_spaces(*p + 1);
    return parse_hex(p, &out->end);
}

/* After a pair whose second number is the last byte. */
static enum found last_byte(struct entry *out)
{
    return ++out->end == 0 || out->start > out->end ? DAMAGED : ENTRY;
}

static bool is_type(const char *p)
{
    static const char *const types[] = {"usable", "reserved",   "unusable",     "ACPI",
                                        "type ",  "persistent", "soft reserved"};

    for (u32 i = 0; i < ARRAY_SIZE(types); i++)
        if (starts(p, types[i]))
            return true;
    return false;
}

/* --- Xen --- */

/* [A, B] (TYPE). SRAT lines have such a pair, too. */
static enum found xen_pair(const char *line, struct entry *out)
{
    for (const char *p = strchr(line, '['); p; p = strchr(p + 1, '[')) {
        const char *at = p + 1;
        if (!parse_pair(&at, ',', out) || at - p < 26 || strstr(line, "SRAT"))
            continue;
        if (!starts(at, "] (") || !is_type(at + 3))
            return DAMAGED;
        out->is_ram = starts(at + 3, "usable");
        return last_byte(out);
    }
    return NOT_HERE;
}

/* A - B (TYPE) of 16 digits each */
static enum found xen_old_pair(const char *line, struct entry *out)
{
    for (const char *p = strstr(line, " - "); p; p = strstr(p + 1, " - ")) {
        const char *at = p;
        while (at > line && hex_digit(at[-1]) < 16)
            at--;
        if (p - at != 16 || !parse_pair(&at, '-', out) || !starts(at, " (") || !is_type(at + 2))
            continue;
        out->is_ram = starts(at + 2, "usable");
        return out->start <= out->end ? ENTRY : DAMAGED;
    }
    return NOT_HERE;
}

static enum found xen_e820(const char *line, struct entry *out)
{
    enum found found = strstr(line, "BIOS-e820:") ? NOT_HERE : xen_pair(line, out);

    return found == NOT_HERE && !strstr(line, "BIOS-e820:") ? xen_old_pair(line, out) : found;
}

static enum found xen_marked(const char *line, struct entry *out)
{
    return strstr(line, "(XEN)") ? xen_e820(line, out) : NOT_HERE;
}

/* Types of UEFI that are RAM for an operating system: loader, boot services, free. */
static bool efi_type_is_ram(u64 type)
{
    return (type >= 1 && type <= 4) || type == 7;
}

/* A-B type=N attr=X */
static enum found xen_efi(const char *line, struct entry *out)
{
    const char *mark = strstr(line, " type="), *at = mark;
    u64 type = 0;

    while (at && at > line && (hex_digit(at[-1]) < 16 || at[-1] == '-'))
        at--;
    if (!at || !strstr(mark, " attr=") || !parse_pair(&at, '-', out) || at != mark)
        return NOT_HERE;
    if (parse_u64(mark + 6, NULL, false, &type))
        return DAMAGED;
    out->is_ram = efi_type_is_ram(type);
    return last_byte(out);
}

/* --- Linux --- */

/* What follows the mark: `[mem A-B] type`, `A - B (type)`, or `[gap A-B]`, which newer kernels print. */
static enum found linux_e820(const char *line, struct entry *out)
{
    const char *p = strstr(line, "BIOS-e820:");

    if (!p)
        return NOT_HERE;
    p = skip_spaces(p + strlen("BIOS-e820:"));
    if (starts(p, "[gap"))
        return ENTRY;
    bool named_last = starts(p, "[mem");
    if (named_last)
        p = skip_spaces(p + 4);
    if (!parse_pair(&p, '-', out) || (named_last && *p++ != ']'))
        return DAMAGED;
    p = skip_spaces(p);
    out->is_ram = starts(p, "usable") || starts(p, "(usable)") || strstr(p, "System RAM");
    return named_last ? last_byte(out) : out->start <= out->end ? ENTRY : DAMAGED;
}

/* memN: [NAME|...] range=[A-B] or [A-END), in older Linux memN: type=T, attr=X, range=[A-END) */
static enum found linux_efi(const char *line, struct entry *out)
{
    static const char *const ram[] = {"[Conventional Memory", "[Loader Code", "[Loader Data", "[Boot Code",
                                      "[Boot Data"};
    const char *p = strstr(line, "efi: mem"), *range, *type;
    u64 number;

    if (!p || hex_digit(p[8]) > 9)
        return NOT_HERE;
    range = strstr(p, "range=[");
    if (!range)
        return DAMAGED;
    const char *at = range + strlen("range=[");
    if (!parse_pair(&at, '-', out) || (*at != ']' && *at != ')'))
        return DAMAGED;
    type = strstr(p, "type=");
    if (type && type < range)
        out->is_ram = !parse_u64(type + 5, NULL, false, &number) && efi_type_is_ram(number);
    for (u32 i = 0; i < ARRAY_SIZE(ram); i++)
        if (strstr(p, ram[i]))
            out->is_ram = true;
    type = strstr(p, "|SP|"); /* for specific purposes: no general RAM */
    if (type && type < range)
        out->is_ram = false;
    return *at == ']' ? last_byte(out) : out->start <= out->end ? ENTRY : DAMAGED;
}

/* [mem A-B] TYPE without a mark, but no line about a change of the map. */
static enum found linux_bare(const char *line, struct entry *out)
{
    const char *p = strstr(line, "[mem 0x");

    if (!p || strstr(line, "remove") || strstr(line, "update") || strstr(line, "setup_data"))
        return NOT_HERE;
    p += strlen("[mem ");
    if (!parse_pair(&p, '-', out) || *p != ']')
        return NOT_HERE;
    p = skip_spaces(p + 1);
    if (!is_type(p))
        return NOT_HERE;
    out->is_ram = starts(p, "usable");
    return last_byte(out);
}

/* A-B : NAME at the line's start; what is inside of another one is indented. Without the right to see them, all are 0. */
static enum found linux_iomem(const char *line, struct entry *out)
{
    const char *p = line;

    if (hex_digit(*p) == 16 || !parse_pair(&p, '-', out) || !starts(p, " : "))
        return NOT_HERE;
    out->is_ram = starts(p, " : System RAM");
    return out->is_ram && !out->end ? DAMAGED : last_byte(out);
}

/* --- plain lines --- */

static enum found plain(const char *line, struct entry *out)
{
    const char *p = skip_spaces(line);

    if (*p == '\0' || *p == '#')
        return ENTRY;
    if (parse_u64(p, &p, true, &out->start) || !is_space(*p))
        return DAMAGED;
    p = skip_spaces(p);
    if (parse_u64(p, &p, true, &out->end) || !is_space(*p))
        return DAMAGED;
    p = skip_spaces(p);
    size_t len = strcspn(p, " \t\r\n#");
    out->is_ram =
        (len == 3 && starts(p, "ram")) || (len == 6 && starts(p, "usable")) || (len == 1 && *p == '1');
    return len > 0 && out->start <= out->end ? ENTRY : DAMAGED;
}

typedef enum found (*form_fn)(const char *line, struct entry *out);

/* The first that a line of the file has is the file's. A log of Xen's may contain domain 0's, too. */
static const form_fn forms[] = {xen_marked, linux_e820, linux_efi,  xen_e820,
                                xen_efi,    linux_bare, linux_iomem};

/* Copies the next line, cut to LINE_BYTES: what is longer is either a comment or no entry. False at the end. */
static bool next_line(const char **text, char line[LINE_BYTES])
{
    size_t len = strcspn(*text, "\n");

    if (!**text)
        return false;
    str_copy(line, *text, MIN(len + 1, (size_t)LINE_BYTES));
    *text += len + ((*text)[len] == '\n');
    return true;
}

static form_fn form_of(const char *text)
{
    char line[LINE_BYTES];

    for (u32 i = 0; i < ARRAY_SIZE(forms); i++)
        for (const char *at = text; next_line(&at, line);)
            if (forms[i](line, &(struct entry){0}) != NOT_HERE)
                return forms[i];
    return plain;
}

/* Enters the lines whose is_ram is that. */
static int pass(struct boot_ranges *ram, const char *text, form_fn form, bool is_ram, char *error,
                size_t size)
{
    char line[LINE_BYTES];
    bool of_domain_0 = false;

    for (u32 number = 1; next_line(&text, line); number++) {
        struct entry e = {0};

        /* Xen prints the map of a PVH domain 0 in the same form. */
        of_domain_0 = (of_domain_0 || strstr(line, "Dom0 memory map")) && !strstr(line, "RAM map");
        if (of_domain_0 && form != plain)
            continue;
        enum found found = form(line, &e);
        if (found == NOT_HERE)
            continue;
        if (found == DAMAGED) {
            snprintf(error, size, "line %u is no memory map entry%s: %.*s", number,
                     form == plain ? ", and no line is one of Linux's or Xen's" : "",
                     MIN(60, (int)strcspn(line, "\r")), line);
            return -EINVAL;
        }
        if (e.end > ADDRESS_END) {
            snprintf(error, size, "line %u goes beyond 52-bit addresses", number);
            return -EINVAL;
        }
        if (e.is_ram == is_ram && e.start < e.end &&
            (is_ram ? boot_ranges_add(ram, e.start, e.end) : boot_ranges_remove(ram, e.start, e.end))) {
            snprintf(error, size, "line %u is one piece of RAM too many, %u are the limit", number,
                     BOOT_RANGES_MAX);
            return -ENOMEM;
        }
    }
    return 0;
}

int memmap_parse(struct boot_ranges *ram, const char *text, char *error, size_t size)
{
    form_fn form = form_of(text);

    ram->nr = 0;
    int rc = pass(ram, text, form, true, error, size);
    if (rc == 0)
        rc = pass(ram, text, form, false, error, size);
    if (rc == 0 && ram->nr == 0) {
        snprintf(error, size, "it lists no RAM");
        rc = -EINVAL;
    }
    return rc;
}
