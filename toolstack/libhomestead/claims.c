/* Claims: domctl 91 and 92, and XENMEM_claim_pages. docs/hypervisor-guide/mm/claims.md sections 2 and 3. */
#include "internal.h"

#include <stdlib.h>

/* More entries than any hypervisor takes; and what a read-back may grow to. */
#define MANY_CLAIMS 4096u

_Static_assert(HS_CLAIM_REPLACE == XEN_DOMCTL_CLAIM_REPLACE && HS_CLAIM_STRICT == XEN_DOMCTL_CLAIM_STRICT &&
                   HS_CLAIM_SCRUB == XEN_DOMCTL_CLAIM_SCRUB && HS_CLAIM_ORDERS == XEN_DOMCTL_CLAIM_ORDERS,
               "the ABI's flags under the library's names");
_Static_assert(HS_MAX_NODES == MAX_NODES, "the hypervisor's");

API int hs_claim(hs_handle *h, uint32_t domid, uint32_t nr_claims, const memory_claim_t *claims,
                 uint32_t flags)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_claim_memory,
                            .domain = (domid_t)domid,
                            .u.claim_memory = {.nr_claims = nr_claims, .pad = flags}};
    const struct hs_array array = {&op.u.claim_memory.claims, claims, NULL, nr_claims * sizeof(*claims)};

    if (hs_check_domid(domid, ESRCH))
        return -1;
    if (nr_claims > MANY_CLAIMS) {
        errno = E2BIG;
        return -1;
    }
    return hs_domctl(h, &op, claims ? &array : NULL);
}

API int hs_claim_release(hs_handle *h, uint32_t domid)
{
    const memory_claim_t none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE);

    return hs_claim(h, domid, 1, &none, 0);
}

API int hs_claim_read(hs_handle *h, uint32_t domid, uint32_t *nr_claims, memory_claim_t *claims)
{
    /* Room beyond what any hypervisor fills is not offered, nor needed. */
    u32 room = claims ? MIN(*nr_claims, MANY_CLAIMS) : 0;
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_get_memory_claims, .domain = (domid_t)domid, .u.get_memory_claims.nr_claims = room};
    memory_claim_t *got = NULL;
    int rc = -1;

    if (hs_check_domid(domid, ESRCH))
        return -1;
    /* What is beyond the entries stays the caller's. */
    if (room && !(got = malloc(room * sizeof(*got))))
        return -1;
    const struct hs_array array = {&op.u.get_memory_claims.claims, NULL, got, room * sizeof(*got)};
    rc = hs_domctl(h, &op, &array);
    u32 nr = op.u.get_memory_claims.nr_claims;
    if (!rc && nr > room)
        rc = hs_bad_answer();
    for (u32 i = 0; !rc && i < nr; i++)
        claims[i] = got[i];
    if (!rc || errno == ENOBUFS)
        *nr_claims = nr;
    int why = errno;
    free(got);
    errno = why;
    return rc;
}

API int hs_claim_read_all(hs_handle *h, uint32_t domid, uint32_t *nr_claims, memory_claim_t **claims)
{
    u32 room = HS_MAX_CLAIMS;

    for (;;) {
        memory_claim_t *got = malloc(room * sizeof(*got));
        u32 nr = room;

        if (!got)
            return -1;
        if (!hs_claim_read(h, domid, &nr, got)) {
            *nr_claims = nr;
            *claims = got;
            return 0;
        }
        int why = errno;
        free(got);
        errno = why;
        if (why != ENOBUFS)
            return -1;
        /* The set may have grown in the meantime; each turn has more room, and there is an end to it. */
        if (nr <= room || nr > MANY_CLAIMS)
            return hs_bad_answer();
        room = nr;
    }
}

API int hs_claim_host(hs_handle *h, uint32_t domid, uint64_t pages)
{
    struct xen_memory_reservation arg = {.nr_extents = pages, .domid = (domid_t)domid};

    /* What this call says of a domain that is not there. */
    if (hs_check_domid(domid, EINVAL))
        return -1;
    return hs_memory_op(h, XENMEM_claim_pages, &arg, sizeof(arg));
}

_Static_assert(HS_LEGACY_HOST == XEN_HOMESTEAD_LEGACY_host &&
                   HS_LEGACY_AFFINITY == XEN_HOMESTEAD_LEGACY_affinity &&
                   HS_LEGACY_AFFINITY_ONLY == XEN_HOMESTEAD_LEGACY_affinity_only,
               "the ABI's modes under the library's names");

static int legacy_claims(hs_handle *h, uint32_t domid, uint32_t mode, uint32_t *before)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_homestead_legacy_claims,
                            .domain = (domid_t)domid,
                            .u.homestead_legacy_claims.mode = mode};

    if (hs_check_domid(domid, ESRCH))
        return -1;
    int rc = hs_domctl(h, &op, NULL);
    if (!rc && before)
        *before = op.u.homestead_legacy_claims.mode;
    return rc;
}

API int hs_claim_set_legacy(hs_handle *h, uint32_t domid, uint32_t mode, uint32_t *before)
{
    /* A number that only asks must not look like a mode that was set. */
    if (mode > HS_LEGACY_AFFINITY_ONLY) {
        errno = EINVAL;
        return -1;
    }
    return legacy_claims(h, domid, mode, before);
}

API int hs_claim_get_legacy(hs_handle *h, uint32_t domid, uint32_t *mode)
{
    return legacy_claims(h, domid, XEN_HOMESTEAD_LEGACY_query, mode);
}
