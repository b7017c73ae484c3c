/*
 * A domain of two nodes, as a toolstack would build its memory: create, max_mem, claim, populate, release. It ends with the
 * domain's end, so it can be tried on a host in use. The claim is toolstack/README.md's.
 *
 *   claim-example [MIB]     default 16: on node 0, and as many on the last node
 *
 * Prints `@example step=... result=...` lines. Exit status 0: every step went as it must; 1: one did not; 3: this hypervisor
 * has no claims on nodes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "homestead.h"

#define ORDER_2M    9
#define EXTENT      (1u << ORDER_2M)
#define PAGES(mib)  ((uint64_t)(mib) << 8)
#define MAX_EXTENTS 512

static bool failed;

static int step(const char *what, int rc)
{
    int why = errno;

    printf("@example step=%s result=%d\n", what, rc ? -why : 0);
    failed |= rc != 0;
    errno = why;
    return rc;
}

static int create(xc_interface *xch, uint32_t *domid, uint64_t pages)
{
    struct xen_domctl_createdomain config = {.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                                             .max_vcpus = 1,
                                             .max_evtchn_port = 1023,
                                             .max_grant_frames = 4,
                                             .max_maptrack_frames = 1,
                                             .grant_opts = XEN_DOMCTL_GRANT_version(1),
                                             .arch = {.emulation_flags = XEN_X86_EMU_LAPIC}};

    *domid = 0; /* the hypervisor chooses */
    if (step("create", xc_domain_create(xch, domid, &config)))
        return -1;
    if (step("maxmem", xc_domain_setmaxmem(xch, *domid, pages * 4)))
        return -1;
    /* First the paging pool, then the claim: page tables use up none of it. */
    return step("pool", xc_set_paging_mempool_size(xch, *domid, xc_domain_overhead(pages, 1)));
}

static int populate(xc_interface *xch, uint32_t domid, uint64_t first_page, uint64_t pages, unsigned int node)
{
    xen_pfn_t extents[MAX_EXTENTS];
    uint64_t nr = pages / EXTENT;

    for (uint64_t i = 0; i < nr; i++)
        extents[i] = first_page + i * EXTENT;
    return xc_domain_populate_physmap_exact(xch, domid, nr, ORDER_2M, XENMEMF_exact_node(node), extents);
}

static void show(uint32_t domid)
{
    struct hs_domain d;
    struct hs_domain_node nodes[HS_MAX_NODES];
    uint32_t nr = HS_MAX_NODES;

    if (step("figures", hs_domain(NULL, domid, &d, nodes, &nr)))
        return;
    for (uint32_t i = 0; i < nr; i++)
        printf("@example node=%u own=%" PRIu64 " claim=%" PRIu64 "\n", i, nodes[i].own_pages,
               nodes[i].claim_pages);
}

static void build(xc_interface *xch, uint32_t domid, uint64_t pages, unsigned int last)
{
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT(pages, 0), XEN_NODE_CLAIM_INIT(pages, last)};
    memory_claim_t none[] = {XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE)};
    uint32_t nr = last ? 2 : 1;

    if (step("claim", xc_domain_claim_memory(xch, domid, nr, set))) {
        char text[512];

        hs_claim_text(NULL, errno, domid, nr, set, 0, NULL, NULL, text, sizeof(text));
        printf("%s\n", text);
        return;
    }
    show(domid);
    if (step("populate", populate(xch, domid, 0, pages, 0)))
        return;
    show(domid);
    if (last && step("populate", populate(xch, domid, pages, pages, last)))
        return;
    show(domid);
    step("release", xc_domain_claim_memory(xch, domid, 1, none));
}

int main(int argc, char **argv)
{
    unsigned int mib = argc > 1 ? (unsigned int)atoi(argv[1]) : 16;
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    struct hs_host host;
    uint32_t domid;

    if (!mib || mib % 2 || mib > MAX_EXTENTS * 2) {
        fprintf(stderr, "claim-example: MIB is an even number up to %u\n", MAX_EXTENTS * 2);
        return 2;
    }
    if (!xch) {
        fprintf(stderr, "claim-example: no hypervisor here: %s\n", strerror(errno));
        return 1;
    }
    if (hs_nodes(NULL, &host, NULL, NULL)) {
        int why = errno;

        step("probe", -1);
        printf("%s\n", hs_strerror(why));
        return why == ENOSYS ? 3 : 1;
    }
    printf("@example step=probe result=0 nodes=%u free=%" PRIu64 " outstanding=%" PRIu64 "\n", host.nr_nodes,
           host.free_pages, host.outstanding_pages);
    uint32_t nr = host.nr_nodes > 1 ? 2 : 1;
    if (!create(xch, &domid, PAGES(mib) * nr))
        build(xch, domid, PAGES(mib), host.nr_nodes - 1);
    if (domid)
        step("destroy", xc_domain_destroy(xch, domid));
    xc_interface_close(xch);
    return failed;
}
