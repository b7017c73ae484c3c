/*
 * printf of our guests. Dom0 writes with console_io; others byte by byte to port 0xE9, which Xen collects
 * into "(d1) line".
 *
 * Lock: `output` is held while text is written, so that lines of several vCPUs do not mix. In dom0 each
 * vCPU's text is collected until the line ends: a line may take several calls of printf().
 */
#include <guest/lib/internal.h>
#include <guest/lib/lock.h>
#include <guest/lib/smp.h>
#include <lib/open_line.h>
#include <lib/printf.h>
#include <lib/string.h>

#define DEBUG_PORT 0xe9
#define LINE_BYTES 1024u

static struct guest_lock output;
static struct open_line raw_line; /* output: that console_raw() has begun */
static bool raw_broken;           /* output: a line of printf() has come behind it */
static struct {
    u32 used;
    char text[LINE_BYTES];
} lines[SMP_MAX]; /* each its vCPU's own */

/* output held. */
static void put_locked(const char *text, size_t len)
{
    if (guest_env.is_dom0)
        hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, len, (u64)(uintptr_t)text, 0, 0);
    for (size_t i = 0; i < len && !guest_env.is_dom0; i++)
        __asm__ volatile("outb %0, %1" ::"a"(text[i]), "Nd"((u16)DEBUG_PORT));
}

static void put(const char *text, size_t len)
{
    guest_lock(&output);
    if (raw_line.used && !raw_broken)
        put_locked("\n", 1);
    raw_broken = true;
    put_locked(text, len);
    guest_unlock(&output);
}

void console_raw(const char *text, size_t len)
{
    guest_lock(&output);
    if (len && raw_broken)
        put_locked(raw_line.text, raw_line.used);
    raw_broken = raw_broken && !len;
    put_locked(text, len);
    open_line_feed(&raw_line, text, len);
    guest_unlock(&output);
}

size_t console_raw_ends(char *text)
{
    guest_lock(&output);
    size_t used = raw_line.used;
    if (used && !raw_broken)
        put_locked("\n", 1);
    memcpy(text, raw_line.text, used);
    raw_line.used = 0;
    guest_unlock(&output);
    return used;
}

void console_flush(void)
{
    u32 self = smp_id(), used = lines[self].used;

    lines[self].used = 0;
    if (used)
        put(lines[self].text, used);
}

int printf(const char *fmt, ...)
{
    u32 self = smp_id(), room = LINE_BYTES - lines[self].used;
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(lines[self].text + lines[self].used, room, fmt, args);
    va_end(args);
    if (len >= (int)room && room < LINE_BYTES) { /* behind what has begun there is no room for it */
        console_flush();
        room = LINE_BYTES;
        va_start(args, fmt);
        len = vsnprintf(lines[self].text, room, fmt, args);
        va_end(args);
    }
    if (len <= 0)
        return len;
    lines[self].used += MIN((u32)len, room - 1);
    if (!guest_env.is_dom0 || lines[self].text[lines[self].used - 1] == '\n' || len >= (int)room)
        console_flush();
    return len;
}
