/* Dispatch, and the small families: console_io, xen_version, multicall, events, scheduling, parameters.
 * lint: long: a few cases of each. */
#include "calls.h"

#include <arch/x86/cpu/debug/keys.h>

#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

CALL_TEST(numbers_and_rights)
{
    const struct {
        u16 from;
        bool in_64;
        u32 cpl;
        u64 nr;
        long rc;
    } calls[] = {
        {0, true, 0, __HYPERVISOR_xen_version, 0x00040011},
        {0, true, 0, __HYPERVISOR_sched_op_compat, -ENOSYS},
        {0, true, 0, 0, -ENOSYS},
        {0, true, 0, 37, -ENOSYS},
        {0, true, 0, ~0ull, -ENOSYS},
        {0, true, 0, 1ull << 32 | __HYPERVISOR_xen_version, -ENOSYS},
        {0, false, 0, __HYPERVISOR_xen_version, 0x00040011},
        {0, false, 0, __HYPERVISOR_sched_op, 0}, /* yield */
        {0, false, 0, __HYPERVISOR_iret, -ENOSYS},
        {1, true, 0, __HYPERVISOR_console_io, -EPERM},
        {1, true, 0, __HYPERVISOR_sysctl, -EPERM},
        {1, true, 3, __HYPERVISOR_xen_version, -EPERM},
        {1, true, 3, 999, -EPERM},
    };

    for_each_row (i, calls) {
        call_from(calls[i].from);
        guest_64 = calls[i].in_64;
        guest_cpl = calls[i].cpl;
        assert_int_equal(hypercall(calls[i].nr, 0, 0, 0), calls[i].rc);
        assert_int_equal(caller->hvm.regs.rax, calls[i].in_64 ? (u64)calls[i].rc : (u32)calls[i].rc);
    }
}

CALL_TEST(console_output)
{
    const u64 nr = __HYPERVISOR_console_io;
    char text[1000];

    for (u32 i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    yield_every = 2;
    assert_int_equal(hypercall(nr, CONSOLEIO_write, sizeof(text), PUT(0, text)), 0);
    assert_int_equal(restarts, 3);
    assert_int_equal(hypercall(nr, CONSOLEIO_write, 0, 0), 0);
    /* Four gigabytes of two megabytes: ends where the memory does. */
    yield_every = 1;
    assert_int_equal(hypercall(nr, CONSOLEIO_write, 0xffffffff, at(GUEST_BYTES - 256)), -EFAULT);
    guest_console_finish();
    assert_int_equal(console_len, sizeof(text) + 256);
    assert_memory_equal(console, text, sizeof(text));
    console_input = "hello";
    keys_poll();
    assert_int_equal(hypercall(nr, CONSOLEIO_read, 3, at(ARG)), 3);
    GET(ARG, text);
    assert_memory_equal(text, "hel", 3);
    assert_int_equal(hypercall(nr, CONSOLEIO_read, 100, at(ARG)), 2);
    assert_int_equal(hypercall(nr, CONSOLEIO_read, 100, at(ARG)), 0);
    assert_int_equal(hypercall(nr, CONSOLEIO_read, 1u << 31, at(ARG)), -E2BIG);
    assert_int_equal(hypercall(nr, 2, 0, 0), -ENOSYS);
}

/* The line is slow: the vCPU that writes more than there is room for sleeps until the ring is drained. */
CALL_TEST(console_output_that_finds_no_room)
{
    struct hvm_exit exit = {.kind = HVM_EXIT_HYPERCALL, .insn_len = 3, .kernel_bits = 64};
    struct hvm_regs *regs = &caller->hvm.regs;
    static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789\n";
    u64 rip = regs->rip;

    console_room = 0;
    while (guest_console_put(dom0, line, sizeof(line) - 1))
        ;
    here->current = caller;
    regs->rax = __HYPERVISOR_console_io;
    regs->rdi = CONSOLEIO_write;
    regs->rsi = sizeof(line) - 1;
    regs->rdx = PUT(0, line);
    vcpu_handle_exit(caller, &exit);
    assert_int_equal(regs->rip, rip);
    assert_int_equal(caller->state, VCPU_BLOCKED);
    console_room = ~0u;
    pass(1000000);
    timer_run_due();
    assert_int_equal(caller->state, VCPU_RUNNABLE);
    vcpu_handle_exit(caller, &exit);
    assert_int_equal(regs->rip, rip + 3); /* VMMCALL */
    assert_int_equal(regs->rax, 0);
    guest_console_finish();
}

static const char *version_text(u32 cmd)
{
    static char text[1024];

    assert_int_equal(hypercall(__HYPERVISOR_xen_version, cmd, at(0x1000), 0), 0);
    GET(0x1000, text);
    return text;
}

CALL_TEST(version_answers)
{
    const struct {
        u32 cmd;
        u64 arg;
        long dom0_rc, guest_rc;
    } calls[] = {
        {XENVER_pagesize, 0, 4096, 4096},
        {XENVER_pagesize, 8, -EINVAL, -EINVAL},
        {XENVER_build_id, 0, -ENODATA, -EPERM},
        {XENVER_capabilities, at(GUEST_BYTES - 1), -EFAULT, -EFAULT},
        {XENVER_get_features, at(GUEST_BYTES - 1), -EFAULT, -EFAULT},
        {11, 0, -ENOSYS, -ENOSYS},
    };

    dom0->handle[2] = 0x5a;
    xen_version_init("a=1 b");
    for (u16 from = 0; from < 2; from++) {
        struct xen_feature_info info = {.submap_idx = 0};

        call_from(from);
        assert_string_equal(version_text(XENVER_extraversion), ".0-homestead");
        assert_string_equal(version_text(XENVER_changeset), "homestead");
        assert_string_equal(version_text(XENVER_commandline), from == 0 ? "a=1 b" : "<denied>");
        assert_non_null(strstr(version_text(XENVER_capabilities), "hvm-3.0-x86_64"));
        assert_non_null(strstr(version_text(XENVER_compile_info), "gcc"));
        assert_int_equal(version_text(XENVER_guest_handle)[2], from == 0 ? 0x5a : 0);
        assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, PUT(ARG, info), 0), 0);
        GET(ARG, info);
        assert_int_equal(info.submap, from == 0 ? 0x12b05 : 0x12305);
        info.submap_idx = 1;
        assert_int_equal(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, PUT(ARG, info), 0),
                         -EINVAL);
        for_each_row (i, calls)
            assert_int_equal(hypercall(__HYPERVISOR_xen_version, calls[i].cmd, calls[i].arg, 0),
                             from == 0 ? calls[i].dom0_rc : calls[i].guest_rc);
    }
}

