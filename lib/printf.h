/*
 * Formatted output into a buffer. Conversions: %d %u %x %s %c %% with flags - 0 + #, a width (a number or *), a
 * precision (of %s only), lengths l ll z. Others are printed as they are in the format.
 */
#ifndef LIB_PRINTF_H
#define LIB_PRINTF_H

#include <homestead/types.h>
#include <stdarg.h>

/* As C's: always terminated if size > 0, returns the length the whole text would have. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) PRINTF(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);

#endif
