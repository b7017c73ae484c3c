/*
 * A guest's life: configuration, build, run, destruction, verdict.
 *
 * For a guest alone, the host's free memory before and after shows whether all of its memory came back.
 * Concurrent guests share these figures, so they are judged after all of them have ended (life_judge()). A
 * concurrent guest that failed for want of memory is not judged, because the others may have held that
 * memory.
 *
 * A guest that has shut down can be built again (on_reboot and the like): a new domain, after the old one was destroyed,
 * because its memory is needed. A guest that is preserved keeps its domain until all guests have ended.
 */
#include <guest/dom0/cpio.h>
#include <guest/dom0/dom0.h>
#include <guest/dom0/kernels.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>

/* A run of less than this is short; so many of them in a row, and the guest is not started again. */
#define SHORT_RUN_MS   60000u
#define SHORT_RUNS_MAX 4u

/* One line of the account. node: an id, or "any". */
static void print_populated(const struct build *b, const char *node, u64 pages)
{
    bool any = node[0] == 'a';

    printf("@populated domain=%u node=%s pages=%lu\n", b->domid, node, pages);
    if (!options.quiet)
        printf("%-9s domain %u has %lu pages (%lu MiB) on %snode%s%s\n", b->cfg->name, b->domid, pages,
               pages_in_mib(pages), any ? "any " : "", any ? "" : " ", any ? "" : node);
}

/*
 * Compares what the hypervisor counts as the domain's with what was asked for. The host's free memory says nothing
 * about it: other guests live. False: they differ. A hypervisor without Homestead's figures counts by domain only;
 * then the pages that exactly a node was asked for are known to be there.
 */
static bool check_placement(const struct build *b)
{
    xc_domain_claim_t own[MAX_NODES];
    u32 nr_nodes = ARRAY_SIZE(own);
    xc_domaininfo_t info;
    bool ok = true, by_node = xc_domain_claim_info(xch, b->domid, &nr_nodes, own, NULL) == 0;
    u64 sum = 0;

    int rc = xc_domain_getinfo_single(xch, b->domid, &info);
    if (rc) {
        printf("%-9s the hypervisor does not know domain %u: %d\n", b->cfg->name, b->domid, rc);
        return false;
    }
    for (u32 n = 0; n < (by_node ? nr_nodes : MAX_NODES); n++) {
        u64 pages = by_node ? own[n].own_pages : b->populated[n];
        char node[8];

        snprintf(node, sizeof(node), "%u", n);
        if (pages)
            print_populated(b, node, pages);
        if (b->nr_nodes && pages != b->populated[n]) {
            printf("%-9s node %u: %lu pages populated, but %lu are the domain's\n", b->cfg->name, n,
                   b->populated[n], pages);
            ok = false;
        }
        sum += pages;
    }
    if (!by_node && !b->nr_nodes) {
        print_populated(b, "any", info.tot_pages);
        sum = info.tot_pages;
    }
    if (sum != info.tot_pages || sum != b->layout.nr_pages || info.outstanding_pages != b->surplus) {
        printf(
            "%-9s %lu pages were to be populated; the domain has %lu, on nodes %lu, and %lu still claimed\n",
            b->cfg->name, b->layout.nr_pages, info.tot_pages, sum, info.outstanding_pages);
        ok = false;
    }
    return ok;
}

static const char *event_of(int code)
{
    return code == -EAGAIN ? "timeout" : code == -EINTR ? "killed" : code < 0 ? "failed" : "shutdown";
}

/* Lets the guest run to its end. Returns its shutdown code, -EAGAIN (timeout) or -errno. */
static int run_guest(struct build *b, u64 deadline_ms)
{
    u64 start = guest_now_ms();

    /* Printed before the unpause, or the guest could print first. If that fails, event=failed follows. */
    printf("@guest domain=%u event=started code=0 name=%s\n", b->domid, b->cfg->name);
    int rc = xc_domain_unpause(xch, b->domid);
    if (rc)
        return build_fail(b, rc, "it cannot be started: %s", explain_error(rc));
    rc = build_release_claim(b);
    if (rc)
        return rc;
    rc = watch_wait(b->domid, &b->console, start < deadline_ms ? deadline_ms - start : 0);
    host_print_vcpus(b->domid);
    if (!options.quiet)
        printf("%-9s %s after %lu ms, code %d\n", b->cfg->name, event_of(rc), guest_now_ms() - start, rc);
    return rc;
}

/* The end of a guest that ran, as a value of `expect`. EXPECT_COUNT: none of them. */
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
    case -EINTR:
        return EXPECT_KILLED;
    default:
        return EXPECT_COUNT;
    }
}

