/*
 * The console output of domains: what guests write to port 0xE9, what domain 0 writes by console_io, and the
 * hypervisor's lines about a domain's end. A domain's output waits in a ring of its own, behind struct domain in the
 * same pages. A timer takes the records of all rings in the order in which they were written and gives the serial
 * line as much as it takes at once: no CPU waits for the line. What the hypervisor says with printk() goes out at
 * once, before what waits here.
 *
 * A guest's bytes are not trusted: control characters are dropped, so that it cannot forge other lines or control
 * a terminal. Its lines have a rate, and those that find no room or no credit are dropped and counted. Domain 0's
 * output is never dropped: its call is repeated until there is room.
 *
 * Budget: a drain begins no record after DRAIN_BYTES, so that lines are whole on a line that takes them; an append
 * copies at most a line.
 *
 * Locks: d->lock for the line being collected, which all vCPUs of the domain share. output_lock for all rings. The
 * CPU that has set `draining` owns `current`, and writes to the serial line without a lock.
 *
 * lint: long: the records' writers, their ring and its drain.
 */
#include <domain/internal.h>

#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/time.h>
#include <homestead/init.h>
#include <lib/open_line.h>
#include <lib/printf.h>
#include <lib/string.h>

#define RATE_BYTES     4096u /* a second, of a guest, with RECORD_BYTES for each line */
#define NS_PER_BYTE    (1000000000u / RATE_BYTES)
#define BURST_BYTES    16384u
#define RESUME_BYTES   1024u /* after a drop: of credit and of room, before a line is taken again */
#define RESERVED_BYTES 3072u /* of a ring, for the hypervisor's lines: a crash dump has about 2 KiB */
#define DRAIN_BYTES    512u
#define DRAIN_NS       1000000u
#define LINE_BYTES     128u /* of a record's text */
#define FINAL_NS       2000000000ull

enum record_kind {
    RECORD_GUEST, /* a line of the guest's: printed with its name in front */
    RECORD_ABOUT, /* the hypervisor's line about the domain */
    RECORD_RAW,   /* bytes as they came */
};

struct record {
    u64 sequence; /* of all domains' records */
    u8 kind;      /* enum record_kind */
    u8 len;       /* bytes of text that follow */
};
#define RECORD_BYTES 10u /* as it is stored */

static spinlock_t output_lock = SPINLOCK_INIT(LOCK_OUTPUT);
static struct list pending; /* output_lock: domains whose rings are not empty */
static u64 next_sequence;   /* output_lock */
static bool armed;          /* output_lock: the timer is set, or its callback runs */
static struct timer timer;

static bool draining; /* [a] a CPU writes `current` */
static struct {
    char text[LINE_BYTES + OPEN_LINE_BYTES + 16];
    u32 len, done;
    u32 lead;              /* bytes that end a line which domain 0 has left open, as a prompt is; then come */
    u32 prefix;            /* bytes in front of the guest's own; 0: none */
    struct open_line open; /* of domain 0 */
    bool open_broken;      /* another domain's line has come behind it */
} current;

/* --- the ring: output_lock held ------------------------------------------------------------------------------ */

static void ring_put(struct guest_console *c, const void *bytes, u32 len)
{
    u32 at = (c->start + c->used) % c->size, first = MIN(len, c->size - at);

    memcpy(c->ring + at, bytes, first);
    memcpy(c->ring, (const char *)bytes + first, len - first);
    c->used += len;
}

static void ring_peek(const struct guest_console *c, u32 offset, void *bytes, u32 len)
{
    u32 at = (c->start + offset) % c->size, first = MIN(len, c->size - at);

    memcpy(bytes, c->ring + at, first);
    memcpy((char *)bytes + first, c->ring, len - first);
}

static struct record first_record(const struct guest_console *c)
{
    u8 bytes[RECORD_BYTES];
    struct record r;

    ring_peek(c, 0, bytes, sizeof(bytes));
    memcpy(&r.sequence, bytes, sizeof(r.sequence));
    r.kind = bytes[8];
    r.len = bytes[9];
    return r;
}

static void put_record(struct domain *d, enum record_kind kind, const char *text, u32 len)
{
    struct guest_console *c = &d->console;
    u8 bytes[RECORD_BYTES];

    memcpy(bytes, &next_sequence, sizeof(next_sequence));
    next_sequence++;
    bytes[8] = (u8)kind;
    bytes[9] = (u8)len;
    if (!c->used)
        list_add_tail(&pending, &c->link);
    ring_put(c, bytes, sizeof(bytes));
    ring_put(c, text, len);
}

