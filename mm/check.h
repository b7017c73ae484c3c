/* The parts of mm_check(). */
#ifndef MM_CHECK_H
#define MM_CHECK_H

#include <mm/internal.h>

struct check_tally { /* what the frame table says of one node, in frames, regions, chunks */
    u64 free, dirty, scrubbing, owned, guest, offline;
    u64 free_2m, free_1g;
};

/* A fault if not. */
void check_equal(u64 is, u64 should, const char *what, u64 where);
void check_that(bool ok, const char *what, u64 where);

/* --- check_frames.c --- */
/* All frames, regions and chunks of the node, each level against the next. */
void check_frames(nodeid_t nid, struct check_tally *tally);
/* Everything that is on a list ought to be there, and the other way round. */
void check_lists(nodeid_t nid, const struct check_tally *tally);
/* Guest frames of one domain on a node, released ones included. */
u64 check_frames_of(nodeid_t nid, u16 domid);

#endif
