/*
 * Formatted output into a buffer. Conversions: %d %i %u %x %X %p %s %c %% with flags - 0 + space,
 * width, precision (numbers or *), lengths hh h l ll z. No floating point. %p prints 0x and 16 digits.
 */
#ifndef LIB_PRINTF_H
#define LIB_PRINTF_H

#include <homestead/types.h>
#include <stdarg.h>

/* As C's: always terminated if size > 0, returns the length the whole text would have. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) PRINTF(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);

#endif