/* An entry is made of the caller's longs. */
static u64 put_entry(u64 i, u64 nr, u64 cmd, u64 arg)
{
    const u64 width = guest_64 ? 8 : 4, longs[8] = {nr, 0x99, cmd, arg};

    for (u32 k = 0; k < 8; k++)
        put(0x5000 + (8 * i + k) * width, &longs[k], width);
    return at(0x5000);
}

static long result_of(u64 i)
{
    u64 value = 0;

    get(0x5000 + (8 * i + 1) * (guest_64 ? 8 : 4), &value, guest_64 ? 8 : 4);
    return guest_64 ? (long)value : (long)(s32)value;
}

CALL_TEST(multicalls_are_continued)
{
    extents(200, 0, 0, 0);
    put_entry(0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, put_reservation(ARG));
    put_entry(1, __HYPERVISOR_multicall, 0, 0);
    put_entry(2, 999, 0, 0);
    put_entry(3, 999, 0, 0); /* one too many */
    yield_every = 1;
    assert_int_equal(hypercall(__HYPERVISOR_multicall, at(0x5000), 3, 0), 0);
    assert_int_equal(restarts, 5); /* between four lots and three entries */
    assert_int_equal(result_of(0), 200);
    assert_int_equal(dom(1)->mem.tot_pages, 200); /* no extent twice */
    assert_int_equal(result_of(1), -EINVAL);
    assert_int_equal(result_of(2), -ENOSYS);
    assert_int_equal(result_of(3), 0x99);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, at(GUEST_BYTES - 32), 2, 0), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_multicall, 0, 0, 0), 0);
}
ALSO_IN_32_BITS(multicalls_are_continued)

/* --- events --- */

static long event(u32 cmd, void *arg, u64 bytes)
{
    long rc = hypercall(__HYPERVISOR_event_channel_op, cmd, put(ARG, arg, bytes), 0);

    get(ARG, arg, bytes);
    return rc;
}
#define EVENT(cmd, object) event(EVTCHNOP_##cmd, &(object), sizeof(object))

static struct evtchn_status status_of(u32 port)
{
    struct evtchn_status status = {.dom = DOMID_SELF, .port = port};

