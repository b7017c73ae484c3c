/* Shared by the groups about one domain: create, domctl, life, affinity, context. */
#ifndef GUEST_CONFORMANCE_CASES_DOMAIN_H
#define GUEST_CONFORMANCE_CASES_DOMAIN_H

#include <tests/guests/conformance/conformance.h>

/* A domctl without arguments, or with all of them 0. */
static inline long domctl_plain(u32 domid, u32 cmd)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};

    return domctl(&op);
}

/* getdomaininfo's flags, without those that depend on the moment; 0: no such domain. */
static inline u32 domain_flags(u32 domid)
{
    xc_domaininfo_t info;

    return domain_info(domid, &info) ? info.flags & ~(XEN_DOMINF_running | XEN_DOMINF_blocked) : 0;
}

/* Parts of groups that have files of their own. */
void create_ids(void);
void create_arguments(void);
void domctl_info(void);
void domctl_memory(void);
void life_shutdown(void);
void life_zombie(void);
void affinity_nodes(void);
void affinity_auto(void);
void context_bad(void);
void context_fields(void);

#endif
