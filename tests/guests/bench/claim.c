/* The cost of claiming memory for a domain and releasing it. Arguments are prepared beforehand. */
#include <tests/guests/bench/bench.h>
#include <guest/lib/hypercall.h>

#define PAGES (MIB(64) >> PAGE_SHIFT)

static memory_claim_t wish[1];
static struct xen_domctl claim_op = {.cmd = XEN_DOMCTL_claim_memory,
                                     .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
static struct xen_memory_reservation claim_pages_op;

static void claim_by_domctl(void)
{
    wish[0].pages = PAGES;
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&claim_op));
    wish[0].pages = 0;
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&claim_op));
}

static void claim_by_memory_op(void)
{
    claim_pages_op.nr_extents = PAGES;
    hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim_pages_op);
    claim_pages_op.nr_extents = 0;
    hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim_pages_op);
}

/* The measured calls cannot be checked one by one: that they succeed is shown before. */
void bench_claims(void)
{
    u32 domid = bench_create(PAGES);
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(PAGES, 0);

    claim_pages_op.domid = (domid_t)domid;
    bench_check(xc_domain_claim_pages(bench_xch, domid, PAGES), "claiming memory host-wide");
    bench_check(xc_domain_claim_pages(bench_xch, domid, 0), "releasing a claim");
    bench_calls("claim_pages", claim_by_memory_op);

    int rc = xc_domain_claim_memory(bench_xch, domid, 1, &entry);
    if (rc != -ENOSYS) {
        bench_check(rc, "claiming memory");
        entry.pages = 0;
        bench_check(xc_domain_claim_memory(bench_xch, domid, 1, &entry), "releasing a claim");
        claim_op.domain = (domid_t)domid;
        claim_op.u.claim_memory.claims = XEN_HANDLE(wish);
        claim_op.u.claim_memory.nr_claims = 1;
        bench_calls("claim_domctl", claim_by_domctl);
    }
    bench_destroy(domid);
}
