#include <lib/string.h>

/* The string instructions do the bulk: short to call, and fast on every CPU with ERMS. */

void *memcpy(void *dst, const void *src, size_t len_bytes)
{
    void *to = dst;
    size_t words = len_bytes / 8, rest = len_bytes % 8;
    __asm__ volatile("rep movsq\n\tmov %3, %%rcx\n\trep movsb"
                     : "+D"(to), "+S"(src), "+c"(words)
                     : "r"(rest)
                     : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t len_bytes)
{
    u8 *to = dst;
    const u8 *from = src;

    if (to <= from || to >= from + len_bytes)
        return memcpy(dst, src, len_bytes);
    while (len_bytes--)
        to[len_bytes] = from[len_bytes];
    return dst;
}

void *memset(void *dst, int byte, size_t len_bytes)
{
    void *to = dst;
    u64 pattern = 0x0101010101010101ull * (u8)byte;
    size_t words = len_bytes / 8, rest = len_bytes % 8;
    __asm__ volatile("rep stosq\n\tmov %3, %%rcx\n\trep stosb"
                     : "+D"(to), "+c"(words)
                     : "a"(pattern), "r"(rest)
                     : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t len_bytes)
{
    const u8 *x = a, *y = b;

    for (; len_bytes; x++, y++, len_bytes--)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    return strnlen(s, SIZE_MAX);
}

size_t strnlen(const char *s, size_t max)
{
    size_t len = 0;

    while (len < max && s[len])
        len++;
    return len;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (; max && *a && *a == *b; a++, b++)
        max--;
    return max ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}
