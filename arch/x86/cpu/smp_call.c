/*
 * Calls from one CPU to others, and the interrupts that carry them.
 *
 * A CPU makes one call at a time: it is in its own struct cpu (call_fn, call_arg, call_unanswered), and its
 * bit is set in call_from of each CPU that is called. The called one takes all bits of a word at once, runs
 * the calls and counts each as answered. No lock: neither side ever waits for anything but the answers, and
 * it serves others meanwhile.
 */
#include <arch/x86/cpu/smp.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/stop.h>
#include <arch/x86/cpu/traps.h>
#include <lib/assert.h>

void smp_serve_calls(void)
{
    struct cpu *cpu = this_cpu();

    if (unlikely(stop_begun()))
        stop_if_asked((u64)smp_serve_calls, (u64)__builtin_frame_address(0), false);
    if (!__atomic_load_n(&cpu->calls_waiting, __ATOMIC_RELAXED))
        return;
    /* Before the bits are looked at: who sets one after that sets this again. */
    __atomic_store_n(&cpu->calls_waiting, false, __ATOMIC_SEQ_CST);
    for (u32 word = 0; word < DIV_ROUND_UP(nr_cpus, 64); word++) {
        u64 bits = __atomic_exchange_n(&cpu->call_from[word], 0, __ATOMIC_SEQ_CST);
        for (; bits; bits &= bits - 1) {
            struct cpu *caller = cpus[word * 64 + (u32)__builtin_ctzll(bits)];
            caller->call_fn(caller->call_arg);
            /* After this the caller may forget its call. */
            __atomic_fetch_sub(&caller->call_unanswered, 1, __ATOMIC_RELEASE);
        }
    }
}

static void relax(void)
{
    __builtin_ia32_pause();
    smp_serve_calls();
}

#ifdef HOMESTEAD
void cpu_relax(void)
{
    relax();
}
#endif

static void begin(struct cpu *self, smp_call_fn fn, void *arg)
{
    BUG_ON(self->call_unanswered); /* a called function makes no calls */
    self->call_fn = fn;
    self->call_arg = arg;
}

static void ask(const struct cpu *self, struct cpu *other)
{
    __atomic_fetch_or(&other->call_from[self->id / 64], BIT(self->id % 64), __ATOMIC_SEQ_CST);
    /* Who finds it set already has an interrupt on the way. */
    if (!__atomic_exchange_n(&other->calls_waiting, true, __ATOMIC_SEQ_CST))
        apic_send(other->apic_id, VECTOR_CALL);
}

static void await(struct cpu *self)
{
    while (__atomic_load_n(&self->call_unanswered, __ATOMIC_ACQUIRE))
        relax();
}

void smp_call(u32 cpu_id, smp_call_fn fn, void *arg)
{
    struct cpu *self = this_cpu();

    if (cpu_id == self->id) {
        fn(arg);
        return;
    }
    begin(self, fn, arg);
    __atomic_store_n(&self->call_unanswered, 1, __ATOMIC_RELAXED);
    ask(self, cpus[cpu_id]);
    await(self);
}

void smp_call_others(smp_call_fn fn, void *arg)
{
    struct cpu *self = this_cpu();
    u32 others = 0;

    for_each_cpu (id)
        others += id != self->id;
    if (!others)
        return;
    begin(self, fn, arg);
    __atomic_store_n(&self->call_unanswered, others, __ATOMIC_RELAXED);
    for_each_cpu (id)
        if (id != self->id)
            ask(self, cpus[id]);
    await(self);
}

void smp_kick(u32 cpu_id)
{
    apic_send(cpus[cpu_id]->apic_id, VECTOR_WAKE);
}
