/*
 * The lockup detector: each CPU watches the next one. A CPU lives if it sleeps, runs a guest, or has turned
 * its run loop or handled an exit since the last look.
 */
#ifndef CPU_WATCHDOG_H
#define CPU_WATCHDOG_H

#include <homestead/types.h>

/* Looks that find no life before it counts as a lockup: the host of an emulator may have slept over one. */
#define WATCHDOG_LOOKS 4u

/* Every CPU, from its run loop, at a quarter of the wanted limit. Panics, and so makes all CPUs show where
 * they are, after WATCHDOG_LOOKS looks in a row without a sign of life. secs: the limit, for the message. */
void watchdog_look(u32 secs);

#endif
