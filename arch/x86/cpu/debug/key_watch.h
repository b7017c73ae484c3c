/*
 * Which CPU polls the serial line: a pure decision, taken by each CPU when its own timer for it has expired.
 *
 * One CPU polls every 100 ms, and every millisecond for a second after input has come: 16 bytes, which a 16550 holds,
 * take 1.4 ms at 115200 baud. It leaves a sign of life. All others check that sign: the next one in the ring
 * of CPUs every 0.5 s, the one after it every second, and so on up to 10 s. So an idle machine stays idle, and
 * if CPUs are stuck, the first live one after them takes over.
 */
#ifndef CPU_KEY_WATCH_H
#define CPU_KEY_WATCH_H

#include <homestead/types.h>

#define KEY_POLL_NS      100000000ull
#define KEY_TYPING_NS    1000000ull
#define KEY_TYPED_NS     1000000000ull /* since the last input: until then it is polled as fast */
#define KEY_STALE_NS     2000000000ull
#define KEY_WATCH_NS     500000000ull /* times the distance from the CPU that polls */
#define KEY_WATCH_MAX_NS 10000000000ull

struct key_watch {
    bool poll;      /* poll now */
    bool take_over; /* as the new poller: if that is still the old one */
    u64 next_ns;    /* when to look again, from now */
};

/*
 * self, poller: CPU ids. rank: how many CPUs that are up lie between poller and self in the ring, self
 * included (>= 1, any value for the poller itself). beat_ns, now_ns: last sign of life, and now; clocks of
 * CPUs may differ a little, so a sign from the future is fresh.
 */
struct key_watch key_watch_decide(u32 self, u32 poller, u32 rank, u64 beat_ns, u64 now_ns);

#endif
