/*
 * The picture that timeline.c draws, in SVG: its measures, its styles for light and dark, texts, layers and axes. Colours are
 * classes, s0 to s9 for areas and l0 to l9 for lines; h0 to h8 are hatched.
 */
#ifndef HSCTL_PICTURE_H
#define HSCTL_PICTURE_H

#include "chart.h"
#include "timeline.h"

/* In pixels of the picture. */
#define WIDTH      960
#define LEFT       64
#define RIGHT      24
#define PLOT       (WIDTH - LEFT - RIGHT)
#define COLUMNS    (2 * PLOT) /* half a pixel each: nobody sees more */
#define NR_COLOURS 8
#define DOM0       NR_COLOURS /* domain 0 has a colour of its own, and so has the hypervisor */
#define LABEL_CHAR 6.3        /* width of a character of a label */

struct picture {
    FILE *to;
    struct chart chart;
    struct timeline_facts *facts;
    double y;           /* where the next thing goes */
    double top, height; /* of the panel that is drawn */
    double pages;       /* that fill it */
    double label_end;   /* of the last label of a refusal in it */
    int64_t start_ms, length_ms;
};

void picture_head(FILE *to, double height, const char *title);

/* Text of strangers is escaped. anchor: "middle", "end", or NULL for the start. */
void picture_escape(FILE *to, const char *text);
void picture_text(struct picture *p, double x, double y, const char *class, const char *anchor,
                  const char *text);
uint32_t text_characters(const char *text);
/* At most max characters; the last is then an ellipsis, which may take 2 bytes more than the text had. */
void text_shorten(char *text, uint32_t max);

double picture_x(double x);                              /* of a chart's */
double picture_y(const struct picture *p, double pages); /* in the panel, and not above it */

/* The area from low to high in each column of the chart. attributes: of the path. Nothing is written of an area that is nowhere
 * thick enough to be seen. title: what is said where the pointer is on it. */
void picture_layer(struct picture *p, const double *low, const double *high, const char *attributes,
                   const char *title);

void picture_y_axis(struct picture *p);
/* Below the last panel; moves p->y below itself. */
void picture_x_axis(struct picture *p);

#endif
