/* The loader's formatter: see text.h. */
#include "text.h"

struct sink {
    char *buf;
    size_t size, used;
};

static void put(struct sink *out, char c)
{
    if (out->used + 1 < out->size)
        out->buf[out->used++] = c;
}

static void put_string(struct sink *out, const char *s)
{
    for (s = s ? s : "(none)"; *s; s++)
        put(out, *s);
}

static void put_number(struct sink *out, u64 value, u32 base)
{
    char digits[20]; /* 2^64 has 20 decimal digits */
    u32 n = 0;

    do
        digits[n++] = "0123456789abcdef"[value % base];
    while (value /= base);
    while (n)
        put(out, digits[--n]);
}

void text_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct sink out = {buf, size, 0};

    for (; *fmt; fmt++) {
        bool is_long = false;

        if (*fmt != '%') {
            put(&out, *fmt);
            continue;
        }
        if (*++fmt == 'l') {
            is_long = true;
            fmt++;
        }
        if (*fmt == 's') {
            put_string(&out, va_arg(args, const char *));
        } else if (*fmt == 'u') {
            put_number(&out, is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned int), 10);
        } else if (*fmt == 'x' && is_long) {
            put_string(&out, "0x");
            put_number(&out, va_arg(args, unsigned long), 16);
        } else if (*fmt) {
            put(&out, *fmt);
        } else {
            break;
        }
    }
    if (size)
        buf[out.used] = 0;
}

void text_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    text_vformat(buf, size, fmt, args);
    va_end(args);
}

size_t text_length(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}
