/*
 * The builder's end of a guest's console ring: takes what the guest has written and cuts it into lines. Plain C
 * on a page that the guest can change at any moment: each index is read once, and the guest's copy of the
 * builder's own index is never read. Control characters are dropped, so that a guest can neither forge another
 * line nor control a terminal.
 */
#ifndef GUEST_DOM0_RING_H
#define GUEST_DOM0_RING_H

#include <xen/io/console.h>

#define RING_LINE_BYTES 128u /* longer lines are cut into several, as those of port 0xE9 */

struct ring {
    XENCONS_RING_IDX cons; /* bytes taken */
    bool lost;             /* an index was wrong: what lay before it has been skipped */
    bool cut;              /* the line before was cut for its length */
    u32 used;
    char text[RING_LINE_BYTES];
};
typedef void ring_line_fn(void *arg, const char *text);

/* Takes all that is in the ring, at most its size, and calls line() for each line that has ended or is too long.
 * Returns the number of bytes. One caller at a time. */
u32 ring_drain(struct ring *r, volatile struct xencons_interface *page, ring_line_fn *line, void *arg);
/* The guest has ended: calls line() for the line that it did not end, if there is one. */
void ring_finish(struct ring *r, ring_line_fn *line, void *arg);

#endif
