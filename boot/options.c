/*
 * The table of options, the readers of most values, and the walk over the command line.
 *
 * lint: long: each option has a reader and a clause for what holds; those with more to them are in files of their own.
 */
#include <boot/option.h>

#include <homestead/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/claims.h>

#define OPTION_MAX        512u /* bytes of one option */
#define SHOWN_MAX         100  /* characters of a value in a message */
#define WATCHDOG_ON_SECS  10u
#define WATCHDOG_SECS_MAX 3600u
#define DOM0_VCPUS_MAX    128u
#ifdef DEBUG
#define WATCHDOG_SECS WATCHDOG_ON_SECS
#else
#define WATCHDOG_SECS 0u
#endif

int option_next_part(const char **value, char *part, size_t size)
{
    const char *at = *value;
    size_t len = 0;

    while (at[len] && at[len] != ',')
        len++;
    *value = at[len] ? at + len + 1 : NULL;
    if (len >= size)
        return -EINVAL;
    memcpy(part, at, len);
    part[len] = '\0';
    return 0;
}

/* The index of value in words. */
static int find_word(const char *value, const char *const *words, u32 nr, u32 *index)
{
    for (u32 i = 0; i < nr; i++)
        if (words[i] && !strcmp(value, words[i])) {
            *index = i;
            return 0;
        }
    return -EINVAL;
}

/* Xen's booleans. No value means on. */
int option_read_switch(const char *value, bool *on)
{
    static const char *const words[] = {"off",  "on", "no", "yes",     "false",
                                        "true", "0",  "1",  "disable", "enable"};
    u32 index;

    if (find_word(*value ? value : "on", words, ARRAY_SIZE(words), &index))
        return -EINVAL;
    *on = index % 2;
    return 0;
}

static int set_switch(const struct option *option, const char *value, void *field)
{
    (void)option;
    return option_read_switch(value, field);
}

static void show_switch(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, *(const bool *)field ? "on" : "off");
}

/* Xen's name for it, too: the SRAT is not used. */
static int set_numa(const struct option *option, const char *value, void *field)
{
    return set_switch(option, strcmp(value, "noacpi") ? value : "off", field);
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

static void show_choice(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, option->words[*(const bool *)field]);
}

/* An error that Xen calls fatal is a panic. */
static int set_nmi(const struct option *option, const char *value, void *field)
{
    return set_choice(option, strcmp(value, "fatal") ? value : "panic", field);
}

/* A list, of whose parts on Xen there is one here: exec-sp, no-exec-sp, exec-sp=BOOLEAN. */
static int set_ept(const struct option *option, const char *value, void *field)
{
    int worst = 0;

    (void)option;
    do {
        char part[32];
        bool on = true;
        int rc = option_next_part(&value, part, sizeof(part));

        if (!rc && !strcmp(part, "no-exec-sp"))
            on = false;
        else if (!rc && !strncmp(part, "exec-sp=", 8))
            rc = option_read_switch(part[8] ? part + 8 : "?", &on);
        else if (!rc && strcmp(part, "exec-sp"))
            rc = -EINVAL;
        if (rc)
            worst = rc;
        else
            *(u8 *)field = on ? SPEC_YES : SPEC_NO;
    } while (value);
    return worst;
}

static void show_ept(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    u8 setting = *(const u8 *)field;

    (void)option;
    snprintf(buf, OPTION_SHOWN, "%s",
             setting == SPEC_AUTO  ? "large pages are executed if the CPU can bear it"
             : setting == SPEC_YES ? "ept=exec-sp holds"
                                   : "ept=no-exec-sp holds");
}

static int set_x2apic(const struct option *option, const char *value, void *field)
{
    bool on;

    (void)option;
    if (!strcmp(value, "auto")) {
        *(u32 *)field = WANT_APIC_AUTO;
        return 0;
    }
    if (option_read_switch(value, &on))
        return -EINVAL;
    *(u32 *)field = on ? WANT_X2APIC : WANT_XAPIC;
    return 0;
}

static void show_x2apic(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    static const char *const shown[] = {
        [WANT_APIC_AUTO] = "auto", [WANT_X2APIC] = "on", [WANT_XAPIC] = "off"};

    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, shown[*(const u32 *)field]);
}

static const char *const legacy_words[] = {[CLAIM_LEGACY_HOST] = "off",
                                           [CLAIM_LEGACY_AFFINITY] = "affinity",
                                           [CLAIM_LEGACY_AFFINITY_ONLY] = "affinity-only"};

static int set_legacy_claims(const struct option *option, const char *value, void *field)
{
    (void)option;
    return find_word(value, legacy_words, ARRAY_SIZE(legacy_words), field);
}

static void show_legacy_claims(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, legacy_words[*(const u32 *)field]);
}

