/*
 * vcpu_op, sched_op, set_timer_op and console_io of domain 0, which has one vCPU; only calls that return.
 * Times are in system time, which differs between the two hypervisors; so a timer's event channel shows
 * that it fired.
 */
#include <tests/guests/conformance/cases.h>
#include <tests/guests/conformance/physmap.h>
#include <lib/string.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define FAR_AHEAD \
    (1ull << 49) /* ns; from 2^50 on Xen fires after 100 ms, as it takes the time for a wrapped one */

static struct shared_info *shared;
static u32 timer_port;

static bool fired(void)
{
    settle();
    bool set = shared->evtchn_pending[timer_port / 64] >> timer_port % 64 & 1;
    shared->evtchn_pending[timer_port / 64] = 0;
    return set;
}

static long singleshot(u64 timeout, u32 flags, u64 vcpu)
{
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = timeout, .flags = flags};

    return vcpu_op(VCPUOP_set_singleshot_timer, vcpu, &t);
}

static void timers(void)
{
    fired();
    CASE_SHOW("set_timer_op", "far_ahead", hypercall1(__HYPERVISOR_set_timer_op, FAR_AHEAD), " fired=%u",
              fired());
    CASE_SHOW("set_timer_op", "stop", hypercall1(__HYPERVISOR_set_timer_op, 0), " fired=%u", fired());
    CASE_SHOW("set_timer_op", "gone_by", hypercall1(__HYPERVISOR_set_timer_op, 1), " fired=%u", fired());
    CASE_SHOW("vcpu_op.set_singleshot_timer", "far_ahead", singleshot(FAR_AHEAD, 0, 0), " fired=%u", fired());
    CASE_SHOW("vcpu_op.stop_singleshot_timer", "good", vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL),
              " fired=%u", fired());
    CASE_SHOW("vcpu_op.set_singleshot_timer", "gone_by", singleshot(1, 0, 0), " fired=%u", fired());
    CASE("vcpu_op.set_singleshot_timer", "far_ahead_future", singleshot(FAR_AHEAD, VCPU_SSHOTTMR_future, 0));
    CASE("vcpu_op.set_singleshot_timer", "unknown_flag", singleshot(FAR_AHEAD, 1u << 5, 0));
    CASE("vcpu_op.set_singleshot_timer", "vcpu_1_of_1", singleshot(FAR_AHEAD, 0, 1));
    CASE("vcpu_op.set_singleshot_timer", "not_mapped", vcpu_op(VCPUOP_set_singleshot_timer, 0, bad_ptr()));
    CASE("vcpu_op.stop_singleshot_timer", "again", vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL));
    CASE("vcpu_op.stop_singleshot_timer", "vcpu_1_of_1", vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL));
    CASE("vcpu_op.stop_periodic_timer", "good", vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    CASE("vcpu_op.stop_periodic_timer", "vcpu_1_of_1", vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL));
}

