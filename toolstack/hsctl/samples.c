#include "samples.h"
#include "size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD        "hsctl-samples 1"
#define SAMPLES_MAX 1000000u
#define TIME_MAX    (1ULL << 47) /* ms, beyond the year 6000 */
#define COUNT_MAX   (1ULL << 53) /* of what is counted: a JSON reader keeps it exactly */
#define LINE_SIZE   1024         /* of which a domain's longest line needs half */

/* --- writing --- */
static void write_refusals(FILE *to, const struct hs_refusals *r)
{
    fprintf(to, "refusals %" PRIu64 " %" PRIu64 "\n", r->nr_claims, r->nr_allocs);
    if (r->kind == HS_REFUSAL_NONE)
        return;
    fprintf(to, "refused %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
            r->kind == HS_REFUSAL_CLAIM ? "claim" : "alloc", r->domid, r->node, r->order, r->pages,
            r->free_pages, r->claimed_pages);
    for (uint32_t i = 0; i < r->nr_holders; i++)
        fprintf(to, "holder %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", r->holders[i].domid,
                r->holders[i].node_pages, r->holders[i].host_pages);
}

static void write_domain(FILE *to, const struct state *s, uint32_t i)
{
    const struct hs_domain *d = &s->domains[i].info;

    fprintf(to,
            "domain %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %" PRIu32 " %d %s\n",
            d->domid, d->tot_pages, d->max_pages, d->overhead_pages, d->host_claim_pages,
            d->outstanding_pages, d->broken_pages, d->broken_extents, d->claim_flags, s->domains[i].dying,
            s->domains[i].name);
    for (uint32_t n = 0; n < s->nr_nodes; n++) {
        const struct hs_domain_node *c = state_cell(s, i, n);
        if (c->own_pages || c->claim_pages)
            fprintf(to, "on %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 "\n", n, c->own_pages,
                    c->claim_pages, c->claim_extents, c->claim_order);
    }
}

bool samples_write_head(FILE *to)
{
    return fprintf(to, HEAD "\n") > 0 && !fflush(to);
}

bool samples_write(FILE *to, const struct state *s)
{
    fprintf(to, "sample %" PRId64 " %d\n", s->time_ms, s->node_claims);
    fprintf(to, "host %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s->host.free_pages, s->host.outstanding_pages,
            s->host.host_claimed_pages);
    for (uint32_t i = 0; i < s->nr_nodes; i++) {
        const struct hs_node *n = &s->nodes[i];
        fprintf(to,
                "node %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                " %" PRIu64 " %" PRIu64 "\n",
                n->size_pages, n->free_pages, n->claimed_pages, n->dirty_pages, n->offline_pages, n->free_2m,
                n->free_1g, n->reserved_2m, n->reserved_1g);
    }
    for (uint32_t i = 0; i < s->nr_domains; i++)
        write_domain(to, s, i);
    write_refusals(to, &s->refusals);
    fprintf(to, "end\n");
    return !fflush(to) && !ferror(to);
}

/* --- reading --- */
struct reader {
    struct samples *out;
    struct state now; /* between sample and end */
    bool open;
    int64_t last_ms;
    const char *wrong; /* what is wrong with the line */
};

/* The next number of the line, at most max; a space or the end of the line follows it. */
static uint64_t number(struct reader *r, char **line, uint64_t max)
{
    char *p = *line;
    uint64_t n = 0;

    if (*p < '0' || *p > '9') {
        r->wrong = r->wrong ? r->wrong : "a number is missing";
        return 0;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (digit > max || n > (max - digit) / 10) {
            r->wrong = r->wrong ? r->wrong : "a number is too large";
            return 0;
        }
        n = n * 10 + digit;
    }
    if (*p && *p != ' ')
        r->wrong = r->wrong ? r->wrong : "a space must follow a number";
    *line = *p ? p + 1 : p;
    return n;
}

static uint64_t pages(struct reader *r, char **line)
{
    return number(r, line, PAGES_MAX);
}

static uint64_t count(struct reader *r, char **line)
{
    return number(r, line, COUNT_MAX);
}

static uint32_t domid(struct reader *r, char **line)
{
    return (uint32_t)number(r, line, HS_NO_DOMAIN);
}

/* Room for one more element at least: doubled at each power of two. */
static bool grow(struct reader *r, void **array, uint32_t nr, size_t size)
{
    if (nr & (nr - 1))
        return true;
    void *more = realloc(*array, (nr ? (size_t)nr * 2 : 1) * size);
    if (more)
        *array = more;
    else
        r->wrong = "there is no memory for it";
    return more;
}

