/* Sentences that are put together piece by piece: words.c. */
#ifndef LIBHOMESTEAD_WORDS_H
#define LIBHOMESTEAD_WORDS_H

#include "internal.h"

struct text {
    char *at;
    size_t len, pos; /* pos may pass len: what would have been written */
    hs_name_fn name; /* NULL: domains are called by their numbers */
    void *arg;
};

struct text text_start(char *at, size_t len, hs_name_fn name, void *arg);
__attribute__((format(printf, 2, 3))) void say(struct text *t, const char *format, ...);
void say_size(struct text *t, uint64_t pages);
void say_domain(struct text *t, uint32_t domid);
/* "extents of 2 MiB" */
const char *extent_words(uint32_t order);
void say_refusal(struct text *t, const struct hs_refusals *r);

#endif
