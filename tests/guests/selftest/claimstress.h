/* mode=claimstress of the self test, see claimstress.c. */
#ifndef GUEST_SELFTEST_CLAIMSTRESS_H
#define GUEST_SELFTEST_CLAIMSTRESS_H

#include <homestead/types.h>

/* `builders` vCPUs that build and destroy small domains for `rounds` rounds each, with claims or without.
 * slack: pages that may stay away. False: something was wrong, and has been printed. vCPU 0. */
bool claimstress_run(bool claims, u32 rounds, u32 builders, u64 slack);

#endif
