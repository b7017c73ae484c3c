#include <arch/x86/cpu/debug/watchdog.h>

#include <homestead/init.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/smp.h>

static SIZED struct watch {
    u64 beats, exits; /* of the neighbour, at the last look */
    u32 still;        /* looks in a row that found nothing new */
} watches[MAX_CPUS];  /* [o] by the watching CPU's id */
SIZED_BY(watches, nr_cpus, 0);

static struct cpu *neighbour(const struct cpu *self)
{
    u32 id = self->id;

    do
        id = (id + 1) % nr_cpus;
    while (!cpus[id]);
    return cpus[id];
}

void watchdog_look(u32 secs)
{
    struct cpu *self = this_cpu(), *other = neighbour(self);
    struct watch *w = &watches[self->id];

    if (other == self)
        return;
    u64 beats = __atomic_load_n(&other->beats, __ATOMIC_RELAXED);
    u64 exits = __atomic_load_n(&other->exits, __ATOMIC_RELAXED);
    bool lives = __atomic_load_n(&other->idle, __ATOMIC_RELAXED) ||
                 __atomic_load_n(&other->in_guest, __ATOMIC_RELAXED) || beats != w->beats ||
                 exits != w->exits;
    w->beats = beats;
    w->exits = exits;
    w->still = lives ? 0 : w->still + 1;
    if (w->still >= WATCHDOG_LOOKS)
        panic("CPU %u is locked up: no sign of life for %u s", other->id, secs);
}
