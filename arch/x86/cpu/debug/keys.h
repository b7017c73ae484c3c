/*
 * The debug console: keys on the serial line after the switch sequence (three times Ctrl-A). Each key is
 * registered where its data lives; this module only reads bytes and dispatches. Without the sequence bytes
 * are for domain 0, which reads them with CONSOLEIO_read.
 *
 * A key's function runs in the run loop of the CPU that polls the line, interrupts off, no lock held. It must
 * print even if another CPU is stuck holding a lock: it reads without locks what can be read so, or gives up
 * on a lock after a bounded wait (spin_trylock_bounded). key_watch.h decides which CPU polls.
 */
#ifndef CPU_KEYS_H
#define CPU_KEYS_H

#include <homestead/types.h>

#define KEYS_SWITCH_BYTE  0x01u /* Ctrl-A */
#define KEYS_SWITCH_COUNT 3u

typedef void (*key_fn)(void);

/* What came in so far. Zero: the line is domain 0's. */
struct keys_input {
    u32 nr_switch; /* switch bytes in a row, not yet passed on */
    bool debug;    /* bytes are keys */
};
enum keys_verdict {
    KEYS_HELD,        /* may become the switch sequence */
    KEYS_TO_DEBUG,    /* the sequence is complete: from now on bytes are keys */
    KEYS_TO_DOMAIN_0, /* the sequence is complete: from now on they are not */
    KEYS_PASS,  /* domain 0's: *held switch bytes that turned out to be none of the sequence, then this */
    KEYS_SERVE, /* a key */
};
/* One byte; a pure function of *in. *held is written with KEYS_PASS. */
enum keys_verdict keys_feed(struct keys_input *in, u8 byte, u32 *held);

/* Registers h and R. Without this call there is no debug console: all bytes are for domain 0. Boot only. */
void keys_init(void);
/* what: a few words for the help, kept by reference. One function a key: BUG on a second one. Boot only. */
void keys_register(char key, const char *what, key_fn fn);
/* The same for a key that stops other CPUs for long: only those at the serial line have it. */
void keys_register_for_line(char key, const char *what, key_fn fn);
#define KEYS_CAME         1u /* bytes came in */
#define KEYS_SERVED       2u /* a key was served */
#define KEYS_FOR_DOMAIN_0 4u /* keys_read() has bytes */
/* Takes the bytes that have come in, up to a bound, and acts on them. Any CPU, in its run loop, one at a
 * time; if one got stuck in here, the next one to come after keys_take_over() goes on. Returns KEYS_ bits. */
u32 keys_poll(void);
void keys_take_over(void);
/*
 * A key that domain 0 asks for (XEN_SYSCTL_debug_keys). What it prints goes into the console's ring at once, and to the
 * serial line when that takes it (console_ring_take_late()): the line is slow. Where a key may run: see above. -EBUSY:
 * another CPU serves the debug console now; -EOPNOTSUPP: there is none.
 */
int keys_serve_for_domain_0(u8 key);
/* Bytes for domain 0, at most max; returns how many. */
u32 keys_read(char *bytes, u32 max);
/* Prints for a key, whatever loglvl= says. A served key may print for seconds: this is a sign of life. */
void keys_printf(const char *fmt, ...) PRINTF(1, 2);
/* time_now_ns() of the last sign of life of the CPU that polls. */
u64 keys_beat_ns(void);

#endif
