/* Reads the tokens of an xl.cfg file, see xltoken.h. */
#include <guest/dom0/xltoken.h>
#include <homestead/errno.h>
#include <lib/printf.h>

int xl_fail(struct xl_message *error, u32 line, const char *text)
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

int xl_escape(const char **at, const char *end)
{
    static const char letters[] = "abfnrtv\\\"'", characters[] = "\a\b\f\n\r\t\v\\\"'";
    char c = *(*at)++;

    for (u32 i = 0; letters[i]; i++)
        if (c == letters[i])
            return characters[i];
    if (c >= '0' && c <= '7') {
        size_t used = octal_escape(*at, end);
        *at += used;
        return used ? XL_ESCAPE_NOTHING : XL_ESCAPE_BAD;
    }
    return XL_ESCAPE_BAD; /* libxlutil 4.17 takes no hexadecimal escape */
}

/* --- tokens -------------------------------------------------------------------------------------------- */

/* The text at the cursor is no token. As the last byte of the text it is ignored, as by libxlutil. */
static enum xl_token no_token(struct xl_cursor *c, struct xl_message *error, const char *why)
{
    if (c->end - c->at == 1) {
        c->ignored_line = c->line;
        c->at = c->end;
        return TOKEN_END;
    }
    (void)xl_fail(error, c->line, why);
    return TOKEN_BAD;
}

static enum xl_token string_token(struct xl_cursor *c, struct xl_message *error)
{
    const char *end = c->at + 1, quote = *c->at;

    while (end < c->end && *end != quote && *end != '\n')
        end += *end == '\\' && c->end - end > 1 && end[1] != '\n' ? 2 : 1;
    if (end == c->end || *end != quote)
        return no_token(c, error, "a string is not closed on its line");
    for (const char *at = c->at + 1; at < end;) {
        char byte = *at++;
        int escape = byte == '\\' ? xl_escape(&at, end) : 0;
        if (escape == XL_ESCAPE_NOTHING)
            c->escape_line = c->line;
        if (escape == XL_ESCAPE_BAD || byte == 0) {
            (void)xl_fail(error, c->line,
                          byte ? "a string has an escape that xl does not have (a b f n r t v \\ \" ' are)"
                               : "a string has a NUL byte");
            return TOKEN_BAD;
        }
    }
    c->at = end + 1;
    return TOKEN_TEXT;
}

static enum xl_token comment_token(struct xl_cursor *c, struct xl_message *error)
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

static enum xl_token odd_token(struct xl_cursor *c, struct xl_message *error)
{
    char byte = *c->at;

    if (byte == '\r')
        return no_token(c, error, "a carriage return: lines must end with a newline alone, as for xl");
    if (byte == '-')
        return no_token(c, error, "'-' is neither in a key nor in a number without quotes");
    if ((u8)byte >= 0x80)
        return no_token(
            c, error,
            "a byte that is not ASCII outside of quotes, as of a typographic quote or a byte order mark");
    if (byte >= 'A' && byte <= 'Z')
        return no_token(c, error, "an upper-case letter: keys and numbers without quotes have none");
    return no_token(c, error, "a character that is only valid in quotes or in a comment");
}

const char *xl_skip_blanks(struct xl_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
    return c->at;
}

enum xl_token xl_token(struct xl_cursor *c, struct xl_message *error)
{
    if (xl_skip_blanks(c) == c->end)
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
    static const enum xl_token tokens[] = {TOKEN_NEWLINE, TOKEN_SEMICOLON, TOKEN_ASSIGN,
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
