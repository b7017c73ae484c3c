/* The timers that poll the serial line for the debug console, one a CPU (arch/x86/cpu/debug/key_watch.h). */
#ifndef DOMAIN_KEY_POLL_H
#define DOMAIN_KEY_POLL_H

#include <homestead/types.h>

/* Boot CPU, before any CPU is in the run loop. stuck_cpu, in debug builds: that CPU stops for good 3 s
 * after its start, holding the console (test_stuck=). */
void key_poll_init(u32 stuck_cpu);
/* Each CPU, at the start of its run loop. Nothing if key_poll_init() was not called. */
void key_poll_start(void);

#endif
