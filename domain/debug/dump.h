#ifndef DOMAIN_DUMP_H
#define DOMAIN_DUMP_H

#include <domain/domain.h>

/* Registers the debug console's keys m, d, v, c, e, l and k; in debug builds memory is also checked, as by k,
 * whenever a domain has ended. Boot only. */
void domain_dump_init(void);

#endif
