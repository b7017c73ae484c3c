/*
 * Domain 0 of Homestead: builds the guests of the archive in its module, one after the other, watches
 * each to its end, destroys it and checks that every page and claim came back. One @verdict at the end.
 * Runs unmodified on Xen 4.17. Options and configuration keys: guest/README.md.
 */
#include <guest/dom0/cpio.h>
#include <guest/dom0/dom0.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/version.h>

/* Pages that a hypervisor without node claims may keep after a domain: Xen frees its own structures late. */
#define SLACK_XEN 128u

xc_interface *xch;

static struct {
    bool quiet; /* facts only, no lines for people that go with them */
    bool selftest;
    bool fault;       /* for tests of the exception path: fault before the first guest */
    const char *only; /* NULL: all */
    u64 slack;        /* pages a destroyed domain may leave behind */
} options;

static struct {
    u32 passed, failed, skipped;
} count;

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

static void read_options(void)
{
    static char only[XLCFG_NAME_MAX];
    char word[32];

    options.quiet = guest_option("quiet", word, sizeof(word));
    options.selftest = guest_option("selftest", word, sizeof(word));
    options.fault = guest_option("fault", word, sizeof(word));
    options.only = guest_option("only", only, sizeof(only));
    options.slack = host_has_node_claims() ? 0 : SLACK_XEN;
    if (guest_option("slack", word, sizeof(word)) && parse_u64(word, NULL, false, &options.slack))
        printf("dom0: slack= needs a number, not '%s'\n", word);
}

static bool within(s64 pages, u64 slack)
{
    return pages <= (s64)slack && -pages <= (s64)slack;
}

/* Pages that really left each node, against what was asked of it. False: they differ. */
static bool check_placement(const struct build *b)
{
    bool ok = true;

    for (u32 n = 0; n < MAX_NODES; n++) {
        s64 left = b->left_node[n];
        u64 pages = b->nr_nodes ? b->populated[n] : (u64)MAX(left, 0);
        if (pages)
            printf("@populated domain=%u node=%u pages=%lu\n", b->domid, n, pages);
        if (b->nr_nodes && !within(left - (s64)pages, options.slack)) {
            printf("%-9s node %u: %lu pages populated, but %ld left the node\n", b->cfg->name, n, pages,
                   left);
            ok = false;
        }
        if (pages && !options.quiet)
            printf("%-9s domain %u has %lu pages (%lu MiB) on node %u\n", b->cfg->name, b->domid, pages,
                   (pages + 128) >> (20 - PAGE_SHIFT), n);
    }
    return ok;
}

static const char *event_of(int code)
{
    return code == -EAGAIN ? "timeout" : code < 0 ? "failed" : "shutdown";
}

/* Lets the guest run to its end. Returns its shutdown code, -EAGAIN (timeout) or -errno. */
static int run_guest(const struct build *b)
{
    u64 start = guest_now_ms();

    /* Said before: the guest may print first otherwise. A refusal follows as event=failed. */
    printf("@guest domain=%u event=started code=0 name=%s\n", b->domid, b->cfg->name);
    int rc = xc_domain_unpause(xch, b->domid);
    if (!rc)
        rc = build_release_claim(b);
    if (rc)
        return rc;
    rc = watch_wait(b->domid, b->cfg->timeout_s * 1000ull);
    host_print_vcpus(b->domid);
    if (!options.quiet)
        printf("%-9s %s after %lu ms, code %d\n", b->cfg->name, event_of(rc), guest_now_ms() - start, rc);
    return rc;
}

/* How a guest that ran has ended, in the words of `expect`. EXPECT_COUNT: in none of them. */
static enum xlcfg_expect outcome_of_run(int code)
{
    switch (code) {
    case SHUTDOWN_poweroff:
        return EXPECT_POWEROFF;
    case SHUTDOWN_reboot:
        return EXPECT_REBOOT;
    case SHUTDOWN_crash:
        return EXPECT_CRASH;
    case -EAGAIN:
        return EXPECT_LOOP;
    default:
        return EXPECT_COUNT;
    }
}

static enum xlcfg_expect outcome_of_build(int rc)
{
    return rc == -ENOMEM ? EXPECT_ENOMEM : rc == -ENOEXEC ? EXPECT_BADKERNEL : EXPECT_COUNT;
}

static void conclude(const char *name, bool clean, enum xlcfg_expect expect, enum xlcfg_expect outcome)
{
    const char *word = outcome == EXPECT_COUNT ? "something else" : xlcfg_expect_names[outcome];
    bool pass = clean && outcome == expect;

    if (outcome == expect)
        printf("%-9s %s: %s, as expected%s\n", name, pass ? "PASS" : "FAIL", word,
               clean ? "" : ", but its memory was not right");
    else
        printf("%-9s FAIL: expected %s, got %s\n", name, xlcfg_expect_names[expect], word);
    if (pass)
        count.passed++;
    else
        count.failed++;
}

