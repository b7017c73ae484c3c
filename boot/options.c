#include <boot/options.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define OPTION_MAX 128u
#ifdef DEBUG
#define WATCHDOG_SECS 10u
#else
#define WATCHDOG_SECS 0u
#endif

struct option {
    const char *name;
    /* Writes *field. -EINVAL: value cannot be used, and *field is as before. */
    int (*set)(const struct option *option, const char *value, void *field);
    size_t field; /* offset in struct boot_options */
    u64 min, max; /* of a number */
    const char *words[2];
};

/* The index of value in words. */
static int find_word(const char *value, const char *const *words, u32 nr, u32 *index)
{
    for (u32 i = 0; i < nr; i++)
        if (!strcmp(value, words[i])) {
            *index = i;
            return 0;
        }
    return -EINVAL;
}

/* A bool: no value means on. */
static int set_switch(const struct option *option, const char *value, void *field)
{
    static const char *const words[] = {"off",  "on", "no", "yes",     "false",
                                        "true", "0",  "1",  "disable", "enable"};
    u32 index;

    (void)option;
    if (find_word(*value ? value : "on", words, ARRAY_SIZE(words), &index))
        return -EINVAL;
    *(bool *)field = index % 2;
    return 0;
}

/* A bool: words[1] is true. */
static int set_choice(const struct option *option, const char *value, void *field)
{
    u32 index;

    if (find_word(value, option->words, ARRAY_SIZE(option->words), &index))
        return -EINVAL;
    *(bool *)field = index;
    return 0;
}

static int set_level(const struct option *option, const char *value, void *field)
{
    static const char *const words[] = {"none", "error", "warning", "info", "debug", "all"};
    static const enum log_level levels[] = {LOG_ERROR, LOG_ERROR, LOG_WARNING,
                                            LOG_INFO,  LOG_DEBUG, LOG_DEBUG};
    u32 index;

    (void)option;
    if (find_word(value, words, ARRAY_SIZE(words), &index))
        return -EINVAL;
    *(enum log_level *)field = levels[index];
    return 0;
}

/* A u32 from min to max. */
static int set_number(const struct option *option, const char *value, void *field)
{
    const char *end;
    u64 number;

    if (parse_u64(value, &end, false, &number) || *end || number < option->min || number > option->max)
        return -EINVAL;
    *(u32 *)field = (u32)number;
    return 0;
}

/* A u64 of at least min bytes. Xen's forms min:SIZE and max:SIZE name bounds; here a size is fixed. */
static int set_size(const struct option *option, const char *value, void *field)
{
    u64 bytes;

    if (parse_size(value, &bytes) || bytes < option->min)
        return -EINVAL;
    *(u64 *)field = bytes;
    return 0;
}

/* "1,3-5" as a u64: bits up to max, which is 63 at most. */
static int set_mask(const struct option *option, const char *value, void *field)
{
    u64 mask = 0;

    for (;;) {
        u64 first, last;
        if (parse_u64(value, &value, false, &first))
            return -EINVAL;
        last = first;
        if (*value == '-' && parse_u64(value + 1, &value, false, &last))
            return -EINVAL;
        if (last < first || last > option->max)
            return -EINVAL;
        for (u64 bit = first; bit <= last; bit++)
            mask |= BIT(bit);
        if (!*value)
            break;
        if (*value++ != ',')
            return -EINVAL;
    }
    *(u64 *)field = mask;
    return 0;
}

/* BAUD[,8n1[,PORT]]; field is the whole struct boot_options, here and below. */
static int set_com1(const struct option *option, const char *value, void *field)
{
    struct boot_options *o = field;
    u64 baud, port = o->com1_port;

    (void)option;
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

/* auto, off or a port */
static int set_debug_exit(const struct option *option, const char *value, void *field)
{
    struct boot_options *o = field;
    u32 port = 0;

    if (strcmp(value, "auto") && strcmp(value, "off") && set_number(option, value, &port))
        return -EINVAL;
    o->debug_exit_auto = !strcmp(value, "auto");
    o->debug_exit_port = (u16)port;
    return 0;
}

#define FIELD(member) .field = offsetof(struct boot_options, member)

static const struct option options[] = {
    {"dom0_mem", set_size, FIELD(dom0_mem_bytes), .min = MIB(4)},
    {"dom0_max_vcpus", set_number, FIELD(dom0_max_vcpus), .min = 1, .max = 128},
    {"dom0_nodes", set_mask, FIELD(dom0_nodes), .max = MAX_NODES - 1},
    {"maxcpus", set_number, FIELD(maxcpus), .min = 1, .max = MAX_CPUS},
    {"numa", set_switch, FIELD(numa)},
    {"idle-scrub", set_switch, FIELD(idle_scrub)},
    {"noreboot", set_switch, FIELD(noreboot)},
    {"loglvl", set_level, FIELD(loglvl)},
    {"console", set_choice, FIELD(console), .words = {"none", "com1"}},
    {"com1", set_com1, .field = 0},
    {"debugkeys", set_switch, FIELD(debugkeys)},
    {"debug-exit", set_debug_exit, .field = 0, .min = 1, .max = 0xffff},
    {"nmi", set_choice, FIELD(nmi_panic), .words = {"report", "panic"}},
    {"x2apic", set_choice, FIELD(x2apic), .words = {"auto", "on"}},
    {"watchdog", set_number, FIELD(watchdog_secs), .min = 0, .max = 3600},
#ifdef DEBUG
    /* Faults that tests ask for. */
    {"test_cpu_fail", set_mask, FIELD(test_cpu_fail), .max = 63},
    {"test_panic", set_mask, FIELD(test_panic), .max = 63},
    {"test_lockup", set_mask, FIELD(test_lockup), .max = 63},
    {"test_stuck", set_number, FIELD(test_stuck), .max = MAX_CPUS - 1},
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
        if (options[i].set(&options[i], value ? value : "", (u8 *)out + options[i].field))
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
