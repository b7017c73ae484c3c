/*
 * Runs the guests of the archive, in the order of their configurations: one at a time with one vCPU,
 * otherwise one on each vCPU. Guests that failed for want of memory are built again, alone, after the
 * others have ended.
 */
#include <guest/dom0/cpio.h>
#include <guest/dom0/dom0.h>
#include <guest/lib/work.h>
#include <lib/string.h>

/* Concurrent guests at most; further guests wait until all of these have ended. */
#define CONCURRENT_MAX 64u

static struct life lives[CONCURRENT_MAX];

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && strcmp(s + n - m, end) == 0;
}

/* The next configuration at or after *offset, with the data that a link leads to; a link that leads nowhere counts in
 * *bad. Returns 1, 0: there is none, -EINVAL: the archive is broken. */
static int next_config(size_t *offset, struct cpio_file *f, u32 *bad)
{
    const void *archive = guest_env.module.data;
    size_t len = guest_env.module.size;
    char why[CPIO_WHY_MAX];
    int rc;

    while ((rc = cpio_next(archive, len, offset, f)) > 0) {
        if (!ends_with(f->name, ".cfg"))
            continue;
        int found = cpio_resolve(archive, len, f, why);
        if (found > 0)
            break;
        if (found < 0) {
            printf("dom0: %s\n", why);
            ++*bad;
        }
    }
    return rc;
}

static void run_one(void *arg, u32 job)
{
    (void)arg;
    life_run(&lives[job]);
}

/* Runs lives[0] to lives[nr - 1] at once. False: a vCPU did not start, or reading the host's state failed. */
static bool run_concurrently(u32 nr)
{
    struct host_state before;
    s64 pages = 0, claims = 0;

    if (host_read(&before))
        return false;
    bool ok = work_run(options.vcpus, nr, run_one, NULL);
    judge_destroy_preserved();
    if (host_settle(&before, options.slack, 5000, &pages, &claims))
        return false;
    judge_preserved(pages, claims);
    for (u32 i = 0; i < nr; i++)
        if (lives[i].over)
            life_judge(&lives[i], pages, claims);
    for (u32 i = 0; i < nr; i++) {
        if (lives[i].no_memory) {
            lives[i].concurrent = false;
            life_run(&lives[i]);
        }
    }
    return ok;
}

/* No guest runs any more. False: the host's state could not be read. */
static bool end_preserved(const struct host_state *before)
{
    s64 pages = 0, claims = 0;

    judge_destroy_preserved();
    if (host_settle(before, options.slack, 5000, &pages, &claims))
        return false;
    judge_preserved(pages, claims);
    return true;
}

/* Runs all configurations from *offset on; returns what cpio_next() does. *ok: false after any other error.
 */
static int run_all(size_t *offset, u32 *configs, bool *ok)
{
    u32 most = options.vcpus > 1 ? CONCURRENT_MAX : 1, nr = 0, bad = 0;
    struct host_state before;
    struct cpio_file f;
    int rc;

    *ok = host_read(&before) == 0;
    do {
        rc = next_config(offset, &f, &bad);
        if (rc > 0) {
            lives[nr++] = (struct life){
                .file = f.name, .text = (const char *)f.data, .len = f.size, .concurrent = most > 1};
            ++*configs;
        }
        if (nr < most && rc > 0)
            continue;
        if (most > 1)
            *ok = run_concurrently(nr) && *ok;
        else if (nr)
            life_run(&lives[0]);
        nr = 0;
    } while (rc > 0);
    *ok = end_preserved(&before) && *ok && !bad;
    return rc;
}

bool archive_run(void)
{
    size_t offset = 0;
    u32 configs = 0;
    bool ok = true;

    if (!guest_env.module.data) {
        printf("dom0: there is no module; it should be a cpio archive of guests\n");
        return false;
    }
    int rc = run_all(&offset, &configs, &ok);
    if (options.only && configs && !(guests.passed + guests.failed + guests.skipped)) {
        printf("dom0: no guest is named '%s'\n", options.only);
        return false;
    }
    if (rc < 0)
        printf("dom0: at byte %lu, the module is %s\n", offset,
               cpio_describe(guest_env.module.data, guest_env.module.size));
    else if (!configs)
        printf("dom0: the archive has no .cfg file\n");
    return rc == 0 && configs && ok;
}
