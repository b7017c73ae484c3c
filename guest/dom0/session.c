/*
 * The first and last steps of every program that uses the builder's parts. First: options, the host's
 * state, windows onto guests' memory. Last: compares pages and claims with those at the start, and prints
 * the verdict.
 */
#include <guest/dom0/dom0.h>
#include <guest/lib/work.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/version.h>

/* Pages that may be missing after a domain without node claims: Xen frees its own structures late. */
#define SLACK_XEN 128u

xc_interface *xch;
struct dom0_options options;

static struct host_state before;
static bool verdict_given;

static NORETURN void finish(bool pass)
{
    verdict_given = true;
    guest_verdict(pass);
    guest_shutdown(pass ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

void guest_on_fatal(void)
{
    if (!verdict_given)
        finish(false);
}

/* Names each word of the command line that is no option: an option with a slip must not pass for one that holds. */
static void name_unknown_words(void)
{
    /* "builders" and "rounds" are the self test's. */
    static const char *const names[] = {"builders", "foreground", "frames", "mode",  "only",
                                        "progress", "quiet",      "rounds", "slack", "wait"};
    const char *p = guest_env.cmdline;

    for (;;) {
        size_t len = 0, name_len = 0;
        bool known = false;

        while (is_space(*p))
            p++;
        while (p[len] && !is_space(p[len]))
            len++;
        if (!len)
            return;
        while (name_len < len && p[name_len] != '=')
            name_len++;
        for (u32 i = 0; i < ARRAY_SIZE(names); i++)
            known |= strlen(names[i]) == name_len && !strncmp(p, names[i], name_len);
        if (!known)
            printf("dom0: unknown option '%.*s' is ignored\n", (int)MIN(len, (size_t)60), p);
        p += len;
    }
}

static void read_options(void)
{
    static char only[XLCFG_NAME_MAX];
    char word[XLCFG_NAME_MAX];

    options.quiet = guest_option("quiet", word, sizeof(word));
    if (guest_option("foreground", word, sizeof(word)))
        console_foreground(word);
    options.frames = guest_option("frames", word, sizeof(word));
    options.only = guest_option("only", only, sizeof(only));
    options.slack = guest_option_number("slack", host_has_node_claims() ? 0 : SLACK_XEN);
    options.progress_mib = guest_option_number("progress", 0);
    options.vcpus = work_vcpus();
    name_unknown_words();
}

/* Physical space for the shared info page and the windows onto guests' memory. */
static bool set_up(void)
{
    u64 hole = guest_find_hole(ALIGN_UP(PAGE_SIZE + XC_FOREIGN_BYTES(options.vcpus), MIB(2)));

    if (!hole) {
        printf("dom0: no free physical space below 3 GiB\n");
        return false;
    }
    watch_init(hole);
    work_sleep = watch_sleep;
    return xc_foreign_init(hole + PAGE_SIZE, options.vcpus) == 0;
}

void session_begin(void)
{
    char extra[sizeof(xen_extraversion_t)] = "";

    xch = xc_interface_open();
    read_options();
    (void)xc_version(xch, XENVER_extraversion, extra);
    extra[sizeof(extra) - 1] = 0;
    printf("dom0      hypervisor %u.%u%s, TSC %u kHz, %u memory ranges, archive of %lu bytes\n",
           guest_env.xen_version >> 16, guest_env.xen_version & 0xffff, extra, guest_env.tsc_khz,
           guest_env.nr_ranges, guest_env.module.size);
    bool ok = set_up();
    if (options.vcpus > 1)
        printf("dom0      %u vCPUs, each can build a guest\n", options.vcpus);
    if (!ok || host_print() || host_print_vcpus(0) || host_read(&before))
        finish(false);
}

NORETURN void session_end(bool ok, u32 domains)
{
    s64 pages = 0, claims = 0;

    if (host_settle(&before, options.slack, 5000, &pages, &claims))
        ok = false;
    printf("@leak pages=%ld claims=%ld name=total\n", pages, claims);
    printf("dom0      %ld pages and %ld claims lost\n", pages, claims);
    finish(ok && pages_within(pages, options.slack * (1 + domains)) && claims == 0);
}
