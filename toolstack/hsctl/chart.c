#include "chart.h"

#include <stdlib.h>
#include <string.h>

/* --- who there was --- */
static bool add_who(struct chart *chart, const struct state *s, uint32_t sample, const struct domain_state *d)
{
    if (!(chart->nr_who & (chart->nr_who - 1))) {
        size_t room = chart->nr_who ? (size_t)chart->nr_who * 2 : 1;
        struct who *more = realloc(chart->who, room * sizeof(*more));
        if (!more)
            return false;
        chart->who = more;
    }
    struct who *w = &chart->who[chart->nr_who++];
    w->domid = d->info.domid;
    w->first = w->last = sample;
    w->held = d->info.tot_pages || d->info.outstanding_pages;
    domain_name(s, w->domid, w->name);
    return true;
}

static bool note_domain(struct chart *chart, uint32_t sample, const struct domain_state *d, uint32_t *latest)
{
    const struct state *s = &chart->samples->state[sample];
    uint32_t i = latest[d->info.domid];
    char name[DOMAIN_TEXT];

    domain_name(s, d->info.domid, name);
    /* A gap and another name: another domain. */
    if (i && !(chart->who[i - 1].last + 1 < sample && strcmp(chart->who[i - 1].name, name))) {
        chart->who[i - 1].last = sample;
        chart->who[i - 1].held |= d->info.tot_pages || d->info.outstanding_pages;
        if (*d->name)
            memcpy(chart->who[i - 1].name, name, sizeof(name));
        return true;
    }
    if (!add_who(chart, s, sample, d))
        return false;
    latest[d->info.domid] = chart->nr_who;
    return true;
}

static bool find_everybody(struct chart *chart)
{
    uint32_t *latest = calloc(HS_NO_DOMAIN + 1, sizeof(*latest)); /* number in who[] + 1, by domid */
    bool good = latest;

    for (uint32_t i = 0; good && i < chart->samples->nr; i++)
        for (uint32_t d = 0; good && d < chart->samples->state[i].nr_domains; d++)
            good = note_domain(chart, i, &chart->samples->state[i].domains[d], latest);
    free(latest);
    return good;
}

/* --- columns --- */
static void find_columns(struct chart *chart, uint32_t columns)
{
    const struct samples *samples = chart->samples;
    const int64_t start = samples->state[0].time_ms;
    const uint64_t length = (uint64_t)(samples->state[samples->nr - 1].time_ms - start);
    uint64_t last_cell = 0;

    for (uint32_t i = 0; i < samples->nr; i++) {
        /* A single moment is drawn as one column over the whole width. Times are below 2^47, so the product fits. */
        uint64_t since = (uint64_t)(samples->state[i].time_ms - start);
        uint64_t cell = length ? since * (columns - 1) / length : 0;
        double x = length ? (double)since / (double)length : 0;
        if (!i || cell != last_cell)
            chart->x[chart->nr_columns++] = x;
        chart->sample[chart->nr_columns - 1] = i;
        last_cell = cell;
    }
    chart->x[chart->nr_columns] = 1;
}

bool chart_make(struct chart *chart, const struct samples *samples, uint32_t columns)
{
    memset(chart, 0, sizeof(*chart));
    chart->samples = samples;
    chart->sample = calloc(columns + 1, sizeof(chart->sample[0]));
    chart->x = calloc(columns + 1, sizeof(chart->x[0]));
    chart->base = calloc(columns + 1, sizeof(chart->base[0]));
    chart->own = calloc(columns + 1, sizeof(chart->own[0]));
    chart->claim = calloc(columns + 1, sizeof(chart->claim[0]));
    if (chart->sample && chart->x && chart->base && chart->own && chart->claim && find_everybody(chart)) {
        find_columns(chart, columns);
        return true;
    }
    chart_free(chart);
    return false;
}

void chart_free(struct chart *chart)
{
    free(chart->who);
    free(chart->sample);
    free(chart->x);
    free(chart->base);
    free(chart->own);
    free(chart->claim);
    memset(chart, 0, sizeof(*chart));
}

/* --- layers --- */
static int compare_domid(const void *key, const void *element)
{
    uint32_t a = *(const uint32_t *)key, b = ((const struct domain_state *)element)->info.domid;

    return a < b ? -1 : a > b;
}

