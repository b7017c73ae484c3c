/*
 * A lock between vCPUs, and a reader-writer lock. A waiter yields its CPU, because the holder may be a vCPU
 * that is not running. Interrupt handlers must not take them.
 */
#ifndef GUEST_LIB_LOCK_H
#define GUEST_LIB_LOCK_H

#include <guest/lib/hypercall.h>
#include <xen/sched.h>

struct guest_lock {
    u32 taken; /* 0 or 1, atomic */
};

static inline void vcpu_yield(void)
{
    hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

static inline void guest_lock(struct guest_lock *lock)
{
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE))
        vcpu_yield();
}

static inline void guest_unlock(struct guest_lock *lock)
{
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

/* Many at once, or one alone, who also keeps new ones out while it waits for those that are in. */
struct guest_rwlock {
    struct guest_lock gate; /* whoever comes in passes it; the one alone holds it */
    u32 inside;             /* how many share it now, atomic */
};

static inline void guest_lock_shared(struct guest_rwlock *lock)
{
    guest_lock(&lock->gate);
    __atomic_add_fetch(&lock->inside, 1, __ATOMIC_ACQUIRE);
    guest_unlock(&lock->gate);
}

static inline void guest_unlock_shared(struct guest_rwlock *lock)
{
    __atomic_sub_fetch(&lock->inside, 1, __ATOMIC_RELEASE);
}

static inline void guest_lock_alone(struct guest_rwlock *lock)
{
    guest_lock(&lock->gate);
    while (__atomic_load_n(&lock->inside, __ATOMIC_ACQUIRE))
        vcpu_yield();
}

static inline void guest_unlock_alone(struct guest_rwlock *lock)
{
    guest_unlock(&lock->gate);
}

#endif
