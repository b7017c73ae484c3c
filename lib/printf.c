/*
 * vsnprintf for consoles, with what Homestead and its guests print. One pass over the format, no allocation, never
 * writes beyond size.
 */
#include <lib/printf.h>

#include <lib/string.h>

struct out {
    char *buf;
    size_t size;
    size_t len; /* of the whole text, whether it fitted or not */
};

struct spec {
    bool left, zero, plus, alt;
    int width;
    int precision; /* of a string; -1: none */
    bool is_64;    /* the integer argument */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_run(struct out *o, char c, int count)
{
    while (count-- > 0)
        put(o, c);
}

static void put_text(struct out *o, const struct spec *spec, const char *text, size_t len)
{
    int fill = spec->width - (int)len;

    if (!spec->left)
        put_run(o, ' ', fill);
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    if (spec->left)
        put_run(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *spec, u64 value, u32 base, char sign)
{
    char digits[24];
    int nr = 0;
    char prefix[3];
    int nr_prefix = 0;

    for (u64 rest = value; rest || nr == 0; rest /= base)
        digits[nr++] = "0123456789abcdef"[rest % base];
    if (sign)
        prefix[nr_prefix++] = sign;
    if (spec->alt && base == 16 && value) {
        prefix[nr_prefix++] = '0';
        prefix[nr_prefix++] = 'x';
    }
    int fill = spec->width - nr - nr_prefix;
    if (!spec->left && !spec->zero)
        put_run(o, ' ', fill);
    for (int i = 0; i < nr_prefix; i++)
        put(o, prefix[i]);
    if (!spec->left && spec->zero)
        put_run(o, '0', fill);
    while (nr)
        put(o, digits[--nr]);
    if (spec->left)
        put_run(o, ' ', fill);
}

/* A number or '*' of the format. */
static const char *parse_count(const char *fmt, va_list *args, int *out)
{
    int value = 0;

    if (*fmt == '*') {
        *out = va_arg(*args, int);
        return fmt + 1;
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++)
        if (value < 100000)
            value = value * 10 + (*fmt - '0');
    *out = value;
    return fmt;
}

static const char *parse_spec(const char *fmt, va_list *args, struct spec *spec)
{
    *spec = (struct spec){.precision = -1};
    for (;; fmt++) {
        if (*fmt == '-')
            spec->left = true;
        else if (*fmt == '0')
            spec->zero = true;
        else if (*fmt == '+')
            spec->plus = true;
        else if (*fmt == '#')
            spec->alt = true;
        else
            break;
    }
    fmt = parse_count(fmt, args, &spec->width);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*fmt == '.')
        fmt = parse_count(fmt + 1, args, &spec->precision);
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        spec->is_64 = true;
    return fmt;
}

static void put_conversion(struct out *o, char conversion, struct spec *spec, va_list *args)
{
    switch (conversion) {
    case 'd': {
        s64 value = spec->is_64 ? va_arg(*args, s64) : va_arg(*args, int);
        put_number(o, spec, value < 0 ? 0 - (u64)value : (u64)value, 10,
                   value < 0    ? '-'
                   : spec->plus ? '+'
                                : '\0');
        break;
    }
    case 'u':
    case 'x': {
        u64 value = spec->is_64 ? va_arg(*args, u64) : va_arg(*args, unsigned);
        put_number(o, spec, value, conversion == 'u' ? 10 : 16, '\0');
        break;
    }
    case 's': {
        const char *text = va_arg(*args, const char *);
        text = text ? text : "(null)";
        put_text(o, spec, text, spec->precision >= 0 ? strnlen(text, (size_t)spec->precision) : strlen(text));
        break;
    }
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_text(o, spec, &c, 1);
        break;
    }
    case '%':
        put(o, '%');
        break;
    default: /* printed as it is in the format */
        put(o, '%');
        put(o, conversion);
    }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {buf, size, 0};
    va_list copy; /* a va_list parameter decays: take a copy whose address can be passed on */

    va_copy(copy, args);
    for (; *fmt; fmt++) {
        struct spec spec;
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt = parse_spec(fmt + 1, &copy, &spec);
        if (!*fmt)
            break;
        put_conversion(&o, *fmt, &spec, &copy);
    }
    va_end(copy);
    if (size)
        buf[MIN(o.len, size - 1)] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return len;
}