static int read_level(const char *value, enum log_level *level)
{
    static const char *const words[] = {"none", "error", "warning", "info", "debug", "all"};
    static const enum log_level levels[] = {LOG_ERROR, LOG_ERROR, LOG_WARNING,
                                            LOG_INFO,  LOG_DEBUG, LOG_DEBUG};
    u32 index;

    if (find_word(value, words, ARRAY_SIZE(words), &index))
        return -EINVAL;
    *level = levels[index];
    return 0;
}

/* LEVEL[/LEVEL]. What is between the two is limited in its rate on Xen; here it is not printed. */
static int set_level(const struct option *option, const char *value, void *field)
{
    char first[16];
    const char *slash = strchr(value, '/');
    enum log_level level, limited;

    (void)option;
    str_copy(first, value, slash ? MIN(sizeof(first), (size_t)(slash - value) + 1) : sizeof(first));
    if (read_level(first, &level) || (slash && read_level(slash + 1, &limited)))
        return -EINVAL;
    *(enum log_level *)field = level;
    return slash && level != limited;
}

static void show_level(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    static const char *const shown[] = {"error", "warning", "info", "all"};

    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, shown[*(const enum log_level *)field]);
}

/* There is one level for all lines. */
static int set_guest_level(const struct option *option, const char *value, void *field)
{
    enum log_level unused = *(enum log_level *)field;

    return set_level(option, value, &unused) < 0 ? -EINVAL : 1;
}

static void show_guest_level(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    static const struct option all = {.name = "loglvl"};

    (void)option;
    show_level(&all, field, buf);
    snprintf(buf + strlen(buf), OPTION_SHOWN - strlen(buf), ", for what guests cause too");
}

static int read_number(const struct option *option, const char *value, u64 *out)
{
    const char *end;
    u64 number;

    if (parse_u64(value, &end, false, &number) || *end || number < option->min || number > option->max)
        return -EINVAL;
    *out = number;
    return 0;
}

/* A u32 from min to max. */
static int set_number(const struct option *option, const char *value, void *field)
{
    u64 number;

    if (read_number(option, value, &number))
        return -EINVAL;
    *(u32 *)field = (u32)number;
    return 0;
}

static void show_maxcpus(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    u32 cpus = *(const u32 *)field;

    (void)option;
    if (cpus)
        snprintf(buf, OPTION_SHOWN, "maxcpus=%u holds", cpus);
    else
        snprintf(buf, OPTION_SHOWN, "all CPUs are started");
}

static int set_nosmp(const struct option *option, const char *value, void *field)
{
    bool on;

    (void)option;
    if (option_read_switch(value, &on))
        return -EINVAL;
    if (on)
        *(u32 *)field = 1;
    return 0;
}

/* Seconds. Xen has a boolean here, so that 1 is no number of seconds; watchdog_timeout= has them there. */
static int set_watchdog(const struct option *option, const char *value, void *field)
{
    u32 *secs = field;
    bool on;

    if (option_read_switch(strcmp(value, "force") ? value : "on", &on))
        return set_number(option, value, field);
    if (!on)
        *secs = 0;
    else if (!*secs)
        *secs = WATCHDOG_ON_SECS;
    return 0;
}

static void show_watchdog(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    u32 secs = *(const u32 *)field;

    (void)option;
    if (secs)
        snprintf(buf, OPTION_SHOWN, "the watchdog waits %u s", secs);
    else
        snprintf(buf, OPTION_SHOWN, "there is no watchdog");
}

/* "3" or "3-5" as bits up to max, which is 63 at most. */
int option_add_bits(const struct option *option, const char *value, u64 *mask)
{
    u64 first, last;

    if (parse_u64(value, &value, false, &first))
        return -EINVAL;
    last = first;
    if (*value == '-' && parse_u64(value + 1, &value, false, &last))
        return -EINVAL;
    if (*value || last < first || last > option->max)
        return -EINVAL;
    for (u64 bit = first; bit <= last; bit++)
        *mask |= BIT(bit);
    return 0;
}

/* auto, off or a port; field is the whole struct boot_options. */
static int set_debug_exit(const struct option *option, const char *value, void *field)
{
    struct boot_options *o = field;
    u64 port = 0;

    if (strcmp(value, "auto") && strcmp(value, "off") && read_number(option, value, &port))
        return -EINVAL;
    o->debug_exit_auto = !strcmp(value, "auto");
    o->debug_exit_port = (u16)port;
    return 0;
}

static void show_debug_exit(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    const struct boot_options *o = field;
    char port[8] = "off";

    if (o->debug_exit_port)
        snprintf(port, sizeof(port), "0x%x", o->debug_exit_port);
    snprintf(buf, OPTION_SHOWN, "%s=%s holds", option->name, o->debug_exit_auto ? "auto" : port);
}

