#ifndef DOMAIN_DUMP_H
#define DOMAIN_DUMP_H

#include <domain/domain.h>

/* Registers the debug console's keys about domains, vCPUs and CPUs: m, d, v, c, e, l. Boot only. */
void domain_dump_init(void);
/* Registers k (check_memory.c); in debug builds memory is also checked whenever a domain has ended. */
void memory_check_init(void);
/* dump_memory.c: a line a node. Waits for no lock without bound; what it prints may be of slightly different
 * moments. */
void dump_nodes(void);
/* The locks of mm/. print(name, number, lock) says whether it is held. Then a line a kind. */
void dump_memory_locks(bool (*print)(const char *name, u32 nr, const spinlock_t *lock));

#endif
