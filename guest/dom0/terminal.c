/* See terminal.h. */
#include <guest/dom0/terminal.h>

#define DOMID_MAX 99999u /* larger numbers are no domain's either */
#define CANCEL    0x1bu  /* the Escape key */

enum terminal_verdict terminal_feed(struct terminal *t, u8 byte, struct terminal_command *command)
{
    if (!t->inside) {
        t->inside = byte == TERMINAL_ESCAPE;
        t->so_far = (struct terminal_command){0};
        return t->inside ? TERMINAL_HELD : TERMINAL_BYTE;
    }
    if (byte >= '0' && byte <= '9') {
        t->so_far.has_domid = true;
        t->so_far.domid = MIN(t->so_far.domid * 10 + (u32)(byte - '0'), DOMID_MAX);
        return TERMINAL_HELD;
    }
    t->inside = false;
    if (byte == CANCEL)
        return TERMINAL_HELD;
    if (byte == TERMINAL_ESCAPE)
        return TERMINAL_BYTE;
    *command = t->so_far;
    command->key = byte == '\r' ? '\n' : (char)byte;
    return TERMINAL_COMMAND;
}

u32 terminal_quote(char *out, size_t size, const char *bytes, u32 len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    u32 done = 0;

    for (; done < len; done++) {
        u8 byte = (u8)bytes[done];
        bool plain = byte >= ' ' && byte <= '~' && byte != '%' && byte != '"';

        if (at + (plain ? 1 : 3) >= size)
            break;
        out[at++] = plain ? (char)byte : '%';
        if (!plain) {
            out[at++] = digits[byte >> 4];
            out[at++] = digits[byte & 15];
        }
    }
    out[at] = '\0';
    return done;
}
