#include "size.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PAGE_SHIFT 12

/* shift: log2 of the unit in bytes. */
static const struct unit {
    const char *name;
    uint32_t shift;
} units[] = {
    {"K", 10}, {"KiB", 10}, {"M", 20}, {"MiB", 20},   {"G", 30},    {"GiB", 30},
    {"T", 40}, {"TiB", 40}, {"p", 12}, {"pages", 12}, {"page", 12},
};

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcasecmp(name, units[i].name))
            return &units[i];
    return NULL;
}

/* Digits after the point as millionths; further digits only decide whether to round up. */
static const char *parse_fraction(const char *text, uint64_t *millionths, bool *more)
{
    uint64_t scale = 100000;

    for (; *text >= '0' && *text <= '9'; text++, scale /= 10) {
        if (!scale && *text != '0')
            *more = true;
        *millionths += (uint64_t)(*text - '0') * scale;
    }
    return text;
}

enum size_error size_parse(const char *text, uint64_t *pages)
{
    uint64_t whole = 0, millionths = 0;
    bool more = false;

    if (*text < '0' || *text > '9')
        return SIZE_NO_NUMBER;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (whole > PAGES_MAX << PAGE_SHIFT)
            return SIZE_TOO_LARGE;
        whole = whole * 10 + (uint64_t)(*text - '0');
    }
    if (*text == '.') {
        if (text[1] < '0' || text[1] > '9')
            return SIZE_NO_NUMBER;
        text = parse_fraction(text + 1, &millionths, &more);
    }
    if (*text == ' ')
        text++;
    if (!*text) {
        if (whole || millionths || more)
            return SIZE_NO_UNIT;
        *pages = 0;
        return SIZE_OK;
    }
    const struct unit *unit = find_unit(text);
    if (!unit)
        return SIZE_BAD_UNIT;
    if (whole > PAGES_MAX << PAGE_SHIFT >> unit->shift)
        return SIZE_TOO_LARGE;
    /* In millionths of a byte this would not fit: the fraction apart. Less than 2^60 each. */
    uint64_t part = (millionths << unit->shift) / 1000000;
    bool rest = more || (millionths << unit->shift) % 1000000;
    uint64_t bytes = (whole << unit->shift) + part + rest;
    uint64_t result = (bytes + (1u << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
    if (result > PAGES_MAX)
        return SIZE_TOO_LARGE;
    *pages = result;
    return SIZE_OK;
}

const char *size_error_text(enum size_error error)
{
    static const char *const texts[] = {
        [SIZE_OK] = "no error",
        [SIZE_NO_NUMBER] = "a size begins with a number, as in 512M",
        [SIZE_NO_UNIT] = "a size needs a unit: K, M, G, T or p (pages of 4 KiB)",
        [SIZE_BAD_UNIT] = "not a unit of sizes: K, M, G, T and p (pages of 4 KiB) are",
        [SIZE_TOO_LARGE] = "more than 4096 TiB",
    };
    return texts[error];
}

const char *size_text(uint64_t pages, char buf[SIZE_TEXT])
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
    uint32_t i = 0;
    double amount = (double)pages * 4;

    if (!pages)
        return strcpy(buf, "0");
    for (; amount >= 1023.95 && i < 3; i++)
        amount /= 1024;
    /* GiB always with a decimal; MiB only where it says something. */
    bool decimal = i >= 2 || (i == 1 && amount < 99.95 && pages % 256);
    snprintf(buf, SIZE_TEXT, "%.*f %s", decimal, amount, names[i]);
    return buf;
}

void size_text_pair(uint64_t a, uint64_t b, char a_text[SIZE_TEXT], char b_text[SIZE_TEXT])
{
    size_text(a, a_text);
    size_text(b, b_text);
    if (a == b || strcmp(a_text, b_text))
        return;
    snprintf(a_text, SIZE_TEXT, "%llu pages", (unsigned long long)a);
    snprintf(b_text, SIZE_TEXT, "%llu pages", (unsigned long long)b);
}
