#include <lib/parse.h>

#include <homestead/errno.h>

size_t str_copy(char *dst, const char *src, size_t size)
{
    size_t len = 0;

    for (; src[len]; len++)
        if (len + 1 < size)
            dst[len] = src[len];
    if (size)
        dst[MIN(len, size - 1)] = '\0';
    return len;
}

bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* Power of two of a size suffix, -1 if c is none. */
static int suffix_shift(char c)
{
    static const char suffixes[] = "BKMGT";

    for (int i = 0; suffixes[i]; i++)
        if ((c & ~('a' ^ 'A')) == suffixes[i])
            return 10 * i;
    return -1;
}

int parse_u64(const char *s, const char **end, bool allow_suffix, u64 *out)
{
    int base = 10;
    u64 value = 0;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    } else if (s[0] == '0') {
        base = 8;
    }
    if (digit_value(*s) >= base)
        return -EINVAL;
    for (; digit_value(*s) < base; s++)
        if (__builtin_mul_overflow(value, (u64)base, &value) ||
            __builtin_add_overflow(value, (u64)digit_value(*s), &value))
            return -ERANGE;
    if (allow_suffix && suffix_shift(*s) >= 0) {
        int shift = suffix_shift(*s++);
        if (value > (~0ull >> shift))
            return -ERANGE;
        value <<= shift;
    }
    if (end)
        *end = s;
    *out = value;
    return 0;
}

int parse_size(const char *s, u64 *out_bytes)
{
    const char *end;
    u64 value;
    int shift = 10; /* a bare number counts KiB */
    int rc = parse_u64(s, &end, false, &value);

    if (rc)
        return rc;
    if (*end && suffix_shift(*end) >= 0)
        shift = suffix_shift(*end++);
    if (*end)
        return -EINVAL;
    if (value > (~0ull >> shift))
        return -ERANGE;
    *out_bytes = value << shift;
    return 0;
}
