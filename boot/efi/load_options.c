/* The parser of load options: see load_options.h. Sources: UEFI 2.10, 3.1.3 (EFI_LOAD_OPTION), 10.3 (device paths). */
#include "load_options.h"
#include "text.h"

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define TEXT_MAX  2048u
#define SHOWN_MAX 60

#define LOAD_OPTION_KNOWN   0x1f0bu /* attributes: active, force reconnect, hidden, category */
#define LOAD_OPTION_HEAD    6u      /* attributes u32, length of the device paths u16; then the description */
#define DEVICE_PATH_HEAD    4u      /* type u8, subtype u8, length u16 */
#define DEVICE_PATH_END     0x7fu
#define DEVICE_PATH_END_ALL 0xffu

static const char usage[] = "load options are [-cfg=FILE] [SECTION] [-- OPTIONS]";

struct bytes {
    const u8 *at;
    size_t size;
};

static u32 read16(const u8 *at)
{
    return at[0] | (u32)at[1] << 8;
}

/* If these bytes are a whole EFI_LOAD_OPTION, leaves the optional data at its end. */
static void strip_load_option(struct bytes *b)
{
    size_t at = LOAD_OPTION_HEAD, end;
    bool ended = false;

    if (b->size < LOAD_OPTION_HEAD || (read16(b->at) & ~LOAD_OPTION_KNOWN) || read16(b->at + 2))
        return;
    do { /* the description, with its end */
        if (at + 2 > b->size)
            return;
        at += 2;
    } while (read16(b->at + at - 2));
    end = at + read16(b->at + 4);
    if (end > b->size)
        return;
    while (at + DEVICE_PATH_HEAD <= end) {
        size_t len = read16(b->at + at + 2);
        if (len < DEVICE_PATH_HEAD || len > end - at)
            return;
        ended = b->at[at] == DEVICE_PATH_END && b->at[at + 1] == DEVICE_PATH_END_ALL;
        at += len;
    }
    if (at == end && ended)
        *b = (struct bytes){b->at + end, b->size - end};
}

static bool is_text(u32 c)
{
    return c == '\t' || c == '\r' || c == '\n' || (c >= ' ' && c != 0x7f);
}

static bool is_ascii(u32 c)
{
    return is_text(c) && c < 0x7f;
}

/* Characters of width bytes up to a NUL or the end, as UTF-8. False: it is no such text. */
static bool decode(struct bytes b, size_t width, char text[TEXT_MAX])
{
    size_t len = 0, nr = 0, nr_ascii = 0, at = 0;

    if (width == 2 && b.size >= 2 && read16(b.at) == 0xfeff) /* a byte order mark */
        at = 2;
    for (; at + width <= b.size; at += width) {
        u32 c = width == 2 ? read16(b.at + at) : b.at[at];
        if (!c)
            break;
        if (!is_text(c) || (width == 1 && !is_ascii(c)) || len + TEXT_UNIT_MAX >= TEXT_MAX)
            return false;
        nr++;
        nr_ascii += is_ascii(c);
        len += text_from_unit(c, text + len);
    }
    text[len] = '\0';
    /* Data looks like 16-bit letters of many scripts. Behind 8-bit text there is nothing but its end. */
    if (width == 2)
        return nr_ascii * 2 >= nr;
    while (at < b.size && !b.at[at])
        at++;
    return at == b.size;
}

