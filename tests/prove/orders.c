/*
 * Claims of whole extents: what changes c[d][n], and how many lost units come back.
 *
 * prove: claim_units claim_units_sub units_there claim_units_add claim_lost_back
 * broken: short-wraps     claim_units_sub mm/ledger_orders.c: made_up = lost - (left >> unit) => made_up = lost + (left >> unit)
 * broken: one-too-many    units_there mm/ledger_orders.c: beyond = wanted + 1 => beyond = wanted + 2
 * broken: more-lost-back  claim_lost_back mm/ledger_orders.c: return lost - MIN(lost, kept) => return lost - kept
 */
#include <mm/ledger.h>
#include <tests/prove/contracts/words.acsl>
#include <tests/prove/contracts/orders.acsl>
#include <mm/ledger_orders.c>