static void read_sample(struct reader *r, char *line)
{
    int64_t time_ms = (int64_t)number(r, &line, TIME_MAX);

    if (r->open)
        r->wrong = "the sample before has no end";
    else if (time_ms < r->last_ms)
        r->wrong = "time goes back";
    if (r->wrong)
        return;
    if (!state_init(&r->now, 0, 0)) {
        r->wrong = "there is no memory for it";
        return;
    }
    r->now.time_ms = r->last_ms = time_ms;
    r->now.node_claims = number(r, &line, 1);
    r->open = true;
}

static void read_host(struct reader *r, char *line)
{
    r->now.host.free_pages = pages(r, &line);
    r->now.host.outstanding_pages = pages(r, &line);
    r->now.host.host_claimed_pages = pages(r, &line);
}

static void read_node(struct reader *r, char *line)
{
    struct state *s = &r->now;

    if (s->nr_domains)
        r->wrong = "nodes come before domains";
    else if (s->nr_nodes == HS_MAX_NODES)
        r->wrong = "more than 64 nodes";
    if (r->wrong || !grow(r, (void **)&s->nodes, s->nr_nodes, sizeof(s->nodes[0])))
        return;
    struct hs_node *n = &s->nodes[s->nr_nodes];
    n->size_pages = pages(r, &line);
    n->free_pages = pages(r, &line);
    n->claimed_pages = pages(r, &line);
    n->dirty_pages = pages(r, &line);
    n->offline_pages = pages(r, &line);
    n->free_2m = pages(r, &line);
    n->free_1g = pages(r, &line);
    n->reserved_2m = pages(r, &line);
    n->reserved_1g = pages(r, &line);
    s->host.nr_nodes = ++s->nr_nodes;
}

static void read_domain(struct reader *r, char *line)
{
    struct state *s = &r->now;
    uint32_t nr = s->nr_domains;
    uint32_t id = domid(r, &line);

    if (nr && id <= s->domains[nr - 1].info.domid)
        r->wrong = "domains are not in ascending order";
    if (r->wrong || !grow(r, (void **)&s->domains, nr, sizeof(s->domains[0])) ||
        !grow(r, (void **)&s->cells, nr, s->nr_nodes * sizeof(s->cells[0]) + 1))
        return;
    struct domain_state *d = &s->domains[nr];
    memset(d, 0, sizeof(*d));
    d->info.domid = id;
    d->info.nr_nodes = s->nr_nodes;
    d->info.tot_pages = pages(r, &line);
    d->info.max_pages = number(r, &line, UINT64_MAX); /* which is no limit */
    d->info.overhead_pages = pages(r, &line);
    d->info.host_claim_pages = pages(r, &line);
    d->info.outstanding_pages = pages(r, &line);
    d->info.broken_pages = pages(r, &line);
    d->info.broken_extents = pages(r, &line);
    d->info.claim_flags = (uint32_t)number(r, &line, HS_CLAIM_STRICT | HS_CLAIM_SCRUB);
    d->dying = number(r, &line, 1);
    text_copy(d->name, sizeof(d->name), line);
    s->nr_domains++;
    memset(state_cell(s, nr, 0), 0, s->nr_nodes * sizeof(s->cells[0]));
}

static void read_on(struct reader *r, char *line)
{
    struct state *s = &r->now;
    uint32_t node = (uint32_t)number(r, &line, HS_MAX_NODES);

    if (!r->wrong && (!s->nr_domains || node >= s->nr_nodes))
        r->wrong = "no such node, or no domain before it";
    if (r->wrong)
        return;
    struct hs_domain_node *c = state_cell(s, s->nr_domains - 1, node);
    c->own_pages = pages(r, &line);
    c->claim_pages = pages(r, &line);
    c->claim_extents = pages(r, &line);
    c->claim_order = (uint32_t)number(r, &line, 18);
}

static void read_refusals(struct reader *r, char *line)
{
    r->now.refusals.nr_claims = count(r, &line);
    r->now.refusals.nr_allocs = count(r, &line);
}

static void read_refused(struct reader *r, char *line)
{
    struct hs_refusals *to = &r->now.refusals;

    if (!strncmp(line, "claim ", 6))
        to->kind = HS_REFUSAL_CLAIM;
    else if (!strncmp(line, "alloc ", 6))
        to->kind = HS_REFUSAL_ALLOC;
    else
        r->wrong = "neither claim nor alloc was refused";
    if (r->wrong)
        return;
    line += 6;
    to->domid = domid(r, &line);
    to->node = (uint32_t)number(r, &line, HS_ANY_NODE);
    to->order = (uint32_t)number(r, &line, 63);
    to->pages = pages(r, &line);
    to->free_pages = pages(r, &line);
    to->claimed_pages = pages(r, &line);
}

