/*
 * The last 16 KiB of what the console had to say: the hypervisor's messages and guests' lines, not what domain 0 writes
 * (XEN_SYSCTL_readconsole reads it, `xl dmesg`). Bytes have positions, which count up from 0 and wrap at 2^32; the ring
 * has those of [start, end).
 *
 * A writer keeps the others out for the copy of a message, and never waits long: a message that finds the ring in use for
 * a millisecond, by a CPU that has been stopped, is left out. Readers take no lock. Plain C, runs on the host.
 */
#ifndef CPU_CONSOLE_RING_H
#define CPU_CONSOLE_RING_H

#include <homestead/types.h>

#define CONSOLE_RING_BYTES 16384u

/* patient: may wait for another CPU's message to be copied. False in an NMI, which may have interrupted that. late: the
 * serial line does not have it yet; console_ring_take_late() gives it out. */
void console_ring_put(const char *text, u32 len, bool patient, bool late);

/* Where to read from: `index`, if that is in the ring, and `wanted` says so; else the oldest byte since the last clear. */
u32 console_ring_begin(bool wanted, u32 index);
/* Copies at most max bytes from *position on and moves it to the byte after them. What has been overwritten is left out.
 * Returns how many; 0: there is no more. */
u32 console_ring_read(u32 *position, char *out, u32 max);
/* Bytes before this position are gone for later readers. */
void console_ring_clear(u32 position);
/* Has anything come since the last call? */
bool console_ring_has_news(void);

/* At most max bytes of what was put with `late`, once, in order; 0: none. What was overwritten before is left out. One CPU
 * at a time. */
u32 console_ring_take_late(char *out, u32 max);
bool console_ring_is_late(void);

#endif
