/*
 * Ticket spinlocks, fair, plain C11 atomics, so that the modules which use them also run on the
 * host under threads. Homestead runs with interrupts off outside of guests and idle, so no lock
 * needs to mask them.
 *
 * Each lock has a level; a CPU takes locks in rising order only (docs/hypervisor-guide/locks.md has the table).
 * Debug builds check that through lock_check_take() and lock_check_drop(), which the CPU layer (or
 * a host test) supplies.
 */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include <homestead/types.h>
#include <stdatomic.h>

enum lock_level {
    LOCK_DOMLIST = 10, /* the list of domains */
    LOCK_DOMAIN = 20,  /* one domain's state */
    LOCK_GRANT = 25,   /* one domain's grant table and the handles of what it maps */
    LOCK_EVTCHN = 30,
    LOCK_PHYSMAP = 40,
    LOCK_ACCOUNT = 50,    /* one domain's page list and totals */
    LOCK_NODE = 60,       /* one node's memory and credits: a level a node, so several in rising order */
    LOCK_CLAIMANTS = 124, /* the list of domains with claims */
    LOCK_RUNQUEUE = 130,
    LOCK_TIMER = 135,
    LOCK_WALL_CLOCK = 137,
    LOCK_OUTPUT = 138, /* all domains' console rings */
    LOCK_CONSOLE = 140,
};

typedef struct {
    _Atomic u16 next;
    _Atomic u16 owner;
    u16 level; /* [I] enum lock_level */
} spinlock_t;

#define SPINLOCK_INIT(lvl) \
    { \
        .level = (lvl) \
    }

static inline void spin_lock_init(spinlock_t *lock, enum lock_level level)
{
    atomic_init(&lock->next, 0);
    atomic_init(&lock->owner, 0);
    lock->level = (u16)level;
}

#ifdef DEBUG
void lock_check_take(u32 level);
void lock_check_drop(u32 level);
#else
static inline void lock_check_take(u32 level)
{
    (void)level;
}
static inline void lock_check_drop(u32 level)
{
    (void)level;
}
#endif

/* Every loop that waits for another CPU calls this. A CPU that is to stop (arch/x86/cpu/stop.h) does not return. */
#ifdef HOMESTEAD
void cpu_relax(void);
#elif defined(HOST_TEST)
int sched_yield(void);
/* The thread that has the lock, or the next ticket, may be waiting for this one's processor. */
static inline void cpu_relax(void)
{
    sched_yield();
}
#else
static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}
#endif

/*
 * The same for spin_lock(), as a call that keeps all registers: the compiler then saves none for a wait that is rare.
 * 8 instructions less in a short function that takes a lock.
 */
static inline void spin_relax(void)
{
#ifdef HOMESTEAD
    __asm__ volatile("call cpu_relax_keeping" : : : "memory", "cc"); /* stop.c */
#else
    cpu_relax();
#endif
}

/* level: as which the lock counts in the check of levels. */
static inline void spin_lock_as(spinlock_t *lock, u32 level)
{
    lock_check_take(level);
    u16 ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    /* Pairs with the release in spin_unlock(). Not a while loop: the compiler then computes an address for it first. */
    if (likely(atomic_load_explicit(&lock->owner, memory_order_acquire) == ticket))
        return;
    do
        spin_relax();
    while (atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket);
}

static inline void spin_lock(spinlock_t *lock)
{
    spin_lock_as(lock, lock->level);
}

/* Takes the lock if it is free now. */
static inline bool spin_trylock(spinlock_t *lock)
{
    u16 owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    u16 expected = owner;

    if (!atomic_compare_exchange_strong_explicit(&lock->next, &expected, (u16)(owner + 1),
                                                 memory_order_acquire, memory_order_relaxed))
        return false;
    lock_check_take(lock->level);
    return true;
}

/* For code that must continue even if the holder never releases the lock (debug console, panic): tries for some
 * ten milliseconds. */
static inline bool spin_trylock_bounded(spinlock_t *lock)
{
    for (u32 tries = 0; tries < 200000; tries++) {
        if (spin_trylock(lock))
            return true;
        cpu_relax();
    }
    return false;
}

static inline void spin_unlock_as(spinlock_t *lock, u32 level)
{
#ifdef HOMESTEAD
    /* Only the holder writes owner, and a store of x86 is a release: one instruction, where C's load and store are three. */
    __asm__ volatile("addw $1, %0" : "+m"(lock->owner) : : "memory", "cc");
#else
    u16 owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    atomic_store_explicit(&lock->owner, (u16)(owner + 1), memory_order_release);
#endif
    lock_check_drop(level);
}

static inline void spin_unlock(spinlock_t *lock)
{
    spin_unlock_as(lock, lock->level);
}

/* The second lock of a pair of one level. The pair's order is the caller's rule (docs/hypervisor-guide/locks.md); for the
 * check it counts as one level higher. */
static inline void spin_lock_second(spinlock_t *lock)
{
    spin_lock_as(lock, lock->level + 1u);
}

static inline void spin_unlock_second(spinlock_t *lock)
{
    spin_unlock_as(lock, lock->level + 1u);
}

#endif
