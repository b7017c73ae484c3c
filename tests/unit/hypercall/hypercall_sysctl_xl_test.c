/* sysctls that xl and the daemons of domain 0 make beside the figures of hypercall_sysctl_test.c. */
#include "calls.h"

#include <arch/x86/cpu/console_ring.h>
#include <arch/x86/cpu/debug/keys.h>

static char text[512];

static long read_console(u8 incremental, u32 index, u8 clear, u32 count)
{
    memset(text, '.', sizeof(text));
    sys.u.readconsole = (struct xen_sysctl_readconsole){.incremental = incremental,
                                                        .index = index,
                                                        .clear = clear,
                                                        .count = count,
                                                        .buffer = PUT(LIST, text)};
    long rc = sysctl(XEN_SYSCTL_readconsole);
    GET(LIST, text);
    return rc;
}

CALL_TEST(the_console_can_be_read)
{
    assert_int_equal(read_console(0, 0, 1, 512), 0); /* what others have left */
    console_ring_put("one\ntwo\n", 8, true, false);
    assert_int_equal(read_console(0, 0, 0, 512), 0);
    assert_int_equal(sys.u.readconsole.count, 8);
    assert_memory_equal(text, "one\ntwo\n.", 9);
    u32 index = sys.u.readconsole.index;
    assert_int_equal(read_console(1, index, 0, 512), 0);
    assert_int_equal(sys.u.readconsole.count, 0);
    assert_int_equal(read_console(0, 0, 0, 5), 0);
    assert_int_equal(sys.u.readconsole.count, 5);
    assert_memory_equal(text, "one\nt.", 6);
    assert_int_equal(sys.u.readconsole.index, index - 3);
    assert_int_equal(read_console(1, index - 3, 1, 512), 0);
    assert_memory_equal(text, "wo\n.", 4);
    assert_int_equal(read_console(0, 0, 0, 512), 0); /* it was cleared */
    assert_int_equal(sys.u.readconsole.count, 0);
    console_ring_put("three\n", 6, true, false);
    sys.u.readconsole = (struct xen_sysctl_readconsole){.clear = 1, .count = 6, .buffer = at(GUEST_BYTES)};
    assert_int_equal(sysctl(XEN_SYSCTL_readconsole), -EFAULT);
    assert_int_equal(read_console(0, 0, 0, 512), 0); /* it was not */
    assert_int_equal(sys.u.readconsole.count, 6);
}

static u32 nr_keys_served;

static void key_x(void)
{
    keys_printf("key x %u\n", ++nr_keys_served);
}

static long debug_keys(const char *keys, u32 nr)
{
    put(LIST, keys, strlen(keys));
    sys.u.debug_keys = (struct xen_sysctl_debug_keys){.keys = at(LIST), .nr_keys = nr};
    return sysctl(XEN_SYSCTL_debug_keys);
}

static u32 slept;

/* Between two attempts the serial line takes what is late. */
static void drain_late(void)
{
    char piece[64];

    assert_true(caller->state == VCPU_BLOCKED);
    slept++;
    vcpu_wake(caller);
    while (console_ring_take_late(piece, sizeof(piece)))
        ;
}

CALL_TEST(debug_keys_are_served_one_after_the_other)
{
    assert_int_equal(debug_keys("x", 1), -EOPNOTSUPP); /* debugkeys=no */
    keys_init();
    keys_register('x', "a test", key_x);
    assert_int_equal(debug_keys("x", 1025), -E2BIG);
    assert_int_equal(debug_keys("x", 0), 0);
    assert_int_equal(nr_keys_served, 0);
    assert_int_equal(debug_keys("x", 1), 0);
    assert_int_equal(nr_keys_served, 1);
    assert_int_equal(restarts, 0);
    /* The line has not taken that yet: the vCPU sleeps, and before each of the next two keys again. */
    on_restart = drain_late;
    assert_int_equal(debug_keys("xqx", 3), 0);
    assert_int_equal(nr_keys_served, 3);
    assert_int_equal(slept, 3);
    assert_int_equal(sys.u.debug_keys.nr_keys, 0);
    sys.u.debug_keys = (struct xen_sysctl_debug_keys){.keys = at(GUEST_BYTES), .nr_keys = 1};
    assert_int_equal(sysctl(XEN_SYSCTL_debug_keys), -EFAULT);
    assert_int_equal(nr_keys_served, 3);
    on_restart = NULL;
}

CALL_TEST(idle_time_of_cpus, .cpus = 4)
{
    struct xen_sysctl_cpuinfo info[5] = {0};

    now_ns = 5000;
    sys.u.getcpuinfo = (struct xen_sysctl_getcpuinfo){.max_cpus = 5, .info = PUT(LIST, info)};
    assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), 0);
    assert_int_equal(sys.u.getcpuinfo.nr_cpus, 4);
    GET(LIST, info);
    assert_int_equal(info[3].idletime, 5000);
    assert_int_equal(info[4].idletime, 0);
    sys.u.getcpuinfo = (struct xen_sysctl_getcpuinfo){.max_cpus = 1, .info = at(GUEST_BYTES)};
    assert_int_equal(sysctl(XEN_SYSCTL_getcpuinfo), -EFAULT);
}

CALL_TEST(no_pci_device_is_known)
{
    const u32 devs[3] = {1, 2, 3};
    u32 nodes[4] = {7, 7, 7, 7};

    put(0x2100, nodes, sizeof(nodes));
    sys.u.pcitopoinfo =
        (struct xen_sysctl_pcitopoinfo){.num_devs = 3, .devs = PUT(LIST, devs), .nodes = at(0x2100)};
    assert_int_equal(sysctl(XEN_SYSCTL_pcitopoinfo), 0);
    assert_int_equal(sys.u.pcitopoinfo.num_devs, 3);
    GET(0x2100, nodes);
    for (u32 i = 0; i < 3; i++)
        assert_int_equal(nodes[i], XEN_INVALID_DEV);
    assert_int_equal(nodes[3], 7);
    sys.u.pcitopoinfo.devs = 0;
    assert_int_equal(sysctl(XEN_SYSCTL_pcitopoinfo), -EINVAL);
    sys.u.pcitopoinfo.devs = at(GUEST_BYTES - 4);
    assert_int_equal(sysctl(XEN_SYSCTL_pcitopoinfo), -EFAULT);
}

CALL_TEST(the_schedulers_parameter_is_fixed)
{
    const struct {
        u32 pool, sched, cmd, us;
        long rc;
    } calls[] = {
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_getinfo, 7, 0},
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 1000, 0},
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 2000, -EOPNOTSUPP},
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 0, -EOPNOTSUPP},
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 99, -EINVAL},
        {0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 500001, -EINVAL},
        {0, XEN_SCHEDULER_CREDIT2, 2, 1000, -EINVAL},
        {0, 5, XEN_SYSCTL_SCHEDOP_getinfo, 7, -EINVAL},
        {1, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_getinfo, 7, -ESRCH},
    };

    for_each_row (i, calls) {
        sys.u.scheduler_op = (struct xen_sysctl_scheduler_op){.cpupool_id = calls[i].pool,
                                                              .sched_id = calls[i].sched,
                                                              .cmd = calls[i].cmd,
                                                              .u.sched_credit2.ratelimit_us = calls[i].us};
        assert_int_equal(sysctl(XEN_SYSCTL_scheduler_op), calls[i].rc);
        assert_int_equal(sys.u.scheduler_op.u.sched_credit2.ratelimit_us, i == 0 ? 1000 : calls[i].us);
    }
}
