/* The example of docs/hypervisor-guide/mm/accounting.md, on the real allocator: each row of its table is what the ledger has. */
#include <mm/ledger.h>
#include <xen/sysctl.h>

#define NODES      2u
#define NODE_PAGES 4096u
#include "claims_helpers.h"

static char page[1u << 16];
static u32 step;

static void read_page(void)
{
    FILE *f = fopen("docs/hypervisor-guide/mm/accounting.md", "r");

    assert_non_null(f);
    size_t nr = fread(page, 1, sizeof(page) - 1, f);
    assert_true(feof(f));
    page[nr] = '\0';
    fclose(f);
}

/* Is the step's row in the page, and does it end with the figures of now? */
static void expect_row(void)
{
    char start[16], end[128], row[512];

    snprintf(start, sizeof(start), "\n| %u | ", step++);
    snprintf(end, sizeof(end), "| %lu | %lu | %lu | %lu | %lu | %lu |", (unsigned long)node_get(0)->claimed,
             (unsigned long)node_unclaimed(node_get(0)), (unsigned long)node_get(1)->claimed,
             (unsigned long)node_unclaimed(node_get(1)), (unsigned long)ledger_host_claims(),
             (unsigned long)ledger_host_spare(nodes_all()));
    const char *at = strstr(page, start);
    assert_non_null(at);
    snprintf(row, sizeof(row), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
    assert_true(strlen(row) > strlen(end));
    assert_string_equal(row + strlen(row) - strlen(end), end);
}

TEST(figures_of_the_page)
{
    struct mem_account *red = a, *green = b;
    struct claim_entry on_nodes[2] = {{.pages = 1000, .node = 0}, {.pages = 500, .node = 1}};
    struct claim_entry with_host[2] = {{.pages = 600, .node = 0}, {.pages = 300, .node = CLAIM_HOST}};
    struct mm_request request = {.nid = 1, .order = ORDER_2M, .nr = 1, .flags = MM_EXACT_NODE};
    struct mm_taken taken;
    u32 status;
    mfn_t m;

    read_page();
    expect_row();
    assert_int_equal(claim_install_set(red, on_nodes, 2, 0), 0);
    expect_row();
    assert_int_equal(claim_install_set(green, with_host, 2, 0), 0);
    expect_row();
    assert_int_equal(take_at(red, 0, ORDER_2M, &m), 0);
    expect_row();
    assert_int_equal(mm_take(green, &request, &taken), 0);
    expect_row();
    mm_take_done(&taken, 0);
    expect_row();
    for (u32 i = 0; i < 100; i++, m.n++)
        assert_int_equal(mm_release_many(red, &m, 0, 1), 0);
    expect_row();
    mm_account_kill(red);
    expect_row();
    while (mm_release_some(red, 64))
        ;
    expect_row();
    assert_int_equal(mm_offline_page(mfn(2 * NODE_PAGES - 1), &status), 0);
    assert_int_equal(status, PG_OFFLINE_OFFLINED);
    expect_row();
    assert_null(strstr(page, "\n| 10 | "));
    assert_int_equal(mm_online_page(mfn(2 * NODE_PAGES - 1), &status), 0);
}

FIXTURE(setup, accounts_unmake)