#ifdef DEBUG
/* "1,3-5" as a u64. */
static int set_mask(const struct option *option, const char *value, void *field)
{
    u64 mask = 0;

    do {
        char part[16];
        if (option_next_part(&value, part, sizeof(part)) || option_add_bits(option, part, &mask))
            return -EINVAL;
    } while (value);
    *(u64 *)field = mask;
    return 0;
}

/* The same as a u32. */
static int set_measures(const struct option *option, const char *value, void *field)
{
    u64 mask = 0;

    if (set_mask(option, value, &mask))
        return -EINVAL;
    *(u32 *)field = (u32)mask;
    return 0;
}

static void show_fault(const struct option *option, const void *field, char buf[OPTION_SHOWN])
{
    (void)field;
    snprintf(buf, OPTION_SHOWN, "%s= has no effect", option->name);
}
#endif

#define FIELD(member)  .field = offsetof(struct boot_options, member)
#define SWITCH(member) set_switch, show_switch, FIELD(member)
#define BOOLEAN        "on or off"
#define LEVELS         "none, error, warning, info, debug or all"
#define SPEC_CTRL_FORM \
    "no, or a list of NAME, no-NAME or NAME=BOOLEAN for ibpb, ibpb-entry, ibrs, rsb, verw, l1d-flush, " \
    "div-scrub, bhi-dis-s, bp-spec-reduce, ssbd, stibp, unpriv-mmio"
#define COM_FORM "BAUD[/BASE][,8n1[,PORT[,IRQ]]]"

static const struct option options[] = {
    {"dom0_mem", "a size such as 128M", option_set_dom0_mem, option_show_dom0_mem, FIELD(dom0_mem_bytes)},
    {"dom0_max_vcpus", "1 to 128, or MIN-MAX", option_set_dom0_vcpus, option_show_dom0_vcpus, .min = 1,
     .max = DOM0_VCPUS_MAX},
    {"dom0_nodes", "nodes such as 0 or 1,3-5", option_set_dom0_nodes, option_show_dom0_nodes,
     FIELD(dom0_nodes), .max = MAX_NODES - 1},
    {"maxcpus", "1 to 1024", set_number, show_maxcpus, FIELD(maxcpus), .min = 1, .max = MAX_CPUS},
    {"nosmp", BOOLEAN, set_nosmp, show_maxcpus, FIELD(maxcpus)},
    {"numa", "on, off or noacpi", set_numa, show_switch, FIELD(numa)},
    {"idle-scrub", BOOLEAN, SWITCH(idle_scrub)},
    {"legacy-claims", "off, affinity or affinity-only", set_legacy_claims, show_legacy_claims,
     FIELD(legacy_claims)},
    {"noreboot", BOOLEAN, SWITCH(noreboot)},
    {"loglvl", LEVELS, set_level, show_level, FIELD(loglvl)},
    {"guest_loglvl", LEVELS, set_guest_level, show_guest_level, FIELD(loglvl)},
    {"console", "com1, com2, both with a comma, or none", option_set_console, option_show_console,
     FIELD(console)},
    {"com1", COM_FORM, option_set_com, option_show_com, FIELD(com[0])},
    {"com2", COM_FORM, option_set_com, option_show_com, FIELD(com[1])},
    {"debugkeys", BOOLEAN, SWITCH(debugkeys)},
    {"debug-exit", "auto, off or a port", set_debug_exit, show_debug_exit, .min = 1, .max = 0xffff},
    {"nmi", "report or panic", set_nmi, show_choice, FIELD(nmi_panic), .words = {"report", "panic"}},
    {"x2apic", "on, off or auto", set_x2apic, show_x2apic, FIELD(x2apic)},
    {"ept", "exec-sp or no-exec-sp", set_ept, show_ept, FIELD(ept_exec_sp)},
    {"spec-ctrl", SPEC_CTRL_FORM, option_set_spec_ctrl, option_show_spec_ctrl, FIELD(spec_ctrl)},
    {"watchdog", "on, off or 2 to 3600 seconds", set_watchdog, show_watchdog, FIELD(watchdog_secs), .min = 2,
     .max = WATCHDOG_SECS_MAX},
    {"watchdog_timeout", "0 to 3600 seconds", set_number, show_watchdog, FIELD(watchdog_secs),
     .max = WATCHDOG_SECS_MAX},
#ifdef DEBUG
    /* Faults that tests ask for. */
    {"test_cpu_fail", "CPUs such as 1,3-5", set_mask, show_fault, FIELD(test_cpu_fail), .max = 63},
    {"test_panic", "CPUs such as 1,3-5", set_mask, show_fault, FIELD(test_panic), .max = 63},
    {"test_lockup", "CPUs such as 1,3-5", set_mask, show_fault, FIELD(test_lockup), .max = 63},
    {"test_spec_ctrl", "measures such as 0-7", set_measures, show_fault, FIELD(spec_ctrl.test),
     .max = DO_NR - 1},
    {"test_stuck", "a CPU", set_number, show_fault, FIELD(test_stuck), .max = MAX_CPUS - 1},
#endif
};

