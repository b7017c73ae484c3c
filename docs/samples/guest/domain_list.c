/* All domains, a few at a time: how much each owns and has claimed. */
#include <docs/samples/guest/samples.h>

#define AT_ONCE 4u

int domain_list_sample(void)
{
    struct xen_domctl_getdomaininfo info[AT_ONCE];
    u32 domid = new_domain(1, 512), next = 0, found = 0, nr;
    long rc = 0;

    if (!domid)
        return -ENOMEM;
    do {
        struct xen_sysctl op = {.u.getdomaininfolist = {.first_domain = (domid_t)next,
                                                        .max_domains = AT_ONCE,
                                                        .buffer = XEN_HANDLE(info)}};

        rc = sysctl(&op, XEN_SYSCTL_getdomaininfolist);
        nr = rc ? 0 : op.u.getdomaininfolist.num_domains;
        for (u32 i = 0; i < nr; i++) {
            printf("samples: domain %u owns %lu pages, and has claimed %lu\n", info[i].domain,
                   info[i].tot_pages, info[i].outstanding_pages);
            found += info[i].domain == domid;
            next = info[i].domain + 1u;
        }
    } while (nr == AT_ONCE);
    if (!rc && found != 1)
        rc = SURPRISE;
    return end_domain(domid, rc);
}
