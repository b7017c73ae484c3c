/*
 * A reader copies first and looks then whether a writer has come by meanwhile. So a writer announces the bytes that it is
 * about to overwrite: `start` moves before they change, and `end` after.
 */
#include <arch/x86/cpu/console_ring.h>

#include <lib/spinlock.h>

#define PATIENCE    100000u /* tries, a millisecond or so: a message is copied in less than a microsecond */
#define LATE_PIECES 8u

_Static_assert((CONSOLE_RING_BYTES & (CONSOLE_RING_BYTES - 1)) == 0, "positions wrap at a multiple of it");

static char ring[CONSOLE_RING_BYTES]; /* [a] position modulo size */
static bool busy;                     /* [a] a writer is at it */
static u32 start, end;                /* [busy], read without: the bytes that are valid */
static u32 cleared;                   /* [busy] readers begin here, if that is still in the ring */
static u32 seen;                      /* [a] console_ring_has_news()'s */

/* What the serial line is to get later: pieces of the ring, [busy]. */
static struct {
    u32 from, to;
} late[LATE_PIECES];
static u32 nr_late; /* [busy], read without */

static bool take(bool patient)
{
    for (u32 tries = 0; __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE); tries++) {
        if (!patient || tries == PATIENCE)
            return false;
        cpu_relax();
    }
    return true;
}

static void give(void)
{
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

/* How far b is behind a. */
static u32 distance(u32 a, u32 b)
{
    return b - a;
}

/* The bytes [from, to) are late. With all pieces in use the last one takes what lies between as well. */
static void add_late(u32 from, u32 to)
{
    u32 nr = nr_late;

    if (nr && (late[nr - 1].to == from || nr == LATE_PIECES)) {
        late[nr - 1].to = to;
        return;
    }
    late[nr].from = from;
    late[nr].to = to;
    __atomic_store_n(&nr_late, nr + 1, __ATOMIC_RELAXED);
}

void console_ring_put(const char *text, u32 len, bool patient, bool is_late)
{
    if (!len || len > CONSOLE_RING_BYTES || !take(patient))
        return;
    u32 at = end, used = distance(start, at), room = CONSOLE_RING_BYTES - used;

    if (len > room)
        __atomic_store_n(&start, start + (len - room), __ATOMIC_RELAXED);
    /* Release: who reads one of these bytes reads that start too, or a later one. */
    for (u32 i = 0; i < len; i++)
        __atomic_store_n(&ring[(at + i) % CONSOLE_RING_BYTES], text[i], __ATOMIC_RELEASE);
    __atomic_store_n(&end, at + len, __ATOMIC_RELEASE);
    if (is_late)
        add_late(at, at + len);
    give();
}

/* The position itself, if it is in the ring, else where the ring begins. */
static u32 in_ring(u32 position)
{
    u32 first = __atomic_load_n(&start, __ATOMIC_RELAXED);
    u32 last = __atomic_load_n(&end, __ATOMIC_ACQUIRE);

    return distance(first, position) <= distance(first, last) ? position : first;
}

u32 console_ring_begin(bool wanted, u32 index)
{
    u32 first = in_ring(__atomic_load_n(&cleared, __ATOMIC_RELAXED));
    u32 last = __atomic_load_n(&end, __ATOMIC_ACQUIRE);

    return wanted && distance(first, index) <= distance(first, last) ? index : first;
}

u32 console_ring_read(u32 *position, char *out, u32 max)
{
    for (;;) {
        u32 at = in_ring(*position), last = __atomic_load_n(&end, __ATOMIC_ACQUIRE);
        u32 len = MIN(max, distance(at, last));

        for (u32 i = 0; i < len; i++)
            out[i] = __atomic_load_n(&ring[(at + i) % CONSOLE_RING_BYTES], __ATOMIC_ACQUIRE);
        if (in_ring(at) != at)
            continue;
        *position = at + len;
        return len;
    }
}

void console_ring_clear(u32 position)
{
    if (!take(true))
        return;
    __atomic_store_n(&cleared, in_ring(position), __ATOMIC_RELAXED);
    give();
}

bool console_ring_has_news(void)
{
    u32 last = __atomic_load_n(&end, __ATOMIC_RELAXED);

    return __atomic_exchange_n(&seen, last, __ATOMIC_RELAXED) != last;
}

bool console_ring_is_late(void)
{
    return __atomic_load_n(&nr_late, __ATOMIC_RELAXED) != 0;
}

/* The first piece is done. */
static void drop_piece(void)
{
    for (u32 i = 1; i < nr_late; i++)
        late[i - 1] = late[i];
    __atomic_store_n(&nr_late, nr_late - 1, __ATOMIC_RELAXED);
}

/* Others print between two pieces: len, or less so that a line ends there. */
static u32 whole_lines(const char *text, u32 len)
{
    for (u32 whole = len; whole; whole--)
        if (text[whole - 1] == '\n')
            return whole;
    return len;
}

u32 console_ring_take_late(char *out, u32 max)
{
    u32 len = 0;

    if (!console_ring_is_late() || !take(true))
        return 0;
    while (nr_late && !len) {
        u32 at = in_ring(late[0].from), left = distance(at, late[0].to);

        /* Overwritten up to a place in the piece, or behind it. */
        if (at != late[0].from && left > distance(late[0].from, late[0].to))
            left = 0;
        for (len = 0; len < MIN(max, left); len++)
            out[len] = ring[(at + len) % CONSOLE_RING_BYTES];
        if (len < left)
            len = whole_lines(out, len);
        late[0].from = at + len;
        if (len == left)
            drop_piece();
    }
    give();
    return len;
}
