/*
 * Group grants. Here: a domain's own table, its sizes, versions and frames, by domain 0 and by an unprivileged guest.
 * cases_grants_map.c, cases_grants_copy.c and cases_grants_race.c: what is done with grants.
 */
#include <tests/guests/conformance/cases.h>
#include <tests/guests/conformance/grants.h>
#include <tests/guests/conformance/guest_caller.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/grant_table.h>

static bool by_helper; /* it makes the calls */

static const char *named(const char *name)
{
    static char guest_name[48];

    snprintf(guest_name, sizeof(guest_name), "guest_%s", name);
    return by_helper ? guest_name : name;
}

static long grant_op(u64 cmd, void *arg, u64 size, u64 count)
{
    if (!by_helper)
        return hypercall(__HYPERVISOR_grant_table_op, cmd, XEN_HANDLE(arg), count, 0, 0);
    long rc = helper_call(__HYPERVISOR_grant_table_op, cmd, guest_put(0, arg, size), count, 0, 0);
    memcpy(arg, helper_data(), size);
    return rc;
}

static void size_of(const char *name, u32 domid, u64 count)
{
    struct gnttab_query_size op = {.dom = (domid_t)domid, .nr_frames = 77, .max_nr_frames = 77, .status = 77};

    CASE_SHOW("grant_table_op.query_size", named(name), grant_op(GNTTABOP_query_size, &op, sizeof(op), count),
              " status=%d frames=%u max=%u", op.status, op.nr_frames, op.max_nr_frames);
}

static void set_version(const char *name, u32 version, u64 count)
{
    struct gnttab_set_version op = {version};

    CASE_SHOW("grant_table_op.set_version", named(name),
              grant_op(GNTTABOP_set_version, &op, sizeof(op), count), " version=%u", op.version);
}

static void get_version(const char *name, u32 domid)
{
    struct gnttab_get_version op = {.dom = (domid_t)domid, .version = 77};

    CASE_SHOW("grant_table_op.get_version", named(name), grant_op(GNTTABOP_get_version, &op, sizeof(op), 1),
              " version=%u", op.version);
}

static void questions(u32 other)
{
    size_of("self", DOMID_SELF, 1);
    size_of("no_count", DOMID_SELF, 0);
    size_of("two", DOMID_SELF, 2);
    size_of("count_bit_31", DOMID_SELF, 1u << 31);
    size_of("count_bit_32", DOMID_SELF, 1ull << 32 | 1);
    size_of("other", other, 1);
    size_of("unknown_domain", DOMID_UNKNOWN, 1);
    size_of("domid_invalid", DOMID_INVALID, 1);
    set_version("1", 1, 1);
    set_version("1_without_count", 1, 0);
    set_version("1_count_bit_31", 1, 1u << 31);
    set_version("0", 0, 1);
    set_version("3", 3, 1);
    set_version("all_ones", ~0u, 1);
    get_version("self", DOMID_SELF);
    get_version("other", other);
    get_version("unknown_domain", DOMID_UNKNOWN);
}

static void pointers(void)
{
    static const u32 cmds[] = {GNTTABOP_query_size, GNTTABOP_set_version, GNTTABOP_get_version};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        snprintf(name, sizeof(name), "not_mapped_%u", cmds[i]);
        CASE("grant_table_op", name, grant_op(cmds[i], bad_ptr(), 0, 1));
        snprintf(name, sizeof(name), "no_memory_%u", cmds[i]);
        CASE("grant_table_op", name, grant_op(cmds[i], hole_ptr(), 0, 1));
        snprintf(name, sizeof(name), "over_the_edge_%u", cmds[i]);
        CASE("grant_table_op", name, grant_op(cmds[i], edge_ptr(3), 0, 1));
        snprintf(name, sizeof(name), "not_mapped_count_0_%u", cmds[i]);
        CASE("grant_table_op", name, grant_op(cmds[i], bad_ptr(), 0, 0));
    }
    CASE("grant_table_op", "nr_13", grant_op(13, bad_ptr(), 0, 1));
    CASE("grant_table_op", "nr_13_count_bit_31", grant_op(13, bad_ptr(), 0, 1u << 31));
    CASE("grant_table_op", "nr_0xfff", grant_op(0xfff, bad_ptr(), 0, 1));
    CASE("grant_table_op", "nr_0x1006", grant_op(0x1006, bad_ptr(), 0, 1));
    CASE("grant_table_op", "nr_all_ones", grant_op(~0u, bad_ptr(), 0, 1));
}

static long frame(u32 domid, u64 index, u64 gpfn)
{
    return phys_add(domid, XENMAPSPACE_grant_table, index, gpfn);
}

