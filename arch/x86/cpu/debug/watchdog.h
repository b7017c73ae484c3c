/*
 * The lockup detector: each CPU watches the next one. A CPU lives if it sleeps, runs a guest, or has turned
 * its run loop or handled an exit since the last look.
 */
#ifndef CPU_WATCHDOG_H
#define CPU_WATCHDOG_H

#include <homestead/types.h>

/* Checks in a row without a sign of life that make a lockup: an emulator's host may have been suspended in one. */
#define WATCHDOG_LOOKS 4u

/* Called by every CPU, from its run loop, WATCHDOG_LOOKS times in secs. Panics, which prints a backtrace of every
 * CPU, after WATCHDOG_LOOKS checks in a row without a sign of life. secs: the limit, for the message. */
void watchdog_look(u32 secs);

#endif
