/* Between claims.c and refusals.c; everybody else uses claims.h. */
#ifndef MM_REFUSALS_H
#define MM_REFUSALS_H

#include <mm/ledger.h>

void refusals_init(void);
/* The set, which says what was missing, could not be installed. Ledger lock held; O(claimants). */
void refusal_note_claim_locked(const struct mem_account *account, const struct claim_set *set);

#endif
