/*
 * 16550 driver and printk(). Output is polled: the transmitter's LSR.THRE is waited for before every
 * byte (emulators and real UARTs drop bytes otherwise), but never for ever.
 *
 * A CPU holds the console for a whole message. One that is stuck holding it must not silence the others, so a CPU
 * that has waited long while no byte went out takes it from the holder. A ticket lock does not record its holder,
 * so it is not one. An NMI on the CPU that holds the console prints into that CPU's message.
 */
#include <arch/x86/cpu/console.h>

#include <homestead/init.h>
#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <lib/printf.h>
#include <lib/spinlock.h>
#include <lib/string.h>

enum uart_register {
    UART_DATA = 0,
    UART_IER = 1,
    UART_FCR = 2,
    UART_IIR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5
};
#define LCR_DLAB         0x80u
#define FCR_ENABLE_CLEAR 0x07u
#define IIR_FIFO         0xc0u /* both bits: the FIFO works */
#define FIFO_BYTES       16u
#define MCR_DTR_RTS      0x03u
#define LSR_DATA_READY   0x01u
#define LSR_THRE         0x20u
#define NO_UART          0xffu   /* all ones */
#define TX_SPINS         200000u /* a dead line costs this long per byte, then counts as gone */
#define HOLD_MS          500u    /* longer than a dead line takes for the byte that shows it */

#define UARTS_MAX 2u

struct uart {
    u16 port;  /* [I] */
    u16 burst; /* [I] bytes it takes at once when THRE is set */
    bool dead; /* the line did not take a byte in TX_SPINS; not waited for again */
};
static struct uart uarts[UARTS_MAX];
static u32 nr_uarts;                        /* [I] */
static enum log_level log_limit = LOG_INFO; /* [I] */
static u32 holder;                          /* [a] id + 1 of the CPU that prints, 0: none */
static u32 nr_written;                      /* [a] bytes so far, wrapping: the holder's sign of life */
static bool line_open;   /* [holder] the last byte was console_try()'s, and did not end a line */
static bool line_broken; /* [a] since then a message has */
static u64 try_since;    /* [holder] TSC when console_try() last wrote something */

INIT bool console_add(u16 port, u16 divisor, u8 lcr)
{
    if (inb((u16)(port + UART_LSR)) == NO_UART || nr_uarts == UARTS_MAX)
        return false;
    outb((u16)(port + UART_IER), 0);
    if (divisor) {
        outb((u16)(port + UART_LCR), lcr | LCR_DLAB);
        outb((u16)(port + UART_DATA), (u8)divisor);
        outb((u16)(port + UART_IER), (u8)(divisor >> 8));
    }
    outb((u16)(port + UART_LCR), lcr);
    outb((u16)(port + UART_FCR), FCR_ENABLE_CLEAR);
    outb((u16)(port + UART_MCR), MCR_DTR_RTS);
    bool fifo = (inb((u16)(port + UART_IIR)) & IIR_FIFO) == IIR_FIFO;
    uarts[nr_uarts++] = (struct uart){.port = port, .burst = fifo ? FIFO_BYTES : 1};
    return true;
}

void console_set_level(enum log_level level)
{
    log_limit = level;
}

static void uart_put(struct uart *u, u8 byte)
{
    u32 spins = 0;

    while (!(inb((u16)(u->port + UART_LSR)) & LSR_THRE)) {
        if (u->dead || ++spins > TX_SPINS) {
            u->dead = true;
            return;
        }
    }
    u->dead = false;
    outb((u16)(u->port + UART_DATA), byte);
}

static void put(u8 byte)
{
    for (u32 i = 0; i < nr_uarts; i++)
        uart_put(&uarts[i], byte);
}

