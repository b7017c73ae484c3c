/* The tokens of an xl.cfg file, for xlsyntax.c only. */
#ifndef GUEST_DOM0_XLTOKEN_H
#define GUEST_DOM0_XLTOKEN_H

#include <guest/dom0/xlsyntax.h>

enum xl_token {
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

/* Moves the cursor to the end of the next token. */
enum xl_token xl_token(struct xl_cursor *c, struct xl_message *error);
/* Moves it to the next byte that is neither a space nor a tab, and returns that. */
const char *xl_skip_blanks(struct xl_cursor *c);

#define XL_ESCAPE_NOTHING (-1) /* valid, but stands for no character */
#define XL_ESCAPE_BAD     (-2)
/* Reads what follows a backslash in a string. Returns a character or XL_ESCAPE_*. */
int xl_escape(const char **at, const char *end);

/* Writes a message; returns -EINVAL. */
int xl_fail(struct xl_message *error, u32 line, const char *text);

#endif