    assert_int_equal(EVENT(status, status), 0);
    return status;
}

CALL_TEST(event_channels)
{
    struct evtchn_alloc_unbound alloc = {.dom = 1, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = 1};
    struct evtchn_bind_virq virq = {.virq = VIRQ_DOM_EXC};
    struct evtchn_bind_ipi ipi = {.vcpu = 1};
    struct evtchn_bind_vcpu to_vcpu = {.vcpu = 1};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    const u64 nr = __HYPERVISOR_event_channel_op;

    assert_int_equal(EVENT(alloc_unbound, alloc), 0);
    bind.remote_port = alloc.port;
    assert_int_equal(EVENT(bind_interdomain, bind), 0);
    struct evtchn_status status = status_of(bind.local_port);
    assert_int_equal(status.status, EVTCHNSTAT_interdomain);
    assert_true(status.u.interdomain.dom == 1 && status.u.interdomain.port == alloc.port);
    assert_int_equal(EVENT(send, bind.local_port), 0);
    assert_true(evtchn_port_pending(dom(1), alloc.port));
    to_vcpu.port = bind.local_port;
    assert_int_equal(EVENT(bind_vcpu, to_vcpu), 0);
    assert_int_equal(status_of(bind.local_port).vcpu, 1);
    assert_int_equal(EVENT(bind_virq, virq), 0);
    assert_int_equal(status_of(virq.port).u.virq, VIRQ_DOM_EXC);
    assert_int_equal(EVENT(bind_virq, virq), -EEXIST);
    assert_int_equal(EVENT(bind_ipi, ipi), 0);
    assert_int_equal(EVENT(unmask, ipi.port), 0);
    assert_int_equal(EVENT(close, ipi.port), 0);
    assert_int_equal(status_of(ipi.port).status, EVTCHNSTAT_closed);
    /* A port nobody is told of is closed again. */
    PUT(ARG, ipi);
    write_protect(ARG);
    assert_int_equal(hypercall(nr, EVTCHNOP_bind_ipi, at(ARG), 0), -EFAULT);
    PUT(ARG, alloc);
    assert_int_equal(hypercall(nr, EVTCHNOP_alloc_unbound, at(ARG), 0), -EFAULT);
    guest_paging.cr0 = 0;
    assert_int_equal(status_of(ipi.port).status, EVTCHNSTAT_closed);
    assert_int_equal(dom(1)->events.bucket[0][alloc.port + 1].kind, EVTCHN_FREE);
    yield_every = 1;
    assert_int_equal(EVENT(reset, reset), 0);
    assert_int_equal(restarts, 4); /* 255 ports in steps of 64 */
    yield_every = 0;
    assert_int_equal(status_of(virq.port).status, EVTCHNSTAT_closed);

    alloc.dom = 44;
    assert_int_equal(EVENT(alloc_unbound, alloc), -ESRCH);
    assert_int_equal(hypercall(nr, EVTCHNOP_close, 0, 0), -EFAULT);
    assert_int_equal(hypercall(nr, 2, at(ARG), 0), -ENOSYS); /* bind_pirq */
    assert_int_equal(hypercall(nr, 99, 0, 0), -ENOSYS);
    call_from(2);
    alloc.dom = 1;
    assert_int_equal(EVENT(alloc_unbound, alloc), -EPERM);
}

/* --- scheduling and timers --- */

static u32 port;
static void send_meanwhile(u32 level)
{
    if (level != LOCK_EVTCHN)
        return;
    on_first_lock = NULL;
    assert_int_equal(evtchn_send(dom0, port), 0);
}

static long poll_port(u32 nr_ports, u64 timeout_ns)
{
    const struct sched_poll poll = {.ports = PUT(0x200, port), .nr_ports = nr_ports, .timeout = timeout_ns};

    return hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, PUT(ARG, poll), 0);
}