static void read_holder(struct reader *r, char *line)
{
    struct hs_refusals *to = &r->now.refusals;

    if (to->nr_holders == HS_MAX_HOLDERS) {
        r->wrong = "more than 8 holders";
        return;
    }
    struct hs_holder *h = &to->holders[to->nr_holders++];
    h->domid = domid(r, &line);
    h->node_pages = pages(r, &line);
    h->host_pages = pages(r, &line);
}

static void read_end(struct reader *r, char *line)
{
    (void)line;
    r->open = false;
    if (r->out->nr == SAMPLES_MAX)
        r->wrong = "more than 1000000 samples";
    else if (!samples_add(r->out, &r->now))
        r->wrong = "there is no memory for it";
}

static void read_line(struct reader *r, char *line)
{
    static const struct {
        const char *word;
        void (*read)(struct reader *r, char *line);
    } words[] = {
        {"host", read_host},         {"node", read_node},       {"domain", read_domain}, {"on", read_on},
        {"refusals", read_refusals}, {"refused", read_refused}, {"holder", read_holder}, {"end", read_end},
    };
    size_t length = strcspn(line, " ");
    char *rest = line[length] ? line + length + 1 : line + length;

    line[length] = '\0';
    if (!strcmp(line, "sample")) {
        read_sample(r, rest);
        return;
    }
    if (!r->open) {
        r->wrong = "no sample has begun";
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(line, words[i].word))
            continue;
        words[i].read(r, rest);
        return;
    }
    r->wrong = "no word of a recording";
}

/* The next line with its newline, or what is left of one at the end or where it is too long. Returns its length. */
static size_t get_line(FILE *from, char line[LINE_SIZE])
{
    size_t length = 0;
    int c = 0;

    while (c != '\n' && length < LINE_SIZE - 1 && (c = getc(from)) != EOF)
        line[length++] = (char)c;
    line[length] = '\0';
    return length;
}

/* A last line without its newline was being written when the recorder ended. */
static bool read_all(struct reader *r, FILE *from, char error[SAMPLES_ERROR])
{
    char line[LINE_SIZE];
    uint64_t nr = 0;
    size_t length;

    while (!r->wrong && (length = get_line(from, line)) > 0) {
        const bool whole = line[length - 1] == '\n';
        nr++;
        if (!whole && nr > 1 && length < LINE_SIZE - 1)
            break;
        line[strcspn(line, "\n")] = '\0';
        if (nr == 1 && strcmp(line, HEAD))
            r->wrong = "this is no recording of hsctl watch --record: it begins with \"" HEAD "\"";
        else if (nr > 1 && !whole)
            r->wrong = "it is longer than any line of a recording";
        else if (nr > 1 && strlen(line) + 1 != length)
            r->wrong = "a byte that is 0";
        else if (nr > 1)
            read_line(r, line);
    }
    if (!r->wrong && ferror(from)) {
        snprintf(error, SAMPLES_ERROR, "%s", strerror(errno));
        return false;
    }
    if (!r->wrong && r->out->nr)
        return true;
    if (r->wrong)
        snprintf(error, SAMPLES_ERROR, "line %" PRIu64 ": %s", nr, r->wrong);
    else
        snprintf(error, SAMPLES_ERROR, "there is no complete sample in it");
    return false;
}

bool samples_read(FILE *from, struct samples *out, char error[SAMPLES_ERROR])
{
    struct reader r = {.out = out};

    memset(out, 0, sizeof(*out));
    bool good = read_all(&r, from, error);
    out->torn = r.open;
    if (r.open)
        state_free(&r.now);
    if (!good)
        samples_free(out);
    return good;
}

bool samples_add(struct samples *to, struct state *s)
{
    if (to->nr == to->room) {
        uint32_t room = to->room ? to->room * 2 : 64;
        struct state *more = realloc(to->state, room * sizeof(*more));
        if (!more) {
            state_free(s);
            return false;
        }
        to->state = more;
        to->room = room;
    }
    to->state[to->nr++] = *s;
    memset(s, 0, sizeof(*s));
    return true;
}

void samples_free(struct samples *s)
{
    for (uint32_t i = 0; i < s->nr; i++)
        state_free(&s->state[i]);
    free(s->state);
    memset(s, 0, sizeof(*s));
}
