/* Dispatch, guest copies, and the small families: console_io, xen_version, multicall, events, scheduling,
 * parameters. */
#include "hypercall_harness.h"
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

TEST(numbers_and_rights)
{
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0), 0x00040011);
    assert_int_equal(hypercall(__HYPERVISOR_grant_table_op, 0, 0, 0), -ENOSYS);
    assert_int_equal(hypercall(0, 0, 0, 0), -ENOSYS);
    assert_int_equal(hypercall(37, 0, 0, 0), -ENOSYS);
    assert_int_equal(hypercall(~0ull, 0, 0, 0), -ENOSYS);
    assert_int_equal(hypercall(1ull << 32 | __HYPERVISOR_xen_version, 0, 0, 0), -ENOSYS);
    caller.domain = domains[1];
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 5, at(0)), -EPERM);
    assert_int_equal(hypercall(__HYPERVISOR_sysctl, at(0), 0, 0), -EPERM);
    caller_cpl = 3;
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0), -EPERM);
    assert_int_equal(hypercall(999, 0, 0, 0), -EPERM);
}

TEST(callers_of_32_bits)
{
    caller_64 = false;
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0), 0x00040011);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0), 0);
    assert_int_equal(caller.hvm.regs.rax, 0);
    assert_int_equal(hypercall(__HYPERVISOR_iret, 0, 0, 0), -ENOSYS);
    assert_int_equal(caller.hvm.regs.rax, (u32)-ENOSYS);
}

TEST(copies)
{
    u8 buf[3 * PAGE_SIZE];

    for (u32 i = 0; i < sizeof(guest); i++)
        guest[i] = (u8)(i * 7 ^ i >> 8);
    forget_walks();
    assert_int_equal(copy_from_guest(&caller, buf, at(100), 200), 0);
    assert_int_equal(walks, 1);
    assert_memory_equal(buf, guest + 100, 200);
    assert_int_equal(copy_from_guest(&caller, buf, at(4000), 2 * PAGE_SIZE), 0);
    assert_memory_equal(buf, guest + 4000, 2 * PAGE_SIZE);
    assert_int_equal(walks, 3); /* the first page is known */
    assert_int_equal(copy_from_guest(&caller, buf, at(GUEST_BYTES - 4), 5), -EFAULT);
    assert_int_equal(copy_from_guest(&caller, buf, ~0ull - 3, 8), -EFAULT);
    assert_int_equal(copy_from_guest(&caller, buf, ~0ull, 0), 0);
    readonly_page = PAGE_SIZE;
    forget_walks();
    assert_int_equal(copy_from_guest(&caller, buf, at(4000), 200), 0);
    assert_int_equal(copy_to_guest(&caller, at(4000), buf, 200), -EFAULT);
    hole_page = PAGE_SIZE;
    forget_walks();
    assert_int_equal(copy_from_guest(&caller, buf, at(4000), 200), -EFAULT);
    assert_int_equal(copy_from_guest_element(&caller, buf, at(0), 2, 8), 0);
    assert_memory_equal(buf, guest + 16, 8);
    assert_int_equal(copy_from_guest_element(&caller, buf, at(0), 1ull << 61, 8), -EFAULT);
    assert_int_equal(copy_to_guest_element(&caller, at(0), ~0ull >> 3, buf, 8), -EFAULT);
}

TEST(console_output)
{
    for (u32 i = 0; i < 1000; i++)
        guest[i] = (u8)('a' + i % 26);
    yield_every = 2;
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 1000, at(0)), 0);
    assert_int_equal(console_len, 1000);
    assert_memory_equal(console, guest, 1000);
    assert_int_equal(restarts, 3);
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 0, 0), 0);
    /* Four gigabytes from a megabyte: ends where the memory does. */
    yield_every = 1;
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 0xffffffff, at(GUEST_BYTES - 256)),
                     -EFAULT);
    assert_int_equal(console_len, 1256);
    console_input = "hello";
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, 3, at(0x100)), 3);
    assert_memory_equal(guest + 0x100, "hel", 3);
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, 100, at(0x100)), 2);
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, 100, at(0x100)), 0);
    assert_int_equal(hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, 1u << 31, at(0x100)), -E2BIG);
    assert_int_equal(hypercall(__HYPERVISOR_console_io, 2, 0, 0), -ENOSYS);
}

