/*
 * libhomestead: memory claims on NUMA nodes for toolstacks, on Homestead. What a claim promises, and every errno, is in
 * docs/hypervisor-guide/mm/claims.md of Homestead; this header is how to ask. Link with `pkg-config --libs homestead`.
 *
 * Two families of names:
 *   xc_*  with libxenctrl's xc_interface as their first parameter, for programs that use libxenctrl and for those written
 *         for the published drafts of this interface. libxenctrl gives no access to the hypercall handle in an
 *         xc_interface, so these calls use a handle of this library's own, opened by the first call. xch is not looked at
 *         and may be NULL.
 *   hs_*  with a handle of hs_open(), or NULL for the library's own. These need no libxenctrl.
 *
 * Common to all:
 *   - They return 0, or -1 with errno set; what they report through pointers is written on success only, but for the counts
 *     of ENOBUFS.
 *   - Pages have 4 KiB. Nodes are numbered from 0.
 *   - Every call may be made from any thread at any time. After fork() a child may go on: it gets a new handle by itself in
 *     the calls that use the library's own; a handle from hs_open() may only be closed there.
 *   - errno on a hypervisor without these calls, for instance Xen: ENOSYS. Of another interface version than 0x15: EACCES.
 *     Where there is no hypervisor, or no right to use it: what opening /dev/xen/privcmd says (ENOENT, EACCES, EPERM).
 */
#ifndef HOMESTEAD_LIB_H
#define HOMESTEAD_LIB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- the published interface -------------------------------------------------------------------------------- */

/* libxenctrl's handle. The same typedef as in xenctrl.h, which may be included before or after this header. */
#ifndef XENCTRL_H
typedef struct xc_interface_core xc_interface;
#endif

/* A domctl.h that has the published interface defines these itself. */
#ifndef XEN_DOMCTL_claim_memory
/* One wish: the domain shall own `pages` pages on `node`; for the host-wide entry, that many beyond the other entries, on any
 * node, of which what it owns beyond them already counts. */
struct xen_memory_claim {
    uint64_t pages;
    uint32_t node; /* or XEN_DOMCTL_CLAIM_MEMORY_NO_NODE */
    uint32_t pad;  /* 0; with HS_CLAIM_ORDERS the order in which the pages are claimed: 0, 9 or 18 */
};
typedef struct xen_memory_claim memory_claim_t;
#endif

/* Initialises a memory_claim_t; what is not named is 0. */
#ifndef XEN_NODE_CLAIM_INIT
#define XEN_NODE_CLAIM_INIT(pages_, node_) \
    { \
        .pages = (pages_), .node = (node_) \
    }
#endif
#ifndef XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define XEN_DOMCTL_CLAIM_MEMORY_NO_NODE 0xFFFFFFFFU
#endif

/* Nodes that Homestead can have; a set has at most one entry for each, and a host-wide one. */
#define HS_MAX_NODES  64
#define HS_MAX_CLAIMS (HS_MAX_NODES + 1)
#define HS_PAGE_SIZE  4096u

/*
 * Installs a set of claims, all of it or nothing. Counts are absolute: what the domain owns already counts. The domain may
 * have no claims yet. Entries whose pages are all 0 release every claim; documented is one entry {0, NO_NODE}.
 * errno, the first that applies: EPERM not the control domain; ESRCH no such domain; EINVAL no entries; E2BIG more than
 * HS_MAX_CLAIMS; EFAULT claims is NULL; EINVAL the domain is dying, pad is not 0, a node twice; ENOENT no such node; EINVAL
 * claims outstanding, nothing to claim, or above the domain's max_mem; ENOMEM there is not that much unclaimed memory.
 */
int xc_domain_claim_memory(xc_interface *xch, uint32_t domid, uint32_t nr_claims, memory_claim_t *claims);

/* The same with HS_CLAIM_* flags, which are Homestead's own. */
int xc_domain_claim_memory_flags(xc_interface *xch, uint32_t domid, uint32_t nr_claims,
                                 memory_claim_t *claims, uint32_t flags);

/*
 * Reads back what is outstanding: the host-wide entry first, if there is one, then the nodes in ascending order.
 * *nr_claims: the room in claims, then the number of entries. ENOBUFS: *nr_claims is the room that is needed. A count of
 * HS_MAX_CLAIMS is always enough.
 */
int xc_domain_get_memory_claims(xc_interface *xch, uint32_t domid, uint32_t *nr_claims,
                                memory_claim_t *claims);

