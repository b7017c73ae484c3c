/*
 * The commands of hsctl: each finds its domain, asks the host, and shows the result or says why not.
 *
 * lint: long: one short function for each command.
 */
#include "command.h"
#include "changes.h"
#include "failure.h"
#include "host.h"
#include "json.h"
#include "size.h"
#include "timeline.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct args args;
    FILE *out, *err;
    int out_error;    /* why `out` could not be written to, where it is known */
    struct show show; /* on out */
    struct host host;
};

/* --- errors --- */
/* With --json errors are JSON on standard output, where a program reads; text is for people, on standard error. */
static struct show error_show(const struct run *r)
{
    struct show show = r->show;

    show.to = show.json ? r->out : r->err;
    return show;
}

static int fail(const struct run *r, const char *what, int error, const char *text)
{
    const struct show show = error_show(r);

    failure_print(&show, what, error, text ? text : hs_strerror(error));
    return EXIT_REFUSED;
}

static int fail_file(const struct run *r, const char *path, int error)
{
    return fail(r, path, error, strerror(error));
}

/* Why the hypervisor cannot be reached, where it is the driver's answer and not a hypervisor's. */
static const char *driver_text(int error)
{
    if (error == ENOENT || error == ENXIO)
        return "there is no /dev/xen/privcmd: this is no control domain";
    if (error == EACCES || error == EPERM)
        return "only root in the control domain may ask it";
    return NULL;
}

/* Opens the host and reads a state. EXIT_DONE, or the error is printed. */
static int begin(struct run *r, struct state *s)
{
    const char *what;
    int error = host_open(&r->host, &what);

    if (error)
        return fail(r, what, error, driver_text(error));
    error = host_read(&r->host, s, &what);
    return error ? fail(r, what, error, NULL) : EXIT_DONE;
}

/* --- domains --- */
/* By number, else by name. EXIT_DONE, or the error is printed. */
static int find_domain(const struct run *r, const struct state *s, uint32_t *domid)
{
    const char *text = r->args.domain;
    uint32_t found = 0;
    uint16_t number;
    char what[DOMAIN_TEXT + 32], clean[NAME_SIZE];
    const bool exact = text_copy(clean, sizeof(clean), text);

    /* Only the whole name will do: a claim must not be made or released for a domain with a similar one. */
    if (domid_parse(text, &number)) {
        *domid = number;
        found = state_domain(s, number) != NULL;
    } else if (exact && *clean) {
        for (uint32_t i = 0; i < s->nr_domains; i++)
            if (!s->domains[i].inexact && !strcmp(s->domains[i].name, clean)) {
                *domid = s->domains[i].info.domid;
                found++;
            }
    }
    if (found == 1)
        return EXIT_DONE;
    snprintf(what, sizeof(what), "'%s'", clean);
    if (found)
        return fail(r, what, EINVAL, "several domains have this name: use a number");
    if (!r->host.xs && !domid_parse(text, &number))
        return fail(r, what, ESRCH, "xenstored is not running, so domains have no names: use a number");
    if (!exact)
        return fail(r, what, ESRCH,
                    "too long for a name here, or not readable text: use the domain's number");
    return fail(r, what, ESRCH, "there is no such domain");
}

static void note_no_node_claims(const struct run *r)
{
    if (!r->host.node_claims && !r->show.json)
        fputs("hsctl: this hypervisor has no claims on nodes, only host-wide ones\n", r->err);
}

/* --- commands --- */
static int run_nodes(struct run *r, const struct state *s)
{
    note_no_node_claims(r);
    show_nodes(&r->show, s);
    return EXIT_DONE;
}

static int run_claims(struct run *r, const struct state *s)
{
    uint32_t domid = HS_NO_DOMAIN;
    int status = r->args.domain ? find_domain(r, s, &domid) : EXIT_DONE;

    if (status)
        return status;
    note_no_node_claims(r);
    show_claims(&r->show, s, domid);
    return EXIT_DONE;
}

static int run_refusals(struct run *r, const struct state *s)
{
    if (!r->host.node_claims)
        return fail(r, "refusals", ENOSYS,
                    "this hypervisor does not record refusals; it has no claims on nodes");
    show_refusals(&r->show, s);
    return EXIT_DONE;
}

/* Shows the domain as it is after a change. */
static int show_result(struct run *r, uint32_t domid)
{
    const char *what;
    struct state now;
    int error = host_read(&r->host, &now, &what);

    if (error)
        return fail(r, what, error, NULL);
    show_claims(&r->show, &now, domid);
    state_free(&now);
    return EXIT_DONE;
}

static int explain_claim(struct run *r, uint32_t domid, int error)
{
    const struct show show = error_show(r);
    char text[1024], who[DOMAIN_TEXT], what[DOMAIN_TEXT + 32];
    const char *failed;
    struct state now;

    if (host_read(&r->host, &now, &failed))
        return fail(r, "the claim was refused", error, NULL);
    if (error == ENOMEM) {
        failure_shortage(&show, &now, domid, &r->args);
    } else {
        snprintf(what, sizeof(what), "the claim of %s was refused", domain_text(&now, domid, who));
        host_claim_text(&r->host, &now, domid, &r->args, error, text, sizeof(text));
        fail(r, what, error, text);
    }
    state_free(&now);
    return EXIT_REFUSED;
}

