/*
 * Event channels: each sub-operation on ports in each state, and what it does to the pending, mask and
 * selector bits of shared_info. Domain 0 with itself, and with a helper guest that does not answer.
 */
#include <tests/guests/conformance/cases.h>
#include <tests/guests/conformance/physmap.h>
#include <lib/string.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#define ALLOC  "event_channel_op.alloc_unbound"
#define BIND   "event_channel_op.bind_interdomain"
#define VIRQ   "event_channel_op.bind_virq"
#define IPI    "event_channel_op.bind_ipi"
#define VCPU   "event_channel_op.bind_vcpu"
#define SEND   "event_channel_op.send"
#define STATUS "event_channel_op.status"
#define CLOSE  "event_channel_op.close"
#define UNMASK "event_channel_op.unmask"

static struct shared_info *shared;
static u32 guest;

static u32 bit_of(const xen_ulong_t *words, u32 port)
{
    return words[port / 64] >> port % 64 & 1;
}

static void clear_all(void)
{
    memset(shared->evtchn_pending, 0, sizeof(shared->evtchn_pending));
    memset(shared->evtchn_mask, 0, sizeof(shared->evtchn_mask));
    shared->vcpu_info[0].evtchn_pending_sel = 0;
    shared->vcpu_info[0].evtchn_upcall_pending = 0;
}

static long alloc(u32 dom, u32 remote, u32 *port)
{
    struct evtchn_alloc_unbound op = {.dom = (domid_t)dom, .remote_dom = (domid_t)remote, .port = 0x7777};
    long rc = evtchn_op(EVTCHNOP_alloc_unbound, &op);

    *port = op.port;
    return rc;
}

static long bind(u32 remote, u32 remote_port, u32 *port)
{
    struct evtchn_bind_interdomain op = {
        .remote_dom = (domid_t)remote, .remote_port = remote_port, .local_port = 0x7777};
    long rc = evtchn_op(EVTCHNOP_bind_interdomain, &op);

    *port = op.local_port;
    return rc;
}

static long bind_virq(u32 virq, u32 vcpu, u32 *port)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu, .port = 0x7777};
    long rc = evtchn_op(EVTCHNOP_bind_virq, &op);

    *port = op.port;
    return rc;
}

static long bind_ipi(u32 vcpu, u32 *port)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu, .port = 0x7777};
    long rc = evtchn_op(EVTCHNOP_bind_ipi, &op);

    *port = op.port;
    return rc;
}

static long by_port(u64 cmd, u32 port)
{
    struct evtchn_close op = {.port = port};

    return evtchn_op(cmd, &op);
}

static void show_status(const char *name, u32 dom, u32 port)
{
    struct evtchn_status op = {.dom = (domid_t)dom, .port = port, .status = 77, .vcpu = 77};

    CASE_SHOW(STATUS, name, evtchn_op(EVTCHNOP_status, &op), " status=%u vcpu=%u remote=%s", op.status,
              op.vcpu,
              op.status == EVTCHNSTAT_interdomain && op.u.interdomain.dom == 0       ? "domain_0"
              : op.status == EVTCHNSTAT_interdomain && op.u.interdomain.dom == guest ? "guest"
              : op.status == EVTCHNSTAT_unbound && op.u.unbound.dom == 0             ? "for_domain_0"
              : op.status == EVTCHNSTAT_unbound && op.u.unbound.dom == guest         ? "for_guest"
                                                                                     : "none");
}

