/*
 * Hypercalls with invalid arguments: bad pointers, huge counts, unknown commands, calls for the control
 * domain. Each must return the error in the table, or any error; none may succeed or crash this guest or
 * the host. Commands that would legitimately stop this guest are left out.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/test/test.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/hvm/hvm_op.h>

/* A pointer that is not canonical is left out: Xen drops its upper bits and may find memory there. */
static const u64 bad_pointers[] = {
    0xffff800000000000ull, /* canonical, not mapped */
    0x00007ffffffff000ull, /* not mapped */
    0x00007fffffffffffull, /* runs into the non-canonical hole */
    ~0ull,                 /* wraps */
    1ull << 46,
};

static u32 calls, failures;

static void must_fail(const char *what, u64 nr, u64 cmd, u64 arg, long rc)
{
    calls++;
    if (rc <= 0 && rc >= -4095)
        return;
    printf("abuse: %s: hypercall %lu cmd %lu arg %#lx returned %ld\n", what, nr, cmd, arg, rc);
    failures++;
}

static void must_be(const char *what, long expected, long rc)
{
    calls++;
    if (rc == expected)
        return;
    printf("abuse: %s: expected %ld, got %ld\n", what, expected, rc);
    failures++;
}

/* Does this call with a bad pointer leave the guest as it was? Those that do not read their argument are left
 * out. */
static bool harmless(u64 nr, u64 cmd)
{
    if (nr == __HYPERVISOR_iret || nr == __HYPERVISOR_console_io)
        return false;
    if (nr == __HYPERVISOR_sched_op || nr == __HYPERVISOR_sched_op_compat)
        return cmd != SCHEDOP_yield && cmd != SCHEDOP_block && cmd != SCHEDOP_shutdown;
    if (nr == __HYPERVISOR_set_timer_op || nr == __HYPERVISOR_xen_version || nr == __HYPERVISOR_vcpu_op)
        return false;
    /* Its first argument is the pointer: all memory from 0 on would be calls, and get results. */
    if (nr == __HYPERVISOR_multicall)
        return false;
    return true;
}

/* Every number with small commands and every bad pointer. */
static void sweep(void)
{
    for (u64 nr = 0; nr < 64; nr++) {
        for (u64 cmd = 0; cmd < 32; cmd++) {
            if (!harmless(nr, cmd) || (nr == __HYPERVISOR_memory_op && cmd < 6 && cmd >= 2))
                continue;
            /* All pointers for the common commands, one for the rest. */
            for (u32 i = 0; i < (cmd < 8 ? ARRAY_SIZE(bad_pointers) : 1); i++)
                must_fail("bad pointer", nr, cmd, bad_pointers[i],
                          hypercall(nr, cmd, bad_pointers[i], ~0ull, bad_pointers[i], 1));
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(bad_pointers); i++)
        must_be("calls nowhere", -EFAULT, hypercall2(__HYPERVISOR_multicall, bad_pointers[i], (void *)~0ull));
    for (u64 nr = 64; nr < 5000; nr = nr * 2 + 1)
        must_be("unknown hypercall", -ENOSYS, hypercall(nr, 0, 0, 0, 0, 0));
    must_be("hypercall ~0", -ENOSYS, hypercall(~0ull, 0, 0, 0, 0, 0));
}

/* Well-formed calls that only the control domain may make. */
static void privileged(void)
{
    struct xen_domctl domctl = {.cmd = XEN_DOMCTL_getdomaininfo,
                                .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    struct xen_sysctl sysctl = {.cmd = XEN_SYSCTL_physinfo,
                                .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    static const u32 commands[] = {XEN_DOMCTL_createdomain,  XEN_DOMCTL_destroydomain,
                                   XEN_DOMCTL_pausedomain,   XEN_DOMCTL_max_mem,
                                   XEN_DOMCTL_sethvmcontext, XEN_DOMCTL_setnodeaffinity};
    struct xen_memory_reservation claim = {.nr_extents = 1, .domid = 0};

    must_be("getdomaininfo of dom0", -EPERM, hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&domctl)));
    must_be("physinfo", -EPERM, hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(&sysctl)));
    for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
        memset(&domctl, 0, sizeof(domctl));
        domctl.cmd = commands[i];
        domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        long rc = hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&domctl));
        must_be("privileged domctl", -EPERM, rc);
    }
    must_be("console_io", -EPERM,
            hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 3, XEN_HANDLE("no\n"), 0, 0));
    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim);
    must_be("claim for dom0", -EPERM, rc);
}

/* Valid pointers, invalid contents. */
static void nonsense(void)
{
    xen_pfn_t frames[2] = {1ull << 52, ~0ull};
    struct xen_memory_reservation huge = {.extent_start = XEN_HANDLE(frames),
                                          .nr_extents = ~0ull,
                                          .extent_order = 200,
                                          .mem_flags = ~0u,
                                          .domid = DOMID_SELF};
    struct xen_memory_reservation far = {
        .extent_start = XEN_HANDLE(frames), .nr_extents = 2, .domid = DOMID_SELF};
    struct xen_add_to_physmap map = {.domid = DOMID_SELF, .space = 77, .gpfn = ~0ull};
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = 0xffffffff};
    struct sched_poll poll = {.ports = bad_pointers[0], .nr_ports = ~0u};

    for (u64 cmd = 0; cmd < 7; cmd++) {
        if (cmd == XENMEM_decrease_reservation || cmd == XENMEM_populate_physmap) {
            must_fail("huge reservation", 12, cmd, 0, hypercall2(__HYPERVISOR_memory_op, cmd, &huge));
            must_fail("far frames", 12, cmd, 0, hypercall2(__HYPERVISOR_memory_op, cmd, &far));
        }
    }
    must_fail("map nowhere", 12, 7, 0, hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map));
    must_fail("unknown param", 34, 1, 0, hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &param));
    must_fail("unknown param", 34, 0, 0, hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_param, &param));
    must_fail("endless poll", 29, 3, 0, hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll));
    must_be("unknown version command", -ENOSYS, hypercall2(__HYPERVISOR_xen_version, 200, NULL));
}

bool abuse_run(void)
{
    sweep();
    privileged();
    nonsense();
    printf("abuse: %u calls, %u not refused as they should be\n", calls, failures);
    return failures == 0;
}
