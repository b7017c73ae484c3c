#ifndef DOMAIN_DUMP_H
#define DOMAIN_DUMP_H

#include <domain/domain.h>

/* Registers the debug console's keys about domains, vCPUs and CPUs: m, d, v, c, e, l. Boot only. */
void domain_dump_init(void);
/* Registers k (check_memory.c); in debug builds memory is also checked whenever a domain has ended. */
void memory_check_init(void);

#endif