/*
 * An upper bound in bytes of a domain's paging pool (domctl 86), from which its nested page tables come. A builder that
 * sizes the pool with it first, and claims then, loses no claimed page to overhead. Does not ask the hypervisor.
 */
uint64_t xc_domain_overhead(uint64_t pages, unsigned int vcpus);

/*
 * Two names that public toolstacks use where their xenctrl.h has them (compat/xenctrl.h makes it so).
 *
 * xc_domain_claim_pages_node: the domain shall reach nr_pages pages, claimed on one node; 0 releases every claim. Node ~0U is
 * the host-wide claim of XENMEM_claim_pages, which Xen has too.
 *
 * xc_numa_meminfo: bytes. *max_nodes: the room in meminfo, then the entries filled; with meminfo NULL the number of nodes.
 */
typedef struct xen_sysctl_node_meminfo {
    uint64_t size;
    uint64_t free;    /* claimed or not */
    uint64_t claimed; /* by claims on this node */
} xen_sysctl_node_meminfo_t;
int xc_domain_claim_pages_node(xc_interface *xch, uint32_t domid, unsigned int node, unsigned long nr_pages);
int xc_numa_meminfo(xc_interface *xch, unsigned int *max_nodes, xen_sysctl_node_meminfo_t *meminfo);

/* --- handles ------------------------------------------------------------------------------------------------ */

typedef struct hs_handle hs_handle;

hs_handle *hs_open(void);
/* NULL is nothing to close: 0. */
int hs_close(hs_handle *h);

/* 1: this hypervisor has the calls of this header. 0: it has not, errno says why (ENOSYS, EACCES). -1: it could not be asked. */
int hs_probe(hs_handle *h);

/* --- claims ------------------------------------------------------------------------------------------------- */

/* Flags of a set. */
#define HS_CLAIM_REPLACE (1U << 16) /* instead of the claims there are, in one step */
#define HS_CLAIM_STRICT  (1U << 17) /* no allocation redeems a claim on another node than its own */
#define HS_CLAIM_SCRUB   (1U << 18) /* the claimed amount is cleaned at once */
#define HS_CLAIM_ORDERS \
    (1U << 19) /* the pad of a node's entry is the order of the extents that are kept whole */

#define HS_ORDER_4K 0
#define HS_ORDER_2M 9
#define HS_ORDER_1G 18

/* The calls above without an xc_interface. */
int hs_claim(hs_handle *h, uint32_t domid, uint32_t nr_claims, const memory_claim_t *claims, uint32_t flags);
int hs_claim_release(hs_handle *h, uint32_t domid);
int hs_claim_read(hs_handle *h, uint32_t domid, uint32_t *nr_claims, memory_claim_t *claims);
/* The whole set in memory from malloc(): free(*claims). */
int hs_claim_read_all(hs_handle *h, uint32_t domid, uint32_t *nr_claims, memory_claim_t **claims);
/* XENMEM_claim_pages, which Xen has too: pages is the size that the domain shall reach, 0 releases every claim. */
int hs_claim_host(hs_handle *h, uint32_t domid, uint64_t pages);

/* What a claim without nodes, hs_claim_host()'s or that of a toolstack, becomes for a domain with a node affinity. */
#define HS_LEGACY_HOST          0 /* host-wide, as on Xen */
#define HS_LEGACY_AFFINITY      1 /* on the nodes of the affinity; what they lack, host-wide */
#define HS_LEGACY_AFFINITY_ONLY 2 /* on these nodes, or ENOMEM */
/* Sets that from the next claim on. *before, which may be NULL: what was set. EINVAL: no such mode. */
int hs_claim_set_legacy(hs_handle *h, uint32_t domid, uint32_t mode, uint32_t *before);
int hs_claim_get_legacy(hs_handle *h, uint32_t domid, uint32_t *mode);

/* --- figures ------------------------------------------------------------------------------------------------ */

struct hs_node {
    uint64_t size_pages;
    uint64_t free_pages;    /* clean or dirty, claimed or not */
    uint64_t claimed_pages; /* by claims on this node */
    uint64_t dirty_pages;   /* of the free ones: not cleaned yet */
    uint64_t offline_pages;
    uint64_t free_2m;     /* whole, aligned, free extents of 2 MiB, those in free_1g too */
    uint64_t free_1g;     /* of 1 GiB */
    uint64_t reserved_2m; /* of them kept whole for claims by order */
    uint64_t reserved_1g;
};

struct hs_host {
    uint32_t nr_nodes; /* that there are, also if there was room for fewer */
    uint64_t free_pages;
    uint64_t outstanding_pages;  /* claimed on nodes and host-wide */
    uint64_t host_claimed_pages; /* claimed host-wide */
};

