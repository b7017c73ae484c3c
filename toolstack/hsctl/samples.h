/*
 * Recordings: states of the host one after another in a text file, which `hsctl watch --record` writes and
 * `hsctl timeline --from` reads. hsctl(1) documents the lines. A state holds until the next one.
 */
#ifndef HSCTL_SAMPLES_H
#define HSCTL_SAMPLES_H

#include "state.h"

struct samples {
    struct state *state; /* at least one after samples_read(); times do not go back */
    uint32_t nr, room;
    bool torn; /* the last one had no end and was left out: the recorder was killed */
};

/* false: could not be written; errno says why. */
bool samples_write_head(FILE *to);
bool samples_write(FILE *to, const struct state *s);

/* Reads until the end of the file. false: it is no recording, or there is no memory; error is then a sentence with the
 * number of the line, and out is empty. */
#define SAMPLES_ERROR 160
bool samples_read(FILE *from, struct samples *out, char error[SAMPLES_ERROR]);

/* Takes over what s points to. false: no memory; s is then freed. */
bool samples_add(struct samples *to, struct state *s);
void samples_free(struct samples *s);

#endif
