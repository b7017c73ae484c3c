/* Reads the syntax of xl.cfg files, see xlsyntax.h: assignments, and values in place. */
#include <guest/dom0/xlsyntax.h>
#include <guest/dom0/xltoken.h>
#include <homestead/errno.h>
#include <lib/string.h>

/* --- assignments --------------------------------------------------------------------------------------- */

/* Reads a list from behind its '[' up to and with its ']'. */
static int skip_list(struct xl_cursor *c, struct xl_message *error)
{
    bool value_may_follow = true;

    for (u64 depth = 1; depth;) {
        enum xl_token token = xl_token(c, error);
        bool is_value = token == TOKEN_TEXT || token == TOKEN_OPEN;
        if (token == TOKEN_BAD)
            return -EINVAL;
        if (token == TOKEN_NEWLINE)
            continue;
        if (token == TOKEN_END)
            return xl_fail(error, c->line, "a list is not closed");
        if (is_value && !value_may_follow)
            return xl_fail(error, c->line, "items of a list need a ',' between them");
        if (token == TOKEN_COMMA && value_may_follow)
            return xl_fail(error, c->line, "a ',' without an item before it");
        if (!is_value && token != TOKEN_COMMA && token != TOKEN_CLOSE)
            return xl_fail(error, c->line, "a list has numbers, strings and lists (strings need quotes)");
        if (token == TOKEN_OPEN)
            depth++;
        else if (token == TOKEN_CLOSE)
            depth--;
        value_may_follow = token == TOKEN_OPEN || token == TOKEN_COMMA;
    }
    return 0;
}

/* Reads the text of a token, and of a list what is in it, to out. token: the one that ends at the cursor. */
static int read_value(struct xl_cursor *c, enum xl_token token, const char *start, struct xl_value *out,
                      struct xl_message *error)
{
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_TEXT && token != TOKEN_OPEN)
        return xl_fail(error, out->line, "a value is missing, or a string without quotes");
    out->is_list = token == TOKEN_OPEN;
    int rc = out->is_list ? skip_list(c, error) : 0;
    out->text = start;
    out->end = c->at;
    return rc;
}

/* Returns 1: *out is the next assignment; 0: there is none; -EINVAL. */
static int next_assignment(struct xl_cursor *c, struct xl_value *out, struct xl_message *error)
{
    enum xl_token token;

    *out = (struct xl_value){0};
    do {
        out->name = xl_skip_blanks(c);
        out->line = c->line;
        token = xl_token(c, error);
    } while (token == TOKEN_NEWLINE || token == TOKEN_SEMICOLON);
    if (token == TOKEN_END)
        return 0;
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_NAME)
        return xl_fail(error, out->line, "a line does not start with a key");
    out->name_len = (size_t)(c->at - out->name);
    token = xl_token(c, error);
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_ASSIGN && token != TOKEN_ADD)
        return xl_fail(error, out->line, "a key is not followed by '=' or '+='");
    out->is_added = token == TOKEN_ADD;
    const char *start = xl_skip_blanks(c);
    token = xl_token(c, error);
    int rc = read_value(c, token, start, out, error);
    if (rc)
        return rc;
    u32 line = c->line;
    token = xl_token(c, error);
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_END && token != TOKEN_NEWLINE && token != TOKEN_SEMICOLON)
        return xl_fail(error, line, "something follows a value");
    out->behind = *c;
    return 1;
}

struct xl_cursor xl_start(const char *text, size_t len)
{
    return (struct xl_cursor){.at = text, .end = text + len, .line = 1};
}

bool xl_next(struct xl_cursor *text, struct xl_value *out)
{
    struct xl_message ignored;

    return next_assignment(text, out, &ignored) == 1;
}

static bool has_name(const struct xl_value *v, const char *name, size_t len)
{
    return v->name_len == len && memcmp(v->name, name, len) == 0;
}

bool xl_find(struct xl_cursor text, const char *name, size_t name_len, struct xl_value *out)
{
    struct xl_value v;
    bool found = false;

    while (xl_next(&text, &v)) {
        if (!has_name(&v, name, name_len))
            continue;
        if (found && v.is_added)
            out->is_added = true;
        else
            *out = v;
        found = true;
    }
    return found;
}

