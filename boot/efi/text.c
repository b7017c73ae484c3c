/* See text.h. */
#include "text.h"

#include <homestead/errno.h>

#define MEDIA_DEVICE_PATH 4u
#define MEDIA_FILE_PATH   4u
#define NODE_HEAD         4u  /* type u8, subtype u8, length u16 */
#define NODES_MAX         16u /* firmware's paths have one or two */

u32 text_from_unit(u32 unit, char out[TEXT_UNIT_MAX])
{
    if (unit < 0x80) {
        out[0] = (char)unit;
        return 1;
    }
    if (unit < 0x800) {
        out[0] = (char)(0xc0 | unit >> 6);
        out[1] = (char)(0x80 | (unit & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | unit >> 12);
    out[1] = (char)(0x80 | (unit >> 6 & 0x3f));
    out[2] = (char)(0x80 | (unit & 0x3f));
    return 3;
}

/* Decodes one character of a terminated string. Returns its bytes. */
static u32 decode(const u8 *s, u32 *c)
{
    static const u32 least[] = {0, 0, 0x80, 0x800, 0x10000};
    u32 nr = s[0] >= 0xf0 && s[0] < 0xf8   ? 4
             : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
             : s[0] >= 0xc0 && s[0] < 0xe0 ? 2
                                           : 1;
    u32 value = nr == 1 ? s[0] : s[0] & (0x7fu >> nr);

    for (u32 i = 1; i < nr; i++) { /* the terminator is no continuation */
        if ((s[i] & 0xc0) != 0x80)
            nr = 1;
        value = value << 6 | (s[i] & 0x3f);
    }
    if (nr == 1 || value < least[nr] || value > 0x10ffff) {
        *c = s[0];
        return 1;
    }
    *c = value;
    return nr;
}

void text_to_units(u16 *out, size_t nr, const char *text)
{
    const u8 *s = (const u8 *)text;
    size_t used = 0;

    while (*s && used + 1 < nr) {
        u32 c;

        s += decode(s, &c);
        if (c < 0x10000) {
            out[used++] = (u16)c;
        } else if (used + 2 < nr) {
            out[used++] = (u16)(0xd800 + ((c - 0x10000) >> 10));
            out[used++] = (u16)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            break;
        }
    }
    out[used] = 0;
}

static u32 read16(const u8 *at)
{
    return at[0] | (u32)at[1] << 8;
}

int text_of_path(const void *device_path, char *out, size_t size)
{
    const u8 *node = device_path;
    size_t used = 0;

    for (u32 nodes = 0; node && node[0] == MEDIA_DEVICE_PATH && node[1] == MEDIA_FILE_PATH; nodes++) {
        u32 len = read16(node + 2);

        if (len < NODE_HEAD || nodes == NODES_MAX)
            return -EINVAL;
        for (u32 i = NODE_HEAD, first = used != 0; i + 1 < len; i += 2, first = 0) {
            u32 unit = read16(node + i);

            if (!unit)
                break;
            if (used + 1 + TEXT_UNIT_MAX >= size)
                return -E2BIG;
            if (first && unit != '\\' && out[used - 1] != '\\')
                out[used++] = '\\';
            if (unit != '\\' || !used || out[used - 1] != '\\')
                used += text_from_unit(unit, out + used);
        }
        node += len;
    }
    if (!used)
        return -EINVAL;
    out[used] = '\0';
    return 0;
}
