/*
 * Copies by grant reference, and what else is done with entries: swapping two. Answers beside Xen's: group grants.
 */
#include "grant_calls.h"

/* --- copy --- */

static s16 copy(struct gnttab_copy op_copy)
{
    u32 narrow[6] = {(u32)op_copy.source.u.gmfn,
                     op_copy.source.domid | (u32)op_copy.source.offset << 16,
                     (u32)op_copy.dest.u.gmfn,
                     op_copy.dest.domid | (u32)op_copy.dest.offset << 16,
                     op_copy.len | (u32)op_copy.flags << 16,
                     99};

    op_copy.status = 99;
    if (guest_64)
        PUT(ARG, op_copy);
    else
        PUT(ARG, narrow);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, at(ARG), 1), 0);
    if (guest_64)
        GET(ARG, op_copy);
    else
        GET(ARG, narrow);
    return guest_64 ? op_copy.status : (s16)narrow[5];
}

#define OWN(page, at_byte) \
    { \
        .u.gmfn = (GUEST_BASE >> PAGE_SHIFT) + (page), .domid = DOMID_SELF, .offset = (at_byte) \
    }
#define REF(nr, at_byte) \
    { \
        .u.ref = (nr), .domid = 1, .offset = (at_byte) \
    }

CALL_TEST(copies_by_reference)
{
    u8 bytes[16];

    make_granter();
    assert_int_equal(copy((struct gnttab_copy){REF(9, 100), OWN(7, 50), 10, GNTCOPY_source_gref, 0}),
                     GNTST_okay);
    get(7 * PAGE_SIZE + 49, bytes, 12);
    assert_true(bytes[0] == 0 && bytes[1] == 0x11 && bytes[10] == 0x11 && bytes[11] == 0);
    assert_int_equal(copy((struct gnttab_copy){OWN(8, 0), REF(9, 4090), 6, GNTCOPY_dest_gref, 0}),
                     GNTST_okay);
    assert_true(page(1)[4089] == 0x11 && page(1)[4090] == 0 && page(1)[4095] == 0);
    const struct gnttab_copy both = {REF(10, 0), REF(11, 0), PAGE_SIZE,
                                     GNTCOPY_source_gref | GNTCOPY_dest_gref, 0};
    assert_int_equal(copy(both), GNTST_okay);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(page(3)[i], 0x12);
    assert_int_equal(copy((struct gnttab_copy){OWN(7, 50), OWN(9, 0), 10, 0, 0}), GNTST_okay);
    get(9 * PAGE_SIZE, bytes, 1);
    assert_int_equal(bytes[0], 0x11);
    for (u32 i = 0; i < PAGES; i++)
        assert_int_equal(entry(8 + i)->flags, GTF_permit_access);
    assert_int_equal(granter->grants->nr_active, 0);

    /* A part of a page can be copied, but version 1 does not say which: Xen takes the whole. */
    grant(9, 2, PAGE_G(1), GTF_sub_page);
    assert_int_equal(copy((struct gnttab_copy){REF(9, 0), OWN(7, 0), 1, GNTCOPY_source_gref, 0}), GNTST_okay);
}
ALSO_IN_32_BITS(copies_by_reference)

