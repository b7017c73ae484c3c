/*
 * sysctls of xl and the daemons in domain 0: the console's ring, debug keys, idle time, devices, the scheduler, and those
 * that Homestead has not. What a console says differs, so only relations are printed.
 */
#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sysctl.h>

#define MARK 0x5a
#define ROOM 16384u

static char text[ROOM + 1];
static u32 end; /* index behind the last byte of the ring */

static struct xen_sysctl op_of(u32 cmd)
{
    struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return op;
}

static long read_console(struct xen_sysctl *op, bool incremental, u32 index, bool clear, u32 count, void *at)
{
    *op = op_of(XEN_SYSCTL_readconsole);
    op->u.readconsole.incremental = incremental;
    op->u.readconsole.index = index;
    op->u.readconsole.clear = clear;
    op->u.readconsole.count = count;
    op->u.readconsole.buffer = XEN_HANDLE(at);
    memset(text, MARK, sizeof(text));
    return sysctl(op);
}

static long keys(const char *keys, u32 nr)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_debug_keys);

    op.u.debug_keys.keys = XEN_HANDLE(keys);
    op.u.debug_keys.nr_keys = nr;
    return sysctl(&op);
}

/* From here on the ring has what h has said, which is more than 100 bytes, and a little from others at most. */
static u32 fill(void)
{
    struct xen_sysctl op;

    read_console(&op, false, 0, true, ROOM, text);
    keys("h", 1);
    read_console(&op, false, 0, false, ROOM, text);
    end = op.u.readconsole.index;
    return op.u.readconsole.count;
}

static void read(const char *name, bool incremental, u32 index, bool clear, u32 count, void *at)
{
    u32 all = fill();
    struct xen_sysctl op;

    long rc = read_console(&op, incremental, index ? index : end, clear, count, at);
    u32 nr = op.u.readconsole.count, last = op.u.readconsole.index;
    bool beyond = at == text && nr < ROOM && text[nr] != MARK;
    /* What a later reader finds. */
    struct xen_sysctl then;
    read_console(&then, false, 0, false, ROOM, text);
    CASE_SHOW("sysctl.readconsole", name, rc,
              " all=%u none=%u as_asked=%u at_the_end=%u beyond=%u then_all=%u then_none=%u then_rest=%u",
              nr == all, nr == 0, nr == count, last == end, beyond, then.u.readconsole.count == all,
              then.u.readconsole.count == 0, then.u.readconsole.count == all - nr);
}

static void readconsole(void)
{
    read("all", false, 1, false, ROOM, text);
    read("all_and_clear", false, 1, true, ROOM, text);
    read("ten", false, 1, false, 10, text);
    read("ten_and_clear", false, 1, true, 10, text);
    read("none", false, 1, false, 0, text);
    read("none_and_clear", false, 1, true, 0, text);
    read("from_the_end", true, 0, false, ROOM, text);
    read("from_the_end_and_clear", true, 0, true, ROOM, text);
    read("from_far_behind_the_end", true, 0x70000000, false, ROOM, text);
    read("from_all_ones", true, 0xffffffff, false, ROOM, text);
    read("not_mapped", false, 1, false, ROOM, bad_ptr());
    read("not_mapped_and_clear", false, 1, true, ROOM, bad_ptr());
    read("none_not_mapped", false, 1, false, 0, bad_ptr());
    read("null", false, 1, false, ROOM, NULL);
    read("ten_to_the_edge", false, 1, false, 10, edge_ptr(10));
    read("one_byte_over", false, 1, true, 11, edge_ptr(10));
    read("huge", false, 1, false, 0xffffffff, text);
}

static bool contains(const char *words, u32 len)
{
    for (u32 at = 0; at + strlen(words) <= len; at++)
        if (!memcmp(text + at, words, strlen(words)))
            return true;
    return false;
}

/* What domain 0 writes itself is not in the ring, on Xen unless console_to_ring says so. */
static void own_output(void)
{
    static const char line[] = "conformance: a line of domain 0's own\n";
    struct xen_sysctl op;

    fill();
    long rc = hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(line) - 1, XEN_HANDLE(line), 0, 0);
    read_console(&op, false, 0, false, ROOM, text);
    CASE_SHOW("sysctl.readconsole", "domain_0s_own_line", rc, " there=%u",
              contains("line of domain 0's own", op.u.readconsole.count));
}

