/*
 * The debug console: keys on the serial line after the switch sequence (three times Ctrl-A). Each key is
 * registered where its data lives; this module only reads bytes and dispatches.
 *
 * A key's function runs in the run loop of the CPU that polls the line, interrupts off, no lock held. It must
 * print even if another CPU is stuck holding a lock: it reads without locks what can be read so, or gives up
 * on a lock after a bounded wait (spin_trylock).
 */
#ifndef CPU_KEYS_H
#define CPU_KEYS_H

#include <homestead/types.h>

typedef void (*key_fn)(void);

/* what: a few words for the help, kept by reference. One function a key: BUG on a second one. Boot only. */
void keys_register(char key, const char *what, key_fn fn);
/* Takes the bytes that have come in and acts on them. Any CPU, in its run loop. True if a key was served. */
bool keys_poll(void);

#endif