TEST(version_answers)
{
    struct xen_feature_info info = {.submap_idx = 0};

    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_extraversion, at(0x100), 0), 0);
    assert_string_equal((char *)guest + 0x100, ".0-homestead");
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_capabilities, at(0x1000), 0), 0);
    assert_non_null(strstr((char *)guest + 0x1000, "hvm-3.0-x86_64"));
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, PUT(0x200, info), 0), 0);
    GET(0x200, info);
    assert_int_equal(info.submap, 0x12b05);
    caller.domain = domains[1];
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, at(0x200), 0), 0);
    GET(0x200, info);
    assert_int_equal(info.submap, 0x12305);
    info.submap_idx = 1;
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, PUT(0x200, info), 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0), 4096);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_build_id, 0, 0), -EPERM);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_capabilities, at(GUEST_BYTES - 1), 0),
                     -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_xen_version, 11, 0, 0), -ENOSYS);
}

TEST(multicalls)
{
    struct xen_memory_reservation res = {.extent_start = at(0x2000), .nr_extents = 20, .domid = 1};
    struct multicall_entry calls[3] = {
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_populate_physmap, PUT(0x1000, res)}},
        {.op = __HYPERVISOR_multicall},
        {.op = 999},
    };

    for (u64 g = 0; g < 20; g++)
        put(0x2000 + 8 * g, &g, sizeof(g));
    yield_every = 3;
    place_at_most = 1; /* however few extents are done at a time */
    assert_int_equal(hypercall(__HYPERVISOR_multicall, PUT(0x100, calls), 3, 0), 0);
    assert_true(restarts >= 6);
    GET(0x100, calls);
    assert_int_equal(calls[0].result, 20);
    assert_int_equal(domains[1]->mem.tot_pages, 20); /* no extent twice */
    assert_int_equal((long)calls[1].result, -EINVAL);
    assert_int_equal((long)calls[2].result, -ENOSYS);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, at(GUEST_BYTES - 64), 2, 0), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, 0, 0, 0), 0);
}

TEST(event_channels)
{
    struct evtchn_alloc_unbound alloc = {.dom = 1, .remote_dom = DOMID_SELF};
    const u64 nr = __HYPERVISOR_event_channel_op;

    assert_int_equal(hypercall(nr, EVTCHNOP_alloc_unbound, PUT(0x100, alloc), 0), 0);
    GET(0x100, alloc);
    assert_int_equal(alloc.port, 9);
    assert_ptr_equal(event.d, domains[1]);
    assert_int_equal(event.a, 0); /* the caller's id */
    alloc.dom = 44;
    assert_int_equal(hypercall(nr, EVTCHNOP_alloc_unbound, PUT(0x100, alloc), 0), -ESRCH);
    struct evtchn_bind_interdomain bind = {.remote_dom = 2, .remote_port = 5};
    assert_int_equal(hypercall(nr, EVTCHNOP_bind_interdomain, PUT(0x100, bind), 0), 0);
    GET(0x100, bind);
    assert_int_equal(bind.local_port, 9);
    assert_int_equal(event.a, 2);
    struct evtchn_bind_virq virq = {.virq = VIRQ_DOM_EXC, .vcpu = 0};
    assert_int_equal(hypercall(nr, EVTCHNOP_bind_virq, PUT(0x100, virq), 0), 0);
    assert_int_equal(event.a, VIRQ_DOM_EXC);
    /* A port nobody is told of is closed again. */
    readonly_page = 0;
    forget_walks();
    assert_int_equal(hypercall(nr, EVTCHNOP_bind_virq, PUT(0x100, virq), 0), -EFAULT);
    assert_int_equal(event.closed, 1);
    assert_int_equal(event.a, 9);
    readonly_page = ~0ull;
    forget_walks();
    event_result = -EEXIST;
    assert_int_equal(hypercall(nr, EVTCHNOP_bind_virq, PUT(0x100, virq), 0), -EEXIST);
    event_result = 0;
    struct evtchn_status status = {.dom = DOMID_SELF, .port = 3};
    assert_int_equal(hypercall(nr, EVTCHNOP_status, PUT(0x100, status), 0), 0);
    GET(0x100, status);
    assert_int_equal(status.status, EVTCHNSTAT_interdomain);
    assert_int_equal(status.u.interdomain.dom, 5);
    assert_int_equal(status.u.interdomain.port, 77);
    u32 port = 6;
    assert_int_equal(hypercall(nr, EVTCHNOP_send, PUT(0x100, port), 0), 0);
    assert_string_equal(event.name, "send");
    assert_int_equal(hypercall(nr, EVTCHNOP_unmask, at(0x100), 0), 0);
    assert_string_equal(event.name, "unmask");
    assert_int_equal(hypercall(nr, EVTCHNOP_close, 0, 0), -EFAULT);
    assert_int_equal(hypercall(nr, EVTCHNOP_init_control, at(0x100), 0), -ENOSYS);
    assert_int_equal(hypercall(nr, 99, 0, 0), -ENOSYS);
    caller.domain = domains[2];
    alloc.dom = 1;
    assert_int_equal(hypercall(nr, EVTCHNOP_alloc_unbound, PUT(0x100, alloc), 0), -EPERM);
}

