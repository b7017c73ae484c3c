/* The attacks, and the generator of random hypercalls. */
#ifndef GUEST_HOSTILE_HOSTILE_H
#define GUEST_HOSTILE_HOSTILE_H

#include <homestead/types.h>

bool attack_calls(void);
bool attack_claims(void);
bool attack_fifo(void);
bool attack_flood(void);
bool attack_gap(void);
bool attack_grants(void);
bool attack_instructions(void);
bool attack_mce(void);
bool attack_offline(void);
bool attack_pod(void);
bool attack_race(void);
bool attack_replace(void);
bool attack_soil(void);
bool attack_step(void);
bool attack_storm(void);
bool attack_sweep(void);
bool attack_tables(void);
bool attack_toctou(void);

#define HOSTILE_PORTS 4096u

#define MORE_MS 15000u /* for an attack that has not done enough in its time */

#define HOSTILE_VECTORS 0x90u /* STARTUP vectors: 64 KiB from there on are RAM */

extern u64 hostile_domains_made, hostile_aps_poked;

/* The first frame of 2 MiB that are in no range of the memory map, and empty: the attack toctou populates memory where it likes, and
 * what happens to that must not count in the next attack's books. 0: there are none. */
u64 hostile_find_hole(void);

/* Domain 0: maps frame gfn of a domain at frame `at` of its own. 0 or -errno. */
long hostile_map_foreign(u32 domid, u64 gfn, u64 at);

/* 0; -ENOSPC: no hole for foreign frames. */
int hostile_init(u64 seed);
/* One call; returns its result. */
long hostile_call(void);
/* Takes every foreign frame out of this domain again. */
void hostile_unmap_window(void);

#endif