/* Destroys what was built and checks that the host is as before. */
static bool clean_up(const struct build *b, const struct host_state *before)
{
    s64 pages = 0, claims = 0;

    if (b->created) {
        int rc = watch_destroy(b->domid);
        printf("@guest domain=%u event=destroyed code=%d name=%s\n", b->domid, rc, b->cfg->name);
        if (rc)
            return false;
    }
    if (host_settle(before, options.slack, 5000, &pages, &claims))
        return false;
    printf("@leak pages=%ld claims=%ld name=%s\n", pages, claims, b->cfg->name);
    bool clean = within(pages, options.slack) && claims == 0;
    if (!clean)
        printf("%-9s %ld pages and %ld claimed pages did not come back\n", b->cfg->name, pages, claims);
    return clean;
}

static void run_config(const struct xlcfg *cfg, const void *image, size_t image_size)
{
    static struct build b;
    struct host_state before;
    enum xlcfg_expect outcome;
    bool clean = true;

    if (host_read(&before)) {
        count.failed++;
        return;
    }
    if (!options.quiet)
        printf("%-9s kernel %s, %lu MiB, %u vCPU\n", cfg->name, cfg->kernel, cfg->memory_mib, cfg->vcpus);
    int rc = build_guest(&b, cfg, image, image_size, &before);
    if (rc == -ENOENT && cfg->optional && !b.created) {
        printf("@guest domain=none event=skipped code=%d name=%s\n", rc, cfg->name);
        count.skipped++;
        return;
    }
    if (rc) {
        if (b.created)
            printf("@guest domain=%u event=failed code=%d name=%s\n", b.domid, rc, cfg->name);
        else
            printf("@guest domain=none event=failed code=%d name=%s\n", rc, cfg->name);
        outcome = outcome_of_build(rc);
    } else {
        clean = check_placement(&b);
        int code = run_guest(&b);
        printf("@guest domain=%u event=%s code=%d name=%s\n", b.domid, event_of(code), code, cfg->name);
        outcome = outcome_of_run(code);
    }
    clean = clean_up(&b, &before) && clean;
    conclude(cfg->name, clean, cfg->expect, outcome);
}

static void run_config_file(const struct cpio_file *f)
{
    static struct xlcfg cfg;
    struct xlcfg_error err;
    struct cpio_file image = {0};

    int rc = xlcfg_parse((const char *)f->data, f->size, &cfg, &err);
    if (rc) {
        printf("%s:%u: %s\n", f->name, err.line, err.text);
        printf("@guest domain=none event=failed code=%d name=%s\n", rc, f->name);
        conclude(f->name, true, cfg.expect, EXPECT_BADCONFIG);
        return;
    }
    if (options.only && strcmp(options.only, cfg.name) != 0)
        return;
    if (cfg.unknown[0])
        printf("%s: unknown key '%s' ignored\n", f->name, cfg.unknown);
    rc = cpio_find(guest_env.module.data, guest_env.module.size, cfg.kernel, &image);
    if (rc) {
        printf("%s: %s '%s'\n", f->name,
               rc == -ENOENT ? "the archive has no kernel" : "the archive is cut short before the kernel",
               cfg.kernel);
        printf("@guest domain=none event=failed code=%d name=%s\n", rc, cfg.name);
        conclude(cfg.name, true, cfg.expect, EXPECT_BADKERNEL);
        return;
    }
    run_config(&cfg, image.data, image.size);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && strcmp(s + n - m, end) == 0;
}

/* False: the archive is missing, broken or without any configuration. */
static bool run_archive(void)
{
    struct cpio_file f;
    size_t offset = 0;
    u32 configs = 0;
    int rc;

    if (!guest_env.module.data) {
        printf("dom0: there is no module; it should be a cpio archive of guests\n");
        return false;
    }
    while ((rc = cpio_next(guest_env.module.data, guest_env.module.size, &offset, &f)) > 0) {
        if (cpio_is_regular(&f) && ends_with(f.name, ".cfg")) {
            configs++;
            run_config_file(&f);
        }
    }
    if (options.only && configs && !(count.passed + count.failed + count.skipped)) {
        printf("dom0: no guest is named '%s'\n", options.only);
        return false;
    }
    if (rc < 0)
        printf("dom0: the module is not a cpio archive in newc format, or is cut short at byte %lu\n",
               offset);
    else if (!configs)
        printf("dom0: the archive has no .cfg file\n");
    return rc == 0 && configs;
}

/* Physical space for the shared info page and the window onto guests' memory. */
static bool set_up(void)
{
    u64 hole = guest_find_hole(MIB(2));

    if (!hole) {
        printf("dom0: no free physical space below 3 GiB\n");
        return false;
    }
    watch_init(hole);
    return xc_foreign_init(hole + PAGE_SIZE) == 0;
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
    bool ok = set_up() && host_print() == 0 && host_print_vcpus(0) == 0 && host_read(&before) == 0;
    if (!ok)
        finish(false);
    if (options.fault)
        __asm__ volatile("ud2");
    ok = run_archive();
    u32 wrong = options.selftest ? selftest_run(options.slack) : 0;
    if (host_settle(&before, options.slack, 5000, &pages, &claims))
        ok = false;
    printf("@leak pages=%ld claims=%ld name=total\n", pages, claims);
    printf("dom0      %u guests as expected, %u not, %u skipped, %u self tests failed, %ld pages and %ld "
           "claims lost\n",
           count.passed, count.failed, count.skipped, wrong, pages, claims);
    u64 domains = 1 + count.passed + count.failed + (options.selftest ? 4 : 0);
    finish(ok && !count.failed && !wrong && within(pages, options.slack * domains) && claims == 0);
}
