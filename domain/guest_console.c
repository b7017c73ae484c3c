/*
 * What guests write to port 0xE9, a line at a time: "(d1) text". A guest's bytes are foreign: control
 * characters are dropped, so that it cannot forge other lines or steer a terminal.
 *
 * The line being collected is touched by whichever vCPU of the domain writes; two at once may mix
 * their letters, never more.
 */
#include <domain/internal.h>
#include <lib/log.h>

void guest_console_flush(struct domain *d)
{
    u32 len = d->line_len < sizeof(d->line) ? d->line_len : (u32)sizeof(d->line) - 1;

    if (!len)
        return;
    d->line[len] = '\0';
    d->line_len = 0;
    log_info("(d%u) %s\n", d->id, d->line);
}

void guest_console_write(struct domain *d, u8 byte)
{
    if (byte == '\n') {
        if (!d->line_len)
            log_info("(d%u)\n", d->id);
        guest_console_flush(d);
        return;
    }
    /* 0x80-0x9f too: control characters of 8-bit terminals, 0x9b is their ESC [. */
    if ((byte < ' ' && byte != '\t') || (byte >= 0x7f && byte <= 0x9f))
        return;
    u32 at = d->line_len;
    if (at < sizeof(d->line) - 1) {
        d->line[at] = (char)byte;
        d->line_len = at + 1;
    }
    if (d->line_len >= sizeof(d->line) - 1)
        guest_console_flush(d);
}
