/*
 * The serial console: one 16550, transmit polled on LSR.THRE. Output is for people and for tests;
 * printk() (lib/log.h) is built on it.
 */
#ifndef CPU_CONSOLE_H
#define CPU_CONSOLE_H

#include <homestead/types.h>
#include <lib/log.h>

/* port 0: no serial line. divisor_latch from baud; 0 keeps what the firmware set. */
void console_init(u16 port, u32 baud);
void console_set_level(enum log_level level);
/* Raw bytes, as they come (\n becomes \r\n). Whole calls do not interleave. */
void console_write(const char *text, size_t len);
/* Panic only: takes the console from a holder that will not release it any more. */
void console_break_lock(void);
/* Debug builds, for a test: takes the console and keeps it. Others print after they have waited for a sign of life. */
void console_hold(void);
/* One received byte, or -1. */
int console_read(void);

#endif