static void debug_keys(void)
{
    struct xen_sysctl op;
    static const char unknown[] = {'\n', ' ', '~', (char)0x80, (char)0xff, 0};

    for (u32 i = 0; i < sizeof(unknown); i++) {
        char name[32];

        snprintf(name, sizeof(name), "unknown_%02x", (u8)unknown[i]);
        CASE("sysctl.debug_keys", name, keys(unknown + i, 1));
    }
    read_console(&op, false, 0, true, ROOM, text);
    long rc = keys("h", 1);
    read_console(&op, false, 0, false, ROOM, text);
    CASE_SHOW("sysctl.debug_keys", "help", rc, " said=%u", op.u.readconsole.count > 100);
    u32 once = op.u.readconsole.count;
    read_console(&op, false, 0, true, ROOM, text);
    rc = keys("~h~h", 4);
    read_console(&op, false, 0, false, ROOM, text);
    CASE_SHOW("sysctl.debug_keys", "four", rc, " twice=%u",
              op.u.readconsole.count >= 2 * once && op.u.readconsole.count < 3 * once);
    CASE("sysctl.debug_keys", "none", keys("h", 0));
    CASE("sysctl.debug_keys", "none_null", keys(NULL, 0));
    CASE("sysctl.debug_keys", "none_not_mapped", keys(bad_ptr(), 0));
    CASE("sysctl.debug_keys", "null", keys(NULL, 1));
    CASE("sysctl.debug_keys", "not_mapped", keys(bad_ptr(), 1));
    CASE("sysctl.debug_keys", "no_memory", keys(hole_ptr(), 1));
    char *edge = edge_ptr(1);
    *edge = '~';
    CASE("sysctl.debug_keys", "to_the_edge", keys(edge, 1));
    CASE("sysctl.debug_keys", "one_byte_over", keys(edge, 2));
}

/* --- facts --- */

static u64 idle[66];

static u32 nr_cpus(void)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_physinfo);

    sysctl(&op);
    return op.u.physinfo.nr_cpus;
}

static void cpu_times(const char *name, u32 max, void *at)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_getcpuinfo);
    u32 cpus = nr_cpus(), written = 0;

    memset(idle, 0xff, sizeof(idle));
    op.u.getcpuinfo.nr_cpus = 77;
    op.u.getcpuinfo.max_cpus = max;
    op.u.getcpuinfo.info = XEN_HANDLE(at);
    long rc = sysctl(&op);
    while (written < ARRAY_SIZE(idle) && idle[written] != ~0ull)
        written++;
    CASE_SHOW("sysctl.getcpuinfo", name, rc, " all=%u as_given=%u untouched=%u written_all=%u written=%u",
              op.u.getcpuinfo.nr_cpus == cpus, op.u.getcpuinfo.nr_cpus == max, op.u.getcpuinfo.nr_cpus == 77,
              written == cpus, written != 0);
}

static void getcpuinfo(void)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_getcpuinfo);
    u32 cpus = nr_cpus();

    cpu_times("all", cpus, idle);
    cpu_times("one", 1, idle);
    cpu_times("none", 0, idle);
    cpu_times("none_not_mapped", 0, bad_ptr());
    cpu_times("more_than_there_are", cpus + 1, idle);
    cpu_times("huge", 0xffffffff, idle);
    cpu_times("null", cpus, NULL);
    cpu_times("not_mapped", cpus, bad_ptr());
    cpu_times("to_the_edge", cpus, edge_ptr(cpus * sizeof(idle[0])));
    cpu_times("one_byte_over", cpus, edge_ptr(cpus * sizeof(idle[0]) - 1));
    u64 before[2];
    for (u32 i = 0; i < 2; i++) {
        op.u.getcpuinfo.max_cpus = 2;
        op.u.getcpuinfo.info = XEN_HANDLE(idle);
        long rc = sysctl(&op);
        if (i == 0)
            memcpy(before, idle, sizeof(before));
        else
            CASE_SHOW("sysctl.getcpuinfo", "times", rc, " grow=%u",
                      idle[0] >= before[0] && idle[1] >= before[1] &&
                          idle[0] + idle[1] > before[0] + before[1]);
    }
}

static void devices(const char *name, u32 nr, void *devs, void *nodes)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_pcitopoinfo);

    op.u.pcitopoinfo.num_devs = nr;
    op.u.pcitopoinfo.devs = XEN_HANDLE(devs);
    op.u.pcitopoinfo.nodes = XEN_HANDLE(nodes);
    long rc = sysctl(&op);
    CASE_SHOW("sysctl.pcitopoinfo", name, rc, " nr=%d", (int)op.u.pcitopoinfo.num_devs);
}

