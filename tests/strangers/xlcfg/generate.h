/* Texts that look like xl.cfg files, and changes to them. */
#ifndef TESTS_STRANGERS_XLCFG_GENERATE_H
#define TESTS_STRANGERS_XLCFG_GENERATE_H

#include <tests/machine/random.h>

#define TEXT_MAX 262144u

struct text {
    size_t len;
    char bytes[TEXT_MAX];
};

/* Makes a new text. */
void generate(struct rng *rng, struct text *out);
/* Changes some bytes; takes parts of other. */
void mutate(struct rng *rng, struct text *text, const struct text *other);

#endif