CALL_TEST(what_cannot_be_copied)
{
    make_granter();
    grant(9, 2, PAGE_G(1), GTF_readonly);
    grant(20, 3, PAGE_G(1), 0);
    grant(21, 2, 0x900, 0);
    const struct {
        struct gnttab_copy op;
        s16 status;
    } bad[] = {
        {{OWN(7, 0), REF(9, 0), 1, GNTCOPY_dest_gref, 0}, GNTST_general_error},
        {{REF(20, 0), OWN(7, 0), 1, GNTCOPY_source_gref, 0}, GNTST_general_error},
        {{REF(21, 0), OWN(7, 0), 1, GNTCOPY_source_gref, 0}, GNTST_bad_page},
        {{REF(600, 0), OWN(7, 0), 1, GNTCOPY_source_gref, 0}, GNTST_bad_gntref},
        {{REF(8, 0), OWN(7, 0), 1, 0, 0}, GNTST_permission_denied},
        {{OWN(7, 0), REF(8, 0), 1, 0, 0}, GNTST_permission_denied},
        {{{.u.ref = 8, .domid = 88}, OWN(7, 0), 1, GNTCOPY_source_gref, 0}, GNTST_bad_domain},
        {{OWN(7, 0), {.u.ref = 8, .domid = 88}, 1, GNTCOPY_dest_gref, 0}, GNTST_bad_domain},
        {{OWN(0x9000, 0), OWN(7, 0), 1, 0, 0}, GNTST_bad_page},
        {{OWN(7, 0), OWN(0x9000, 0), 1, 0, 0}, GNTST_bad_page},
        {{OWN(~0ull >> 12, 0), OWN(7, 0), 1, 0, 0}, GNTST_bad_page},
        {{OWN(7, 1), OWN(8, 0), PAGE_SIZE, 0, 0}, GNTST_bad_copy_arg},
        {{OWN(7, 0), OWN(8, 1), PAGE_SIZE, 0, 0}, GNTST_bad_copy_arg},
        {{OWN(7, 0xffff), OWN(8, 0), 0, 0, 0}, GNTST_bad_copy_arg},
        {{OWN(7, 0), OWN(8, 0), 0xffff, 0, 0}, GNTST_bad_copy_arg},
    };
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(copy(bad[i].op), bad[i].status);
    assert_int_equal(copy((struct gnttab_copy){OWN(7, 0x1000), OWN(8, 0), 0, 0, 0}), GNTST_okay);
    assert_int_equal(granter->grants->nr_active, 0);
    assert_int_equal(page(1)[0], 0x11);
}
ALSO_IN_32_BITS(what_cannot_be_copied)

/* A page that is mapped can be copied too, and a copy keeps to what the mapping began. */
CALL_TEST(copies_of_mapped_pages)
{
    make_granter();
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    assert_int_equal(copy((struct gnttab_copy){REF(9, 0), OWN(7, 0), 1, GNTCOPY_source_gref, 0}), GNTST_okay);
    assert_int_equal(entry(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    /* The mapped page itself is not the caller's own. */
    struct gnttab_copy own = {{.u.gmfn = WINDOW, .domid = DOMID_SELF}, OWN(7, 0), 1, 0, 0};
    assert_int_equal(copy(own), GNTST_bad_page);
    assert_int_equal(unmap_gfn(map.handle, WINDOW), GNTST_okay);
    assert_int_equal(entry(9)->flags, GTF_permit_access);
}

/* --- swap --- */

static s16 swap(u32 a, u32 b)
{
    struct gnttab_swap_grant_ref op_swap = {a, b, 99};

    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_swap_grant_ref, PUT(ARG, op_swap), 1),
                     0);
    GET(ARG, op_swap);
    return op_swap.status;
}

CALL_TEST(entries_are_swapped)
{
    make_granter();
    assert_int_equal(map_gfn(9, WINDOW), GNTST_okay);
    call_from(1);
    assert_int_equal(swap(8, 11), GNTST_okay);
    assert_true(entry(8)->frame == PAGE_G(3) && entry(11)->frame == PAGE_G(0));
    assert_int_equal(swap(8, 8), GNTST_okay);
    assert_int_equal(swap(9, 11), GNTST_eagain);
    assert_int_equal(swap(11, 9), GNTST_eagain);
    assert_int_equal(swap(11, 512), GNTST_bad_gntref);
    assert_int_equal(swap(~0u, 11), GNTST_bad_gntref);
    assert_true(entry(9)->frame == PAGE_G(1) && entry(11)->frame == PAGE_G(0));
    call_from(2);
    assert_int_equal(swap(1, 2), GNTST_okay); /* without a table: both are empty */
}
