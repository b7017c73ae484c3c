/*
 * 16550 driver and printk(). Output is polled: the transmitter's LSR.THRE is waited for before every
 * byte (emulators and real UARTs drop bytes otherwise), but never for ever.
 */
#include <arch/x86/cpu/console.h>

#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/percpu.h>
#include <lib/printf.h>
#include <lib/spinlock.h>
#include <lib/string.h>

enum uart_register { UART_DATA = 0, UART_IER = 1, UART_FCR = 2, UART_LCR = 3, UART_MCR = 4, UART_LSR = 5 };
#define LCR_8N1          0x03u
#define LCR_DLAB         0x80u
#define FCR_ENABLE_CLEAR 0x07u
#define MCR_DTR_RTS      0x03u
#define LSR_DATA_READY   0x01u
#define LSR_THRE         0x20u
#define UART_CLOCK_HZ    115200u /* base rate: divisor 1 */
#define NMI_TRIES        1000000u
#define TX_SPINS         200000u /* a dead line costs this long per byte, then counts as gone */

static u16 uart_port;  /* [I] 0: none */
static bool uart_dead; /* the line did not take a byte in TX_SPINS; not waited for again */
static enum log_level log_limit = LOG_INFO; /* [I] */
static spinlock_t console_lock = SPINLOCK_INIT(LOCK_CONSOLE);

void console_init(u16 port, u32 baud)
{
    uart_port = port;
    uart_dead = false;
    if (!port)
        return;
    outb((u16)(port + UART_IER), 0);
    if (baud) {
        u32 divisor = MAX(UART_CLOCK_HZ / baud, 1u);
        outb((u16)(port + UART_LCR), LCR_8N1 | LCR_DLAB);
        outb((u16)(port + UART_DATA), (u8)divisor);
        outb((u16)(port + UART_IER), (u8)(divisor >> 8));
    }
    outb((u16)(port + UART_LCR), LCR_8N1);
    outb((u16)(port + UART_FCR), FCR_ENABLE_CLEAR);
    outb((u16)(port + UART_MCR), MCR_DTR_RTS);
}

void console_set_level(enum log_level level)
{
    log_limit = level;
}

static void uart_put(u8 byte)
{
    u32 spins = 0;

    if (!uart_port)
        return;
    while (!(inb((u16)(uart_port + UART_LSR)) & LSR_THRE)) {
        if (uart_dead || ++spins > TX_SPINS) {
            uart_dead = true;
            return;
        }
    }
    uart_dead = false;
    outb((u16)(uart_port + UART_DATA), byte);
}

/* In an NMI the lock may be this CPU's own: after a while the text goes out anyway, into the other one. */
static bool take_lock(void)
{
    if (!this_cpu()->in_nmi) {
        spin_lock(&console_lock);
        return true;
    }
    for (u32 tries = 0; tries < NMI_TRIES; tries++) {
        if (spin_trylock(&console_lock))
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

void console_write(const char *text, size_t len)
{
    bool locked = take_lock();

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            uart_put('\r');
        uart_put((u8)text[i]);
    }
    if (locked)
        spin_unlock(&console_lock);
}

void console_break_lock(void)
{
    spin_lock_init(&console_lock, LOCK_CONSOLE);
}

int console_read(void)
{
    if (!uart_port || !(inb((u16)(uart_port + UART_LSR)) & LSR_DATA_READY))
        return -1;
    return inb((u16)(uart_port + UART_DATA));
}

void printk(enum log_level level, const char *fmt, ...)
{
    static const char *const prefix[] = {"", "warning: ", "", ""};
    char line[512];
    va_list args;

    if (level > log_limit)
        return;
    int start = snprintf(line, sizeof(line), "%s", prefix[level]);
    va_start(args, fmt);
    vsnprintf(line + start, sizeof(line) - (size_t)start, fmt, args);
    va_end(args);
    console_write(line, strlen(line));
}
