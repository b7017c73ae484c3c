#include <boot/options.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define OPTION_MAX 128u
#ifdef DEBUG
#define TEST_CPUS     64u
#define WATCHDOG_SECS 10u
#else
#define WATCHDOG_SECS 0u
#endif

static int parse_u32(const char *value, u64 min, u64 max, u32 *out)
{
    const char *end;
    u64 number;

    if (parse_u64(value, &end, false, &number) || *end || number < min || number > max)
        return -EINVAL;
    *out = (u32)number;
    return 0;
}

static int parse_switch(const char *value, bool *out)
{
    static const char *const on[] = {"", "on", "yes", "true", "1", "enable"};
    static const char *const off[] = {"off", "no", "false", "0", "disable"};

    for (u32 i = 0; i < ARRAY_SIZE(on); i++)
        if (!strcmp(value, on[i])) {
            *out = true;
            return 0;
        }
    for (u32 i = 0; i < ARRAY_SIZE(off); i++)
        if (!strcmp(value, off[i])) {
            *out = false;
            return 0;
        }
    return -EINVAL;
}

static int set_dom0_mem(struct boot_options *o, const char *value)
{
    u64 bytes;

    /* Xen's forms min:SIZE and max:SIZE name bounds; domain 0 has one fixed size here, so only a plain size
     * is taken. */
    if (parse_size(value, &bytes) || bytes < MIB(4))
        return -EINVAL;
    o->dom0_mem_bytes = bytes;
    return 0;
}

static int set_dom0_max_vcpus(struct boot_options *o, const char *value)
{
    return parse_u32(value, 1, 128, &o->dom0_max_vcpus);
}

/* "1,3-5": numbers below max, which is 64 at most. */
static int parse_mask(const char *value, u64 max, u64 *out)
{
    u64 mask = 0;

    for (;;) {
        u64 first, last;
        if (parse_u64(value, &value, false, &first))
            return -EINVAL;
        last = first;
        if (*value == '-' && parse_u64(value + 1, &value, false, &last))
            return -EINVAL;
        if (last < first || last >= max)
            return -EINVAL;
        for (u64 bit = first; bit <= last; bit++)
            mask |= BIT(bit);
        if (!*value)
            break;
        if (*value++ != ',')
            return -EINVAL;
    }
    *out = mask;
    return 0;
}

static int set_dom0_nodes(struct boot_options *o, const char *value)
{
    return parse_mask(value, MAX_NODES, &o->dom0_nodes);
}

static int set_nmi(struct boot_options *o, const char *value)
{
    if (strcmp(value, "report") && strcmp(value, "panic"))
        return -EINVAL;
    o->nmi_panic = value[0] == 'p';
    return 0;
}

static int set_x2apic(struct boot_options *o, const char *value)
{
    if (strcmp(value, "auto") && strcmp(value, "on"))
        return -EINVAL;
    o->x2apic = value[0] == 'o';
    return 0;
}

static int set_watchdog(struct boot_options *o, const char *value)
{
    return parse_u32(value, 0, 3600, &o->watchdog_secs);
}

static int set_maxcpus(struct boot_options *o, const char *value)
{
    return parse_u32(value, 1, MAX_CPUS, &o->maxcpus);
}

static int set_numa(struct boot_options *o, const char *value)
{
    return parse_switch(value, &o->numa);
}

static int set_idle_scrub(struct boot_options *o, const char *value)
{
    return parse_switch(value, &o->idle_scrub);
}

static int set_noreboot(struct boot_options *o, const char *value)
{
    return parse_switch(value, &o->noreboot);
}

static int set_loglvl(struct boot_options *o, const char *value)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"none", LOG_ERROR}, {"error", LOG_ERROR}, {"warning", LOG_WARNING},
                  {"info", LOG_INFO},  {"debug", LOG_DEBUG}, {"all", LOG_DEBUG}};

    for (u32 i = 0; i < ARRAY_SIZE(levels); i++)
        if (!strcmp(value, levels[i].name)) {
            o->loglvl = levels[i].level;
            return 0;
        }
    return -EINVAL;
}

static int set_console(struct boot_options *o, const char *value)
{
    if (strcmp(value, "com1") && strcmp(value, "none"))
        return -EINVAL;
    o->console = value[0] == 'c';
    return 0;
}

