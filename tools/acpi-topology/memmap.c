/* Reads a memory map from text. See memmap.h. Two passes over the lines: RAM in, then what is not RAM out. */
#include "memmap.h"

#include <homestead/errno.h>
#include <lib/parse.h>

#include <stdio.h>
#include <string.h>

#define LISTING_MARK "BIOS-e820:"
#define LINE_BYTES   256u
#define ADDRESS_END  BIT(52) /* what physical addresses can reach */

struct entry {
    u64 start, end; /* empty: nothing in this line */
    bool is_ram;
};

static const char *skip_spaces(const char *p)
{
    while (is_space(*p))
        p++;
    return p;
}

/* A hexadecimal number with or without 0x. False if there is none, or it has more than 16 digits. */
static bool parse_hex(const char **p, u64 *out)
{
    const char *s = *p;
    u32 nr = 0;

    if (s[0] == '0' && s[1] == 'x')
        s += 2;
    for (*out = 0; nr <= 16; nr++, s++) {
        u32 digit = *s >= '0' && *s <= '9'   ? (u32)(*s - '0')
                    : *s >= 'a' && *s <= 'f' ? (u32)(*s - 'a') + 10
                    : *s >= 'A' && *s <= 'F' ? (u32)(*s - 'A') + 10
                                             : 16;
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

/* What follows the mark: `[mem A-B] type`, `A - B (type)`, or `[gap A-B]`, which newer kernels print. */
static bool parse_listing(const char *p, struct entry *out)
{
    p = skip_spaces(p);
    if (starts(p, "[gap"))
        return true;
    bool named_last = starts(p, "[mem");
    if (named_last)
        p = skip_spaces(p + 4);
    if (!parse_hex(&p, &out->start))
        return false;
    p = skip_spaces(p);
    if (*p++ != '-')
        return false;
    p = skip_spaces(p);
    if (!parse_hex(&p, &out->end) || (named_last && *p++ != ']'))
        return false;
    if (named_last && ++out->end == 0)
        return false;
    p = skip_spaces(p);
    out->is_ram = starts(p, "usable") || starts(p, "(usable)") || strstr(p, "System RAM");
    return out->start <= out->end;
}

static bool parse_plain(const char *p, struct entry *out)
{
    p = skip_spaces(p);
    if (*p == '\0' || *p == '#')
        return true;
    if (parse_u64(p, &p, true, &out->start) || !is_space(*p))
        return false;
    p = skip_spaces(p);
    if (parse_u64(p, &p, true, &out->end) || !is_space(*p))
        return false;
    p = skip_spaces(p);
    size_t len = strcspn(p, " \t\r\n#");
    out->is_ram =
        (len == 3 && starts(p, "ram")) || (len == 6 && starts(p, "usable")) || (len == 1 && *p == '1');
    return len > 0 && out->start <= out->end;
}

/* One line, cut to LINE_BYTES: what is longer is either a comment or no entry. */
static bool parse_line(const char *line, size_t len, bool listing, struct entry *out)
{
    char copy[LINE_BYTES];

    *out = (struct entry){0};
    len = MIN(len, sizeof(copy) - 1);
    memcpy(copy, line, len);
    copy[len] = '\0';
    const char *mark = strstr(copy, LISTING_MARK);
    if (!listing)
        return parse_plain(copy, out);
    return mark ? parse_listing(mark + strlen(LISTING_MARK), out) : true;
}

/* Enters the lines whose is_ram is that. */
static int pass(struct boot_ranges *ram, const char *text, bool listing, bool is_ram, char *error,
                size_t size)
{
    u32 number = 0;

    while (*text) {
        struct entry e;
        size_t len = strcspn(text, "\n");

        number++;
        if (!parse_line(text, len, listing, &e)) {
            snprintf(error, size, "line %u is no memory map entry: %.*s", number, (int)MIN(len, 60u), text);
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
        text += len + (text[len] == '\n');
    }
    return 0;
}

int memmap_parse(struct boot_ranges *ram, const char *text, char *error, size_t size)
{
    bool listing = strstr(text, LISTING_MARK);

    ram->nr = 0;
    int rc = pass(ram, text, listing, true, error, size);
    if (rc == 0)
        rc = pass(ram, text, listing, false, error, size);
    if (rc == 0 && ram->nr == 0) {
        snprintf(error, size, "it lists no RAM");
        rc = -EINVAL;
    }
    return rc;
}
