/*
 * The parser of homestead.cfg: config.h has the syntax. Two passes over the same reader: the first
 * checks every line of the file and reads [global], the second collects the chosen section.
 */
#include "config.h"
#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

struct slice { /* bytes of the file, not terminated */
    const char *at;
    size_t len;
};

struct reader {
    const char *next, *end;
    u32 line;             /* of the last line that was read, from 1 */
    struct slice section; /* of that line; at is NULL before the first section */
    char *why;
    size_t why_size, why_len;
};

struct entry { /* a line that is not empty: KEY=VALUE, or the section's own line with no key */
    struct slice key, value;
};

static struct slice trim(struct slice s)
{
    while (s.len && is_space(s.at[0]))
        s.at++, s.len--;
    while (s.len && is_space(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* The part in front of a # that starts the line or follows a blank. */
static struct slice without_comment(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '#' && (i == 0 || is_space(s.at[i - 1])))
            return (struct slice){s.at, i};
    return s;
}

static bool slice_is(struct slice s, const char *name)
{
    return s.len == strlen(name) && !memcmp(s.at, name, s.len);
}

/* Copies s, terminated. Returns 0 or -E2BIG; then dst is as it was. */
static int slice_copy(char *dst, size_t size, struct slice s)
{
    if (s.len >= size)
        return -E2BIG;
    memcpy(dst, s.at, s.len);
    dst[s.len] = 0;
    return 0;
}

/* A name for a message: cut when long, and never a byte that could disturb a terminal. */
static const char *slice_show(struct slice s, char buf[CONFIG_NAME_MAX])
{
    size_t n = MIN(s.len, (size_t)CONFIG_NAME_MAX - 1);

    for (size_t i = 0; i < n; i++)
        buf[i] = s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?';
    buf[n] = 0;
    return buf;
}

/* Appends to the reader's sentences; what does not fit is cut. */
static PRINTF(2, 3) void add_why(struct reader *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    r->why_len += (size_t)vsnprintf(r->why + r->why_len, r->why_size - r->why_len, fmt, args);
    va_end(args);
    r->why_len = MIN(r->why_len, r->why_size - 1);
}

/* Fails with a sentence about the reader's current line, after those that there are. */
static int bad_line(struct reader *r, int err, const char *problem, struct slice name)
{
    char shown[CONFIG_NAME_MAX];

    add_why(r, "%sline %u: %s '%s'", r->why_len ? "; " : "", r->line, problem, slice_show(name, shown));
    return err;
}

static void reader_start(struct reader *r, const char *text, size_t len, char *why, size_t why_size)
{
    *r = (struct reader){.next = text, .end = text + len, .why = why, .why_size = why_size};
    /* Editors on other systems write a byte order mark first. */
    if (len >= 3 && (u8)text[0] == 0xef && (u8)text[1] == 0xbb && (u8)text[2] == 0xbf)
        r->next += 3;
}

/* Reads up to the next line that is not empty. Returns 1, 0 at the end, or -EINVAL. */
static int reader_next(struct reader *r, struct entry *out)
{
    while (r->next < r->end) {
        struct slice line = {r->next, 0};

        while (line.at + line.len < r->end && line.at[line.len] != '\n')
            line.len++;
        r->next = line.at + line.len + (line.at + line.len < r->end);
        r->line++;
        line = trim(without_comment(line));
        for (size_t i = 0; i < line.len; i++)
            if (!line.at[i])
                return bad_line(r, -EINVAL, "a zero byte in", line);
        if (!line.len || line.at[0] == ';')
            continue;
        if (line.at[0] == '[') {
            if (line.len < 3 || line.at[line.len - 1] != ']')
                return bad_line(r, -EINVAL, "not a section name:", line);
            r->section = trim((struct slice){line.at + 1, line.len - 2});
            *out = (struct entry){{line.at, 0}, {line.at, 0}};
            return 1;
        }
        size_t eq = 0;
        while (eq < line.len && line.at[eq] != '=')
            eq++;
        if (eq == line.len)
            return bad_line(r, -EINVAL, "neither [SECTION] nor KEY=VALUE:", line);
        out->key = trim((struct slice){line.at, eq});
        out->value = trim((struct slice){line.at + eq + 1, line.len - eq - 1});
        if (!r->section.at)
            return bad_line(r, -EINVAL, "no section yet for the key", out->key);
        if (!out->key.len)
            return bad_line(r, -EINVAL, "no key before", line);
        return 1;
    }
    return 0;
}

/* Sets a text field once. present tells whether the key was there before. */
static int set_text(struct reader *r, const struct entry *e, char *dst, size_t size, bool *present)
{
    if (*present)
        return bad_line(r, -EINVAL, "given twice in its section: the key", e->key);
    *present = true;
    if (slice_copy(dst, size, e->value))
        return bad_line(r, -E2BIG, "the value is too long for the key", e->key);
    return 0;
}

/* FILE ARGUMENTS: cut at the first blank. */
static int set_file(struct reader *r, const struct entry *e, struct config_file *dst)
{
    struct slice path = {e->value.at, 0}, args;

    while (path.len < e->value.len && !is_space(path.at[path.len]))
        path.len++;
    args = trim((struct slice){path.at + path.len, e->value.len - path.len});
    if (!path.len)
        return bad_line(r, -EINVAL, "no file name for the key", e->key);
    if (slice_copy(dst->path, sizeof(dst->path), path) || slice_copy(dst->args, sizeof(dst->args), args))
        return bad_line(r, -E2BIG, "the value is too long for the key", e->key);
    return 0;
}

/* First pass: checks every line and reads [global]. section: see config_parse(). */
static int read_global(struct reader *r, const char *section, struct boot_config *c)
{
    static const char *const section_keys[] = {"options", "kernel", "dom0", "module"};
    bool have_default = false, have_chain = false, unknown = false;
    struct entry e;
    int rc;

    while ((rc = reader_next(r, &e)) > 0) {
        if (!e.key.len)
            continue;
        rc = 0;
        if (slice_is(r->section, "global")) {
            if (slice_is(e.key, "default"))
                rc = set_text(r, &e, c->section, sizeof(c->section), &have_default);
            else if (slice_is(e.key, "chain"))
                rc = set_text(r, &e, c->chain, sizeof(c->chain), &have_chain);
            else
                unknown = bad_line(r, -EINVAL, "unknown key in [global]:", e.key);
        } else {
            bool known = false;

            for (size_t i = 0; i < ARRAY_SIZE(section_keys); i++)
                known |= slice_is(e.key, section_keys[i]);
            if (!known)
                unknown = bad_line(r, -EINVAL, "unknown key", e.key);
        }
        if (rc)
            return rc;
    }
    if (rc || unknown)
        return rc ? rc : -EINVAL;
    if (section && *section && str_copy(c->section, section, sizeof(c->section)) >= sizeof(c->section)) {
        add_why(r, "the section's name is too long");
        return -E2BIG;
    }
    if (!c->section[0]) {
        add_why(r, "[global] has no default=SECTION");
        return -EINVAL;
    }
    return 0;
}

/* The sections that could be asked for, in the sentence's words. */
static void add_sections(struct reader *r)
{
    u32 nr = 0;
    struct entry e;

    while (reader_next(r, &e) > 0) {
        char shown[CONFIG_NAME_MAX];

        if (e.key.len || slice_is(r->section, "global"))
            continue;
        add_why(r, "%s [%s]", nr++ ? "," : "; the file has", slice_show(r->section, shown));
    }
    if (!nr)
        add_why(r, "; the file has none");
}

/* One KEY=VALUE of the chosen section. had[] remembers the keys that may stand once. */
static int take_key(struct reader *r, const struct entry *e, struct boot_config *c, bool had[3])
{
    int rc;

    if (slice_is(e->key, "options"))
        return set_text(r, e, c->options, sizeof(c->options), &had[0]);
    if (slice_is(e->key, "module")) {
        if (c->nr_modules == CONFIG_MODULE_MAX)
            return bad_line(r, -E2BIG, "one too many of the key", e->key);
        rc = set_file(r, e, &c->modules[c->nr_modules]);
        c->nr_modules += !rc;
        return rc;
    }

    bool is_kernel = slice_is(e->key, "kernel");
    bool *seen = &had[is_kernel ? 1 : 2];
    if (*seen)
        return bad_line(r, -EINVAL, "given twice in its section: the key", e->key);
    *seen = true;
    rc = set_file(r, e, is_kernel ? &c->kernel : &c->dom0);
    if (!rc && is_kernel && c->kernel.args[0])
        return bad_line(r, -EINVAL, "takes a file name only (options= has the command line):", e->key);
    return rc;
}

/* Second pass: c->section. */
static int read_section(struct reader *r, struct boot_config *c)
{
    struct reader again = *r;
    bool found = false, had[3] = {false};
    struct entry e;
    int rc;

    while ((rc = reader_next(r, &e)) > 0) {
        if (!slice_is(r->section, c->section))
            continue;
        if (!e.key.len && found)
            return bad_line(r, -EINVAL, "there is a second section", r->section);
        found = true;
        if (e.key.len) {
            rc = take_key(r, &e, c, had);
            if (rc)
                return rc;
        }
    }
    if (rc)
        return rc;
    if (!found) {
        add_why(&again, "there is no section [%s]", c->section);
        add_sections(&again);
        return -ENOENT;
    }
    if (!c->dom0.path[0]) {
        add_why(r, "section [%s] has no dom0=FILE", c->section);
        return -EINVAL;
    }
    return 0;
}

int config_parse(const char *text, size_t len, const char *section, struct boot_config *out, char *why,
                 size_t why_size)
{
    /* 7 KiB: too much for a firmware's stack. */
    static struct boot_config c;
    struct reader r;
    int rc;

    c = (struct boot_config){.kernel.path = "homestead.elf"};
    reader_start(&r, text, len, why, why_size);
    rc = read_global(&r, section, &c);
    if (rc)
        return rc;
    reader_start(&r, text, len, why, why_size);
    rc = read_section(&r, &c);
    if (!rc || rc == -ENOENT)
        *out = c;
    return rc;
}
