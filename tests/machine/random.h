/* Random numbers that are the same in every run: xorshift64*. */
#ifndef TESTS_MACHINE_RANDOM_H
#define TESTS_MACHINE_RANDOM_H

#include <homestead/types.h>

struct rng {
    u64 state;
};

static inline void rng_seed(struct rng *rng, u64 seed)
{
    rng->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
    rng->state ^= rng->state >> 31;
    rng->state += rng->state == 0;
}

/* 0 .. below - 1; below 1 .. 2^32 - 1 */
static inline u32 rng_draw(struct rng *rng, u32 below)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return (u32)(((rng->state * 0x2545f4914f6cdd1dull >> 32) * below) >> 32);
}

#endif