CALL_TEST(polling)
{
    struct shared_info *shared = domain_shared_info(dom0);

    assert_int_equal(evtchn_bind_ipi(dom0, 0, &port), 0);
    shared->evtchn_mask[0] = BIT(port); /* as those who poll have it */
    assert_int_equal(poll_port(1, now_ns + 5000), 0);
    assert_int_equal(caller->state, VCPU_BLOCKED);
    assert_true(caller->poll_any && caller->nr_poll == 1);
    assert_int_equal(caller->poll_timer.deadline_ns, now_ns + 5000);
    assert_int_equal(evtchn_send(dom0, port), 0);
    assert_int_equal(caller->state, VCPU_RUNNABLE);
    assert_int_equal(poll_port(1, 0), 0); /* it is still pending */
    assert_int_equal(caller->state, VCPU_RUNNABLE);
    /* The event comes after the first look, before anybody knows that there is a poller to wake. */
    shared->evtchn_pending[0] = 0;
    PUT(0x200, port);
    on_first_lock = send_meanwhile;
    assert_int_equal(poll_port(1, 0), 0);
    assert_null(on_first_lock);
    assert_int_equal(caller->state, VCPU_RUNNABLE);
    assert_int_equal(poll_port(129, 0), -EINVAL);
    port = 256;
    assert_int_equal(poll_port(1, 0), -EINVAL);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, 0, 0), -EFAULT);
    assert_int_equal(hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0), 0);
    assert_int_equal(caller->state, VCPU_BLOCKED);
}

CALL_TEST(shutdowns)
{
    const struct {
        u16 from, domid;
        long rc;
    } calls[] = {{2, 1, -EPERM}, {2, 2, -EPERM}, {0, DOMID_SELF, -ESRCH}, {0, 77, -ESRCH}, {0, 1, 0}};
    const struct sched_shutdown down = {.reason = 1};
    const u64 nr = __HYPERVISOR_sched_op;

    for_each_row (i, calls) {
        const struct sched_remote_shutdown remote = {.domain_id = calls[i].domid, .reason = 4};

        call_from(calls[i].from);
        assert_int_equal(hypercall(nr, SCHEDOP_remote_shutdown, PUT(ARG, remote), 0), calls[i].rc);
        assert_int_equal(dom(1)->shut_down, calls[i].rc == 0);
    }
    assert_int_equal(dom(1)->shutdown_code, 4);
    call_from(2);
    assert_int_equal(hypercall(nr, SCHEDOP_shutdown, 0, 0), -EFAULT);
    assert_int_equal(hypercall(nr, SCHEDOP_watchdog, 0, 0), -ENOSYS);
    assert_int_equal(hypercall(nr, SCHEDOP_shutdown, PUT(ARG, down), 0), 0);
    assert_true(dom(2)->shut_down && dom(2)->shutdown_code == 1);
}

CALL_TEST(vcpu_timers)
{
    const u64 when = now_ns + 8000;
    const struct {
        u32 cmd, vcpu, flags;
        u64 timeout_ns;
        long rc;
        u64 deadline_ns;
    } calls[] = {
        {VCPUOP_is_up, 0, 0, 0, 1, 0},
        {VCPUOP_is_up, 1, 0, 0, 0, 0},
        {VCPUOP_is_up, 2, 0, 0, -ENOENT, 0},
        {VCPUOP_stop_periodic_timer, 0, 0, 0, 0, 0},
        {VCPUOP_set_singleshot_timer, 0, 0, when, 0, when},
        {VCPUOP_set_singleshot_timer, 0, VCPU_SSHOTTMR_future, 10, -ETIME, when},
        {VCPUOP_set_singleshot_timer, 1, 0, 10, -EINVAL, when}, /* another one's */
        {VCPUOP_stop_singleshot_timer, 1, 0, 0, -EINVAL, when},
        {VCPUOP_stop_singleshot_timer, 0, 0, 0, 0, 0},
        {VCPUOP_send_nmi, 0, 0, 0, -ENOSYS, 0},
        {VCPUOP_up, 1, 0, 0, -EINVAL, 0}, /* it has no state */
    };

    for_each_row (i, calls) {
        const struct vcpu_set_singleshot_timer shot = {calls[i].timeout_ns, calls[i].flags};

        assert_int_equal(hypercall(__HYPERVISOR_vcpu_op, calls[i].cmd, calls[i].vcpu, PUT(ARG, shot)),
                         calls[i].rc);
        assert_int_equal(caller->singleshot.deadline_ns, calls[i].deadline_ns);
    }
}

/* --- parameters --- */