struct hs_domain_node {
    uint64_t own_pages;
    uint64_t claim_pages;
    uint64_t claim_extents; /* claimed by order: whole extents that are kept for it now */
    uint32_t claim_order;   /* 0, 9, 18 */
};

struct hs_domain {
    uint32_t domid;
    uint32_t nr_nodes; /* that there are */
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t overhead_pages; /* Homestead's memory for this domain, in none of the others */
    uint64_t host_claim_pages;
    uint64_t outstanding_pages; /* of all its claims */
    uint64_t broken_pages;      /* taken back from its claims as memory went offline */
    uint64_t broken_extents;    /* claimed whole, and no longer */
    uint32_t claim_flags;       /* HS_CLAIM_STRICT, HS_CLAIM_SCRUB */
};

/* One sample of the host and its nodes. host may be NULL. *nr: the room in nodes, then the entries filled; nodes may be NULL
 * (and then nr too): only the host. HS_MAX_NODES is always enough. */
int hs_nodes(hs_handle *h, struct hs_host *host, struct hs_node *nodes, uint32_t *nr);

/* One sample of a domain, ESRCH if there is none. Parameters as above. */
int hs_domain(hs_handle *h, uint32_t domid, struct hs_domain *domain, struct hs_domain_node *nodes,
              uint32_t *nr);

/* The domains from first_domid up, ascending; works on Xen too. *nr: room, then the entries filled; fewer than room: the end. */
struct hs_domain_info {
    uint32_t domid;
    uint32_t dying; /* 1: it is being destroyed, and has no claims */
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages;
    uint8_t uuid[16];
};
int hs_domain_list(hs_handle *h, uint32_t first_domid, struct hs_domain_info *info, uint32_t *nr);

/* --- refusals, and errors in words ------------------------------------------------------------------------- */

#define HS_REFUSAL_NONE  0
#define HS_REFUSAL_CLAIM 1 /* a claim was not installed: ENOMEM */
#define HS_REFUSAL_ALLOC 2 /* memory was not allocated, as what is free is promised to others */
#define HS_MAX_HOLDERS   8
#define HS_NO_DOMAIN     0xffffU /* the hypervisor itself asked */
#define HS_ANY_NODE      0xffffffffU

struct hs_refusals {
    uint64_t nr_claims; /* refused since the host started */
    uint64_t nr_allocs;
    /* The last one. */
    uint32_t kind;       /* HS_REFUSAL_* */
    uint32_t domid;      /* who asked */
    uint32_t node;       /* that was short; HS_ANY_NODE: none by itself */
    uint32_t order;      /* of the extents that were to be allocated */
    uint64_t pages;      /* wanted; of a claim: those the domain did not have yet */
    uint64_t free_pages; /* there at that moment, or in all */
    uint64_t claimed_pages;
    uint32_t nr_holders;
    struct hs_holder {
        uint32_t domid;
        uint64_t node_pages;   /* claimed there, or on any node */
        uint64_t host_pages;   /* claimed host-wide */
    } holders[HS_MAX_HOLDERS]; /* the largest claims first */
};
int hs_refusals(hs_handle *h, struct hs_refusals *refusals);

/* What a domain is called. Returns a string that is valid until the next call, or NULL if it has no name. */
typedef const char *(*hs_name_fn)(uint32_t domid, void *arg);

/*
 * Sentences without a line feed at the end, cut to len bytes with the 0; they return the length they would have, as
 * snprintf() does. name may be NULL: domains are called by their number.
 *
 * hs_refusal_text: the last refusal: what was asked, what there was, who held it.
 * hs_claim_text: why hs_claim() or xc_domain_claim_memory*() with these parameters failed with err. Reads figures and refusals
 *     of the hypervisor for it, soon after the call; errno stays as it is.
 * hs_size_text: pages as "2 GiB", "1536 MiB" or "12 KiB": the largest unit without a fraction. At most 24 bytes.
 */
size_t hs_refusal_text(const struct hs_refusals *refusals, hs_name_fn name, void *arg, char *text,
                       size_t len);
size_t hs_claim_text(hs_handle *h, int err, uint32_t domid, uint32_t nr_claims, const memory_claim_t *claims,
                     uint32_t flags, hs_name_fn name, void *arg, char *text, size_t len);
size_t hs_size_text(uint64_t pages, char *text, size_t len);

/* The errno of any call of this header in words: strerror() for what the hypervisor means by it. A constant. */
const char *hs_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
