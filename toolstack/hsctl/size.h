/* Amounts of memory, in pages of 4 KiB, as people write and read them. */
#ifndef HSCTL_SIZE_H
#define HSCTL_SIZE_H

#include <stdint.h>

#define PAGES_MAX \
    (1ULL << 40)     /* 4 PiB: no host has more, and sums over all domains and nodes fit in 64 bits */
#define SIZE_TEXT 32 /* room that size_text() needs */

enum size_error { SIZE_OK, SIZE_NO_NUMBER, SIZE_NO_UNIT, SIZE_BAD_UNIT, SIZE_TOO_LARGE };

/* "512M", "1.5G", "2097152K", "1T", "300p", "300pages", "0"; KiB, MiB and so on too, in any case. What is not a whole
 * number of pages is rounded up. *pages is set on SIZE_OK only. */
enum size_error size_parse(const char *text, uint64_t *pages);

/* What is wrong with the text, to follow "TEXT: ". */
const char *size_error_text(enum size_error error);

/* "2.0 GiB", "800 MiB", "64 KiB", "0": rounded to one decimal at most. Returns buf. */
const char *size_text(uint64_t pages, char buf[SIZE_TEXT]);

/* As size_text(); if that is the same for both although they differ, their numbers of pages too. */
void size_text_pair(uint64_t a, uint64_t b, char a_text[SIZE_TEXT], char b_text[SIZE_TEXT]);

#endif