static void vcpus(void)
{
    static const u64 none[] = {1, 127, 128, 8192, 1ull << 31, 1ull << 32, ~0ull};
    static u8 page[PAGE_SIZE] ALIGNED(4096);
    struct vcpu_register_vcpu_info info = {.mfn = (u64)(uintptr_t)page >> PAGE_SHIFT};

    CASE("vcpu_op.is_up", "vcpu_0", vcpu_op(VCPUOP_is_up, 0, NULL));
    for (u32 i = 0; i < ARRAY_SIZE(none); i++) {
        char name[32];
        snprintf(name, sizeof(name), "vcpu_%#lx", none[i]);
        CASE("vcpu_op.is_up", name, vcpu_op(VCPUOP_is_up, none[i], NULL));
    }
    CASE("vcpu_op.up", "vcpu_0_is_up", vcpu_op(VCPUOP_up, 0, NULL));
    CASE("vcpu_op.up", "vcpu_1_of_1", vcpu_op(VCPUOP_up, 1, NULL));
    CASE("vcpu_op.down", "vcpu_1_of_1", vcpu_op(VCPUOP_down, 1, NULL));
    CASE("vcpu_op.initialise", "vcpu_0_has_a_state", vcpu_op(VCPUOP_initialise, 0, bad_ptr()));
    CASE("vcpu_op.initialise", "vcpu_1_of_1", vcpu_op(VCPUOP_initialise, 1, bad_ptr()));
    CASE("vcpu_op.register_vcpu_info", "not_mapped", vcpu_op(VCPUOP_register_vcpu_info, 0, bad_ptr()));
    CASE("vcpu_op.register_vcpu_info", "vcpu_1_of_1", vcpu_op(VCPUOP_register_vcpu_info, 1, &info));
    info.offset = PAGE_SIZE - 32;
    CASE("vcpu_op.register_vcpu_info", "across_the_page", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    info.offset = ~0u;
    CASE("vcpu_op.register_vcpu_info", "offset_all_ones", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    info.offset = 0;
    info.mfn = 1ull << 40;
    CASE("vcpu_op.register_vcpu_info", "no_such_frame", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    info.mfn = case_gfn(5);
    CASE("vcpu_op.register_vcpu_info", "a_hole", vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    CASE("vcpu_op", "cmd_14", vcpu_op(14, 0, bad_ptr()));
    CASE("vcpu_op", "cmd_1000", vcpu_op(1000, 0, bad_ptr()));
}

/* Under TCG the clocks of Xen's CPUs differ by more than the calls take. */
#define SKEW_NS 1000000000ull

static u64 system_ns(void)
{
    const struct vcpu_time_info *t = &shared->vcpu_info[0].time;
    u64 ticks = rdtsc() - t->tsc_timestamp;

    ticks = t->tsc_shift >= 0 ? ticks << t->tsc_shift : ticks >> -t->tsc_shift;
    return t->system_time + (u64)((unsigned __int128)ticks * t->tsc_to_system_mul >> 32);
}

static long poll(const evtchn_port_t *ports, u32 nr, u64 timeout)
{
    struct sched_poll p = {.ports = XEN_HANDLE(ports), .nr_ports = nr, .timeout = timeout};

    return sched_op(SCHEDOP_poll, &p);
}

/* What a call has written of an area that was full of ones; what depends on the time is shown as yes or no. */
static void runstate_case(const char *call, const char *name, long rc, const struct vcpu_runstate_info *r)
{
    u64 sum = r->time[0] + r->time[1] + r->time[2] + r->time[3];

    case_end(call, name, rc, " state=%d entered=%s ran=%s sum=%s", r->state,
             r->state_entry_time == ~0ull                   ? "as_before"
             : r->state_entry_time >> 63                    ? "flagged"
             : r->state_entry_time <= system_ns() + SKEW_NS ? "yes"
                                                            : "later",
             r->time[0] == ~0ull ? "as_before" : "yes", sum <= system_ns() + SKEW_NS ? "yes" : "no");
}

static void get_runstate(const char *name, u64 vcpu, void *at, struct vcpu_runstate_info *seen)
{
    memset(seen, 0xff, sizeof(*seen));
    case_begin();
    runstate_case("vcpu_op.get_runstate_info", name, vcpu_op(VCPUOP_get_runstate_info, vcpu, at), seen);
}

static void register_runstate(const char *name, u64 vcpu, void *at, struct vcpu_runstate_info *seen)
{
    struct vcpu_register_runstate_memory_area area = {.addr.h = XEN_HANDLE(at)};

    memset(seen, 0xff, sizeof(*seen));
    case_begin();
    runstate_case("vcpu_op.register_runstate_memory_area", name,
                  vcpu_op(VCPUOP_register_runstate_memory_area, vcpu, &area), seen);
}

/* Waits without a CPU until the area says that the vCPU has run again since. The time of a wait can be over before it has
 * begun, if the host does not run us in between: then a longer one. */
static void area_case(const char *name, struct vcpu_runstate_info *seen)
{
    struct vcpu_runstate_info before = *seen;
    u64 blocked = 0;

    case_begin();
    for (u64 ns = 3000000; ns < 100000000 && blocked <= 1000000; ns *= 2) {
        poll(NULL, 0, system_ns() + ns);
        blocked = seen->time[RUNSTATE_blocked] - before.time[RUNSTATE_blocked];
    }
    case_end("runstate_area", name, 0, " state=%d entered=%s blocked=%s", seen->state,
             seen->state_entry_time > before.state_entry_time ? "later" : "as_before",
             blocked > 1000000 ? "longer" : "as_before");
}

static void runstates(void)
{
    static struct vcpu_runstate_info info;
    static u8 pages[2 * PAGE_SIZE] ALIGNED(4096);
    struct vcpu_runstate_info *across = (void *)(pages + PAGE_SIZE - 19);
    static const u64 none[] = {1, 127, 8192, 1ull << 31, 1ull << 32, ~0ull};

    get_runstate("vcpu_0", 0, &info, &info);
    for (u32 i = 0; i < ARRAY_SIZE(none); i++) {
        char name[32];
        snprintf(name, sizeof(name), "vcpu_%#lx", none[i]);
        get_runstate(name, none[i], &info, &info);
        register_runstate(name, none[i], &info, &info);
    }
    get_runstate("not_mapped", 0, bad_ptr(), &info);
    get_runstate("no_memory", 0, hole_ptr(), &info);
    get_runstate("over_the_edge", 0, edge_ptr(sizeof(info) - 1), &info);
    get_runstate("to_the_edge", 0, edge_ptr(sizeof(info)), edge_ptr(sizeof(info)));

    CASE("vcpu_op.register_runstate_memory_area", "argument_not_mapped",
         vcpu_op(VCPUOP_register_runstate_memory_area, 0, bad_ptr()));
    CASE("vcpu_op.register_runstate_memory_area", "argument_over_the_edge",
         vcpu_op(VCPUOP_register_runstate_memory_area, 0, edge_ptr(7)));
    register_runstate("good", 0, &info, &info);
    area_case("after_a_wait", &info);
    register_runstate("across_pages_unaligned", 0, across, across);
    area_case("the_old_one", &info);
    area_case("across_pages_unaligned", across);
    register_runstate("to_the_edge", 0, edge_ptr(sizeof(info)), edge_ptr(sizeof(info)));
    area_case("to_the_edge", edge_ptr(sizeof(info)));
    register_runstate("over_the_edge", 0, edge_ptr(sizeof(info) - 1), &info);
    register_runstate("not_mapped", 0, bad_ptr(), &info);
    area_case("not_mapped", &info);
    register_runstate("no_memory", 0, hole_ptr(), &info);
    area_case("no_memory", &info);
    register_runstate("not_canonical", 0, noncanonical_ptr(), &info);
    area_case("not_canonical", &info);
    register_runstate("all_ones", 0, (void *)~0ull, &info);
    area_case("all_ones", &info);
    register_runstate("good_again", 0, &info, &info);
    area_case("good_again", &info);
}

static long vm_assist(u64 cmd, u64 type)
{
    return hypercall2(__HYPERVISOR_vm_assist, cmd, (void *)type);
}

static void assists(void)
{
    static const u64 types[] = {0, 1, 2, 3, 4, 5, 6, 31, 32, 33, 63, 64, ~0u, 5 | 1ull << 32};
    static struct vcpu_runstate_info info;
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        snprintf(name, sizeof(name), "type_%#lx", types[i]);
        CASE("vm_assist.enable", name, vm_assist(VMASST_CMD_enable, types[i]));
        CASE("vm_assist.disable", name, vm_assist(VMASST_CMD_disable, types[i]));
    }
    CASE("vm_assist.enable", "twice", vm_assist(VMASST_CMD_enable, 5));
    register_runstate("with_the_update_flag", 0, &info, &info);
    area_case("with_the_update_flag", &info);
    CASE("vm_assist.disable", "twice", vm_assist(VMASST_CMD_disable, 5));
    CASE("vm_assist", "cmd_2", vm_assist(2, 5));
    CASE("vm_assist", "cmd_2_type_0", vm_assist(2, 0));
    CASE("vm_assist", "cmd_all_ones", vm_assist(~0u, 5));
    CASE("vm_assist", "cmd_1_and_high_bits", vm_assist(1 | 1ull << 32, 5));
    vcpu_op(VCPUOP_register_runstate_memory_area, 0,
            &(struct vcpu_register_runstate_memory_area){.addr.p = 0});
}

static void scheduling(void)
{
    static evtchn_port_t ports[200];
    u32 guest = domain_new(16);
    struct sched_remote_shutdown remote = {.domain_id = DOMID_UNKNOWN};

    for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = timer_port;
    CASE("sched_op.yield", "good", sched_op(SCHEDOP_yield, NULL));
    CASE("sched_op.yield", "argument_not_mapped", sched_op(SCHEDOP_yield, bad_ptr()));
    CASE("sched_op.poll", "not_mapped", sched_op(SCHEDOP_poll, bad_ptr()));
    CASE("sched_op.poll", "no_port_time_gone_by", poll(ports, 0, 1));
    CASE("sched_op.poll", "one_port_time_gone_by", poll(ports, 1, 1));
    CASE("sched_op.poll", "128_ports", poll(ports, 128, 1));
    CASE("sched_op.poll", "129_ports", poll(ports, 129, 1));
    CASE("sched_op.poll", "2_to_32_ports_less_1", poll(ports, ~0u, 1));
    CASE("sched_op.poll", "ports_not_mapped", poll(bad_ptr(), 1, 1));
    shared->evtchn_pending[timer_port / 64] = 1ull << timer_port % 64;
    CASE("sched_op.poll", "a_pending_port", poll(ports, 1, FAR_AHEAD));
    shared->evtchn_pending[timer_port / 64] = 0;
    ports[0] = 4096;
    CASE("sched_op.poll", "port_4096", poll(ports, 1, 1));
    ports[0] = ~0u;
    CASE("sched_op.poll", "port_all_ones", poll(ports, 1, 1));
    CASE("sched_op.remote_shutdown", "unknown_domain", sched_op(SCHEDOP_remote_shutdown, &remote));
    CASE("sched_op.remote_shutdown", "not_mapped", sched_op(SCHEDOP_remote_shutdown, bad_ptr()));
    remote.domain_id = (domid_t)guest;
    remote.reason = 256;
    watch(guest, WATCH_DOMAIN);
    CASE("sched_op.remote_shutdown", "reason_256", sched_op(SCHEDOP_remote_shutdown, &remote));
    CASE("sched_op.remote_shutdown", "twice", sched_op(SCHEDOP_remote_shutdown, &remote));
    CASE("sched_op.shutdown", "not_mapped", sched_op(SCHEDOP_shutdown, bad_ptr()));
    CASE("sched_op", "cmd_8", sched_op(8, bad_ptr()));
    CASE("sched_op", "cmd_100", sched_op(100, bad_ptr()));
    domain_end(guest);
}

static void console(void)
{
    static char text[1] = {'\n'};

    CASE("console_io.write", "nothing",
         hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 0, XEN_HANDLE(text), 0, 0));
    CASE("console_io.write", "nothing_not_mapped",
         hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 0, XEN_HANDLE(bad_ptr()), 0, 0));
    CASE("console_io.write", "a_newline",
         hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 1, XEN_HANDLE(text), 0, 0));
    CASE("console_io.write", "not_mapped",
         hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 1, XEN_HANDLE(bad_ptr()), 0, 0));
    CASE("console_io", "cmd_2", hypercall(__HYPERVISOR_console_io, 2, 1, XEN_HANDLE(text), 0, 0));
    CASE("console_io", "cmd_all_ones", hypercall(__HYPERVISOR_console_io, ~0u, 1, XEN_HANDLE(text), 0, 0));
}

void cases_vcpu(void)
{
    struct evtchn_bind_virq virq = {.virq = VIRQ_TIMER};

    long rc = phys_add(DOMID_SELF, XENMAPSPACE_shared_info, 0, case_gfn(0));
    if (!rc)
        rc = evtchn_op(EVTCHNOP_bind_virq, &virq);
    if (rc)
        give_up("the timer's event channel", rc);
    shared = case_page(0);
    timer_port = virq.port;
    timers();
    vcpus();
    runstates();
    assists();
    scheduling();
    watch(0, WATCH_NOTHING);
    console();
    struct evtchn_close close = {.port = timer_port};
    evtchn_op(EVTCHNOP_close, &close);
    phys_remove(DOMID_SELF, case_gfn(0));
}