int xl_check(struct xl_cursor *text, struct xl_message *error)
{
    const char *start = text->at;
    u32 line = text->line;
    struct xl_value v, before;

    for (;;) {
        struct xl_cursor next = *text;
        int rc = next_assignment(&next, &v, error);
        if (rc > 0 && v.is_added &&
            xl_find((struct xl_cursor){.at = start, .end = text->at, .line = line}, v.name, v.name_len,
                    &before) &&
            before.is_list != v.is_list)
            rc = xl_fail(error, v.line, "+= adds a list to a string, or a string to a list");
        if (rc < 0)
            return rc;
        *text = next;
        if (rc == 0)
            return 0;
    }
}

/* --- values -------------------------------------------------------------------------------------------- */

/* Moves to the += that follows a part of a value. */
static bool next_part(struct xl_value *part)
{
    struct xl_cursor c = part->behind;
    struct xl_value v;

    while (part->name && xl_next(&c, &v)) {
        if (has_name(&v, part->name, part->name_len)) {
            *part = v;
            return true;
        }
    }
    return false;
}

/* The characters of a number or string. */
struct reader {
    struct xl_value part;
    const char *at, *end;
};

static void begin_part(struct reader *r)
{
    bool quotes = *r->part.text == '"' || *r->part.text == '\'';

    r->at = r->part.text + quotes;
    r->end = r->part.end - quotes;
}

static struct reader read_from(const struct xl_value *value)
{
    struct reader r = {.part = *value};

    begin_part(&r);
    return r;
}

/* The next character, or -1. */
static int next_char(struct reader *r)
{
    int c;

    do {
        while (r->at == r->end) {
            if (!next_part(&r->part))
                return -1;
            begin_part(r);
        }
        c = (unsigned char)*r->at++;
        /* A backslash is only in quotes. */
        if (c == '\\')
            c = xl_escape(&r->at, r->end);
    } while (c == XL_ESCAPE_NOTHING);
    return c;
}

s64 xl_string(const struct xl_value *value, char *out, size_t size)
{
    s64 len = 0;
    int c;

    if (value->is_list)
        return -EINVAL;
    struct reader r = read_from(value);
    while ((c = next_char(&r)) >= 0) {
        if ((size_t)len + 1 < size)
            out[len] = (char)c;
        len++;
    }
    out[MIN((size_t)len, size - 1)] = 0;
    return len;
}

static u32 digit_of(int c)
{
    if (c >= '0' && c <= '9')
        return (u32)c - '0';
    if (c >= 'a' && c <= 'f')
        return (u32)c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return (u32)c - 'A' + 10;
    return ~0u;
}

/* As C's strtol() in base 0 reads it, with nothing after it. */
int xl_number(const struct xl_value *value, s64 *out)
{
    u64 sum = 0, base = 10;
    bool any = false, fits = true;

    if (value->is_list || value->is_added)
        return -EINVAL;
    struct reader r = read_from(value);
    int c = next_char(&r);
    while (c == ' ' || (c >= '\t' && c <= '\r'))
        c = next_char(&r);
    bool negative = c == '-';
    if (c == '-' || c == '+')
        c = next_char(&r);
    u64 most = (~0ull >> 1) + negative;
    if (c == '0') {
        base = 8;
        any = true;
        c = next_char(&r);
        if (c == 'x' || c == 'X') {
            base = 16;
            any = false;
            c = next_char(&r);
        }
    }
    for (; digit_of(c) < base; c = next_char(&r)) {
        any = true;
        fits = fits && sum <= (most - digit_of(c)) / base;
        sum = sum * base + digit_of(c);
    }
    if (!fits)
        return -ERANGE;
    if (!any || c >= 0)
        return -EINVAL;
    *out = negative ? (s64)(0 - sum) : (s64)sum;
    return 0;
}

struct xl_items xl_items(const struct xl_value *list)
{
    return (struct xl_items){.part = *list,
                             .at = {.at = list->text + 1, .end = list->end, .line = list->line}};
}

bool xl_next_item(struct xl_items *items, struct xl_value *out)
{
    struct xl_message ignored;

    for (;;) {
        const char *start = xl_skip_blanks(&items->at);
        u32 line = items->at.line;
        enum xl_token token = xl_token(&items->at, &ignored);
        if (token == TOKEN_NEWLINE || token == TOKEN_COMMA)
            continue;
        if (token != TOKEN_CLOSE) {
            *out = (struct xl_value){.line = line};
            return read_value(&items->at, token, start, out, &ignored) == 0;
        }
        if (!next_part(&items->part))
            return false;
        *items = xl_items(&items->part);
    }
}
