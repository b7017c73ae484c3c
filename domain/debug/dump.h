#ifndef DOMAIN_DUMP_H
#define DOMAIN_DUMP_H

/* Registers the debug console's keys about domains, vCPUs and CPUs: m, d, v, c, e, l. Boot only. */
void domain_dump_init(void);

#endif
