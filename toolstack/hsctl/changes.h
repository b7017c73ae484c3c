/* What became different from one state of the host to the next: the lines of hsctl watch. */
#ifndef HSCTL_CHANGES_H
#define HSCTL_CHANGES_H

#include "show.h"

/* Prints a line for each change and returns how many. before may be NULL: what there is at the beginning. Amounts of dirty
 * and of free memory are no changes of their own. */
uint32_t changes_print(const struct show *show, const struct state *before, const struct state *now);

#endif