/* "4,096" */
static void count_text(char out[24], u64 n)
{
    char digits[24];
    u32 len = (u32)snprintf(digits, sizeof(digits), "%lu", (unsigned long)n), at = 0;

    for (u32 i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

/* Reports what was dropped, if anything was. */
static void put_dropped(struct domain *d)
{
    char text[64], count[24];

    if (!d->console.nr_dropped || d->console.closed)
        return;
    count_text(count, d->console.nr_dropped);
    u32 len = (u32)snprintf(text, sizeof(text), "d%u: %s lines dropped\n", d->id, count);
    d->console.nr_dropped = 0;
    put_record(d, RECORD_ABOUT, text, len);
}

static void earn_credit(struct guest_console *c, u64 now_ns)
{
    u64 earned = (now_ns - c->credit_since_ns) / NS_PER_BYTE;

    if (!earned)
        return;
    c->credit_since_ns =
        c->credit + earned >= BURST_BYTES ? now_ns : c->credit_since_ns + earned * NS_PER_BYTE;
    c->credit = (u32)MIN(c->credit + earned, (u64)BURST_BYTES);
}

/* Is there room for a record of len bytes of text, and for a guest's line credit too? */
static bool admits(struct guest_console *c, enum record_kind kind, u32 len)
{
    u32 cost = RECORD_BYTES + len; /* an empty line is one on the serial line too */
    u32 room = c->size - c->used, need = cost + RECORD_BYTES + 64; /* with a report of drops */

    if (kind != RECORD_GUEST)
        return room >= need;
    if (c->nr_dropped)
        need = MAX(need, RESUME_BYTES);
    earn_credit(c, time_now_ns());
    if (room < need + RESERVED_BYTES || c->credit < MAX(cost, c->nr_dropped ? RESUME_BYTES : 0))
        return false;
    c->credit -= cost;
    return true;
}

/* --- draining ------------------------------------------------------------------------------------------------ */

/* output_lock held. Of the domain whose record is the oldest. */
static struct domain *oldest(void)
{
    struct domain *found = NULL;
    u64 least = ~0ull;

    list_for_each (node, &pending) {
        struct domain *d = list_entry(node, struct domain, console.link);
        u64 sequence = first_record(&d->console).sequence;

        if (sequence < least) {
            least = sequence;
            found = d;
        }
    }
    return found;
}

static void current_add(const char *text, u32 len)
{
    for (u32 i = 0; i < len; i++) {
        if (text[i] == '\n')
            current.text[current.len++] = '\r';
        current.text[current.len++] = text[i];
    }
}

static void make_current(u16 domid, enum record_kind kind, const char *text, u32 len)
{
    char prefix[12] = "";

    if (kind == RECORD_GUEST)
        snprintf(prefix, sizeof(prefix), len ? "(d%u) " : "(d%u)", domid);
    current.len = current.done = 0;
    if (kind == RECORD_RAW && current.open_broken && current.open.used && len && text[0] == '\n') {
        /* Its end has been shown. */
        current.open.used = 0;
        text++;
        len--;
    }
    if (kind == RECORD_RAW) {
        /* What is on the line already is in front, in case that it must begin again. */
        current_add(current.open.text, current.open.used);
        current.done = current.open_broken ? 0 : current.len;
        open_line_feed(&current.open, text, len);
    } else if (current.open.used && !current.open_broken) {
        current_add("\n", 1);
    }
    current.open_broken = kind != RECORD_RAW;
    current.lead = kind == RECORD_RAW ? 0 : current.len;
    current.prefix = (u32)strlen(prefix);
    current_add(prefix, current.prefix);
    current_add(text, len);
    if (kind == RECORD_GUEST)
        current_add("\n", 1);
}

/* What others than domain 0 say is for XEN_SYSCTL_readconsole too. */
static void put_in_ring(u16 domid, enum record_kind kind, const char *text, u32 len)
{
    char line[LINE_BYTES + 16];

    if (kind == RECORD_RAW)
        return;
    if (kind == RECORD_ABOUT) {
        console_ring_put(text, len, true, false);
        return;
    }
    int nr = snprintf(line, sizeof(line), "(d%u) %.*s\n", domid, (int)len, text);
    console_ring_put(line, (u32)nr, true, false);
}

/* The debug console's output that domain 0 has asked for is in the ring already. */
static bool next_late(void)
{
    char text[LINE_BYTES];
    u32 len = console_ring_take_late(text, sizeof(text));

    if (!len)
        return false;
    make_current(0, RECORD_ABOUT, text, len);
    return true;
}

/* Takes the oldest record into `current`. False: there is none. */
static bool next_record(void)
{
    char text[LINE_BYTES];

    spin_lock(&output_lock);
    struct domain *d = oldest();
    struct record r = {0};
    u16 domid = 0;
    if (d) {
        struct guest_console *c = &d->console;
        domid = d->id;
        r = first_record(c);
        ring_peek(c, RECORD_BYTES, text, r.len);
        c->start = (c->start + RECORD_BYTES + r.len) % c->size;
        c->used -= RECORD_BYTES + r.len;
        if (!c->used)
            list_del(&c->link);
    }
    spin_unlock(&output_lock);
    if (!d)
        return next_late();
    put_in_ring(domid, (enum record_kind)r.kind, text, r.len);
    make_current(domid, (enum record_kind)r.kind, text, r.len);
    return true;
}

/* The serial line is at the begin of a line because of another CPU's message. A guest's line starts again with its
 * prefix and what is left; any other is repeated from its begin, so that tools find it whole. */
static void begin_line_again(void)
{
    if (current.done <= current.lead + current.prefix) {
        current.done = current.lead;
    } else if (current.prefix) {
        current.done -= current.prefix;
        memmove(current.text + current.done, current.text + current.lead, current.prefix);
    } else {
        while (current.done > current.lead && current.text[current.done - 1] != '\n')
            current.done--;
    }
}

/* Writes what the line takes at once. True: `current` is done. */
static bool write_current(u32 *written)
{
    if (console_line_broken())
        begin_line_again();
    u32 nr = (u32)console_try(current.text + current.done, current.len - current.done);
    current.done += nr;
    *written += nr;
    return current.done == current.len;
}

static void drain(void)
{
    u32 written = 0;

    if (__atomic_exchange_n(&draining, true, __ATOMIC_ACQUIRE))
        return;
    while (written < DRAIN_BYTES && (current.done < current.len || next_record()))
        if (!write_current(&written))
            break;
    __atomic_store_n(&draining, false, __ATOMIC_RELEASE);
}

static void expired(void *data)
{
    (void)data;
    drain();
    spin_lock(&output_lock);
    armed = !list_empty(&pending) || current.done < current.len || console_ring_is_late();
    bool again = armed;
    spin_unlock(&output_lock);
    if (again)
        timer_set(&timer, time_now_ns() + DRAIN_NS);
}

/* --- interface ----------------------------------------------------------------------------------------------- */

INIT void guest_console_init(void)
{
    list_init(&pending);
    timer_init(&timer, expired, NULL);
    armed = draining = false;
    current.len = current.done = 0;
    current.open.used = 0;
    current.open_broken = false;
}

void guest_console_new(struct domain *d, char *ring, u32 size)
{
    d->console.ring = ring;
    d->console.size = size;
    d->console.credit = BURST_BYTES;
}

static bool append(struct domain *d, enum record_kind kind, const char *text, u32 len)
{
    struct guest_console *c = &d->console;

    spin_lock(&output_lock);
    bool taken = !c->closed && admits(c, kind, len);
    if (taken) {
        put_dropped(d);
        put_record(d, kind, text, len);
    } else if (kind != RECORD_RAW) {
        c->nr_dropped++;
    }
    spin_unlock(&output_lock);
    if (taken)
        guest_console_start();
    return taken;
}

/* d->lock held. Takes the line; its length. */
static u32 take_line(struct domain *d, char line[sizeof(d->line)])
{
    u32 len = d->line_len;

    memcpy(line, d->line, len);
    d->line_len = 0;
    return len;
}

void guest_console_write(struct domain *d, u8 byte)
{
    char line[sizeof(d->line)];
    bool end = byte == '\n';

    /* 0x80-0x9f too: control characters of 8-bit terminals, 0x9b is their ESC [. */
    if (!end && ((byte < ' ' && byte != '\t') || (byte >= 0x7f && byte <= 0x9f)))
        return;
    spin_lock(&d->lock);
    if (!end) {
        d->line[d->line_len++] = (char)byte;
        end = d->line_len == sizeof(d->line) - 1;
    }
    u32 len = end ? take_line(d, line) : 0;
    spin_unlock(&d->lock);
    if (end && console_shows(LOG_INFO))
        append(d, RECORD_GUEST, line, len);
}

void guest_console_start(void)
{
    spin_lock(&output_lock);
    bool start = !armed;
    armed = true;
    spin_unlock(&output_lock);
    if (start)
        timer_set(&timer, time_now_ns() + 1);
}

bool guest_console_put(struct domain *d, const char *text, u32 len)
{
    return append(d, RECORD_RAW, text, len);
}

void guest_console_end_line(struct domain *d)
{
    char line[sizeof(d->line)];

    spin_lock(&d->lock);
    u32 len = take_line(d, line);
    spin_unlock(&d->lock);
    if (len && console_shows(LOG_INFO))
        append(d, RECORD_GUEST, line, len);
}

void guest_console_say(void *domain, const char *fmt, ...)
{
    struct domain *d = domain;
    char text[2 * LINE_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    u32 len = (u32)strlen(text);
    if (d->is_control) {
        guest_console_finish();
        console_write(text, len);
        return;
    }
    for (u32 at = 0; at < len; at += LINE_BYTES)
        append(d, RECORD_ABOUT, text + at, MIN(LINE_BYTES, len - at));
}

bool guest_console_close(struct domain *d)
{
    drain();
    spin_lock(&output_lock);
    if (!d->console.used)
        put_dropped(d);
    d->console.closed = !d->console.used;
    spin_unlock(&output_lock);
    return d->console.closed;
}

void guest_console_finish(void)
{
    u64 deadline = time_now_ns() + FINAL_NS;
    u32 written = 0;

    while (__atomic_exchange_n(&draining, true, __ATOMIC_ACQUIRE))
        cpu_relax(); /* less than a millisecond */
    while ((current.done < current.len || next_record()) && time_now_ns() < deadline)
        if (!write_current(&written))
            cpu_relax();
    __atomic_store_n(&draining, false, __ATOMIC_RELEASE);
}

spinlock_t *guest_console_lock(void)
{
    return &output_lock;
}
