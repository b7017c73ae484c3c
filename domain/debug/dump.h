/* What the debug console shows of domains, vCPUs and CPUs. Reads facts into plain copies first and prints
 * then. */
#ifndef DOMAIN_DUMP_H
#define DOMAIN_DUMP_H

#include <domain/domain.h>

struct vcpu_view {
    enum vcpu_state state;
    bool online, running, in_guest;
    u32 cpu, pause_count;
    u64 run_ns, exits, rip, cr3;
    u32 cpl;
    bool any_cpu;           /* hard affinity is every CPU */
    u32 first_cpu, nr_cpus; /* of the hard affinity */
};

struct domain_view {
    u16 id;
    bool dying, shut_down;
    u8 shutdown_code;
    u32 pause_count, refs, nr_vcpus, max_vcpus;
    u64 tot_pages, max_pages, overhead_pages, host_claim, outstanding;
    u64 own[MAX_NODES], node_claim[MAX_NODES];
    spinlock_t locks[4]; /* copies: domain, event channels, physical map, account */
    struct vcpu_view vcpu[DOMAIN_MAX_VCPUS];
};

extern struct domain_view domain_view; /* the debug console's CPU only */

/*
 * Copies the facts of the first domain with id >= domid to domain_view. False: there is none. Waits for the domain list's
 * lock for a bounded time only; then it reads without, as no domain can go while somebody else holds it for
 * ever. Facts of one domain may be of slightly different moments.
 */
bool domain_view_next(u32 domid);

/* Registers m, d, v (domain/debug/dump.c), c, e, l (domain/debug/dump_cpu.c). Boot only. */
void domain_dump_init(void);
void cpu_dump_init(void);
/* domain.c: the lock of the list and its domains, for domain_view_next(). */
spinlock_t *domain_list_lock(void);
struct domain *domain_list_next_locked(u32 domid);

#endif
