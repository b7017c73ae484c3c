/* libxlutil's side of the comparison, without its headers, whose names clash with ours. One file is open at a time. */
#ifndef TESTS_STRANGERS_XLCFG_XLU_H
#define TESTS_STRANGERS_XLCFG_XLU_H

#include <stdio.h>

enum xlu_result { XLU_READ, XLU_REFUSED, XLU_ABORTED };

/* Reads a text. XLU_ABORTED: by a failed assertion, which would end xl. */
enum xlu_result xlu_open(const char *text, int len);
/* What it has printed about the text, on one line. */
const char *xlu_report(void);
void xlu_close(void);

/* After XLU_READ. Each returns 0 or a negative error, of Xen's values. */
int xlu_string(const char *key, const char **out);
int xlu_number(const char *key, long *out);
/* Its number of items. */
int xlu_list(const char *key, int *nr_items);
/* An item that is a number or string, else NULL. */
const char *xlu_item(const char *key, int index);
/* The number of items of an item that is a list, else -1; and one of them that is a number or string, else NULL. */
int xlu_inner_list(const char *key, int index);
const char *xlu_inner_item(const char *key, int index, int inner);

/* Writes the value as main.c writes ours; nothing if there is none. */
void xlu_write(FILE *out, const char *key);
/* Writes a string in a form that shows every byte. */
void write_string(FILE *out, const char *text);

#endif
