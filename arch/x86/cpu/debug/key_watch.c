/* Decides which CPU polls the serial line. Plain C, no state, no locks. */
#include <arch/x86/cpu/debug/key_watch.h>

struct key_watch key_watch_decide(u32 self, u32 poller, u32 rank, u64 beat_ns, u64 now_ns)
{
    if (self == poller)
        return (struct key_watch){.poll = true, .next_ns = KEY_POLL_NS};
    if (now_ns > beat_ns && now_ns - beat_ns > KEY_STALE_NS)
        return (struct key_watch){.poll = true, .take_over = true, .next_ns = KEY_POLL_NS};
    return (struct key_watch){.next_ns = MIN(KEY_WATCH_NS * rank, KEY_WATCH_MAX_NS)};
}
