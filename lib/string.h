/* Freestanding memory and string functions. Same contracts as C's, unless said otherwise. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <homestead/types.h>

void *memcpy(void *dst, const void *src, size_t len_bytes);
/* memcpy() without the call. Host tests call it, so that it is checked. */
static inline void memcpy_inline(void *dst, const void *src, size_t len_bytes)
{
#ifdef HOMESTEAD
    size_t words = len_bytes / 8, rest = len_bytes % 8;
    __asm__ volatile("rep movsq\n\tmov %3, %%rcx\n\trep movsb"
                     : "+D"(dst), "+S"(src), "+c"(words)
                     : "r"(rest)
                     : "memory");
#else
    memcpy(dst, src, len_bytes);
#endif
}
void *memmove(void *dst, const void *src, size_t len_bytes);
void *memset(void *dst, int byte, size_t len_bytes);
int memcmp(const void *a, const void *b, size_t len_bytes);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);

#endif
