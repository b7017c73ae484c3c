/* Entering the hypervisor: unknown numbers, pointers, permissions, CPU modes. */
#include <tests/guests/conformance/conformance.h>
#include <lib/string.h>
#include <xen/version.h>

static void unknown_numbers(void)
{
    CASE("hypercall", "nr_63", hypercall(63, 0, 0, 0, 0, 0));
    CASE("hypercall", "nr_64", hypercall(64, 0, 0, 0, 0, 0));
    CASE("hypercall", "nr_2_to_31", hypercall(1ull << 31, 0, 0, 0, 0, 0));
    CASE("hypercall", "nr_all_ones", hypercall(~0ull, 0, 0, 0, 0, 0));
    CASE("hypercall", "nr_64_bits",
         hypercall(1ull << 32 | __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0));
    CASE("hypercall", "by_page", hypercall_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0));
    CASE("hypercall", "from_32_bits", hypercall32(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0));
}

static void pointers(void)
{
    xen_capabilities_info_t text;

    CASE("xen_version.capabilities", "good", version_op(XENVER_capabilities, &text));
    CASE("xen_version.capabilities", "null", version_op(XENVER_capabilities, NULL));
    CASE("xen_version.capabilities", "not_mapped", version_op(XENVER_capabilities, bad_ptr()));
    CASE("xen_version.capabilities", "not_canonical", version_op(XENVER_capabilities, noncanonical_ptr()));
    CASE("xen_version.capabilities", "no_memory", version_op(XENVER_capabilities, hole_ptr()));
    CASE("xen_version.capabilities", "fits_to_the_edge",
         version_op(XENVER_capabilities, edge_ptr(sizeof(text))));
    CASE("xen_version.capabilities", "one_byte_over",
         version_op(XENVER_capabilities, edge_ptr(sizeof(text) - 1)));
}

static void helper(void)
{
    helper_start();
    CASE("hypercall", "guest", helper_call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0));
    CASE("hypercall", "guest_from_32_bits",
         helper_call32(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0));
    memset(helper_data(), 0, PAGE_SIZE);
    CASE("xen_version.capabilities", "guest",
         helper_call(__HYPERVISOR_xen_version, XENVER_capabilities, helper_gaddr(), 0, 0, 0));
    helper_stop();
}

void cases_calling(void)
{
    unknown_numbers();
    pointers();
    helper();
}
