#include "timeline.h"
#include "picture.h"
#include "show.h"
#include "size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SPACE 30          /* above a panel: its name, and the marks of refusals */
#define NAME_END   (LEFT + 60) /* the name is before it */

static uint32_t colour_of(const struct picture *p, uint32_t who)
{
    uint32_t before = 0;

    if (!p->chart.who[who].domid)
        return DOM0;
    for (uint32_t i = 0; i < who; i++)
        before += p->chart.who[i].domid && p->chart.who[i].held;
    return before % NR_COLOURS;
}

/* --- layers --- */
/* What chart_stack() left: what is owned solid, what is claimed hatched on top. */
static void put_stack(struct picture *p, uint32_t colour, const char *name)
{
    struct chart *chart = &p->chart;
    double middle[COLUMNS + 1], top[COLUMNS + 1];
    char attributes[64], title[DOMAIN_TEXT + 32];

    for (uint32_t c = 0; c < chart->nr_columns; c++) {
        middle[c] = chart->base[c] + chart->own[c];
        top[c] = middle[c] + chart->claim[c];
    }
    snprintf(attributes, sizeof(attributes), "fill=\"url(#h%u)\"", colour);
    snprintf(title, sizeof(title), "%s: claimed", name);
    picture_layer(p, middle, top, attributes, title);
    snprintf(attributes, sizeof(attributes), "class=\"s%u\"", colour);
    snprintf(title, sizeof(title), "%s: populated", name);
    picture_layer(p, chart->base, middle, attributes, title);
    picture_layer(p, chart->base, top, "class=\"gap\"", name);
}

static void put_label(struct picture *p, const char *name)
{
    char text[DOMAIN_TEXT];
    double x, y, width;

    strcpy(text, name);
    text_shorten(text, 16);
    width = text_characters(text) * LABEL_CHAR + 8;
    if (chart_label(&p->chart, (width + 4) / PLOT, &x, &y) * p->height / p->pages < 14.5)
        return;
    x = picture_x(x);
    y = picture_y(p, y);
    fprintf(p->to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"13\" rx=\"3\" class=\"chip\"/>\n",
            x - width / 2, y - 6.5, width);
    picture_text(p, x, y + 3.5, "label", "middle", text);
}

/* --- refusals --- */
static void put_mark(struct picture *p, double x, uint32_t kind)
{
    double y = p->top - 3;

    fprintf(p->to, "<path d=\"M%.1f %.1fV%.1f\" class=\"fall\"/>", x, p->top, p->top + p->height);
    if (kind == HS_REFUSAL_CLAIM)
        fprintf(p->to, "<path d=\"M%.1f %.1fl-5.5 -9h11z\" class=\"mark\"/>", x, y);
    else
        fprintf(p->to, "<path d=\"M%.1f %.1fl9 -9m0 9l-9 -9\" class=\"cross\"/>", x - 4.5, y);
}

/* "g7: 1.0 GiB refused" to the right of the mark, or to the left at the end of the panel, where no other one is. */
static void put_refusal_label(struct picture *p, double x, const struct state *s, uint64_t more)
{
    const struct hs_refusals *r = &s->refusals;
    char text[DOMAIN_TEXT + 64], name[DOMAIN_TEXT], size[SIZE_TEXT];

    domain_name(s, r->domid, name);
    text_shorten(name, 16);
    snprintf(text, sizeof(text), more > 1 ? "%s: %s refused (%" PRIu64 " times)" : "%s: %s refused", name,
             size_text(r->pages, size), more);
    double width = text_characters(text) * LABEL_CHAR;
    bool left = x + 9 + width > WIDTH;
    double from = left ? x - 9 - width : x + 9;
    if (from < p->label_end + 8)
        return;
    p->label_end = left ? x : from + width;
    picture_text(p, left ? x - 9 : x + 9, p->top - 5, "refused", left ? "end" : NULL, text);
}

