/*
 * Other domains' frames in our own map (space 4 of add_to_physmap_batch): allowed places, allowed domains,
 * the contents seen through them, and how they keep a destroyed domain as a zombie.
 */
#include <tests/guests/conformance/physmap.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define PAGES 16u

static u64 self_before;

/* The change in our own pages since self_begin(). */
static void self_begin(void)
{
    self_before = phys_tot(0);
}
static long self_change(void)
{
    return (long)(phys_tot(0) - self_before);
}

static u32 with_pages(void)
{
    u32 d = domain_new(256);

    for (u32 i = 0; i < PAGES; i++)
        domain_populate(d, i, 0, NODE_ANY);
    watch(d, WATCH_DOMAIN);
    return d;
}

static void seen_through(u32 d)
{
    volatile u64 *a = case_page(0), *b = case_page(1);

    self_begin();
    CASE_SHOW("foreign.map", "at_hole", phys_foreign_one(d, 3, case_gfn(0)), " self=%ld", self_change());
    *a = 0x1122334455667788ull;
    CASE_SHOW("foreign.map", "same_frame_again_elsewhere", phys_foreign_one(d, 3, case_gfn(1)),
              " same=%u self=%ld", *b == 0x1122334455667788ull, self_change());
    *b = 5;
    CASE_SHOW("foreign.unmap", "first_of_two", unmap_gfn(0), " other_reads=%lu", *b);
    CASE_SHOW("foreign.unmap", "second_of_two", unmap_gfn(1), " self=%ld", self_change());
    CASE("foreign.unmap", "twice", unmap_gfn(1));
    CASE_SHOW("foreign.map", "later", phys_foreign_one(d, 3, case_gfn(0)), " reads=%lu", *a);
    unmap_gfn(0);
    CASE("foreign.map", "last_page", phys_foreign_one(d, PAGES - 1, case_gfn(0)));
    unmap_gfn(0);
}

/* The place is already in use. */
static void at_places(u32 d)
{
    u64 own = phys_own_gfn();
    volatile u64 *seen = (void *)(own << PAGE_SHIFT);
    int error;

    map_foreign_gfn(0, d, 5);
    *(volatile u64 *)case_page(0) = 77;
    unmap_gfn(0);
    self_begin();
    CASE_SHOW("foreign.map", "over_own_ram", phys_foreign_one(d, 5, own), " reads=%lu self=%ld", *seen,
              self_change());
    CASE_SHOW("foreign.unmap", "from_own_ram", phys_remove(DOMID_SELF, own), " self=%ld", self_change());
    phys_own_back();
    CASE("foreign.map", "at_hole_first", phys_foreign_one(d, 6, case_gfn(0)));
    CASE("foreign.map", "over_foreign_of_same_domain", phys_foreign_one(d, 7, case_gfn(0)));
    CASE("foreign.map", "over_itself", phys_foreign_one(d, 6, case_gfn(0)));
    unmap_gfn(0);
    phys_add(DOMID_SELF, 0, 0, case_gfn(0));
    CASE("foreign.map", "over_shared_info", phys_foreign_one(d, 6, case_gfn(0)));
    CASE("memory_op.add_to_physmap", "shared_info_from_under_foreign",
         phys_add(DOMID_SELF, 0, 0, case_gfn(1)));
    unmap_gfn(0);
    unmap_gfn(1);
    CASE("foreign.map", "gpfn_bit_36", phys_foreign_one(d, 6, 1ull << 36));
    CASE("foreign.map", "gpfn_bit_40", phys_foreign_one(d, 6, 1ull << 40));
    CASE("foreign.map", "gpfn_all_ones", phys_foreign_one(d, 6, ~0ull));
    error = 99;
    CASE_SHOW("foreign.map", "in_a_guest", phys_foreign(d, 0, 256, 100, &error), " entry=%d", error);
    phys_remove(d, 100);
    error = 99;
    CASE_SHOW("foreign.map", "in_a_guest_of_its_own", phys_foreign(d, d, 3, 101, &error), " entry=%d", error);
    phys_remove(d, 101);
}

/* Allowed domains. */
static void of_whom(u32 d)
{
    u32 other = domain_new(64);

    domain_populate(other, 0, 0, NODE_ANY);
    CASE("foreign.map", "unknown_domain", phys_foreign_one(0x7fef, 0, case_gfn(0)));
    CASE("foreign.map", "domid_self", phys_foreign_one(DOMID_SELF, 256, case_gfn(0)));
    CASE("foreign.map", "domain_0_itself", phys_foreign_one(0, 256, case_gfn(0)));
    CASE("foreign.map", "domid_io", phys_foreign_one(DOMID_IO, 0, case_gfn(0)));
    CASE("foreign.map", "domid_invalid", phys_foreign_one(DOMID_INVALID, 0, case_gfn(0)));
    CASE("foreign.map", "domid_ffff", phys_foreign_one(0xffff, 0, case_gfn(0)));
    CASE("foreign.map", "gfn_hole", phys_foreign_one(d, 4000, case_gfn(0)));
    CASE("foreign.map", "gfn_bit_36", phys_foreign_one(d, 1ull << 36, case_gfn(0)));
    CASE("foreign.map", "gfn_bit_40", phys_foreign_one(d, 1ull << 40, case_gfn(0)));
    CASE("foreign.map", "gfn_all_ones", phys_foreign_one(d, ~0ull, case_gfn(0)));
    phys_add(d, 0, 0, 200);
    CASE("foreign.map", "its_shared_info", phys_foreign_one(d, 200, case_gfn(0)));
    unmap_gfn(0);
    phys_remove(d, 200);
    CASE("foreign.map", "unknown_domain_and_gpfn_too_high", phys_foreign_one(0x7fef, 0, 1ull << 40));
    CASE("foreign.map", "two_domains_first", phys_foreign_one(d, 1, case_gfn(0)));
    CASE("foreign.map", "two_domains_second", phys_foreign_one(other, 0, case_gfn(1)));
    CASE("foreign.map", "over_foreign_of_another_domain", phys_foreign_one(other, 0, case_gfn(0)));
    unmap_gfn(0);
    unmap_gfn(1);
    domain_end(other);
}