static void defaults(struct boot_options *out)
{
    static const struct serial_options line = {
        .baud = 115200, .base = 115200, .data_bits = 8, .stop_bits = 1, .parity = 'n'};

    memset(out, 0, sizeof(*out)); /* tests compare it */
    out->dom0_min_vcpus = out->dom0_max_vcpus = 1;
    out->numa = out->idle_scrub = out->debugkeys = out->debug_exit_auto = true;
    out->watchdog_secs = WATCHDOG_SECS;
    out->loglvl = LOG_INFO;
    out->console = BIT(0);
    out->test_stuck = ~0u;
    out->com[0] = out->com[1] = line;
    out->com[0].port = 0x3f8;
    out->com[1].port = 0x2f8;
}

/* As on Xen, - and _ are one character in an option's name. */
static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == *b || (*a == '-' && *b == '_') || (*a == '_' && *b == '-')))
        a++, b++;
    return *a == *b;
}

static const struct option *find_option(const char *name)
{
    for (u32 i = 0; i < ARRAY_SIZE(options); i++)
        if (same_name(name, options[i].name))
            return &options[i];
    return NULL;
}

/* Steps over the next word. Returns its length, 0 at the end of the command line, which `--` is, too. */
static size_t next_word(const char **cmdline, const char **word)
{
    size_t len = 0;

    while (is_space(**cmdline))
        (*cmdline)++;
    *word = *cmdline;
    while ((*word)[len] && !is_space((*word)[len]))
        len++;
    *cmdline += len;
    return len == 2 && !strncmp(*word, "--", 2) ? 0 : len;
}

/* Sets one option. final, if any: what holds in the end, for the report. */
static void take(char *text, struct boot_options *out, const struct boot_options *final,
                 options_report_fn report)
{
    char sentence[2 * SHOWN_MAX + 2 * OPTION_SHOWN], holds[OPTION_SHOWN];
    char *value = strchr(text, '=');
    const struct option *option;
    bool negated = false;

    if (value)
        *value++ = '\0';
    option = find_option(text);
    if (!option && !strncmp(text, "no-", 3)) {
        option = find_option(text + 3);
        negated = option;
    }
    /* As on Xen, no-NAME is NAME=no. It has no value. */
    int rc = !option            ? -ENOENT
             : negated && value ? -EINVAL
                                : option->set(option,
                                              negated ? "no"
                                              : value ? value
                                                      : "",
                                              (u8 *)out + option->field);
    if (!rc || !report)
        return;
    if (!option) {
        snprintf(sentence, sizeof(sentence), "unknown option '%.*s' is ignored", SHOWN_MAX, text);
        report(LOG_WARNING, sentence);
        return;
    }
    option->show(option, (const u8 *) final + option->field, holds);
    if (rc > 0)
        snprintf(sentence, sizeof(sentence), "option %s: '%.*s' is taken: %s", text, SHOWN_MAX,
                 value ? value : "", holds);
    else
        snprintf(sentence, sizeof(sentence), "option %s: cannot use '%.*s' (%s); %s", text, SHOWN_MAX,
                 value ? value : "", option->form, holds);
    report(rc > 0 ? LOG_INFO : LOG_WARNING, sentence);
}

static void walk(const char *cmdline, struct boot_options *out, const struct boot_options *final,
                 options_report_fn report)
{
    const char *word;
    size_t len;

    defaults(out);
    for (bool first = true; (len = next_word(&cmdline, &word)); first = false) {
        char text[OPTION_MAX];

        if (len >= sizeof(text)) {
            snprintf(text, sizeof(text), "an option of %lu characters is ignored: '%.*s...'", len, SHOWN_MAX,
                     word);
            if (report)
                report(LOG_WARNING, text);
            continue;
        }
        str_copy(text, word, len + 1);
        /* GRUB's menus for Xen write this in place of the image's name. */
        if (first && !strcmp(text, "placeholder"))
            continue;
        take(text, out, final, report);
    }
}

void options_parse(const char *cmdline, struct boot_options *out, options_report_fn report)
{
    struct boot_options again;

    walk(cmdline, out, NULL, NULL);
    if (report)
        walk(cmdline, &again, out, report);
}

const char *options_for_dom0(const char *cmdline)
{
    const char *word;

    while (next_word(&cmdline, &word))
        ;
    while (is_space(*cmdline))
        cmdline++;
    return cmdline;
}