TEST(scheduling)
{
    struct sched_poll poll = {.ports = at(0x200), .nr_ports = 1, .timeout = 5000};
    u32 port = 3;
    const u64 nr = __HYPERVISOR_sched_op;

    domains[0]->events.nr_ports = 256;
    PUT(0x200, port);
    assert_int_equal(hypercall(nr, SCHEDOP_poll, PUT(0x100, poll), 0), 0);
    assert_int_equal(caller.state, VCPU_BLOCKED);
    assert_true(caller.poll_any);
    assert_int_equal(caller.nr_poll, 1);
    assert_int_equal(caller.poll_timer.deadline_ns, 5000);
    caller.state = VCPU_RUNNABLE;
    event_port_set = true;
    assert_int_equal(hypercall(nr, SCHEDOP_poll, at(0x100), 0), 0);
    assert_int_equal(caller.state, VCPU_RUNNABLE);
    /* The event comes after the first look, before anybody knows that there is a poller to wake. */
    event_port_late = 1;
    assert_int_equal(hypercall(nr, SCHEDOP_poll, at(0x100), 0), 0);
    assert_int_equal(event_port_late, 0);
    assert_int_equal(caller.state, VCPU_RUNNABLE);
    poll.nr_ports = 129;
    assert_int_equal(hypercall(nr, SCHEDOP_poll, PUT(0x100, poll), 0), -EINVAL);
    poll.nr_ports = 1;
    port = 256;
    PUT(0x200, port);
    assert_int_equal(hypercall(nr, SCHEDOP_poll, PUT(0x100, poll), 0), -EINVAL);
    struct sched_remote_shutdown remote = {.domain_id = 1, .reason = 4};
    assert_int_equal(hypercall(nr, SCHEDOP_remote_shutdown, PUT(0x100, remote), 0), 0);
    assert_true(domains[1]->shut_down);
    assert_int_equal(last_shutdown, 4);
    caller.domain = domains[2];
    assert_int_equal(hypercall(nr, SCHEDOP_remote_shutdown, at(0x100), 0), -EPERM);
    struct sched_shutdown down = {.reason = 1};
    assert_int_equal(hypercall(nr, SCHEDOP_shutdown, PUT(0x100, down), 0), 0);
    assert_true(domains[2]->shut_down);
    assert_int_equal(hypercall(nr, SCHEDOP_shutdown, 0, 0), -EFAULT);
    assert_int_equal(hypercall(nr, SCHEDOP_watchdog, 0, 0), -ENOSYS);
}

TEST(vcpu_timers)
{
    struct vcpu_set_singleshot_timer shot = {.timeout_abs_ns = 9000};
    const u64 nr = __HYPERVISOR_vcpu_op;

    assert_int_equal(hypercall(nr, VCPUOP_is_up, 0, 0), 1);
    assert_int_equal(hypercall(nr, VCPUOP_is_up, 1, 0), -ENOENT);
    assert_int_equal(hypercall(nr, VCPUOP_stop_periodic_timer, 0, 0), 0);
    assert_int_equal(hypercall(nr, VCPUOP_set_singleshot_timer, 0, PUT(0x100, shot)), 0);
    assert_int_equal(caller.singleshot.deadline_ns, 9000);
    shot = (struct vcpu_set_singleshot_timer){.timeout_abs_ns = 10, .flags = VCPU_SSHOTTMR_future};
    assert_int_equal(hypercall(nr, VCPUOP_set_singleshot_timer, 0, PUT(0x100, shot)), -ETIME);
    assert_int_equal(caller.singleshot.deadline_ns, 9000);
    assert_int_equal(hypercall(nr, VCPUOP_stop_singleshot_timer, 0, 0), 0);
    assert_int_equal(caller.singleshot.deadline_ns, 0);
    assert_int_equal(hypercall(nr, VCPUOP_register_runstate_memory_area, 0, 0), -ENOSYS);
}

