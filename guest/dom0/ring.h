/*
 * The builder's end of a guest's console ring: takes what the guest has written, and gives it input. Plain C on a page
 * that the guest can change at any moment: each of the guest's indices is read once, and the guest's copy of the
 * builder's own indices is never read.
 *
 * Also what is made of the bytes: lines for people, in which control characters are dropped, so that a guest can neither
 * forge another line nor control a terminal.
 */
#ifndef GUEST_DOM0_RING_H
#define GUEST_DOM0_RING_H

#include <xen/io/console.h>

struct ring {
    XENCONS_RING_IDX out_cons; /* bytes taken */
    XENCONS_RING_IDX in_prod;  /* bytes given */
    bool lost;                 /* an index was wrong: what lay before it has been skipped */
};

/* Gives as many of the bytes as there is room for, and returns how many. If the guest's index is wrong, the guest loses
 * input. One caller at a time. */
u32 ring_give(struct ring *r, volatile struct xencons_interface *page, const char *bytes, u32 len);

/* Output that was taken and is not printed yet. */
struct backlog {
    char *bytes;
    u32 size;
    u32 start, used;
};
/* Takes what the guest has written, as far as there is room. Returns the number of bytes. One caller at a time. */
u32 backlog_fill(struct backlog *b, struct ring *r, volatile struct xencons_interface *page);
/* The oldest bytes, up to max that lie one after the other; backlog_drop() after use. */
u32 backlog_peek(const struct backlog *b, const char **bytes, u32 max);
void backlog_drop(struct backlog *b, u32 len);

#define LINE_BYTES 128u /* longer lines are cut into several, as those of port 0xE9 */

struct lines {
    bool cut; /* the line before was cut for its length */
    u32 used;
    char text[LINE_BYTES];
};
typedef void line_fn(void *arg, const char *text);

/* Calls line() for each line that has ended or is too long. */
void lines_feed(struct lines *l, const char *bytes, u32 len, line_fn *line, void *arg);
/* Calls line() for a line that has begun, if there is one. */
void lines_finish(struct lines *l, line_fn *line, void *arg);

#endif
