/*
 * Included first in every file of the program that measures lock holds: spin_lock() and spin_unlock() call
 * the hooks of debug builds, and nothing else of a debug build comes with it.
 */
#ifndef BENCH_ALLOC_HOLD_LOCK_H
#define BENCH_ALLOC_HOLD_LOCK_H

#define DEBUG
#include <lib/spinlock.h>
#undef DEBUG

#endif
