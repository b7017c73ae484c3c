/* Cross-calls between threads that play CPUs: none is lost, none runs twice, and no two callers wait for
 * ever. */
#include <tests/machine/test.h>
#include <pthread.h>
#include <sched.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/stop.h>
#include <lib/assert.h>

#define NR     70u /* ids: more than one word of callers */
#define STRIDE 23u /* those that are up: 0, 23, 46, 69 */
#define UP     4u
#define ROUNDS 500u

struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;
static struct cpu memory[MAX_CPUS];
static _Thread_local struct cpu *self;
static u32 finished;      /* [a] */
static u32 served[NR];    /* [o] calls that ran there */
static u32 by_caller[NR]; /* [a] calls that each caller's ran elsewhere */
static u32 interrupts;    /* [a] */

struct cpu *this_cpu(void)
{
    return self;
}

void apic_send(u32 dest_apic_id, u8 vector)
{
    (void)dest_apic_id;
    (void)vector;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
}

/* Whoever waits comes here: lets the others run, who may be more than the host's cores. */
bool stop_begun(void)
{
    sched_yield();
    return false;
}

void stop_if_asked(u64 rip, u64 rbp, bool by_nmi)
{
    (void)rip;
    (void)rbp;
    (void)by_nmi;
    fail();
}

static void count(void *arg)
{
    served[self->id]++;
    __atomic_fetch_add((u32 *)arg, 1, __ATOMIC_RELAXED);
}

static void set_up(void)
{
    memset(memory, 0, sizeof(memory));
    memset(cpus, 0, sizeof(cpus));
    memset(served, 0, sizeof(served));
    memset(by_caller, 0, sizeof(by_caller));
    nr_cpus = NR;
    finished = 0;
    interrupts = 0;
    for (u32 id = 0; id < NR; id += STRIDE) {
        memory[id].id = id;
        cpus[id] = &memory[id];
    }
    self = cpus[0];
}

static void *play(void *arg)
{
    self = arg;
    u32 next = (self->id + STRIDE) % (UP * STRIDE);

    for (u32 round = 0; round < ROUNDS; round++) {
        u32 before = __atomic_load_n(&by_caller[self->id], __ATOMIC_RELAXED);
        smp_call_others(count, &by_caller[self->id]);
        smp_call(next, count, &by_caller[self->id]);
        /* They have returned when the call has. */
        if (__atomic_load_n(&by_caller[self->id], __ATOMIC_RELAXED) != before + UP)
            break;
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) != UP)
        smp_serve_calls(); /* the others still call */
    return NULL;
}

TEST(all_call_all)
{
    pthread_t threads[UP];

    set_up();
    for (u32 i = 0; i < UP; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, play, cpus[i * STRIDE]), 0);
    for (u32 i = 0; i < UP; i++)
        pthread_join(threads[i], NULL);
    for (u32 i = 0; i < UP; i++) {
        assert_int_equal(served[i * STRIDE], ROUNDS * UP); /* three calls to all, and one neighbour's */
        assert_int_equal(by_caller[i * STRIDE], ROUNDS * UP);
    }
    assert_true(interrupts >= 1 && interrupts <= ROUNDS * UP * UP);
}

TEST(a_call_to_oneself_needs_no_interrupt)
{
    u32 calls = 0;

    set_up();
    smp_call(0, count, &calls);
    assert_int_equal(calls, 1);
    assert_int_equal(interrupts, 0);
}

TEST(alone_there_are_no_others)
{
    u32 calls = 0;

    set_up();
    for (u32 id = 1; id < NR; id++)
        cpus[id] = NULL;
    smp_call_others(count, &calls);
    assert_int_equal(calls, 0);
}
