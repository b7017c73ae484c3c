/*
 * A recording as something to draw: times become columns of the picture, domains get one identity from their first to their
 * last sample, and amounts are stacked per node. No SVG here.
 */
#ifndef HSCTL_CHART_H
#define HSCTL_CHART_H

#include "samples.h"

/* A domain, from sample first to last. An id that comes back under another name is another one. */
struct who {
    uint32_t domid, first, last;
    bool held;              /* owned or claimed something at some time */
    char name[DOMAIN_TEXT]; /* the last that it had, or "domain 3" */
};

struct chart {
    const struct samples *samples;
    struct who *who; /* in the order in which they appeared */
    uint32_t nr_who;
    uint32_t *sample; /* of each column: the last sample that is drawn there */
    double *x;        /* of each column, 0 to 1, ascending; x[nr_columns] is 1 */
    uint32_t nr_columns;
    double *base, *own, *claim; /* of each column: chart_stack() */
};

/* What is stacked: a node, or what is claimed host-wide. */
#define CHART_HOST HS_MAX_NODES

/* columns: at most so many. false: no memory. */
bool chart_make(struct chart *chart, const struct samples *samples, uint32_t columns);
void chart_free(struct chart *chart);

/* Stacks what domain `who` owns and claims on the node on what is there: base[] is where it begins, own[] and claim[] are how
 * much that is. Before the next one base[] is to be raised by both: chart_raise(). false: it has nothing there at any time. */
bool chart_stack(struct chart *chart, uint32_t who, uint32_t node);
void chart_raise(struct chart *chart);
/* The lowest layer: what neither a domain owns nor is free: the hypervisor's, and what is offline. */
void chart_begin(struct chart *chart, uint32_t node);

/* The largest that a node was, and the largest sum of host-wide claims for CHART_HOST. In pages. */
double chart_height(const struct chart *chart, uint32_t node);

/* Where in its layer a label of the given width (0 to 1) fits best, as chart_stack() left it: in the middle of the longest
 * stretch where the layer is almost as thick, over the whole width of the label, as it is anywhere. Returns the thickness
 * in pages, 0 if there is none. */
double chart_label(const struct chart *chart, double width, double *x, double *y);

#endif
