/* How long a CPU waits for another one before it gives the machine up. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/wait.h>

#define SECOND 1000000000ull

static struct cpu cpu;

static void setup(void)
{
    cpu = (struct cpu){.exits = 1};
}
FIXTURE(setup, NULL)

/* As many turns of cpu_relax() as it takes to the next look at the clock, secs later. */
static bool looks(u64 ns)
{
    bool vain = false;

    pass(ns);
    for (u32 i = 0; i < WAIT_TURNS; i++)
        vain |= wait_in_vain(&cpu);
    return vain;
}

static u32 looks_until_vain(u64 ns)
{
    for (u32 n = 1; n < 1000; n++)
        if (looks(ns))
            return n;
    return 0;
}

TEST(a_wait_has_an_end)
{
    assert_int_equal(looks_until_vain(SECOND / 2), 1 + 2 * WAIT_MAX_SECS); /* the first look is the start */
    assert_int_equal(looks_until_vain(SECOND / 2), 2 * WAIT_MAX_SECS);     /* and again, if nobody panics */
}

TEST(who_gets_on_does_not_wait_in_vain)
{
    for (u32 n = 0; n < 200; n++) {
        assert_false(looks(SECOND));
        cpu.exits += n & 1;
        cpu.beats += !(n & 1);
    }
    for (u32 n = 0; n < WAIT_MAX_SECS; n++)
        assert_false(looks(SECOND));
    cpu.exits++; /* just in time */
    assert_int_equal(looks_until_vain(SECOND), 1 + WAIT_MAX_SECS);
}

TEST(a_suspended_host_is_no_wait)
{
    for (u32 n = 0; n < WAIT_MAX_SECS; n++)
        assert_false(looks(3600 * SECOND));
    assert_true(looks(3600 * SECOND));
}

TEST(booting_has_bounds_of_its_own)
{
    cpu.exits = 0;
    assert_int_equal(looks_until_vain(SECOND), 0);
}