/* Steps over the next word, into word; quotes keep blanks together. False: there is none. */
static bool next_word(const char **text, char word[TEXT_MAX])
{
    bool quoted = false;
    size_t len = 0;

    while (is_space(**text))
        (*text)++;
    if (!**text)
        return false;
    for (; **text && (quoted || !is_space(**text)); (*text)++) {
        if (**text == '"')
            quoted = !quoted;
        else
            word[len++] = **text;
    }
    word[len] = '\0';
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_letters(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

/* Is the first word the loader's name, with or without a path and .efi? GRUB's menus for Xen have placeholder there. */
static bool is_own_name(const char *word, const char *name)
{
    static const char extension[] = ".efi";
    const size_t ext_len = sizeof(extension) - 1;
    size_t len, name_len = strlen(name);
    const char *base = word;

    if (*word == '-' || !strncmp(word, "/cfg", 4))
        return false;
    for (const char *c = word; *c; c++)
        if (*c == '\\' || *c == '/' || *c == ':')
            base = c + 1;
    len = strlen(base);
    if (!strcmp(word, "placeholder") ||
        (len > ext_len && same_letters(base + len - ext_len, extension, ext_len)))
        return true;
    if (name_len > ext_len && same_letters(name + name_len - ext_len, extension, ext_len))
        name_len -= ext_len;
    return len && len == name_len && same_letters(base, name, len);
}

struct parser {
    struct load_options *out;
    char *why;
    size_t why_size;
    load_options_report_fn report;
    void *ctx;
};

static void report(struct parser *p, const char *fmt, const char *word, const char *more)
{
    char sentence[2 * SHOWN_MAX + 64];

    snprintf(sentence, sizeof(sentence), fmt, SHOWN_MAX, word, more);
    p->report(p->ctx, sentence);
}

static int refuse(struct parser *p, int err, const char *fmt, const char *word)
{
    snprintf(p->why, p->why_size, fmt, SHOWN_MAX, word);
    return err;
}

static int set_config(struct parser *p, const char *file)
{
    if (!*file)
        return refuse(p, -EINVAL, "-cfg= names no file: %.*s", usage);
    if (str_copy(p->out->config, file, sizeof(p->out->config)) >= sizeof(p->out->config))
        return refuse(p, -E2BIG, "the file's name in -cfg= is too long: '%.*s'", file);
    return 0;
}

static int set_section(struct parser *p, const char *word)
{
    if (*p->out->section)
        report(p, "load option '%.*s' is not used: the section is [%s]", p->out->section, word);
    if (str_copy(p->out->section, word, sizeof(p->out->section)) >= sizeof(p->out->section))
        return refuse(p, -E2BIG, "the section's name in the load options is too long: '%.*s'", word);
    return 0;
}

/* A word that starts with - or /, and what follows it. */
static int set_option(struct parser *p, const char *word, const char **rest)
{
    static const char *const xens[] = {"basevideo", "mapbs", "mapuc", "q"};
    char file[TEXT_MAX] = "";

    if (!strncmp(word + 1, "cfg=", 4))
        return set_config(p, word + 5);
    if (!strcmp(word + 1, "cfg")) {
        next_word(rest, file);
        return set_config(p, file);
    }
    if (!strcmp(word + 1, "help") || !strcmp(word + 1, "h") || !strcmp(word + 1, "?"))
        return refuse(p, -EINVAL, "%.*s", usage);
    for (u32 i = 0; i < ARRAY_SIZE(xens); i++)
        if (!strcmp(word + 1, xens[i])) {
            report(p, "load option '%.*s' has no effect here%s", word, "");
            return 0;
        }
    report(p, "unknown load option '%.*s' is ignored%s", word, "");
    return 0;
}

static int parse_text(struct parser *p, const char *text, const char *name)
{
    char word[TEXT_MAX];
    int rc = 0;

    for (bool first = true; !rc && next_word(&text, word); first = false) {
        if (first && is_own_name(word, name))
            continue;
        if (!strcmp(word, "--")) {
            while (is_space(*text))
                text++;
            if (str_copy(p->out->options, text, sizeof(p->out->options)) >= sizeof(p->out->options))
                rc = refuse(p, -E2BIG, "the options after -- are too long: '%.*s...'", text);
            break;
        }
        if (*word == '-' || *word == '/')
            rc = set_option(p, word, &text);
        else if (*word)
            rc = set_section(p, word);
    }
    return rc;
}

int load_options_parse(const void *bytes, size_t size, const char *name, struct load_options *out, char *why,
                       size_t why_size, load_options_report_fn report_to, void *ctx)
{
    char text[TEXT_MAX];
    struct parser p = {out, why, why_size, report_to, ctx};
    struct bytes b = {bytes, bytes ? size : 0};
    char sentence[80];

    memset(out, 0, sizeof(*out));
    strip_load_option(&b);
    if (!decode(b, 2, text) && !decode(b, 1, text)) {
        snprintf(sentence, sizeof(sentence), "the load options are no text, and are ignored (%lu bytes)",
                 (u64)b.size);
        report_to(ctx, sentence);
        return 0;
    }
    return parse_text(&p, text, name);
}

int load_options_append(char line[BOOT_CMDLINE_MAX], const char *options)
{
    size_t len = strlen(line), more = strlen(options), at = 0;

    if (!more)
        return 0;
    if (len + more + 2 > BOOT_CMDLINE_MAX)
        return -E2BIG;
    /* The word `--`, or the end. */
    while (at < len && !((at == 0 || is_space(line[at - 1])) && line[at] == '-' && line[at + 1] == '-' &&
                         (!line[at + 2] || is_space(line[at + 2]))))
        at++;
    memmove(line + at + more + 1, line + at, len - at + 1);
    if (at == len && len) {
        line[at++] = ' ';
        line[at + more] = '\0';
    } else {
        line[at + more] = len ? ' ' : '\0';
    }
    memcpy(line + at, options, more);
    return 0;
}
