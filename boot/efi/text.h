/*
 * Sentences for the firmware's console: a formatter small enough to need nothing from anybody.
 * Host-tested through its users; no EFI types.
 */
#ifndef BOOT_EFI_TEXT_H
#define BOOT_EFI_TEXT_H

#include <homestead/types.h>
#include <stdarg.h>

/*
 * Conversions: %s, %u (unsigned int), %lu (u64, decimal), %lx (u64, 0x and hexadecimal digits), %%.
 * Always terminated if size > 0; what does not fit is cut.
 */
void text_format(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
void text_vformat(char *buf, size_t size, const char *fmt, va_list args) PRINTF(3, 0);
/* strlen(), bounded: the number of bytes before the first NUL, at most max. */
size_t text_length(const char *s, size_t max);
bool text_equal(const char *a, const char *b);

#endif