/* How many the sample has more than the one before it, on the panel's node or on any node, which is on every panel. */
static uint64_t refusals_at(const struct samples *samples, uint32_t sample, uint32_t node)
{
    const struct hs_refusals *before = &samples->state[sample - 1].refusals,
                             *now = &samples->state[sample].refusals;
    uint64_t more = now->nr_claims - before->nr_claims + now->nr_allocs - before->nr_allocs;

    return more > 1000000000 || (now->node != node && now->node != HS_ANY_NODE) ? 0 : more;
}

static double time_x(const struct picture *p, const struct state *s)
{
    return picture_x(p->length_ms ? (double)(s->time_ms - p->start_ms) / (double)p->length_ms : 0);
}

/* Is the mark of a refusal where the panel's name usually is? */
static bool refused_early(const struct picture *p, uint32_t node)
{
    const struct samples *samples = p->chart.samples;

    for (uint32_t i = 1; i < samples->nr && time_x(p, &samples->state[i]) < NAME_END; i++)
        if (refusals_at(samples, i, node))
            return true;
    return false;
}

static void put_refusals(struct picture *p, uint32_t node)
{
    const struct samples *samples = p->chart.samples;
    const struct show show = {0};
    char text[REFUSAL_TEXT];

    p->label_end = refused_early(p, node) ? 0 : NAME_END;
    for (uint32_t i = 1; i < samples->nr; i++) {
        const struct state *s = &samples->state[i];
        uint64_t more = refusals_at(samples, i, node);
        if (!more)
            continue;
        double x = time_x(p, s);
        fputs("<g>", p->to);
        put_mark(p, x, s->refusals.kind);
        fputs("<title>refused: ", p->to);
        picture_escape(p->to, show_refusal_text(&show, s, text));
        fputs("</title></g>\n", p->to);
        put_refusal_label(p, x, s, more);
    }
}

static uint32_t count_refusals(const struct samples *samples)
{
    const struct hs_refusals *first = &samples->state[0].refusals,
                             *last = &samples->state[samples->nr - 1].refusals;

    return (uint32_t)(last->nr_claims - first->nr_claims + last->nr_allocs - first->nr_allocs);
}

/* --- panels --- */
static void put_panel(struct picture *p, uint32_t node, double height)
{
    const bool host = node == CHART_HOST;
    char text[64];

    p->pages = chart_height(&p->chart, node);
    p->height = height;
    p->top = p->y + HEAD_SPACE;
    p->y = p->top + height;
    snprintf(text, sizeof(text), "node %u", node);
    picture_text(p, LEFT, p->top - (!host && refused_early(p, node) ? 18 : 7), "panel", NULL,
                 host ? "claimed on any node" : text);
    fprintf(p->to, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" class=\"free\"/>\n", LEFT, p->top,
            PLOT, height);
    chart_begin(&p->chart, node);
    put_stack(p, DOM0 + 1, p->chart.samples->state[0].node_claims ? "the hypervisor" : "in use");
    chart_raise(&p->chart);
    for (uint32_t i = 0; i < p->chart.nr_who; i++) {
        if (!chart_stack(&p->chart, i, node))
            continue;
        put_stack(p, colour_of(p, i), p->chart.who[i].name);
        chart_raise(&p->chart);
    }
    picture_y_axis(p);
    fprintf(p->to, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" class=\"edge\"/>\n", LEFT, p->top,
            PLOT, height);
    if (!host)
        put_refusals(p, node);
    /* Labels are above everything. */
    chart_begin(&p->chart, node);
    chart_raise(&p->chart);
    for (uint32_t i = 0; i < p->chart.nr_who; i++)
        if (chart_stack(&p->chart, i, node)) {
            put_label(p, p->chart.who[i].name);
            chart_raise(&p->chart);
        }
}

static bool node_shown(const struct picture *p, uint32_t node)
{
    return chart_height(&p->chart, node) > 0;
}

