/* Small text helpers for options and configuration. Plain C, no allocation. */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <homestead/types.h>

/* Copies src, always NUL terminated, cut at size. Returns strlen(src): cut if >= size. */
size_t str_copy(char *dst, const char *src, size_t size);
/* Is c one of space, tab, newline, carriage return? */
bool is_space(char c);
/*
 * Parses an unsigned number as C has it: decimal, 0x hex, octal after a 0; optional K M G T suffix (powers of 1024)
 * when allow_suffix. *end (may be NULL) is set to the first character after it. Returns 0, -EINVAL (no digits) or
 * -ERANGE.
 */
int parse_u64(const char *s, const char **end, bool allow_suffix, u64 *out);
/* Parses a size as Xen's options have it: no suffix means KiB, else B K M G T. Whole string. */
int parse_size(const char *s, u64 *out_bytes);

#endif
