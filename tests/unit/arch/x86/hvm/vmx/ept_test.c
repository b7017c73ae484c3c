/* Intel's extended page tables: what a CPU must have, the pointer, violations decoded, misconfigurations in words. The
 * entries themselves: np_test.c and np_model_test.c, which run in both formats. */
#include "../np_pool.h"
#include <arch/x86/hvm/hvm.h>

TEST(test_choose)
{
    static const struct {
        u32 bit;
        const char *why;
    } missing[] = {
        {6, "the CPU's EPT has no tables of four levels"},
        {14, "the CPU's EPT does not read its tables through the caches"},
        {16, "the CPU's EPT has no pages of 2 MiB"},
        {20, "the CPU has no INVEPT"},
        {25, "the CPU's INVEPT cannot drop one context"},
        {26, "the CPU's INVEPT cannot drop all contexts"},
        {32, "the CPU has no INVVPID"},
        {42, "the CPU's INVVPID cannot drop all contexts"},
    };

    for_each_row (i, missing)
        assert_string_equal(ept_choose(EPT_CAP_ALL & ~BIT(missing[i].bit), MEMORY_WB, true), missing[i].why);
    assert_null(ept_choose(EPT_CAP_ALL, MEMORY_WB, true));
    assert_int_equal(np_largest_order, ORDER_1G);
    assert_int_equal(ept_pointer(0x123456000), 0x12345605e); /* A/D, four levels, write-back */
    assert_null(ept_choose(EPT_CAP_ALL & ~(BIT(17) | BIT(21)), MEMORY_WB, true));
    assert_int_equal(np_largest_order, ORDER_2M);
    assert_int_equal(ept_pointer(0x123456000), 0x12345601e);
}

/* A CPU that starts later must have what the first one has and is used; more does no harm. */
TEST(test_other_cpus)
{
    assert_true(ept_same(EPT_CAP_ALL, EPT_CAP_ALL));
    assert_true(ept_same(EPT_CAP_ALL & ~BIT(21), EPT_CAP_ALL));
    assert_true(ept_same(EPT_CAP_ALL, EPT_CAP_ALL & ~BIT(0))); /* execute-only is not used */
    assert_false(ept_same(EPT_CAP_ALL, EPT_CAP_ALL & ~BIT(21)));
    assert_false(ept_same(EPT_CAP_ALL, EPT_CAP_ALL & ~BIT(17)));
    assert_false(ept_same(EPT_CAP_ALL, EPT_CAP_ALL & ~BIT(42)));
}

TEST(test_violations)
{
    static const struct {
        u64 qualification;
        bool write, exec, present, in_tables;
    } cases[] = {
        {0x181, false, false, false, false}, /* read where nothing is mapped */
        {0x182, true, false, false, false},  /* write there */
        {0x183, true, false, false, false},  /* read and write at once */
        {0x184, false, true, false, false},  /* executed there */
        {0x1aa, true, false, true, false},   /* write to what can be read and executed */
        {0x081, false, false, false, true},  /* a guest's page table is not mapped */
        {0x0ab, true, false, true, true},    /* its accessed bit cannot be set */
        {0x001, false, false, false, true},  /* MOV to CR3 loads entries of PAE paging */
        {0x1182, true, false, false, false}, /* and NMIs were unblocked by an IRET */
    };
    struct hvm_exit exit;

    for_each_row (i, cases) {
        memset(&exit, 0xee, sizeof(exit));
        ept_decode_violation(cases[i].qualification, 0x123456789ab, false, &exit);
        assert_int_equal(exit.kind, HVM_EXIT_NPF);
        assert_int_equal(exit.insn_len, 0);
        assert_int_equal(exit.npf.gaddr, 0x123456789ab);
        assert_int_equal(exit.npf.write, cases[i].write);
        assert_int_equal(exit.npf.exec, cases[i].exec);
        assert_int_equal(exit.npf.present, cases[i].present);
        assert_int_equal(exit.npf.in_tables, cases[i].in_tables);
        assert_false(exit.npf.in_delivery);
        assert_int_equal(exit.npf.nr_code, 0);
    }
    ept_decode_violation(0x182, 0x1000, true, &exit);
    assert_true(exit.npf.in_delivery);
}