CALL_TEST(parameters)
{
    enum { GET_IT = HVMOP_get_param, SET_IT = HVMOP_set_param };
    const struct {
        u16 from, cmd, domid, index;
        u64 value; /* get: after the call, if it succeeds */
        long rc;
    } calls[] = {
        {0, SET_IT, 1, HVM_PARAM_STORE_PFN, 0xfeffc, 0},
        {0, GET_IT, 1, HVM_PARAM_STORE_PFN, 0xfeffc, 0},
        {0, SET_IT, 1, HVM_NR_PARAMS, 0, -EINVAL},
        {0, SET_IT, 99, HVM_NR_PARAMS, 0, -EINVAL}, /* the index comes first */
        {0, SET_IT, 99, HVM_PARAM_STORE_PFN, 0, -ESRCH},
        {0, SET_IT, 1, HVM_PARAM_DM_DOMAIN, 0, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_TIMER_MODE, 3, 0},
        {0, SET_IT, 1, HVM_PARAM_TIMER_MODE, 4, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_VIRIDIAN, 0, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_ACPI_IOPORTS_LOCATION, 0, -ENODEV},
        {0, SET_IT, 1, HVM_PARAM_IOREQ_SERVER_PFN, 5, 0},
        {0, SET_IT, 1, HVM_PARAM_IOREQ_SERVER_PFN, 6, -EEXIST},
        {0, SET_IT, 1, HVM_PARAM_IOREQ_PFN, 5, 0},
        {0, SET_IT, 1, HVM_PARAM_IOREQ_PFN, 5, 0},
        {0, SET_IT, 1, HVM_PARAM_IOREQ_PFN, 6, -EEXIST},
        {0, SET_IT, 1, HVM_PARAM_NR_IOREQ_SERVER_PAGES, 0, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_CONSOLE_PFN, 1, 0},
        {0, SET_IT, 1, HVM_PARAM_CONSOLE_EVTCHN, 1, 0},
        {0, SET_IT, 1, HVM_PARAM_IDENT_PT, 1, 0},
        {0, SET_IT, 1, HVM_PARAM_X87_FIP_WIDTH, 4, 0},
        {0, SET_IT, 1, HVM_PARAM_X87_FIP_WIDTH, 5, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_TRIPLE_FAULT_REASON, 100, -EINVAL},
        {0, SET_IT, 1, HVM_PARAM_MCA_CAP, 1, -EINVAL},
        {1, GET_IT, DOMID_SELF, HVM_PARAM_STORE_PFN, 0xfeffc, 0},
        {1, SET_IT, DOMID_SELF, HVM_PARAM_STORE_PFN, 1, -EPERM}, /* reserved */
        {1, GET_IT, DOMID_SELF, HVM_PARAM_IDENT_PT, 0, -EPERM},
        {1, GET_IT, DOMID_SELF, HVM_PARAM_BUFIOREQ_EVTCHN, 0, -EINVAL}, /* deprecated */
        {1, GET_IT, DOMID_SELF, HVM_PARAM_NESTEDHVM, 0, -EINVAL},
        {1, GET_IT, DOMID_SELF, 3, 0, -EPERM},
        {1, GET_IT, 2, HVM_PARAM_STORE_PFN, 0, -EPERM},
        {1, SET_IT, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | 0xf3, 0},
        {0, GET_IT, 1, HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | 0xf3, 0},
    };
    const u64 nr = __HYPERVISOR_hvm_op;

    for_each_row (i, calls) {
        bool getting = calls[i].cmd == GET_IT;
        struct xen_hvm_param p = {
            .domid = calls[i].domid, .index = calls[i].index, .value = getting ? 0x1111 : calls[i].value};

        call_from(calls[i].from);
        assert_int_equal(hypercall(nr, calls[i].cmd, PUT(ARG, p), 0), calls[i].rc);
        GET(ARG, p);
        assert_int_equal(p.value, getting && calls[i].rc ? 0x1111 : calls[i].value);
    }
    assert_int_equal(hypercall(nr, HVMOP_set_param, at(GUEST_BYTES), 0), -EFAULT);
    assert_int_equal(hypercall(nr, HVMOP_pagetable_dying, at(ARG), 0), -EINVAL);
    assert_int_equal(hypercall(nr, HVMOP_pagetable_dying, at(GUEST_BYTES), 0), -EFAULT);
    assert_int_equal(hypercall(nr, HVMOP_get_time, at(0), 0), -ENOSYS);
}

CALL_TEST(upcall_vectors)
{
    const struct xen_hvm_evtchn_upcall_vector up[] = {{1, 0xf3}, {2, 0xf3}, {2, 15}};
    const long rc[] = {0, -ENOENT, -EINVAL};

    for_each_row (i, up)
        assert_int_equal(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, PUT(ARG, up[i]), 0),
                         rc[i]);
    assert_int_equal(dom0->vcpu[1]->upcall_vector, 0xf3);
}