static long param(u32 cmd, u16 domid, u32 index, u64 *value)
{
    struct xen_hvm_param p = {.domid = domid, .index = index, .value = *value};

    long rc = hypercall(__HYPERVISOR_hvm_op, cmd, PUT(0x100, p), 0);
    GET(0x100, p);
    *value = p.value;
    return rc;
}
static long set(u16 domid, u32 index, u64 value)
{
    return param(HVMOP_set_param, domid, index, &value);
}
static long get(u16 domid, u32 index)
{
    u64 value = 0x1111;
    long rc = param(HVMOP_get_param, domid, index, &value);

    assert_true(rc == 0 || value == 0x1111);
    return rc ? rc : (long)value;
}

TEST(parameters)
{
    assert_int_equal(set(1, HVM_PARAM_STORE_PFN, 0xfeffc), 0);
    assert_int_equal(get(1, HVM_PARAM_STORE_PFN), 0xfeffc);
    assert_int_equal(set(1, HVM_NR_PARAMS, 0), -EINVAL);
    assert_int_equal(set(99, HVM_NR_PARAMS, 0), -EINVAL); /* the index comes first */
    assert_int_equal(set(99, HVM_PARAM_STORE_PFN, 0), -ESRCH);
    assert_int_equal(set(1, HVM_PARAM_DM_DOMAIN, 0), -EINVAL);
    assert_int_equal(set(1, HVM_PARAM_TIMER_MODE, 3), 0);
    assert_int_equal(set(1, HVM_PARAM_TIMER_MODE, 4), -EINVAL);
    assert_int_equal(set(1, HVM_PARAM_VIRIDIAN, 0), -EINVAL);
    assert_int_equal(set(1, HVM_PARAM_ACPI_IOPORTS_LOCATION, 0), -ENODEV);
    assert_int_equal(set(1, HVM_PARAM_IOREQ_SERVER_PFN, 5), 0);
    assert_int_equal(set(1, HVM_PARAM_IOREQ_SERVER_PFN, 6), -EEXIST);
    assert_int_equal(set(1, HVM_PARAM_IOREQ_PFN, 5), 0);
    assert_int_equal(set(1, HVM_PARAM_IOREQ_PFN, 5), 0);
    assert_int_equal(set(1, HVM_PARAM_IOREQ_PFN, 6), -EEXIST);
    assert_int_equal(set(1, HVM_PARAM_NR_IOREQ_SERVER_PAGES, 0), -EINVAL);
    for (u32 index = 0; index < 3; index++)
        assert_int_equal(set(1, (const u32[]){17, 18, 12}[index], 1), 0);
    caller.domain = domains[1];
    assert_int_equal(get(DOMID_SELF, HVM_PARAM_STORE_PFN), 0xfeffc);
    assert_int_equal(set(DOMID_SELF, HVM_PARAM_STORE_PFN, 1), -EPERM); /* reserved */
    assert_int_equal(get(DOMID_SELF, HVM_PARAM_IDENT_PT), -EPERM);
    assert_int_equal(get(DOMID_SELF, HVM_PARAM_BUFIOREQ_EVTCHN), -EINVAL); /* deprecated */
    assert_int_equal(get(DOMID_SELF, HVM_PARAM_NESTEDHVM), -EINVAL);
    assert_int_equal(get(DOMID_SELF, 3), -EPERM);
    assert_int_equal(get(2, HVM_PARAM_STORE_PFN), -EPERM);
    assert_int_equal(set(DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | 0xf3), 0);
    assert_int_equal(domains[1]->hvm_params[0], 2ull << 56 | 0xf3);
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_pagetable_dying, at(0), 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_pagetable_dying, 0x00007f0000000000ull, 0),
                     -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_get_time, at(0), 0), -ENOSYS);
    caller.domain = domains[0];
    struct xen_hvm_evtchn_upcall_vector up = {.vcpu = 0, .vector = 0xf3};
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, PUT(0x100, up), 0), 0);
    assert_int_equal(caller.upcall_vector, 0xf3);
    up.vcpu = 1;
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, PUT(0x100, up), 0),
                     -ENOENT);
    up.vector = 15;
    assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, PUT(0x100, up), 0),
                     -EINVAL);
}

FIXTURE(machine_setup, machine_teardown)