static void allocate(void)
{
    static const struct {
        const char *name;
        u32 dom, remote;
    } wrong[] = {
        {"unknown_domain", DOMID_UNKNOWN, 0}, {"domid_io", DOMID_IO, 0},  {"domid_xen", DOMID_XEN, 0},
        {"domid_invalid", DOMID_INVALID, 0},  {"domid_above", 0xffff, 0},
    };
    u32 port = 0, first;

    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
        CASE_SHOW(ALLOC, wrong[i].name, alloc(wrong[i].dom, wrong[i].remote, &port), " written=%u",
                  port != 0x7777);
    CASE(ALLOC, "not_mapped", evtchn_op(EVTCHNOP_alloc_unbound, bad_ptr()));
    CASE(ALLOC, "no_memory", evtchn_op(EVTCHNOP_alloc_unbound, hole_ptr()));
    CASE_SHOW(ALLOC, "self_for_self", alloc(DOMID_SELF, DOMID_SELF, &first), " port=%u", first != 0);
    CASE_SHOW(ALLOC, "the_next", alloc(DOMID_SELF, 0, &port), " behind=%u", port - first);
    by_port(EVTCHNOP_close, port);
    CASE_SHOW(ALLOC, "for_an_unknown_domain", alloc(DOMID_SELF, DOMID_UNKNOWN, &port), " behind=%u",
              port - first);
    by_port(EVTCHNOP_close, port);
    CASE_SHOW(ALLOC, "of_the_guest", alloc(guest, 0, &port), " port=%u", port != 0);
    show_status("of_the_guest_unbound", guest, port);
    show_status("own_unbound", DOMID_SELF, first);
    by_port(EVTCHNOP_close, first);
    show_status("own_closed", DOMID_SELF, first);
}

static void interdomain(void)
{
    u32 theirs, mine, again, other;

    alloc(guest, 0, &theirs);
    CASE_SHOW(BIND, "unknown_domain", bind(DOMID_UNKNOWN, 1, &mine), " written=%u", mine != 0x7777);
    CASE(BIND, "port_0", bind(guest, 0, &mine));
    CASE(BIND, "port_that_is_closed", bind(guest, 900, &mine));
    CASE(BIND, "port_4096", bind(guest, 4096, &mine));
    CASE(BIND, "port_all_ones", bind(guest, ~0u, &mine));
    CASE(BIND, "not_mapped", evtchn_op(EVTCHNOP_bind_interdomain, bad_ptr()));
    alloc(DOMID_SELF, guest, &other);
    CASE(BIND, "meant_for_another", bind(DOMID_SELF, other, &mine));
    by_port(EVTCHNOP_close, other);
    clear_all();
    CASE_SHOW(BIND, "good", bind(guest, theirs, &mine), " pending=%u sel=%lu up=%u",
              bit_of(shared->evtchn_pending, mine), shared->vcpu_info[0].evtchn_pending_sel,
              shared->vcpu_info[0].evtchn_upcall_pending);
    show_status("bound", DOMID_SELF, mine);
    show_status("bound_from_the_other_side", guest, theirs);
    CASE(BIND, "twice", bind(guest, theirs, &again));
    CASE(SEND, "to_the_guest", by_port(EVTCHNOP_send, mine));
    CASE(CLOSE, "bound", by_port(EVTCHNOP_close, mine));
    show_status("closed", DOMID_SELF, mine);
    show_status("the_other_side_is_unbound_again", guest, theirs);
    CASE_SHOW(BIND, "again_after_closing", bind(guest, theirs, &mine), " bound=%u", mine != 0x7777);
    by_port(EVTCHNOP_close, mine);
}

static void loop(void)
{
    u32 a, b;

    alloc(DOMID_SELF, DOMID_SELF, &a);
    CASE(BIND, "with_itself", bind(DOMID_SELF, a, &b));
    clear_all();
    CASE_SHOW(SEND, "one_end", by_port(EVTCHNOP_send, a), " own=%u other=%u sel=%u up=%u",
              bit_of(shared->evtchn_pending, a), bit_of(shared->evtchn_pending, b),
              shared->vcpu_info[0].evtchn_pending_sel != 0, shared->vcpu_info[0].evtchn_upcall_pending);
    CASE_SHOW(SEND, "while_pending", by_port(EVTCHNOP_send, a), " other=%u",
              bit_of(shared->evtchn_pending, b));
    clear_all();
    shared->evtchn_mask[b / 64] = 1ull << b % 64;
    CASE_SHOW(SEND, "masked", by_port(EVTCHNOP_send, a), " other=%u sel=%u up=%u",
              bit_of(shared->evtchn_pending, b), shared->vcpu_info[0].evtchn_pending_sel != 0,
              shared->vcpu_info[0].evtchn_upcall_pending);
    CASE_SHOW(UNMASK, "pending", by_port(EVTCHNOP_unmask, b), " mask=%u pending=%u sel=%u up=%u",
              bit_of(shared->evtchn_mask, b), bit_of(shared->evtchn_pending, b),
              shared->vcpu_info[0].evtchn_pending_sel != 0, shared->vcpu_info[0].evtchn_upcall_pending);
    clear_all();
    shared->evtchn_mask[b / 64] = 1ull << b % 64;
    CASE_SHOW(UNMASK, "not_pending", by_port(EVTCHNOP_unmask, b), " mask=%u sel=%u up=%u",
              bit_of(shared->evtchn_mask, b), shared->vcpu_info[0].evtchn_pending_sel != 0,
              shared->vcpu_info[0].evtchn_upcall_pending);
    CASE(UNMASK, "port_0", by_port(EVTCHNOP_unmask, 0));
    CASE(UNMASK, "port_4096", by_port(EVTCHNOP_unmask, 4096));
    CASE(UNMASK, "not_mapped", evtchn_op(EVTCHNOP_unmask, bad_ptr()));
    by_port(EVTCHNOP_close, a);
    by_port(EVTCHNOP_close, b);
    clear_all();
}

