/* The samples of docs/samples/toolstack, built as a toolstack's sources are (tests/tests.mk), on the real hypercalls. */
#include <tests/unit/hypercall/calls.h>

#include "fake_xencall.h"

int claim_or_say_why(u32 domid, u32 node, u64 pages, char *text, size_t len);
int best_node(u64 *unclaimed_pages);
int print_claims(FILE *out, u32 domid);

FIXTURE(NULL, fake_reset)

CALL_TEST(a_claim_or_the_reason)
{
    char text[512] = "";

    assert_int_equal(claim_or_say_why(1, 1, 100, text, sizeof(text)), 0);
    assert_int_equal(claim_or_say_why(1, 2, 200, text, sizeof(text)), 0);
    assert_int_equal(node_claimed(1), 0);
    assert_int_equal(node_claimed(2), 200);
    assert_string_equal(text, "");
    assert_int_equal(claim_or_say_why(2, 2, NODE_PAGES - 100, text, sizeof(text)), -ENOMEM);
    assert_non_null(strstr(text, "domain 1 has claimed 800 KiB"));
    assert_int_equal(claim_or_say_why(1, 2, 0, text, sizeof(text)), 0);
}

CALL_TEST(the_best_node)
{
    char text[512];
    u64 pages = 0;

    assert_int_equal(claim_or_say_why(1, 1, 300, text, sizeof(text)), 0);
    assert_int_equal(best_node(&pages), 2);
    assert_int_equal(pages, NODE_PAGES);
    assert_int_equal(claim_or_say_why(1, 2, 400, text, sizeof(text)), 0);
    assert_int_equal(best_node(&pages), 1);
    assert_int_equal(pages, NODE_PAGES);
    assert_int_equal(claim_or_say_why(1, 1, 0, text, sizeof(text)), 0);
}

CALL_TEST(the_status_line)
{
    char text[512] = "", *line = NULL;
    size_t len;

    assert_int_equal(claim_or_say_why(1, 1, 300, text, sizeof(text)), 0);
    FILE *out = open_memstream(&line, &len);
    assert_int_equal(print_claims(out, 1), 0);
    assert_int_equal(print_claims(out, 77), -1);
    fclose(out);
    assert_string_equal(line, "node 1: 0 owned, 300 claimed\n");
    free(line);
    assert_int_equal(claim_or_say_why(1, 1, 0, text, sizeof(text)), 0);
}