bool chart_stack(struct chart *chart, uint32_t who, uint32_t node)
{
    const struct who *w = &chart->who[who];
    bool any = false;

    for (uint32_t c = 0; c < chart->nr_columns; c++) {
        uint32_t sample = chart->sample[c];
        const struct state *s = &chart->samples->state[sample];
        const struct domain_state *d = NULL;

        chart->own[c] = chart->claim[c] = 0;
        if (sample >= w->first && sample <= w->last)
            d = bsearch(&w->domid, s->domains, s->nr_domains, sizeof(*d), compare_domid);
        if (!d)
            continue;
        if (node == CHART_HOST) {
            chart->claim[c] = (double)(s->node_claims ? d->info.host_claim_pages : d->info.outstanding_pages);
        } else if (node < s->nr_nodes) {
            const struct hs_domain_node *cell = state_cell(s, (uint32_t)(d - s->domains), node);
            chart->own[c] = (double)cell->own_pages;
            chart->claim[c] = (double)cell->claim_pages;
        }
        any |= chart->own[c] + chart->claim[c] > 0;
    }
    return any;
}

void chart_raise(struct chart *chart)
{
    for (uint32_t c = 0; c < chart->nr_columns; c++)
        chart->base[c] += chart->own[c] + chart->claim[c];
}

static double middle_of(double a, double b, double c)
{
    double low = a < b ? a : b, high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

/* What of a node is neither free nor a domain's. */
static double used_by_none(const struct state *s, uint32_t node)
{
    double used = 0;

    if (node >= s->nr_nodes)
        return 0;
    used = (double)s->nodes[node].size_pages - (double)s->nodes[node].free_pages;
    for (uint32_t d = 0; d < s->nr_domains; d++)
        used -= (double)state_cell(s, d, node)->own_pages;
    return used > 0 ? used : 0;
}

/*
 * The figures of the domains are a little later than those of the nodes: while a large domain is destroyed, its memory seems
 * to be nobody's in one sample. So of three samples the middle value counts, which leaves steps as they are.
 */
void chart_begin(struct chart *chart, uint32_t node)
{
    const uint32_t last = chart->samples->nr - 1;

    for (uint32_t c = 0; c < chart->nr_columns; c++) {
        const uint32_t i = chart->sample[c];
        const struct state *s = chart->samples->state;

        chart->base[c] = chart->claim[c] = 0;
        chart->own[c] = middle_of(used_by_none(&s[i ? i - 1 : i], node), used_by_none(&s[i], node),
                                  used_by_none(&s[i < last ? i + 1 : i], node));
    }
}

double chart_height(const struct chart *chart, uint32_t node)
{
    double height = 0;

    for (uint32_t i = 0; i < chart->samples->nr; i++) {
        const struct state *s = &chart->samples->state[i];
        double now = node == CHART_HOST
                         ? (double)(s->node_claims ? s->host.host_claimed_pages : s->host.outstanding_pages)
                     : node < s->nr_nodes ? (double)s->nodes[node].size_pages
                                          : 0;
        height = now > height ? now : height;
    }
    return height;
}

/* The thickness that a label has which begins at the column. *y: its middle. */
static double label_room(const struct chart *chart, uint32_t column, double width, double *y)
{
    double low = 0, high = 1e300, left = chart->x[column];

    for (uint32_t c = column; c < chart->nr_columns && chart->x[c] < left + width; c++) {
        double bottom = chart->base[c], top = bottom + chart->own[c] + chart->claim[c];
        low = bottom > low ? bottom : low;
        high = top < high ? top : high;
        if (high <= low)
            return 0;
    }
    *y = (low + high) / 2;
    return high - low;
}

double chart_label(const struct chart *chart, double width, double *x, double *y)
{
    double best = 0, longest = -1, ignored, room;

    for (uint32_t c = 0; c < chart->nr_columns && chart->x[c] + width <= 1; c++) {
        room = label_room(chart, c, width, &ignored);
        best = room > best ? room : best;
    }
    /* Stretches of columns at which a label may begin. One that begins late in a column may still be in it. */
    for (uint32_t c = 0, end; best > 0 && c < chart->nr_columns && chart->x[c] + width <= 1; c = end + 1) {
        for (end = c; end < chart->nr_columns && label_room(chart, end, width, &ignored) >= best * 0.9; end++)
            ;
        if (end == c)
            continue;
        double last = chart->x[end - 1], next = chart->x[end] - width; /* where the layer ends, or changes */
        double stretch = (next > last ? next : last) - chart->x[c];
        if (stretch <= longest)
            continue;
        longest = stretch;
        *x = chart->x[c] + stretch / 2 + width / 2;
    }
    if (best <= 0)
        return 0;
    uint32_t column = 0;
    while (column + 1 < chart->nr_columns && chart->x[column + 1] <= *x - width / 2)
        column++;
    return label_room(chart, column, *x - width / 2 + width - chart->x[column], y);
}