static void put_panels(struct picture *p)
{
    uint32_t nr = 0;

    for (uint32_t n = 0; n <= CHART_HOST; n++)
        nr += node_shown(p, n);
    for (uint32_t n = 0; n <= CHART_HOST; n++)
        if (node_shown(p, n))
            put_panel(p, n, n == CHART_HOST || nr > 6 ? 80 : nr > 3 ? 130 : 210);
}

/* --- legend --- */
static void legend_text(struct picture *p, double *x, const char *text)
{
    picture_text(p, *x + 20, p->y + 10, "soft", NULL, text);
    *x += 20 + text_characters(text) * 6.9 + 18;
}

static void legend_box(struct picture *p, double *x, const char *attributes, const char *text)
{
    fprintf(p->to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"12\" rx=\"2\" %s/>", *x, p->y,
            attributes);
    legend_text(p, x, text);
}

static void put_legend(struct picture *p)
{
    bool claims = p->chart.samples->state[0].node_claims;
    char attributes[64], name[DOMAIN_TEXT];
    double x = LEFT;

    legend_box(p, &x, "class=\"s8\"", "populated");
    legend_box(p, &x, "fill=\"url(#h8)\"", "claimed, not populated yet");
    legend_box(p, &x, "class=\"free edge\" style=\"fill-opacity:1\"", "free");
    legend_box(p, &x, "class=\"s9\"", claims ? "the hypervisor" : "in use");
    const struct hs_refusals *first = &p->chart.samples->state[0].refusals,
                             *last = &p->chart.samples->state[p->chart.samples->nr - 1].refusals;
    if (last->nr_claims != first->nr_claims) {
        fprintf(p->to, "<path d=\"M%.1f %.1fl-5.5 -9h11z\" class=\"mark\"/>", x + 7, p->y + 11);
        legend_text(p, &x, "claim refused");
    }
    if (last->nr_allocs != first->nr_allocs) {
        fprintf(p->to, "<path d=\"M%.1f %.1fl9 -9m0 9l-9 -9\" class=\"cross\"/>", x + 2.5, p->y + 11);
        legend_text(p, &x, "allocation refused");
    }
    x = LEFT;
    p->y += 22;
    for (uint32_t i = 0; i < p->chart.nr_who && i < 64; i++) {
        if (!p->chart.who[i].held)
            continue;
        strcpy(name, p->chart.who[i].name);
        text_shorten(name, 24);
        if (x > LEFT && x + 20 + text_characters(name) * 6.9 > WIDTH - RIGHT) {
            x = LEFT;
            p->y += 20;
        }
        snprintf(attributes, sizeof(attributes), "class=\"s%u\"", colour_of(p, i));
        legend_box(p, &x, attributes, name);
    }
    p->y += 22;
}

bool timeline_draw(FILE *to, const struct samples *samples, const char *title, struct timeline_facts *facts)
{
    struct picture p = {.y = 36,
                        .facts = facts,
                        .start_ms = samples->state[0].time_ms,
                        .length_ms = samples->state[samples->nr - 1].time_ms - samples->state[0].time_ms};
    char clean[128], *body = NULL;
    size_t length;

    if (!chart_make(&p.chart, samples, COLUMNS))
        return false;
    facts->domains = 0;
    for (uint32_t i = 0; i < p.chart.nr_who; i++)
        facts->domains += p.chart.who[i].held;
    facts->refusals = count_refusals(samples);
    p.to = open_memstream(&body, &length);
    if (!p.to) {
        chart_free(&p.chart);
        return false;
    }
    text_copy(clean, sizeof(clean), title ? title : "Who held which memory, by node");
    picture_text(&p, LEFT, p.y, "title", NULL, clean);
    p.y += 18;
    put_legend(&p);
    put_panels(&p);
    picture_x_axis(&p);
    bool good = !fclose(p.to);
    if (good) {
        picture_head(to, p.y + 4, clean);
        fwrite(body, 1, length, to);
        fputs("</svg>\n", to);
    }
    free(body);
    chart_free(&p.chart);
    return good;
}