static int run_claim(struct run *r, const struct state *s)
{
    uint32_t domid;
    int status = find_domain(r, s, &domid);

    if (status)
        return status;
    int error = host_claim(&r->host, s, domid, &r->args);
    return error ? explain_claim(r, domid, error) : show_result(r, domid);
}

static int run_release(struct run *r, const struct state *s)
{
    uint32_t domid;
    int status = find_domain(r, s, &domid);

    if (status)
        return status;
    int error = host_release(&r->host, domid);
    return error ? fail(r, "the claims were not released", error, NULL) : show_result(r, domid);
}

/* claims.md CL-2.19. */
static int run_legacy(struct run *r, const struct state *s)
{
    uint32_t domid, mode;
    char who[DOMAIN_TEXT];
    int status = find_domain(r, s, &domid);

    if (status)
        return status;
    int error = host_legacy(&r->host, domid, r->args.has_mode ? &r->args.mode : NULL, &mode);
    if (error)
        return fail(r, "legacy", error, NULL);
    const char *name = legacy_name(mode);
    if (r->show.json) {
        struct json j = {.to = r->out};
        json_open(&j, NULL, '{');
        json_number(&j, "domid", domid);
        json_string(&j, "legacy_claims", name ? name : "unknown");
        json_close(&j, '}');
        putc('\n', r->out);
    } else {
        fprintf(r->out, "claims without nodes of %s: %s\n", domain_text(s, domid, who),
                name ? name : "unknown");
    }
    return EXIT_DONE;
}

/* --- watching --- */
struct watch {
    struct run *r;
    FILE *record;
    struct samples *samples; /* NULL: none are kept */
    int64_t end_ms;          /* 0: none */
    uint64_t lines;
};

