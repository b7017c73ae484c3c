/*
 * attack=claims, domain 0 only: claims with extreme counts, by node, host-wide, by order, with every flag and by
 * XENMEM_claim_pages, on a domain without a limit worth the name. Each is refused with the error of docs/hypervisor-guide/mm/claims.md, and
 * nothing is claimed afterwards.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

#define HOST        XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define MAX_ENTRIES 66u

static const u64 extremes[] = {BIT(31), BIT(32),     BIT(36), BIT(40),     BIT(51),   BIT(52),
                               BIT(62), BIT(63) - 1, BIT(63), ~0ull - 511, ~0ull - 1, ~0ull};
static xc_interface *xch;
static u32 domid, nr_calls, nr_wrong;

static void expect(const char *what, u64 pages, int want, int rc)
{
    xc_domaininfo_t info;

    nr_calls++;
    if (rc == want && !xc_domain_getinfo_single(xch, domid, &info) && info.outstanding_pages == 0)
        return;
    nr_wrong++;
    printf("claims: %s of %#lx pages: %d instead of %d\n", what, pages, rc, want);
}

static int claim(u64 pages, u32 node, u32 order, u32 flags)
{
    memory_claim_t entry = {.pages = pages, .node = node, .pad = order};

    return xc_domain_claim_memory_flags(xch, domid, 1, &entry, flags);
}

static void many_entries(u32 nr, u64 pages, int want)
{
    static memory_claim_t entries[MAX_ENTRIES];

    for (u32 i = 0; i < nr; i++)
        entries[i] = (memory_claim_t){.pages = pages, .node = i ? i - 1 : HOST};
    expect("a long set", pages, want, xc_domain_claim_memory(xch, domid, nr, entries));
}

static void sums_that_wrap(void)
{
    memory_claim_t pair[] = {{.pages = BIT(63), .node = 0}, {.pages = BIT(63), .node = 1}};
    memory_claim_t with_host[] = {{.pages = ~0ull, .node = 0}, {.pages = 1, .node = HOST}};

    expect("two halves", BIT(63), -EINVAL, xc_domain_claim_memory(xch, domid, 2, pair));
    expect("all and one", ~0ull, -EINVAL, xc_domain_claim_memory(xch, domid, 2, with_host));
}

bool attack_claims(void)
{
    static const u32 flags[] = {0, XEN_DOMCTL_CLAIM_REPLACE, XEN_DOMCTL_CLAIM_STRICT, XEN_DOMCTL_CLAIM_SCRUB};
    struct xen_domctl_createdomain config = xc_domain_config(1);

    xch = xc_interface_open();
    if (xc_domain_create(xch, &domid, &config) || xc_domain_setmaxmem(xch, domid, BIT(53)))
        return false;
    xc_domaininfo_t info;
    if (xc_domain_getinfo_single(xch, domid, &info))
        return false;
    const u64 max = info.max_pages;
    printf("hostile   claims: the limit is %#lx pages\n", max);
    for (u32 i = 0; i < ARRAY_SIZE(extremes); i++) {
        u64 pages = extremes[i];
        int want = pages > max ? -EINVAL : -ENOMEM;

        for (u32 f = 0; f < ARRAY_SIZE(flags); f++) {
            expect("node claim", pages, want, claim(pages, 0, 0, flags[f]));
            expect("host-wide claim", pages, want, claim(pages, HOST, 0, flags[f]));
        }
        for (u32 order = 9; order <= 18; order += 9)
            expect("claim by order", pages, pages % BIT(order) ? -EINVAL : want,
                   claim(pages, 1, order, XEN_DOMCTL_CLAIM_ORDERS));
        expect("XENMEM_claim_pages", pages, want, xc_domain_claim_pages(xch, domid, pages));
        expect("a node that is not there", pages, -ENOENT, claim(pages, 2, 0, 0));
        expect("an order that is none", pages, -EINVAL, claim(pages, 0, 63, XEN_DOMCTL_CLAIM_ORDERS));
    }
    many_entries(65, 1, -ENOENT);
    many_entries(66, 1, -E2BIG);
    sums_that_wrap();
    if (xc_domain_destroy(xch, domid) || claim(1, 0, 0, 0) != -ESRCH)
        nr_wrong++;
    printf("hostile   claims: %u calls, %u wrong\n", nr_calls, nr_wrong);
    return nr_wrong == 0;
}
