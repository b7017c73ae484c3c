/*
 * The serial console: one or two 16550s, transmit polled on LSR.THRE. Output is for people and for tests;
 * printk() (lib/log.h) is built on it.
 */
#ifndef CPU_CONSOLE_H
#define CPU_CONSOLE_H

#include <homestead/types.h>
#include <lib/log.h>

#define CONSOLE_LCR_8N1 0x03u

/* Adds a serial line, of at most two. divisor: of its base rate; 0 keeps the rate that the firmware set. lcr: the line
 * control register. False: nothing answers at the port, and nothing is added. */
bool console_add(u16 port, u16 divisor, u8 lcr);
void console_set_level(enum log_level level);
/* Raw bytes, as they come (\n becomes \r\n), and into the ring (console_ring.h). Whole calls do not interleave. */
void console_write(const char *text, size_t len);
/*
 * Writes as many of the bytes as all lines take at once, as they are, and returns how many; it never waits. 0 if another
 * CPU prints. A later message of another kind ends a line that this has left open.
 */
size_t console_try(const char *text, size_t len);
/* Has a message ended such a line since the last call? */
bool console_line_broken(void);
/* Is a message of this level printed? */
bool console_shows(enum log_level level);
/* Panic only: takes the console from a holder that will not release it any more. */
void console_break_lock(void);
/* Debug builds, for a test: takes the console and keeps it. Others print after they have waited for a sign of life. */
void console_hold(void);
/* One byte received on any line, or -1. */
int console_read(void);

#endif