/* Of a domain with one page of memory, at 0, and a limit of eight frames. */
static void frames(u32 d)
{
    watch(d, WATCH_DOMAIN);
    size_of("of_new_domain", d, 1);
    CASE("memory_op.add_to_physmap", "grant_0", frame(d, 0, 16));
    size_of("after_frame_0", d, 1);
    CASE("memory_op.add_to_physmap", "grant_0_again_there", frame(d, 0, 16));
    CASE("memory_op.add_to_physmap", "grant_0_moves", frame(d, 0, 17));
    CASE("memory_op.remove_from_physmap", "where_it_was", phys_remove(d, 16));
    CASE("memory_op.add_to_physmap", "grant_5", frame(d, 5, 18));
    size_of("after_frame_5", d, 1);
    CASE("memory_op.add_to_physmap", "grant_1", frame(d, 1, 19));
    size_of("after_frame_1", d, 1);
    CASE("memory_op.add_to_physmap", "grant_8_of_8", frame(d, 8, 20));
    CASE("memory_op.add_to_physmap", "grant_64", frame(d, 64, 20));
    CASE("memory_op.add_to_physmap", "grant_all_ones", frame(d, ~0ull, 20));
    CASE("memory_op.add_to_physmap", "grant_status_0", frame(d, 1ull << 31, 20));
    CASE("memory_op.add_to_physmap", "grant_bit_32", frame(d, 1ull << 32, 20));
    size_of("after_bad_frames", d, 1);
    CASE("memory_op.add_to_physmap", "grant_7_of_8", frame(d, 7, 20));
    CASE("memory_op.add_to_physmap", "grant_over_grant", frame(d, 0, 20));
    CASE("memory_op.add_to_physmap", "grant_from_under_grant", frame(d, 7, 21));
    CASE("memory_op.add_to_physmap", "grant_0_is_still_there", frame(d, 0, 20));
    CASE("memory_op.add_to_physmap", "grant_over_shared_info", phys_add(d, XENMAPSPACE_shared_info, 0, 22));
    CASE("memory_op.add_to_physmap", "shared_info_under_grant", frame(d, 0, 22));
    CASE("memory_op.add_to_physmap", "shared_info_back", phys_add(d, XENMAPSPACE_shared_info, 0, 22));
    CASE("memory_op.remove_from_physmap", "shared_info_over_grant", phys_remove(d, 22));
    CASE("memory_op.add_to_physmap", "grant_over_ram", frame(d, 2, 0));
    CASE("memory_op.decrease_reservation", "grant", phys_decrease(d, 0));
    CASE("memory_op.add_to_physmap", "grant_after_decrease", frame(d, 2, 0));
    CASE("memory_op.populate_physmap", "over_grant", domain_populate(d, 0, 0, NODE_ANY));
    CASE("memory_op.add_to_physmap", "grant_from_under_ram", frame(d, 2, 23));
    CASE("memory_op.add_to_physmap", "grant_gpfn_too_high", frame(d, 6, 1ull << 40));
    CASE("memory_op.add_to_physmap", "grant_gpfn_all_ones", frame(d, 6, ~0ull));
    CASE("memory_op.add_to_physmap", "grant_unknown_domain", frame(DOMID_UNKNOWN, 0, 16));
    size_of("at_the_end", d, 1);
    watch(0, WATCH_NOTHING);
}

/* What is in our own frames: they come zeroed, and the guest's entries stay when they move. */
static void contents(void)
{
    struct grant_entry_v1 *entry = case_page(0);

    case_begin();
    long rc = frame(DOMID_SELF, 1, case_gfn(0));
    bool zero = rc == 0;
    for (u32 i = 0; zero && i < PAGE_SIZE / sizeof(*entry); i++)
        zero = !entry[i].flags && !entry[i].domid && !entry[i].frame;
    case_end("memory_op.add_to_physmap", "own_grant_frame", rc, " zero=%u", zero);
    if (rc == 0)
        entry[511] = (struct grant_entry_v1){1, 7, 0x12345};
    entry = case_page(1);
    CASE_SHOW("memory_op.add_to_physmap", "own_grant_frame_moves", frame(DOMID_SELF, 1, case_gfn(1)),
              " frame=%#x", entry[511].frame);
    entry[511] = (struct grant_entry_v1){0};
    unmap_gfn(0);
    unmap_gfn(1);
}

void cases_grants(void)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .u.createdomain = xc_domain_config(1)};

    by_helper = false;
    questions(DOMID_SELF);
    pointers();
    contents();
    op.u.createdomain.max_grant_frames = 8;
    if (domctl(&op) == 0) {
        u32 d = op.domain;

        set_max(d, 64);
        domain_populate(d, 0, 0, NODE_ANY);
        frames(d);
        domain_end(d);
    }
    u32 helper = helper_start();
    size_of("of_the_helper", helper, 1);
    get_version("of_the_helper", helper);
    by_helper = true;
    questions(0);
    set_version("2", 2, 1);
    get_version("after_version_2", DOMID_SELF);
    size_of("own_number", helper, 1);
    helper_stop();
    grants_map();
    grants_copy();
    grants_races();
}
