/*
 * The functions that change the words of a node's and an account's claims.
 *
 * prove: node_get node_unclaimed one_writer_add ledger_credit claim_node_change claim_node_sub claim_node_add
 * broken: credit-lost     ledger_credit mm/ledger.h: node->host_part += pages => node->host_part = pages
 * broken: node-forgotten  claim_node_change mm/ledger.h: one_writer_add(&node->claimed, (u64)pages); => ;
 * broken: wrong-sign      claim_node_sub mm/ledger.h: claim_node_change(account, nid, -(s64)pages) => claim_node_change(account, nid, (s64)pages)
 */
#include <mm/ledger.h>
#include <tests/prove/contracts/words.acsl>
