/*
 * Domain 0 of Homestead: builds the guests of the archive in its module, one on each of its vCPUs, watches
 * each to its end, destroys it and checks that every page and claim came back. One @verdict at the end.
 * Runs unmodified on Xen 4.17. Options and configuration keys: guest/README.md.
 */
#include <guest/dom0/dom0.h>
#include <guest/dom0/modes.h>
#include <guest/lib/work.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/version.h>

/* Pages that a hypervisor without node claims may keep after a domain: Xen frees its own structures late. */
#define SLACK_XEN 128u

xc_interface *xch;

struct dom0_options options;

static bool verdict_given;

static NORETURN void finish(bool pass)
{
    verdict_given = true;
    printf("@verdict result=%s\n", pass ? "PASS" : "FAIL");
    guest_shutdown(pass ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

void guest_on_fatal(void)
{
    if (!verdict_given)
        finish(false);
}

/* A number among dom0's arguments; absent or not a number: what it is without. */
static u64 number_option(const char *name, u64 otherwise)
{
    char word[32];
    u64 value;

    if (!guest_option(name, word, sizeof(word)))
        return otherwise;
    if (!parse_u64(word, NULL, false, &value))
        return value;
    printf("dom0: %s= needs a number, not '%s'\n", name, word);
    return otherwise;
}

static void read_options(void)
{
    static char only[XLCFG_NAME_MAX];
    char word[32];

    options.quiet = guest_option("quiet", word, sizeof(word));
    options.selftest = guest_option("selftest", word, sizeof(word));
    options.fault = guest_option("fault", word, sizeof(word));
    options.only = guest_option("only", only, sizeof(only));
    options.slack = number_option("slack", host_has_node_claims() ? 0 : SLACK_XEN);
}

/* Physical space for the shared info page and the windows onto guests' memory. */
static bool set_up(void)
{
    u32 vcpus = work_vcpus();
    u64 hole = guest_find_hole(ALIGN_UP(PAGE_SIZE + XC_FOREIGN_BYTES(vcpus), MIB(2)));

    if (!hole) {
        printf("dom0: no free physical space below 3 GiB\n");
        return false;
    }
    watch_init(hole);
    options.vcpus = vcpus;
    work_sleep = watch_sleep;
    return xc_foreign_init(hole + PAGE_SIZE, vcpus) == 0;
}

/* What mode= says; guests without it. */
static bool run_mode(void)
{
    char mode[32];

    if (!guest_option("mode", mode, sizeof(mode)) || !strcmp(mode, "guests"))
        return archive_run();
    if (!strcmp(mode, "claimtable"))
        return claimtable_run(options.slack);
    if (!strcmp(mode, "claimstress")) {
        u32 rounds = (u32)MIN(number_option("rounds", 10), 1000000u);
        u32 builders = (u32)MIN(MAX(number_option("builders", 8), 1u), 64u);
        bool ok = claimstress_run(true, rounds, builders, options.slack);

        return claimstress_run(false, rounds, builders, options.slack) && ok;
    }
    printf("dom0: there is no mode '%s'\n", mode);
    return false;
}

void guest_main(void)
{
    struct host_state before;
    s64 pages = 0, claims = 0;
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
    ok = ok && host_print() == 0 && host_print_vcpus(0) == 0 && host_read(&before) == 0;
    if (!ok)
        finish(false);
    if (options.fault)
        __asm__ volatile("ud2");
    ok = run_mode();
    u32 wrong = options.selftest ? selftest_run(options.slack) : 0;
    if (host_settle(&before, options.slack, 5000, &pages, &claims))
        ok = false;
    printf("@leak pages=%ld claims=%ld name=total\n", pages, claims);
    printf("dom0      %u guests as expected, %u not, %u skipped, %u self tests failed, %ld pages and %ld "
           "claims lost\n",
           guests.passed, guests.failed, guests.skipped, wrong, pages, claims);
    u64 domains = 1 + guests.passed + guests.failed + (options.selftest ? 8 : 0);
    finish(ok && !guests.failed && !wrong && pages_within(pages, options.slack * domains) && claims == 0);
}