/* The same for people in build.why, for an end that `expect` does not name, or of which its word says too little. */
static void describe_run(struct build *b, int code)
{
    static const char *const words[] = {"", "", "suspend", "", "a watchdog's end", "a soft reset"};

    if (code == -EAGAIN)
        snprintf(b->why, sizeof(b->why), "still running after %u s", b->cfg->timeout_s);
    else if (code == -EINTR)
        snprintf(b->why, sizeof(b->why), "it was destroyed by a command on the console");
    else if (code == SHUTDOWN_reboot)
        snprintf(b->why, sizeof(b->why),
                 "it asked for a reboot, or had a triple fault: see the lines of d%u above", b->domid);
    else if (code == SHUTDOWN_crash)
        snprintf(b->why, sizeof(b->why),
                 "it shut down with code 3, or did what ends a domain: see the lines of d%u above", b->domid);
    else if (code < 0 && !b->why[0])
        snprintf(b->why, sizeof(b->why), "no answer of the hypervisor: %s", explain_error(code));
    else if (code >= 0 && outcome_of_run(code) == EXPECT_COUNT)
        snprintf(b->why, sizeof(b->why), "%s (shutdown code %d)",
                 (u32)code < ARRAY_SIZE(words) ? words[code] : "an unknown end", code);
}

static enum xlcfg_expect outcome_of_build(int rc)
{
    return rc == -ENOMEM ? EXPECT_ENOMEM : rc == -ENOEXEC ? EXPECT_BADKERNEL : EXPECT_COUNT;
}

static void close_console(struct build *b)
{
    console_close(&b->console);
    kernel_memory_free(b->backlog);
    b->backlog = NULL;
}

static bool destroy(struct build *b)
{
    if (!b->created)
        return true;
    close_console(b);
    int rc = watch_destroy(b->domid);
    printf("@guest domain=%u event=destroyed code=%d name=%s\n", b->domid, rc, b->cfg->name);
    return rc == 0;
}

static void say_failed(const struct build *b, int rc)
{
    if (b->created)
        printf("@guest domain=%u event=failed code=%d name=%s\n", b->domid, rc, b->cfg->name);
    else
        printf("@guest domain=none event=failed code=%d name=%s\n", rc, b->cfg->name);
}

static void judge(const struct life *life, bool clean)
{
    char why[BUILD_WHY_MAX];

    snprintf(why, sizeof(why), "%s%s", life->end == EXPECT_COUNT && !life->ran ? "no guest: " : "",
             life->build.why);
    judge_end(life->cfg.name, clean, life->cfg.expect, life->end, why);
}

/* Destroys the guest, and judges it unless it was concurrent; or preserves it. */
static void end(struct life *life, const struct host_state *before, bool clean)
{
    s64 pages = 0, claims = 0;

    if (life->preserve && judge_later(life, clean)) {
        close_console(&life->build);
        return;
    }
    life->clean = destroy(&life->build) && clean;
    life->over = true;
    if (life->concurrent)
        return;
    if (host_settle(before, options.slack, 5000, &pages, &claims))
        judge(life, false);
    else
        life_judge(life, pages, claims);
}

void life_judge(const struct life *life, s64 pages, s64 claims)
{
    bool clean = judge_leak(life->cfg.name, pages, claims);

    judge(life, clean && life->clean);
}

static enum xlcfg_action action_on(const struct xlcfg *cfg, int code)
{
    return code >= 0 && code < (int)XLCFG_SHUTDOWNS ? cfg->on_shutdown[code] : ACTION_DESTROY;
}

/* The guest shall be started again. May it? */
static bool may_restart(struct life *life, u64 ran_ms)
{
    life->nr_quick = ran_ms < SHORT_RUN_MS ? life->nr_quick + 1 : 0;
    if (life->nr_quick < SHORT_RUNS_MAX)
        return true;
    printf("%-9s is not started again: it has ended %u times in a row within %u s of its start\n",
           life->cfg.name, SHORT_RUNS_MAX, SHORT_RUN_MS / 1000);
    return false;
}

