/*
 * The steps of a refund: which pages are given back to what.
 *
 * prove: beyond_kept host_claim_change node_claim_refund
 * broken: kept-grows       beyond_kept mm/ledger.c: *kept -= stays; => ;
 * broken: host-sign        host_claim_change mm/ledger.c: account->host_claim += (u64)pages => account->host_claim -= (u64)pages
 * broken: all-back         node_claim_refund mm/ledger.c: *pages -= back; => *pages = 0;
 */
#include <mm/ledger.h>
#include <tests/prove/contracts/words.acsl>
#include <tests/prove/contracts/orders.acsl>
#include <mm/ledger.c>
#include <tests/prove/contracts/refund.acsl>
