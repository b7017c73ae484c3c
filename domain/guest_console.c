/*
 * What guests write to port 0xE9, a line at a time: "(d1) text". A guest's bytes are not trusted: control
 * characters are dropped, so that it cannot forge other lines or control a terminal.
 *
 * Lock: d->lock for the line being collected, which all vCPUs of the domain share; the (slow) serial line is
 * written from a copy without it.
 */
#include <domain/internal.h>
#include <lib/log.h>
#include <lib/string.h>

/* Lock held. Takes the line; its length. */
static u32 take_line(struct domain *d, char line[sizeof(d->line)])
{
    u32 len = d->line_len;

    memcpy(line, d->line, len);
    line[len] = '\0';
    d->line_len = 0;
    return len;
}

void guest_console_flush(struct domain *d)
{
    char line[sizeof(d->line)];

    spin_lock(&d->lock);
    u32 len = take_line(d, line);
    spin_unlock(&d->lock);
    if (len)
        log_info("(d%u) %s\n", d->id, line);
}

void guest_console_write(struct domain *d, u8 byte)
{
    char line[sizeof(d->line)];
    bool end = byte == '\n';

    /* 0x80-0x9f too: control characters of 8-bit terminals, 0x9b is their ESC [. */
    if (!end && ((byte < ' ' && byte != '\t') || (byte >= 0x7f && byte <= 0x9f)))
        return;
    spin_lock(&d->lock);
    if (!end) {
        d->line[d->line_len++] = (char)byte;
        end = d->line_len == sizeof(d->line) - 1;
    }
    u32 len = end ? take_line(d, line) : 0;
    spin_unlock(&d->lock);
    if (end)
        log_info(len ? "(d%u) %s\n" : "(d%u)\n", d->id, line);
}
