#include <tests/machine/machine.h>

void (*on_first_lock)(u32 level);
void (*on_last_unlock)(void);

static _Thread_local u32 levels[MAX_NODES + 8], nr_levels;
static _Thread_local bool taken[256]; /* since locks_watch() */

void locks_reset(void)
{
    nr_levels = 0;
    on_first_lock = NULL;
    on_last_unlock = NULL;
}

void locks_watch(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(taken); i++)
        taken[i] = false;
}

bool locks_were_only(const u32 *these, u32 nr)
{
    u32 all = 0, found = 0;

    for (u32 i = 0; i < ARRAY_SIZE(taken); i++)
        all += taken[i];
    for (u32 i = 0; i < nr; i++)
        found += taken[these[i]];
    return all == nr && found == nr;
}

u32 locks_held(void)
{
    return nr_levels;
}

void lock_check_take(u32 level)
{
    if (!nr_levels && on_first_lock)
        on_first_lock(level);
    if (nr_levels == ARRAY_SIZE(levels) || (nr_levels && levels[nr_levels - 1] >= level))
        assert_failed("lock levels rise", __FILE__, __LINE__);
    levels[nr_levels++] = level;
    taken[level % ARRAY_SIZE(taken)] = true;
}

void lock_check_drop(u32 level)
{
    if (!nr_levels || levels[nr_levels - 1] != level)
        assert_failed("locks are dropped in reverse order", __FILE__, __LINE__);
    if (!--nr_levels && on_last_unlock)
        on_last_unlock();
}
