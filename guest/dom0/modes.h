/*
 * What dom0 does instead of building guests if it is told mode=... Each returns whether all was as it must
 * be, has printed what was not, and leaves nothing behind. vCPU 0; they use the others by themselves.
 */
#ifndef GUEST_DOM0_MODES_H
#define GUEST_DOM0_MODES_H

#include <homestead/types.h>

/* `builders` vCPUs that build and destroy small domains for `rounds` rounds each, with claims or without.
 * slack: pages that may stay away. */
bool claimstress_run(bool claims, u32 rounds, u32 builders, u64 slack);

/* Three domains over all nodes, their claims as a table before, during and after their builds. */
bool claimtable_run(u64 slack);

#endif