static void virqs(void)
{
    static const u32 free_ones[] = {VIRQ_TIMER,
                                    VIRQ_DEBUG,
                                    VIRQ_DOM_EXC,
                                    VIRQ_TBUF,
                                    VIRQ_XENOPROF,
                                    VIRQ_CON_RING,
                                    VIRQ_PCPU_STATE,
                                    VIRQ_ENOMEM,
                                    VIRQ_XENPMU,
                                    14,
                                    15,
                                    23};
    u32 port, again;

    for (u32 i = 0; i < ARRAY_SIZE(free_ones); i++) {
        char name[32];
        snprintf(name, sizeof(name), "virq_%u", free_ones[i]);
        CASE_SHOW(VIRQ, name, bind_virq(free_ones[i], 0, &port), " port=%u", port != 0x7777);
        if (port != 0x7777)
            by_port(EVTCHNOP_close, port);
    }
    CASE(VIRQ, "virq_24", bind_virq(24, 0, &port));
    CASE(VIRQ, "virq_all_ones", bind_virq(~0u, 0, &port));
    CASE(VIRQ, "vcpu_1_of_1", bind_virq(VIRQ_TIMER, 1, &port));
    CASE(VIRQ, "global_one_on_vcpu_1", bind_virq(VIRQ_DOM_EXC, 1, &port));
    CASE(VIRQ, "vcpu_all_ones", bind_virq(VIRQ_TIMER, ~0u, &port));
    CASE(VIRQ, "not_mapped", evtchn_op(EVTCHNOP_bind_virq, bad_ptr()));
    bind_virq(VIRQ_TIMER, 0, &port);
    show_status("virq", DOMID_SELF, port);
    CASE_SHOW(VIRQ, "twice", bind_virq(VIRQ_TIMER, 0, &again), " written=%u", again != 0x7777);
    CASE(SEND, "virq", by_port(EVTCHNOP_send, port));
    CASE(VCPU, "virq_of_a_vcpu", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = port}));
    CASE(CLOSE, "virq", by_port(EVTCHNOP_close, port));
    CASE_SHOW(VIRQ, "after_closing", bind_virq(VIRQ_TIMER, 0, &port), " port=%u", port != 0x7777);
    by_port(EVTCHNOP_close, port);
}

static void ipis(void)
{
    u32 port, other;

    CASE_SHOW(IPI, "good", bind_ipi(0, &port), " port=%u", port != 0x7777);
    show_status("ipi", DOMID_SELF, port);
    clear_all();
    CASE_SHOW(SEND, "ipi", by_port(EVTCHNOP_send, port), " pending=%u up=%u",
              bit_of(shared->evtchn_pending, port), shared->vcpu_info[0].evtchn_upcall_pending);
    CASE(VCPU, "ipi", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = port}));
    CASE_SHOW(CLOSE, "ipi_pending", by_port(EVTCHNOP_close, port), " pending=%u",
              bit_of(shared->evtchn_pending, port));
    CASE(IPI, "vcpu_1_of_1", bind_ipi(1, &port));
    CASE(IPI, "vcpu_128", bind_ipi(128, &port));
    CASE(IPI, "vcpu_all_ones", bind_ipi(~0u, &port));
    CASE(IPI, "not_mapped", evtchn_op(EVTCHNOP_bind_ipi, bad_ptr()));
    alloc(DOMID_SELF, DOMID_SELF, &port);
    bind(DOMID_SELF, port, &other);
    CASE(VCPU, "interdomain", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = other}));
    CASE(VCPU, "vcpu_1_of_1",
         evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = other, .vcpu = 1}));
    CASE(VCPU, "port_0", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = 0}));
    CASE(VCPU, "port_4096", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = 4096}));
    CASE(VCPU, "not_mapped", evtchn_op(EVTCHNOP_bind_vcpu, bad_ptr()));
    by_port(EVTCHNOP_close, other);
    CASE(VCPU, "unbound", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = port}));
    CASE(SEND, "unbound", by_port(EVTCHNOP_send, port));
    by_port(EVTCHNOP_close, port);
    CASE(VCPU, "closed", evtchn_op(EVTCHNOP_bind_vcpu, &(struct evtchn_bind_vcpu){.port = port}));
    clear_all();
}

