/*
 * The host's local APICs. What guests' APICs accept and understand (arch/x86/hvm/x2apic.c, apic_ipi.c: written and tested
 * apart from this) judges the changes of mode and the interrupt commands.
 */
#include <tests/machine/test.h>

#include <arch/x86/cpu/apic_mode.h>
#include <arch/x86/hvm/apic_registers.h>
#include <homestead/errno.h>

#define BASE   (APIC_BASE_RESET | APIC_BASE_BSP)
#define OFF    BASE
#define XAPIC  (BASE | APIC_BASE_EN)
#define X2APIC (BASE | APIC_BASE_EN | APIC_BASE_EXTD)

static const u64 modes[] = {OFF, XAPIC, X2APIC};

/* Each step is one that an APIC allows, the last one ends in the mode, and none is superfluous. */
TEST(every_way_is_legal)
{
    static const int ways[3][2] = {{1, 2}, {0, 1}, {2, 0}}; /* from modes[], to xAPIC and x2APIC */

    for (u32 from = 0; from < ARRAY_SIZE(modes); from++)
        for (u32 x2 = 0; x2 < 2; x2++) {
            const struct apic_cpu cpu = {.base = modes[from], .has_x2apic = true};
            struct hvm_apic apic = {.base = modes[from]};
            u64 steps[APIC_STEPS];

            int nr = apic_mode_steps(&cpu, x2, steps);
            assert_int_equal(nr, ways[from][x2]);
            for (int i = 0; i < nr; i++)
                assert_true(x2apic_write_base(&apic, steps[i]) >= 0);
            assert_int_equal(apic.base, x2 ? X2APIC : XAPIC);
        }
}

/* The base address and the boot CPU's mark stay, whatever they are. */
TEST(only_the_mode_changes)
{
    const struct apic_cpu cpu = {.base = 0x000fedcba9876000ull | APIC_BASE_EN | APIC_BASE_EXTD,
                                 .has_x2apic = true};
    u64 steps[APIC_STEPS];

    assert_int_equal(apic_mode_steps(&cpu, false, steps), 2);
    assert_int_equal(steps[0], 0x000fedcba9876000ull);
    assert_int_equal(steps[1], 0x000fedcba9876000ull | APIC_BASE_EN);
}

TEST(a_cpu_without_x2apic)
{
    for (u32 from = 0; from < 2; from++) {
        const struct apic_cpu cpu = {.base = modes[from]};
        u64 steps[APIC_STEPS];

        assert_int_equal(apic_mode_steps(&cpu, true, steps), -ENODEV);
        assert_int_equal(apic_mode_steps(&cpu, false, steps), 1 - (int)from);
    }
}

/* Locked on: it stays where it is, and is left out if the others are not. */
TEST(a_cpu_locked_in_x2apic_mode)
{
    const struct apic_cpu cpu = {.base = X2APIC, .has_x2apic = true, .locked = true};
    u64 steps[APIC_STEPS];

    assert_int_equal(apic_mode_steps(&cpu, true, steps), 0);
    assert_int_equal(apic_mode_steps(&cpu, false, steps), -EPERM);
}

TEST(the_mode_is_the_firmware_s_unless_x2apic_is_needed)
{
    for (u32 has = 0; has < 2; has++)
        for (u32 wanted = 0; wanted < 2; wanted++)
            for (u32 nr_high = 0; nr_high < 2; nr_high++) {
                struct apic_cpu cpu = {.base = XAPIC, .has_x2apic = has};

                assert_int_equal(apic_choose_x2(&cpu, wanted, nr_high), has && (wanted || nr_high));
                cpu.base = X2APIC;
                cpu.locked = has;
                assert_true(apic_choose_x2(&cpu, wanted, nr_high));
            }
}

/* The command goes to the CPU with that id and to no other, as what it is. */
static void check_command(bool x2, u32 dest, u32 command, enum apic_ipi_kind kind)
{
    struct hvm_apic sender = {.base = x2 ? X2APIC : XAPIC, .icr = apic_icr(x2, dest, command)};
    static const u32 ids[] = {0, 1, 2, 16, 127, 128, 254, 255, 256, 257, 511, 65536, 0x01000000, 0xfffffffe};

    assert_false(sender.icr & ~ICR_VALID); /* a reserved bit is #GP */
    struct apic_ipi ipi = x2apic_decode_icr(&sender);
    assert_int_equal(ipi.kind, kind);
    assert_int_equal(ipi.vector, command & 0xff);
    assert_int_equal(ipi.to, APIC_TO_DEST);
    assert_false(ipi.logical);
    for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
        assert_int_equal(x2apic_ipi_reaches(&ipi, 3, &sender, ids[i]), ids[i] == dest);
}

TEST(interrupt_commands)
{
    static const u32 ids[] = {0, 1, 16, 127, 128, 254, 255, 256, 511, 65536, 0xfffffffe};

    for (u32 x2 = 0; x2 < 2; x2++)
        for (u32 i = 0; i < ARRAY_SIZE(ids) && (x2 || ids[i] <= XAPIC_MAX_ID); i++) {
            check_command(x2, ids[i], ICR_ASSERT | 0xf1, APIC_IPI_FIXED);
            check_command(x2, ids[i], ICR_ASSERT | ICR_NMI, APIC_IPI_NMI);
            check_command(x2, ids[i], ICR_ASSERT | ICR_INIT, APIC_IPI_INIT);
            check_command(x2, ids[i], ICR_ASSERT | ICR_STARTUP | 0x9d, APIC_IPI_STARTUP);
        }
}
