/*
 * Input of the serial line: the switch sequence, the table of keys, the bytes that wait for domain 0.
 *
 * No interrupt of the UART is used, so the line is polled. A 16550 holds 16 bytes: what comes faster than 16
 * bytes a poll (pasted text) is lost on real hardware, typing is not.
 *
 * `polling` is taken by the CPU that is inside keys_poll(). It is not a spinlock, because a CPU that never
 * returns must not keep it: keys_take_over() frees it.
 */
#include <arch/x86/cpu/debug/keys.h>

#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/printf.h>
#include <lib/spinlock.h>
#include <lib/string.h>

#define NR_KEYS     128u
#define BYTES_MAX   64u  /* a poll */
#define WAITING_MAX 256u /* bytes for domain 0; more are dropped */
#define FIRST_KEY   0x20u

static struct {
    const char *what;
    key_fn fn; /* NULL: no such key */
    bool line_only;
} keys[NR_KEYS];     /* [I] */
static bool enabled; /* [I] there is a debug console */
static struct keys_input input;
static u32 polling; /* [a] id + 1 of the CPU inside keys_poll() */
static bool late;   /* [polling] the key is domain 0's: output is for the ring, the line gets it later */
static u64 beat_ns; /* [a] */

static struct {
    spinlock_t lock;
    u32 first, nr;
    char bytes[WAITING_MAX];
} waiting = {.lock = SPINLOCK_INIT(LOCK_CONSOLE)};

enum keys_verdict keys_feed(struct keys_input *in, u8 byte, u32 *held)
{
    if (byte == KEYS_SWITCH_BYTE) {
        if (++in->nr_switch < KEYS_SWITCH_COUNT)
            return KEYS_HELD;
        in->nr_switch = 0;
        in->debug = !in->debug;
        return in->debug ? KEYS_TO_DEBUG : KEYS_TO_DOMAIN_0;
    }
    if (!in->debug)
        *held = in->nr_switch;
    in->nr_switch = 0;
    return in->debug ? KEYS_SERVE : KEYS_PASS;
}

void keys_register(char key, const char *what, key_fn fn)
{
    BUG_ON((u8)key >= NR_KEYS || keys[(u8)key].fn);
    keys[(u8)key].what = what;
    keys[(u8)key].fn = fn;
}

void keys_register_for_line(char key, const char *what, key_fn fn)
{
    keys_register(key, what, fn);
    keys[(u8)key].line_only = true;
}

static void beat(void)
{
    __atomic_store_n(&beat_ns, time_now_ns(), __ATOMIC_RELEASE);
}

u64 keys_beat_ns(void)
{
    return __atomic_load_n(&beat_ns, __ATOMIC_ACQUIRE);
}

void keys_printf(const char *fmt, ...)
{
    char line[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (late) {
        console_ring_put(line, (u32)strlen(line), true, true);
        return;
    }
    console_write(line, strlen(line));
    beat();
    this_cpu()->beats++; /* and for the watchdog */
}

static void help(void)
{
    for (u32 key = 0; key < NR_KEYS; key++)
        if (keys[key].fn)
            keys_printf("  %c  %s\n", (char)key, keys[key].what);
    keys_printf("Three times Ctrl-A gives the line back to domain 0.\n");
}

static void restart(void)
{
    machine_end(MACHINE_RESTART);
}

void keys_init(void)
{
    enabled = true;
    keys_register('h', "help: this list", help);
    keys_register('R', "reboot the machine now (noreboot: halt)", restart);
}

static u32 give_to_domain_0(char byte)
{
    if (!spin_trylock_bounded(&waiting.lock))
        return 0;
    if (waiting.nr < WAITING_MAX)
        waiting.bytes[(waiting.first + waiting.nr++) % WAITING_MAX] = byte;
    spin_unlock(&waiting.lock);
    return KEYS_FOR_DOMAIN_0;
}

u32 keys_read(char *bytes, u32 max)
{
    u32 nr = 0;

    spin_lock(&waiting.lock);
    for (; nr < max && waiting.nr; nr++) {
        bytes[nr] = waiting.bytes[waiting.first];
        waiting.first = (waiting.first + 1) % WAITING_MAX;
        waiting.nr--;
    }
    spin_unlock(&waiting.lock);
    return nr;
}

static u32 serve(u8 byte)
{
    if (byte < FIRST_KEY || byte >= NR_KEYS - 1) /* Enter and the like */
        return 0;
    if (!keys[byte].fn) {
        keys_printf("debug console: no key '%c'; h shows those that there are\n", (char)byte);
        return 0;
    }
    keys_printf("\n--- %c: %s (CPU %u)\n", (char)byte, keys[byte].what, this_cpu()->id);
    keys[byte].fn();
    keys_printf("@key key=%c\n", (char)byte);
    return KEYS_SERVED;
}

static u32 act(u8 byte)
{
    u32 held;

    if (!enabled)
        return give_to_domain_0((char)byte);
    switch (keys_feed(&input, byte, &held)) {
    case KEYS_TO_DEBUG:
        keys_printf("\ndebug console: keys go to the hypervisor, h for help, three times Ctrl-A to leave\n");
        break;
    case KEYS_TO_DOMAIN_0:
        keys_printf("\ndebug console: keys go to domain 0\n");
        break;
    case KEYS_PASS:
        while (held--)
            give_to_domain_0((char)KEYS_SWITCH_BYTE);
        return give_to_domain_0((char)byte);
    case KEYS_SERVE:
        return serve(byte);
    case KEYS_HELD:
        break;
    }
    return 0;
}

void keys_take_over(void)
{
    __atomic_store_n(&polling, 0, __ATOMIC_RELEASE);
    beat();
}

static bool take_polling(u32 self)
{
    u32 nobody = 0;

    return __atomic_compare_exchange_n(&polling, &nobody, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Unless it was taken away. */
static void give_polling(u32 self)
{
    __atomic_compare_exchange_n(&polling, &self, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

u32 keys_poll(void)
{
    u32 self = this_cpu()->id + 1, found = 0;
    int byte;

    if (!take_polling(self))
        return 0;
    beat();
    late = false; /* the CPU that had set it may be stuck */
    /* A CPU that was replaced while it served a key reads no more bytes. */
    for (u32 nr = 0; nr < BYTES_MAX && __atomic_load_n(&polling, __ATOMIC_RELAXED) == self; nr++) {
        byte = console_read();
        if (byte < 0)
            break;
        found |= KEYS_CAME | act((u8)byte);
    }
    give_polling(self);
    return found;
}

int keys_serve_for_domain_0(u8 key)
{
    u32 self = this_cpu()->id + 1;

    if (!enabled)
        return -EOPNOTSUPP;
    if (!take_polling(self))
        return -EBUSY;
    late = true;
    if (key < NR_KEYS && keys[key].line_only)
        keys_printf("debug console: key '%c' stops all CPUs; only the serial line has it\n", (char)key);
    else
        serve(key);
    late = false;
    give_polling(self);
    return 0;
}