/* Keeps what there is now. true: go on. */
static int keep(struct watch *w, struct state *before, struct state *now, bool first)
{
    const bool same = !first && state_same(before, now);

    if (w->record && !same && !samples_write(w->record, now))
        return fail_file(w->r, w->r->args.record, errno);
    if (!w->samples)
        w->lines += changes_print(&w->r->show, first ? NULL : before, now);
    /* hsctl_run() says so. Without an end to it, nobody would ever know that nothing is written. */
    if (!w->samples && ferror(w->r->out)) {
        w->r->out_error = errno;
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

/* A sample every interval until the time is over, --count lines are printed or a signal comes. s: the first, which it takes
 * over. */
static int watch(struct watch *w, struct state *s)
{
    const struct args *args = &w->r->args;
    int64_t next = s->time_ms;
    struct state before = *s, now;
    const char *what;
    int status = keep(w, NULL, &before, true), error;

    memset(s, 0, sizeof(*s));
    while (!status && !(args->count && w->lines >= args->count)) {
        next += args->interval_ms;
        if (w->end_ms && next > w->end_ms)
            break;
        if (!clock_sleep_until(next))
            break;
        error = host_read(&w->r->host, &now, &what);
        if (error) {
            status = fail(w->r, what, error, NULL);
            break;
        }
        status = keep(w, &before, &now, false);
        if (w->samples ? !samples_add(w->samples, &before) : (state_free(&before), false))
            status = fail(w->r, "samples", ENOMEM, "there is no memory for more");
        before = now;
        if (next < now.time_ms - args->interval_ms)
            next = now.time_ms; /* a look takes longer than the interval */
    }
    /* The last sample says until when nothing changed. */
    if (!status && w->record && !samples_write(w->record, &before))
        status = fail_file(w->r, args->record, errno);
    if (!status && w->samples && !samples_add(w->samples, &before))
        status = fail(w->r, "samples", ENOMEM, "there is no memory for more");
    state_free(&before);
    return status;
}

static int run_watch(struct run *r, struct state *s)
{
    struct watch w = {.r = r, .end_ms = r->args.for_ms ? s->time_ms + r->args.for_ms : 0};

    note_no_node_claims(r);
    if (r->args.record) {
        w.record = fopen(r->args.record, "w");
        if (!w.record || !samples_write_head(w.record)) {
            int error = errno;
            if (w.record)
                fclose(w.record);
            return fail_file(r, r->args.record, error);
        }
    }
    clock_catch_signals();
    int status = watch(&w, s);
    if (w.record && fclose(w.record) && !status)
        status = fail_file(r, r->args.record, errno);
    return status;
}

/* --- timeline --- */
static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static int draw(struct run *r, const struct samples *samples)
{
    const char *path = r->args.file;
    const bool standard = !strcmp(path, "-");
    const struct state *last = &samples->state[samples->nr - 1];
    double seconds = (double)(last->time_ms - samples->state[0].time_ms) / 1000;
    struct timeline_facts facts;
    FILE *to = standard ? r->out : fopen(path, "w");

    if (!to)
        return fail_file(r, path, errno);
    bool good = timeline_draw(to, samples, r->args.title, &facts);
    int failed = standard ? fflush(to) : fclose(to);
    if (!good)
        return fail(r, path, ENOMEM, "there is no memory for the picture");
    if (failed && standard) {
        r->out_error = errno; /* hsctl_run() says it */
        return EXIT_REFUSED;
    }
    if (failed)
        return fail_file(r, path, errno);
    if (samples->torn)
        fprintf(r->err, "hsctl: the recording ends within a sample, which was left out\n");
    if (standard)
        return EXIT_DONE;
    if (r->show.json) {
        struct json j = {.to = r->out};
        char clean[PATH_MAX];
        text_copy(clean, sizeof(clean), path); /* JSON is UTF-8, and a path need not be */
        json_open(&j, NULL, '{');
        json_string(&j, "file", clean);
        json_number(&j, "samples", samples->nr);
        json_number(&j, "milliseconds", (uint64_t)(last->time_ms - samples->state[0].time_ms));
        json_number(&j, "nodes", last->nr_nodes);
        json_number(&j, "domains", facts.domains);
        json_number(&j, "refusals", facts.refusals);
        json_close(&j, '}');
        putc('\n', r->out);
    } else {
        fprintf(r->out, "%s: %u sample%s of %.1f s, %u node%s, %u domain%s, %u refusal%s\n", path,
                samples->nr, plural(samples->nr), seconds, last->nr_nodes, plural(last->nr_nodes),
                facts.domains, plural(facts.domains), facts.refusals, plural(facts.refusals));
    }
    return EXIT_DONE;
}

/* From a recording: no host is needed. */
static int run_recording(struct run *r)
{
    const bool standard = !strcmp(r->args.from, "-");
    FILE *from = standard ? stdin : fopen(r->args.from, "r");
    char error[SAMPLES_ERROR];
    struct samples samples;

    if (!from)
        return fail_file(r, r->args.from, errno);
    bool good = samples_read(from, &samples, error);
    if (!standard)
        fclose(from);
    if (!good)
        return fail(r, r->args.from, EINVAL, error);
    int status = draw(r, &samples);
    samples_free(&samples);
    return status;
}

static int run_timeline(struct run *r, struct state *s)
{
    struct samples samples = {0};
    struct watch w = {.r = r, .samples = &samples, .end_ms = s->time_ms + r->args.for_ms};

    note_no_node_claims(r);
    clock_catch_signals();
    int status = watch(&w, s);
    if (!status)
        status = draw(r, &samples);
    samples_free(&samples);
    return status;
}

static int run_on_host(struct run *r)
{
    struct state s = {0};
    int status = begin(r, &s);

    if (status)
        return status;
    switch (r->args.command) {
    case CMD_NODES:
        status = run_nodes(r, &s);
        break;
    case CMD_CLAIMS:
        status = run_claims(r, &s);
        break;
    case CMD_CLAIM:
        status = run_claim(r, &s);
        break;
    case CMD_RELEASE:
        status = run_release(r, &s);
        break;
    case CMD_LEGACY:
        status = run_legacy(r, &s);
        break;
    case CMD_REFUSALS:
        status = run_refusals(r, &s);
        break;
    case CMD_WATCH:
        status = run_watch(r, &s);
        break;
    default:
        status = run_timeline(r, &s);
    }
    state_free(&s);
    return status;
}

static int run_command(struct run *r, int argc, char *const argv[])
{
    char error[ARGS_ERROR];

    if (!args_parse(argc, argv, &r->args, error)) {
        fprintf(r->err, "hsctl: %s\n", error);
        if (r->args.command)
            fprintf(r->err, "`hsctl %s --help` says how it is used\n", command_name(r->args.command));
        else
            usage_print(r->err, CMD_NONE);
        return EXIT_USAGE;
    }
    r->show = (struct show){.to = r->out, .json = r->args.json, .pages = r->args.pages};
    if (r->args.help) {
        usage_print(r->out, r->args.command);
        return EXIT_DONE;
    }
    if (r->args.version) {
        fprintf(r->out, "hsctl " HSCTL_VERSION "\n");
        return EXIT_DONE;
    }
    if (r->args.command == CMD_TIMELINE && r->args.from)
        return run_recording(r);
    int status = run_on_host(r);
    host_close(&r->host);
    return status;
}

int hsctl_run(int argc, char *const argv[], FILE *out, FILE *err)
{
    struct run r = {.out = out, .err = err};
    int status = run_command(&r, argc, argv);

    if (fflush(out) && !r.out_error)
        r.out_error = errno;
    if (!r.out_error && !ferror(out))
        return status;
    /* Output that is lost, for instance on a full disk, is no success. */
    fprintf(err, "hsctl: standard output: %s\n",
            r.out_error ? strerror(r.out_error) : "not everything could be written");
    return status ? status : EXIT_REFUSED;
}