static void pcitopoinfo(void)
{
    static struct physdev_pci_device devs[100];
    static u32 nodes[100];

    /* No machine has that segment. */
    for (u32 i = 0; i < ARRAY_SIZE(devs); i++)
        devs[i] = (struct physdev_pci_device){.seg = 0xfffe, .bus = 0xfe, .devfn = (u8)i};
    devices("none", 0, devs, nodes);
    devices("none_not_mapped", 0, bad_ptr(), bad_ptr());
    devices("no_devices", 1, NULL, nodes);
    devices("no_nodes", 1, devs, NULL);
    devices("none_and_no_devices", 0, NULL, nodes);
    devices("devices_not_mapped", 1, bad_ptr(), nodes);
    devices("nodes_not_mapped", 1, devs, bad_ptr());
    devices("to_the_edge", 3, devs, edge_ptr(12));
    devices("one_byte_over", 3, devs, edge_ptr(11));
    memset(nodes, MARK, sizeof(nodes));
    devices("two", 2, devs, nodes);
    CASE_SHOW("sysctl.pcitopoinfo", "two_nodes", 0, " nodes=%x,%x,%x", nodes[0], nodes[1], nodes[2]);
    devices("fifty", 50, devs, nodes);
}

static void scheduler(const char *name, u32 pool, u32 cmd, u32 limit_us)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_scheduler_op);

    op.u.scheduler_op.cpupool_id = pool;
    op.u.scheduler_op.sched_id = 6; /* credit2 */
    op.u.scheduler_op.cmd = cmd;
    op.u.scheduler_op.u.sched_credit2.ratelimit_us = limit_us;
    long rc = sysctl(&op);
    CASE_SHOW("sysctl.scheduler_op", name, rc, " ratelimit=%u",
              op.u.scheduler_op.u.sched_credit2.ratelimit_us);
}

static void scheduler_op(void)
{
    scheduler("get", 0, XEN_SYSCTL_SCHEDOP_getinfo, 7);
    scheduler("put_what_is_there", 0, XEN_SYSCTL_SCHEDOP_putinfo, 1000);
    scheduler("put_another", 0, XEN_SYSCTL_SCHEDOP_putinfo, 2000);
    scheduler("put_none", 0, XEN_SYSCTL_SCHEDOP_putinfo, 0);
    scheduler("put_too_small", 0, XEN_SYSCTL_SCHEDOP_putinfo, 99);
    scheduler("put_too_large", 0, XEN_SYSCTL_SCHEDOP_putinfo, 500001);
    scheduler("unknown_command", 0, 2, 7);
    scheduler("unknown_command_and_pool", 7, 2, 7);
    scheduler("unknown_pool", 7, XEN_SYSCTL_SCHEDOP_getinfo, 7);
    struct xen_sysctl op = op_of(XEN_SYSCTL_scheduler_op);
    op.u.scheduler_op.sched_id = 99;
    op.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    CASE("sysctl.scheduler_op", "unknown_scheduler", sysctl(&op));
}

/* Commands with an argument of zeroes. */
static void others(void)
{
    static const struct {
        u32 nr;
        const char *call;
    } cmds[] = {
        {2, "sysctl.tbuf_op"},
        {5, "sysctl.perfc_op"},
        {10, "sysctl.get_pmstat"},
        {11, "sysctl.cpu_hotplug"},
        {12, "sysctl.pm_op"},
        {13, "sysctl.13"},
        {20, "sysctl.coverage_op"},
        {21, "sysctl.psr_cmt_op"},
        {23, "sysctl.psr_alloc"},
        {24, "sysctl.24"},
        {25, "sysctl.get_cpu_levelling_caps"},
        {27, "sysctl.livepatch_op"},
        {28, "sysctl.28"},
        {30, "sysctl.30"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        struct xen_sysctl op = op_of(cmds[i].nr);

        CASE(cmds[i].call, "zeroes", sysctl(&op));
    }
    for (u32 cmd = 1; cmd < 6; cmd++) {
        struct xen_sysctl op = op_of(XEN_SYSCTL_psr_cmt_op);
        char name[32];

        op.u.pad[0] = (u8)cmd;
        snprintf(name, sizeof(name), "command_%u", cmd);
        CASE("sysctl.psr_cmt_op", name, sysctl(&op));
        op = op_of(XEN_SYSCTL_psr_alloc);
        op.u.pad[0] = (u8)cmd;
        CASE("sysctl.psr_alloc", name, sysctl(&op));
    }
}

/* --- hypercalls that Homestead has not, without arguments --- */

static void whole_calls(void)
{
    static const struct {
        u32 nr;
        const char *call;
    } calls[] = {
        {37, "kexec_op"}, {38, "tmem_op"},  {39, "argo_op"},      {40, "xenpmu_op"},
        {41, "dm_op"},    {42, "hypfs_op"}, {43, "hypercall_43"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        CASE(calls[i].call, "zeroes", hypercall(calls[i].nr, 0, 0, 0, 0, 0));
        CASE(calls[i].call, "unknown", hypercall(calls[i].nr, 99, 0, 0, 0, 0));
    }
}

void cases_xl(void)
{
    readconsole();
    own_output();
    debug_keys();
    getcpuinfo();
    pcitopoinfo();
    scheduler_op();
    others();
    whole_calls();
    cases_xl_domain();
}