/* True: taken here, to be released. */
static bool hold(void)
{
    u32 self = this_cpu()->id + 1, last = nr_written, other = 0, seen = 0;
    /* Before time_init() there is one CPU, and none to wait for. */
    u64 patience = (u64)tsc_khz * HOLD_MS, since = rdtsc();

    if (__atomic_load_n(&holder, __ATOMIC_RELAXED) == self)
        return false;
    /* An NMI comes in the middle of anything, lock levels too. */
    if (!this_cpu()->in_nmi)
        lock_check_take(LOCK_CONSOLE);
    while (!__atomic_compare_exchange_n(&holder, &other, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        u32 written = __atomic_load_n(&nr_written, __ATOMIC_RELAXED);
        if (written != last || other != seen) {
            last = written;
            seen = other;
            since = rdtsc();
        }
        /* A failed exchange has left the holder in `other`, and the next one takes it from that one only. */
        if (rdtsc() - since <= patience)
            other = 0;
        if (this_cpu()->in_nmi)
            __builtin_ia32_pause();
        else
            cpu_relax();
    }
    return true;
}

static void release(void)
{
    u32 self = this_cpu()->id + 1;

    /* Unless it was taken away. */
    __atomic_compare_exchange_n(&holder, &self, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    if (!this_cpu()->in_nmi)
        lock_check_drop(LOCK_CONSOLE);
}

/* Waits only for a UART that has just died. How many bytes all of them take now. */
static u32 ready_bytes(void)
{
    u32 nr = FIFO_BYTES;
    bool patient = rdtsc() - try_since < (u64)tsc_khz * HOLD_MS;

    for (u32 i = 0; i < nr_uarts; i++) {
        bool ready = inb((u16)(uarts[i].port + UART_LSR)) & LSR_THRE;
        if (!ready && !uarts[i].dead && !patient)
            uarts[i].dead = true;
        else if (ready)
            uarts[i].dead = false;
        if (!uarts[i].dead)
            nr = ready ? MIN(nr, uarts[i].burst) : 0;
    }
    return nr;
}

size_t console_try(const char *text, size_t len)
{
    u32 nobody = 0;
    size_t done = 0;

    if (!__atomic_compare_exchange_n(&holder, &nobody, this_cpu()->id + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return 0;
    lock_check_take(LOCK_CONSOLE);
    for (u32 nr; done < len && (nr = ready_bytes()) != 0;) {
        for (; nr && done < len; nr--, done++)
            for (u32 i = 0; i < nr_uarts; i++)
                if (!uarts[i].dead)
                    outb((u16)(uarts[i].port + UART_DATA), (u8)text[done]);
        try_since = rdtsc();
    }
    if (done) {
        line_open = text[done - 1] != '\n';
        __atomic_store_n(&nr_written, nr_written + (u32)done, __ATOMIC_RELAXED);
    }
    release();
    return done;
}

bool console_line_broken(void)
{
    return __atomic_exchange_n(&line_broken, false, __ATOMIC_RELAXED);
}

bool console_shows(enum log_level level)
{
    return level <= log_limit;
}

void console_write(const char *text, size_t len)
{
    bool taken = hold();

    if (line_open) {
        line_open = false;
        __atomic_store_n(&line_broken, true, __ATOMIC_RELAXED);
        put('\r');
        put('\n');
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            put('\r');
        put((u8)text[i]);
        __atomic_store_n(&nr_written, nr_written + 1, __ATOMIC_RELAXED);
    }
    if (taken)
        release();
    console_ring_put(text, (u32)len, !this_cpu()->in_nmi, false);
}

void console_break_lock(void)
{
    __atomic_store_n(&holder, 0, __ATOMIC_RELEASE);
}

#ifdef DEBUG
void console_hold(void)
{
    hold();
}
#endif

int console_read(void)
{
    for (u32 i = 0; i < nr_uarts; i++) {
        u8 status = inb((u16)(uarts[i].port + UART_LSR));
        if (status != NO_UART && (status & LSR_DATA_READY))
            return inb((u16)(uarts[i].port + UART_DATA));
    }
    return -1;
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