/* Invalid ports, for the calls that take one. */
static void wrong_ports(void)
{
    static const struct {
        const char *call;
        u64 cmd;
    } calls[] = {{SEND, EVTCHNOP_send}, {CLOSE, EVTCHNOP_close}};
    static const struct {
        const char *name;
        u32 port;
    } ports[] = {{"port_0", 0},       {"port_900", 900},          {"port_4095", 4095},
                 {"port_4096", 4096}, {"port_2_to_31", 1u << 31}, {"port_all_ones", ~0u}};

    for (u32 c = 0; c < ARRAY_SIZE(calls); c++) {
        for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
            CASE(calls[c].call, ports[i].name, by_port(calls[c].cmd, ports[i].port));
        CASE(calls[c].call, "not_mapped", evtchn_op(calls[c].cmd, bad_ptr()));
    }
    for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
        show_status(ports[i].name, DOMID_SELF, ports[i].port);
    show_status("unknown_domain", DOMID_UNKNOWN, 1);
    show_status("domid_invalid", DOMID_INVALID, 1);
    CASE(STATUS, "not_mapped", evtchn_op(EVTCHNOP_status, bad_ptr()));
}

/* A domain with a limit of five ports. */
static void limit(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 domid = 0, port, nr = 0;

    config.max_evtchn_port = 5;
    if (xc_domain_create(xch, &domid, &config) || xc_domain_max_vcpus(xch, domid, 1))
        give_up("making a domain with five ports", -1);
    while (nr < 10 && !alloc(domid, 0, &port))
        nr++;
    CASE_SHOW(ALLOC, "beyond_the_limit", alloc(domid, 0, &port), " fit=%u", nr);
    CASE(BIND, "the_last_of_them", bind(domid, 5, &port));
    struct evtchn_reset reset = {.dom = (domid_t)domid};
    CASE("event_channel_op.reset", "another_domain", evtchn_op(EVTCHNOP_reset, &reset));
    show_status("after_reset", domid, 5);
    CASE_SHOW(ALLOC, "after_reset", alloc(domid, 0, &port), " port=%u", port);
    domain_end(domid);
}

static void others(void)
{
    static const u32 unknown[] = {14, 15, 100, 0x7fffffff};
    struct evtchn_reset reset = {.dom = DOMID_UNKNOWN};

    CASE("event_channel_op.reset", "unknown_domain", evtchn_op(EVTCHNOP_reset, &reset));
    CASE("event_channel_op.reset", "not_mapped", evtchn_op(EVTCHNOP_reset, bad_ptr()));
    for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
        char name[32];
        snprintf(name, sizeof(name), "cmd_%u", unknown[i]);
        CASE("event_channel_op", name, evtchn_op(unknown[i], bad_ptr()));
    }
}

void cases_events(void)
{
    long rc = phys_add(DOMID_SELF, XENMAPSPACE_shared_info, 0, case_gfn(0));
    if (rc)
        give_up("mapping our own shared info", rc);
    shared = case_page(0);
    guest = helper_start();
    clear_all();
    allocate();
    interdomain();
    loop();
    virqs();
    ipis();
    wrong_ports();
    limit();
    others();
    helper_stop();
    clear_all();
    phys_remove(DOMID_SELF, case_gfn(0));
}
