/* For `make prove` in place of the real one: a lock is a level, and taking it changes nothing that is looked at. */
#ifndef LIB_SPINLOCK_H
#define LIB_SPINLOCK_H

#include <homestead/types.h>

enum lock_level { LOCK_ACCOUNT = 50, LOCK_NODE = 60, LOCK_CLAIMANTS = 124 };

typedef struct {
    u16 level;
} spinlock_t;

#define SPINLOCK_INIT(lvl) \
    { \
        .level = (lvl) \
    }

static inline void spin_lock_init(spinlock_t *lock, enum lock_level level)
{
    lock->level = (u16)level;
}

/*@ assigns \nothing; */
void spin_lock(spinlock_t *lock);
/*@ assigns \nothing; */
void spin_unlock(spinlock_t *lock);

#endif
