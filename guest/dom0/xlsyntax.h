/*
 * The syntax of xl.cfg files, as libxlutil 4.17 reads it: assignments `key = value` and `key += value` with a newline
 * or ';' after each, '#' comments; a value is a number, a "string", a 'string' or a [list], which may hold lists and
 * extend over lines. A number is a text of digits: what it means is decided when it is read as a number. Differences
 * from libxlutil: guest/README.md. `make strangers-xlcfg` compares both.
 *
 * Plain C for untrusted bytes. Nothing is copied or recorded: a value is a place in the text, which must not change. To find
 * a key takes a walk through the text.
 */
#ifndef GUEST_DOM0_XLSYNTAX_H
#define GUEST_DOM0_XLSYNTAX_H

#include <homestead/types.h>

/* What is wrong, or worth knowing, for people. */
struct xl_message {
    u32 line; /* from 1 */
    char text[180];
};

/* A place in a text, before a token. */
struct xl_cursor {
    const char *at, *end;
    u32 line;         /* from 1 */
    u32 escape_line;  /* the last line with an octal escape up to here, which stands for nothing; 0: none */
    u32 ignored_line; /* the line of a last byte that is no token and is ignored; 0: there is none */
};

/* The value of an assignment, or an item of a list. */
struct xl_value {
    const char *name; /* of the assignment, name_len bytes; NULL: an item */
    size_t name_len;
    u32 line;                /* of the name, or of the item */
    bool is_list;            /* else a number or a string */
    bool is_added;           /* the last assignment to the name was += */
    const char *text, *end;  /* the first part of the value; further parts are in the += that follow */
    struct xl_cursor behind; /* where these begin */
};

/* Items of a list that have not been read yet. */
struct xl_items {
    struct xl_value part;
    struct xl_cursor at;
};

struct xl_cursor xl_start(const char *text, size_t len);

/*
 * Checks a whole text. Returns 0, with *text at its end, or -EINVAL with *error set and *text at the beginning of the
 * assignment that is wrong. What is before it can be read by the functions below.
 */
int xl_check(struct xl_cursor *text, struct xl_message *error);

/* The functions below take a text for which xl_check() has returned 0, or the part before its error. */

/* Reads the next assignment by itself, without the += that follow. False: there is none. */
bool xl_next(struct xl_cursor *text, struct xl_value *out);
/* The value that a name has at the end of the text. False: none. */
bool xl_find(struct xl_cursor text, const char *name, size_t name_len, struct xl_value *out);

/* Writes a number or string with its NUL. Returns its length, which is >= size if out is too small for it, or -EINVAL
 * for a list. */
s64 xl_string(const struct xl_value *value, char *out, size_t size);
/* Reads a number, or a string that holds one: decimal, octal after 0, hexadecimal after 0x. 0, -EINVAL: not a number,
 * or added to by +=; -ERANGE: it does not fit. */
int xl_number(const struct xl_value *value, s64 *out);

/* The items of a list, those added by += included. */
struct xl_items xl_items(const struct xl_value *list);
bool xl_next_item(struct xl_items *items, struct xl_value *out);

#endif