/* Runs the guest that was built, and destroys it if it is to be built again. True: it is. */
static bool run_once(struct life *life, bool *clean)
{
    const struct xlcfg *cfg = &life->cfg;
    struct build *b = &life->build;
    u64 start = guest_now_ms();

    if (!life->deadline_ms)
        life->deadline_ms = start + cfg->timeout_s * 1000ull;
    *clean = check_placement(b) && nodes_check(b) && *clean;
    life->ran = true;
    int code = run_guest(b, life->deadline_ms);
    *clean = owned_check(b) && *clean;
    printf("@guest domain=%u event=%s code=%d name=%s\n", b->domid, event_of(code), code, cfg->name);
    life->end = outcome_of_run(code);
    describe_run(b, code);
    enum xlcfg_action action = action_on(cfg, code);
    life->preserve = action == ACTION_PRESERVE;
    if (action != ACTION_RESTART || !may_restart(life, guest_now_ms() - start))
        return false;
    printf("@guest domain=%u event=restart code=%u name=%s\n", b->domid, ++life->nr_restarts, cfg->name);
    claim_turn_begin();
    *clean = destroy(b) && *clean;
    return true;
}

/* Returns what build_guest() does, 0 after the guest's end. */
static int build_and_run_all(struct life *life, const struct cpio_file *kernel,
                             const struct cpio_file *ramdisk, const struct host_state *before, bool *clean)
{
    int rc;

    life->deadline_ms = 0;
    do {
        rc = build_guest(&life->build, &life->cfg, kernel, ramdisk, before);
        claim_turn_end();
    } while (!rc && run_once(life, clean));
    return rc;
}

static void build_and_run(struct life *life, const struct cpio_file *kernel, const struct cpio_file *ramdisk)
{
    const struct xlcfg *cfg = &life->cfg;
    struct build *b = &life->build;
    struct host_state before;
    bool clean = true;

    if (host_read(&before)) {
        judge_end(cfg->name, false, cfg->expect, EXPECT_COUNT, "no figures of the host's memory");
        return;
    }
    if (!options.quiet)
        printf("%-9s kernel %s%s%s, %lu MiB, %u vCPU%s\n", cfg->name, cfg->kernel,
               cfg->ramdisk[0] ? ", ramdisk " : "", cfg->ramdisk, cfg->memory_mib, cfg->vcpus,
               cfg->vcpus == 1 ? "" : "s");
    int rc = build_and_run_all(life, kernel, ramdisk, &before, &clean);
    if (rc == -ENOENT && cfg->optional && !b->created) {
        printf("@guest domain=none event=skipped code=%d name=%s\n", rc, cfg->name);
        judge_count(&guests.skipped);
        return;
    }
    if (rc) {
        say_failed(b, rc);
        if (rc == -ENOMEM && life->concurrent) {
            destroy(b);
            printf("%-9s no memory for it beside the others: once more when they have ended\n", cfg->name);
            life->no_memory = true;
            return;
        }
        life->end = outcome_of_build(rc);
    }
    end(life, &before, clean);
}

static void print_notes(const struct life *life)
{
    struct xl_message note;

    for (struct xl_cursor at = life->cfg.file; xlcfg_next_note(&life->cfg, &at, &note);)
        printf("%s:%u: %s\n", life->file, note.line, note.text);
}

/* False: the archive does not have it, and the guest is judged. */
static bool find_file(const struct life *life, const char *key, const char *name, struct cpio_file *out)
{
    const struct xlcfg *cfg = &life->cfg;
    char why[CPIO_WHY_MAX];

    int rc = cpio_find(guest_env.module.data, guest_env.module.size, name, out, why);
    if (!rc)
        return true;
    printf("%-9s its %s: %s\n", cfg->name, key, why);
    printf("@guest domain=none event=failed code=%d name=%s\n", rc, cfg->name);
    judge_end(cfg->name, true, cfg->expect, EXPECT_BADKERNEL, why);
    return false;
}

void life_run(struct life *life)
{
    const struct xlcfg *cfg = &life->cfg;
    struct cpio_file kernel = {0}, ramdisk = {0};
    struct xl_message error;

    int rc = xlcfg_parse(life->text, life->len, &life->cfg, &error);
    bool mine = rc || !options.only || strcmp(options.only, cfg->name) == 0;
    if (mine && !life->no_memory) /* else said before */
        print_notes(life);
    if (rc) {
        printf("%s:%u: %s\n", life->file, error.line, error.text);
        printf("@guest domain=none event=failed code=%d name=%s\n", rc, life->file);
        judge_end(life->file, true, cfg->expect, EXPECT_BADCONFIG, error.text);
        return;
    }
    if (!mine)
        return;
    if (console_says_end(NULL)) {
        printf("@guest domain=none event=skipped code=%d name=%s\n", -EINTR, cfg->name);
        judge_count(&guests.skipped);
        return;
    }
    if (find_file(life, "kernel", cfg->kernel, &kernel) &&
        (!cfg->ramdisk[0] || find_file(life, "ramdisk", cfg->ramdisk, &ramdisk)))
        build_and_run(life, &kernel, &ramdisk);
}