/* What the domain and we may do with a mapped frame. */
static void used_frame(u32 d)
{
    volatile u64 *seen = case_page(0);

    map_foreign_gfn(0, d, 8);
    *seen = 8;
    CASE_SHOW("memory_op.decrease_reservation", "frame_under_mapping", phys_decrease(d, 8), " reads=%lu",
              *seen);
    CASE_SHOW("memory_op.populate_physmap", "where_it_was", domain_populate(d, 8, 0, NODE_ANY), " reads=%lu",
              *seen);
    CASE("foreign.unmap", "after_the_frame_went", unmap_gfn(0));
    map_foreign_gfn(0, d, 9);
    *seen = 9;
    CASE_SHOW("memory_op.remove_from_physmap", "frame_under_mapping", phys_remove(d, 9), " reads=%lu", *seen);
    CASE("foreign.unmap", "after_the_frame_was_removed", unmap_gfn(0));
    map_foreign_gfn(0, d, 10);
    self_begin();
    CASE_SHOW("memory_op.decrease_reservation", "foreign_mapping_of_ours",
              phys_decrease(DOMID_SELF, case_gfn(0)), " self=%ld", self_change());
    CASE("foreign.unmap", "after_decrease_reservation", unmap_gfn(0));
    CASE_SHOW("foreign.map", "frame_is_still_there", phys_foreign_one(d, 10, case_gfn(0)), " self=%ld",
              self_change());
    unmap_gfn(0);
}

/* A 2 MiB extent: one frame of it is mapped, others are freed. */
static void of_2m(void)
{
    u32 d = domain_new(2048);
    volatile u64 *a = case_page(0), *b = case_page(1);

    watch(d, WATCH_DOMAIN);
    CASE("memory_op.populate_physmap", "2m", domain_populate(d, 512, 9, NODE_ANY));
    CASE("foreign.map", "first_of_2m", phys_foreign_one(d, 512, case_gfn(0)));
    CASE("foreign.map", "last_of_2m", phys_foreign_one(d, 1023, case_gfn(1)));
    *a = 1;
    *b = 2;
    CASE_SHOW("memory_op.decrease_reservation", "in_2m_with_mappings", phys_decrease(d, 700),
              " reads=%lu,%lu", *a, *b);
    CASE_SHOW("memory_op.decrease_reservation", "mapped_frame_of_2m", phys_decrease(d, 512), " reads=%lu,%lu",
              *a, *b);
    CASE("foreign.unmap", "first_of_2m", unmap_gfn(0));
    CASE("foreign.unmap", "last_of_2m", unmap_gfn(1));
    domain_end(d);
}

static void zombie(void)
{
    u32 d = with_pages();
    volatile u64 *a = case_page(0);

    map_foreign_gfn(0, d, 3);
    map_foreign_gfn(1, d, 4);
    map_foreign_gfn(2, d, 4);
    *a = 42;
    case_begin();
    long rc = xc_domain_destroy(xch, d);
    settle();
    case_end("domctl.destroydomain", "with_mapped_frames", rc, " reads=%lu", *a);
    CASE("foreign.map", "of_dying_domain", phys_foreign_one(d, 5, case_gfn(3)));
    CASE("domctl.destroydomain", "again", xc_domain_destroy(xch, d));
    CASE("memory_op.populate_physmap", "dying", domain_populate(d, 30, 0, NODE_ANY));
    CASE("memory_op.decrease_reservation", "dying", phys_decrease(d, 6));
    case_begin();
    rc = unmap_gfn(0);
    settle();
    case_end("foreign.unmap", "first_frame_of_dying", rc, "%s", "");
    case_begin();
    rc = unmap_gfn(1);
    settle();
    case_end("foreign.unmap", "one_of_two_mappings_of_dying", rc, "%s", "");
    case_begin();
    rc = unmap_gfn(2);
    settle();
    case_end("foreign.unmap", "last_frame_of_dying", rc, "%s", "");
    CASE("foreign.map", "of_domain_that_is_gone", phys_foreign_one(d, 3, case_gfn(0)));
}

/* A domain that shuts down: its memory stays until it is destroyed. */
static void shut_down(void)
{
    u32 d = with_pages();
    volatile u64 *a = case_page(0);

    map_foreign_gfn(0, d, 3);
    *a = 43;
    CASE_SHOW("sched_op.remote_shutdown", "with_mapped_frame", xc_domain_shutdown(xch, d, 0), " reads=%lu",
              *a);
    CASE("foreign.map", "of_domain_that_is_shut_down", phys_foreign_one(d, 4, case_gfn(1)));
    unmap_gfn(0);
    unmap_gfn(1);
    domain_end(d);
}

void cases_foreign(void)
{
    u32 d = with_pages();

    seen_through(d);
    at_places(d);
    of_whom(d);
    used_frame(d);
    domain_end(d);
    of_2m();
    zombie();
    shut_down();
}