TEST_WITH(test_misconfigured_entries, setup_intel, teardown)
{
    static const struct {
        u64 entry;
        u32 level;
        u64 bits; /* 0: it is fine */
    } cases[] = {
        {0, 4, 0},
        {0xfff8, 1, 0}, /* not present: nothing else counts */
        {0x1107, 4, 0},
        {0x3ff0000000001107, 3, 0}, /* the count of the table below */
        {0x1102, 4, 2},
        {0x1106, 2, 6},
        {0x1104, 2, 4},
        {0x1187, 4, 0x80}, /* no pages of 512 GiB */
        {0x1137, 3, 0x30},
        {0x1147, 2, 0x40},
        {0x1377, 1, 0},
        {0x13f7, 1, 0}, /* bit 7 is ignored in the last table */
        {0x1357, 1, 0x10},
        {0x135f, 1, 0x18},
        {0x137f, 1, 0x38},
        {0x1377 | BIT(46), 1, BIT(46)},
        {0x1107 | BIT(51), 3, BIT(51)},
        {0x400003f7, 3, 0},
        {0x402003f7, 3, 0x200000},
        {0x2003f7, 2, 0},
        {0x2013f7, 2, 0x1000},
    };

    for_each_row (i, cases) {
        struct ept_fault fault = ept_entry_fault(cases[i].entry, cases[i].level, TEST_MADDR_BITS);

        assert_int_equal(fault.bits, cases[i].bits);
        assert_int_equal(fault.what != NULL, cases[i].bits != 0);
    }
    assert_null(ept_choose(EPT_CAP_ALL & ~BIT(17), MEMORY_WB, true));
    assert_string_equal(ept_entry_fault(0x400003f7, 3, TEST_MADDR_BITS).what,
                        "the CPU has no pages of 1 GiB");
}

TEST_WITH(test_misconfiguration_in_words, setup_intel, teardown)
{
    char text[160];

    assert_int_equal(map(gfn(0x40200), mfn(0x800), 9, NP_RAM), 0);
    assert_int_equal(map(gfn(5), mfn(7), 0, NP_RAM), 0);
    ept_explain_misconfiguration(&np, 0x5123, TEST_MADDR_BITS, text, sizeof(text));
    assert_string_equal(
        text,
        "no entry for guest-physical 0x5123 is misconfigured now; the last is 0x10000000007377 of level 1");
    ept_explain_misconfiguration(&np, 0x6123, TEST_MADDR_BITS, text, sizeof(text));
    assert_string_equal(
        text, "no entry for guest-physical 0x6123 is misconfigured now; the last is 0x0 of level 1");

    u64 entry[5];
    assert_int_equal(np_entries(&np, gfn(5), entry), 1);
    u64 *table = mfn_to_virt(maddr_to_mfn(entry[2] & 0xffffffffff000));
    table[5] ^= 0x20; /* write-back becomes 2 */
    ept_explain_misconfiguration(&np, 0x5123, TEST_MADDR_BITS, text, sizeof(text));
    assert_string_equal(
        text, "entry 0x10000000007357 of level 1 for guest-physical 0x5123: there is no such memory type "
              "(bits 0x10)");
    table[5] ^= 0x20;
    table = mfn_to_virt(maddr_to_mfn(entry[4] & 0xffffffffff000));
    table[0] |= BIT(4);
    ept_explain_misconfiguration(&np, 0x5123, TEST_MADDR_BITS, text, sizeof(text));
    table[0] &= ~BIT(4);
    assert_non_null(strstr(
        text, "of level 3 for guest-physical 0x5123: bits are reserved in a pointer to a table (bits 0x10)"));
}

/* Where the MTRRs are off, all memory is uncached, in guests too. */
TEST_WITH(test_uncached, setup_intel, teardown)
{
    u64 entry[5];

    assert_null(ept_choose(EPT_CAP_ALL, MEMORY_UC, true));
    assert_int_equal(map(gfn(5), mfn(7), 0, NP_RAM), 0);
    assert_int_equal(np_entries(&np, gfn(5), entry), 1);
    assert_int_equal(entry[1] & 0x78, 0x40);
}
