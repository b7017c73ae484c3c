/* The picture of a recording: who owned and claimed what on which node over time. */
#ifndef HSCTL_TIMELINE_H
#define HSCTL_TIMELINE_H

#include "samples.h"

struct timeline_facts {
    uint32_t domains; /* that held or claimed memory at some time */
    uint32_t refusals;
};

/* Writes an SVG file to the stream. title may be NULL. false: there is no memory; facts are set otherwise. Whether
 * writing succeeded is for the caller to ask the stream. */
bool timeline_draw(FILE *to, const struct samples *samples, const char *title, struct timeline_facts *facts);

#endif
