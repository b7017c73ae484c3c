/* Reads the syntax of xl.cfg files, see xlsyntax.h: tokens, assignments, and values in place. */
#include <guest/dom0/xlsyntax.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

enum token {
    TOKEN_END,
    TOKEN_NEWLINE,
    TOKEN_SEMICOLON,
    TOKEN_NAME,
    TOKEN_ASSIGN,
    TOKEN_ADD,
    TOKEN_TEXT, /* a number or a string */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_BAD /* not a token; the message is set */
};

static int fail(struct xl_message *error, u32 line, const char *text)
{
    error->line = line;
    snprintf(error->text, sizeof(error->text), "%s", text);
    return -EINVAL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* --- escapes in strings -------------------------------------------------------------------------------- */

#define ESCAPE_NOTHING (-1)
#define ESCAPE_BAD     (-2)

/*
 * Digits after a backslash stand for nothing: libxlutil 4.17 reads them and writes no character. The first one is
 * octal; of the three characters after it, strtoul() in base 10 must use up two or three. Returns how many, 0: the
 * escape is not valid.
 */
static size_t octal_escape(const char *at, const char *end)
{
    const char *limit = end - at > 3 ? at + 3 : end, *start = at;

    while (at < limit && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    if (at < limit && (*at == '+' || *at == '-'))
        at++;
    const char *digits = at;
    while (at < limit && is_digit(*at))
        at++;
    return at > digits && at - start > 1 ? (size_t)(at - start) : 0;
}

/* Reads what follows a backslash. Returns a character, ESCAPE_NOTHING or ESCAPE_BAD. */
static int read_escape(const char **at, const char *end)
{
    static const char letters[] = "abfnrtv\\\"'", characters[] = "\a\b\f\n\r\t\v\\\"'";
    char c = *(*at)++;

    for (u32 i = 0; letters[i]; i++)
        if (c == letters[i])
            return characters[i];
    if (c >= '0' && c <= '7') {
        size_t used = octal_escape(*at, end);
        *at += used;
        return used ? ESCAPE_NOTHING : ESCAPE_BAD;
    }
    return ESCAPE_BAD; /* libxlutil 4.17 takes no hexadecimal escape */
}

/* --- tokens -------------------------------------------------------------------------------------------- */

/* The text at the cursor is no token. As the last byte of the text it is ignored, as by libxlutil. */
static enum token no_token(struct xl_cursor *c, struct xl_message *error, const char *why)
{
    if (c->end - c->at == 1) {
        c->ignored_line = c->line;
        c->at = c->end;
        return TOKEN_END;
    }
    (void)fail(error, c->line, why);
    return TOKEN_BAD;
}

static enum token string_token(struct xl_cursor *c, struct xl_message *error)
{
    const char *end = c->at + 1, quote = *c->at;

    while (end < c->end && *end != quote && *end != '\n')
        end += *end == '\\' && c->end - end > 1 && end[1] != '\n' ? 2 : 1;
    if (end == c->end || *end != quote)
        return no_token(c, error, "a string is not closed on its line");
    for (const char *at = c->at + 1; at < end;) {
        char byte = *at++;
        int escape = byte == '\\' ? read_escape(&at, end) : 0;
        if (escape == ESCAPE_NOTHING)
            c->escape_line = c->line;
        if (escape == ESCAPE_BAD || byte == 0) {
            (void)fail(error, c->line,
                       byte ? "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)"
                            : "a string has a NUL byte");
            return TOKEN_BAD;
        }
    }
    c->at = end + 1;
    return TOKEN_TEXT;
}

static enum token comment_token(struct xl_cursor *c, struct xl_message *error)
{
    const char *at = c->at;

    while (at < c->end && *at != '\n')
        at++;
    if (at == c->end)
        return no_token(c, error, "a comment in the last line needs a newline after it");
    c->at = at + 1;
    c->line++;
    return TOKEN_NEWLINE;
}

static enum token odd_token(struct xl_cursor *c, struct xl_message *error)
{
    char byte = *c->at;

    if (byte == '\r')
        return no_token(c, error, "a carriage return: lines must end with a newline alone, as for xl");
    if (byte == '-')
        return no_token(c, error, "'-' is neither in a key nor in a number without quotes");
    if (byte >= 'A' && byte <= 'Z')
        return no_token(c, error, "an upper-case letter: keys and numbers without quotes have none");
    return no_token(c, error, "a character that is only valid in quotes or in a comment");
}

/* Moves the cursor to the end of the next token. */
static enum token next_token(struct xl_cursor *c, struct xl_message *error)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
    if (c->at == c->end)
        return TOKEN_END;
    char first = *c->at;
    if (is_lower(first)) {
        while (c->at < c->end && (is_lower(*c->at) || is_digit(*c->at) || *c->at == '_' || *c->at == '.'))
            c->at++;
        return TOKEN_NAME;
    }
    if (is_digit(first)) {
        while (c->at < c->end && (is_digit(*c->at) || (*c->at >= 'a' && *c->at <= 'f') || *c->at == 'x'))
            c->at++;
        return TOKEN_TEXT;
    }
    if (first == '"' || first == '\'')
        return string_token(c, error);
    if (first == '#')
        return comment_token(c, error);
    if (first == '+' && c->end - c->at > 1 && c->at[1] == '=') {
        c->at += 2;
        return TOKEN_ADD;
    }
    static const char bytes[] = "\n;=[],";
    static const enum token tokens[] = {TOKEN_NEWLINE, TOKEN_SEMICOLON, TOKEN_ASSIGN,
                                        TOKEN_OPEN,    TOKEN_CLOSE,     TOKEN_COMMA};
    for (u32 i = 0; bytes[i]; i++) {
        if (first == bytes[i]) {
            c->at++;
            c->line += first == '\n';
            return tokens[i];
        }
    }
    return odd_token(c, error);
}

/* --- assignments --------------------------------------------------------------------------------------- */

/* Reads a list from behind its '[' up to and with its ']'. */
static int skip_list(struct xl_cursor *c, struct xl_message *error)
{
    bool value_may_follow = true;

    for (u64 depth = 1; depth;) {
        enum token token = next_token(c, error);
        bool is_value = token == TOKEN_TEXT || token == TOKEN_OPEN;
        if (token == TOKEN_BAD)
            return -EINVAL;
        if (token == TOKEN_NEWLINE)
            continue;
        if (token == TOKEN_END)
            return fail(error, c->line, "a list is not closed");
        if (is_value && !value_may_follow)
            return fail(error, c->line, "items of a list need a ',' between them");
        if (token == TOKEN_COMMA && value_may_follow)
            return fail(error, c->line, "a ',' without an item before it");
        if (!is_value && token != TOKEN_COMMA && token != TOKEN_CLOSE)
            return fail(error, c->line, "a list has numbers, strings and lists (strings need quotes)");
        if (token == TOKEN_OPEN)
            depth++;
        else if (token == TOKEN_CLOSE)
            depth--;
        value_may_follow = token == TOKEN_OPEN || token == TOKEN_COMMA;
    }
    return 0;
}

/* Reads the text of a token, and of a list what is in it, to out. token: the one that ends at the cursor. */
static int read_value(struct xl_cursor *c, enum token token, const char *start, struct xl_value *out,
                      struct xl_message *error)
{
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_TEXT && token != TOKEN_OPEN)
        return fail(error, out->line, "a value is missing, or a string without quotes");
    out->is_list = token == TOKEN_OPEN;
    int rc = out->is_list ? skip_list(c, error) : 0;
    out->text = start;
    out->end = c->at;
    return rc;
}

