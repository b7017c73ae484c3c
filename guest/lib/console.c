/* printf of our guests. Dom0 writes with console_io; others byte by byte to port 0xE9, which Xen
 * collects into "(d1) line". */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <lib/printf.h>

#define DEBUG_PORT 0xe9

static void put(const char *text, size_t len)
{
    if (guest_env.is_dom0) {
        hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, len, (u64)(uintptr_t)text, 0, 0);
        return;
    }
    for (size_t i = 0; i < len; i++)
        __asm__ volatile("outb %0, %1" ::"a"(text[i]), "Nd"((u16)DEBUG_PORT));
}

int printf(const char *fmt, ...)
{
    static char line[1024];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (len > 0)
        put(line, MIN((size_t)len, sizeof(line) - 1));
    return len;
}