static int set_com1(struct boot_options *o, const char *value)
{
    u64 baud, port = o->com1_port;

    if (parse_u64(value, &value, false, &baud) || baud > 115200)
        return -EINVAL;
    if (!strncmp(value, ",8n1", 4)) {
        value += 4;
        if (*value == ',' && (parse_u64(value + 1, &value, false, &port) || port < 0x100 || port > 0xfff8))
            return -EINVAL;
    }
    if (*value)
        return -EINVAL;
    o->com1_baud = (u32)baud;
    o->com1_port = (u16)port;
    return 0;
}

static int set_debugkeys(struct boot_options *o, const char *value)
{
    return parse_switch(value, &o->debugkeys);
}

static int set_debug_exit(struct boot_options *o, const char *value)
{
    u32 port;

    if (!strcmp(value, "auto")) {
        o->debug_exit_auto = true;
        return 0;
    }
    if (!strcmp(value, "off"))
        port = 0;
    else if (parse_u32(value, 1, 0xffff, &port))
        return -EINVAL;
    o->debug_exit_auto = false;
    o->debug_exit_port = (u16)port;
    return 0;
}

#ifdef DEBUG
/* Faults that tests want. */
static int set_test_cpu_fail(struct boot_options *o, const char *value)
{
    return parse_mask(value, TEST_CPUS, &o->test_cpu_fail);
}

static int set_test_panic(struct boot_options *o, const char *value)
{
    return parse_mask(value, TEST_CPUS, &o->test_panic);
}

static int set_test_lockup(struct boot_options *o, const char *value)
{
    return parse_mask(value, TEST_CPUS, &o->test_lockup);
}

static int set_test_stuck(struct boot_options *o, const char *value)
{
    return parse_u32(value, 0, MAX_CPUS - 1, &o->test_stuck);
}
#endif

static const struct {
    const char *name;
    int (*set)(struct boot_options *o, const char *value); /* -EINVAL: value cannot be used, *o as before */
} options[] = {
    {"dom0_mem", set_dom0_mem},
    {"dom0_max_vcpus", set_dom0_max_vcpus},
    {"dom0_nodes", set_dom0_nodes},
    {"maxcpus", set_maxcpus},
    {"numa", set_numa},
    {"idle-scrub", set_idle_scrub},
    {"noreboot", set_noreboot},
    {"loglvl", set_loglvl},
    {"console", set_console},
    {"com1", set_com1},
    {"debugkeys", set_debugkeys},
    {"debug-exit", set_debug_exit},
    {"nmi", set_nmi},
    {"x2apic", set_x2apic},
    {"watchdog", set_watchdog},
#ifdef DEBUG
    {"test_cpu_fail", set_test_cpu_fail},
    {"test_panic", set_test_panic},
    {"test_lockup", set_test_lockup},
    {"test_stuck", set_test_stuck},
#endif
};

static void report_sentence(options_report_fn report, const char *fmt, const char *name, const char *value)
{
    char sentence[OPTION_MAX * 2];

    if (!report)
        return;
    snprintf(sentence, sizeof(sentence), fmt, name, value);
    report(sentence);
}

static void parse_one(char *text, struct boot_options *out, options_report_fn report)
{
    char *value = strchr(text, '=');

    if (value)
        *value++ = '\0';
    for (u32 i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(text, options[i].name))
            continue;
        if (options[i].set(out, value ? value : ""))
            report_sentence(report, "option %s: cannot use the value '%s'", text, value ? value : "");
        return;
    }
    report_sentence(report, "unknown option '%s' is ignored", text, "");
}

void options_parse(const char *cmdline, struct boot_options *out, options_report_fn report)
{
    *out = (struct boot_options){
        .dom0_max_vcpus = 1,
        .numa = true,
        .idle_scrub = true,
        .watchdog_secs = WATCHDOG_SECS,
        .loglvl = LOG_INFO,
        .console = true,
        .com1_port = 0x3f8,
        .com1_baud = 115200,
        .debugkeys = true,
        .test_stuck = ~0u,
        .debug_exit_auto = true,
    };
    while (*cmdline) {
        char text[OPTION_MAX];
        size_t len = 0;
        while (is_space(*cmdline))
            cmdline++;
        while (cmdline[len] && !is_space(cmdline[len]))
            len++;
        if (!len)
            break;
        str_copy(text, cmdline, MIN(len + 1, sizeof(text)));
        cmdline += len;
        if (!strcmp(text, "--")) /* what follows is for domain 0 */
            break;
        parse_one(text, out, report);
    }
}
