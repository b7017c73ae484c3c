// sources: tests/unit/abi_ours.c tests/unit/abi_system.c
/*
 * include/xen/ against Debian's libxen-dev: every structure's size, every field's offset and every
 * number of abi_rows.inc. The two header sets define the same names, so each is compiled in a file
 * of its own and only their tables meet here. Also checked: what has no counterpart in Xen 4.17.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <homestead/errno.h>
#include <xen/domctl.h>

#include "abi_table.h"

static void every_row_agrees_with_libxen_dev(void **state)
{
    unsigned int wrong = 0;

    (void)state;
    assert_int_equal(abi_ours_count, abi_system_count);
    assert_true(abi_ours_count > 700);
    for (unsigned int i = 0; i < abi_ours_count; i++) {
        assert_string_equal(abi_ours[i].what, abi_system[i].what);
        if (abi_ours[i].value != abi_system[i].value) {
            print_error("%s: ours %#lx, libxen-dev %#lx\n", abi_ours[i].what, abi_ours[i].value,
                        abi_system[i].value);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* claims.md section 3, where no released header can be asked. */
static void claim_call_is_as_documented(void **state)
{
    memory_claim_t c = XEN_NODE_CLAIM_INIT(7, 3);

    (void)state;
    assert_int_equal(XEN_DOMCTL_claim_memory, 91);
    assert_int_equal(XEN_DOMCTL_get_memory_claims, 92);
    assert_int_equal(XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 0xffffffffu);
    assert_int_equal(XEN_DOMCTL_CLAIM_REPLACE, 1);
    assert_int_equal(sizeof(memory_claim_t), 16);
    assert_int_equal(sizeof(struct xen_domctl_claim_memory), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.claims), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.nr_claims), 24);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.pad), 28);
    assert_int_equal(c.pages, 7);
    assert_int_equal(c.node, 3);
    assert_int_equal(c.pad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_agrees_with_libxen_dev),
        cmocka_unit_test(claim_call_is_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
