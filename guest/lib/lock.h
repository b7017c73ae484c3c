/*
 * A lock between vCPUs. A waiter yields its CPU, because the holder may be a vCPU
 * that is not running. Interrupt handlers must not take it.
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

#endif
