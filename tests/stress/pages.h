/*
 * The pages of claim-stress: no memory but one tag a frame. A tag of 0 is a page of zeros; whoever gets a page writes his
 * own tag, finds it there when he gives it back, and so sees pages that were handed out twice, not cleared, or cleared while
 * they were his. And what is wrong, counted.
 */
#ifndef TESTS_STRESS_PAGES_H
#define TESTS_STRESS_PAGES_H

#include <stdlib.h>
#include <tests/machine/machine.h>

extern _Thread_local nodeid_t this_cpu_node; /* each thread is a CPU */
extern u64 pages_end;                        /* the frame numbers' */

/* A fresh mm/ with nodes in a line; frames below nr_frames, all of them rubbish. No hook is set. */
void pages_make(u32 nr_nodes, u64 nr_frames);
void pages_add(u64 start, u64 end, nodeid_t nid);

void pages_come(u64 n, u32 order, u16 tag);     /* all were zero, or it is wrong */
void pages_go(u64 n, u32 order, u16 tag);       /* all were tag, or it is wrong */
extern void (*on_pages_cleared)(u64 n, u64 nr); /* no lock held */

/* Something is not as it must be: counted, and the first ones printed with what the thread was at. */
void wrong(const char *fmt, ...) PRINTF(1, 2);
extern u64 nr_wrong;
/* For wrong(): the run, and where in it. */
extern u64 run_seed;
extern _Thread_local u64 run_step;
extern _Thread_local const char *run_op;

#endif