static const char *skip_blanks(struct xl_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
    return c->at;
}

/* Returns 1: *out is the next assignment; 0: there is none; -EINVAL. */
static int next_assignment(struct xl_cursor *c, struct xl_value *out, struct xl_message *error)
{
    enum token token;

    *out = (struct xl_value){0};
    do {
        out->name = skip_blanks(c);
        out->line = c->line;
        token = next_token(c, error);
    } while (token == TOKEN_NEWLINE || token == TOKEN_SEMICOLON);
    if (token == TOKEN_END)
        return 0;
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_NAME)
        return fail(error, out->line, "a line does not start with a key");
    out->name_len = (size_t)(c->at - out->name);
    token = next_token(c, error);
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_ASSIGN && token != TOKEN_ADD)
        return fail(error, out->line, "a key is not followed by '=' or '+='");
    out->is_added = token == TOKEN_ADD;
    const char *start = skip_blanks(c);
    token = next_token(c, error);
    int rc = read_value(c, token, start, out, error);
    if (rc)
        return rc;
    u32 line = c->line;
    token = next_token(c, error);
    if (token == TOKEN_BAD)
        return -EINVAL;
    if (token != TOKEN_END && token != TOKEN_NEWLINE && token != TOKEN_SEMICOLON)
        return fail(error, line, "something follows a value");
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
            rc = fail(error, v.line, "+= adds a list to a string, or a string to a list");
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
            c = read_escape(&r->at, r->end);
    } while (c == ESCAPE_NOTHING);
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
        const char *start = skip_blanks(&items->at);
        u32 line = items->at.line;
        enum token token = next_token(&items->at, &ignored);
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
