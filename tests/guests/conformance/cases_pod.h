/* Populate on demand: shared by cases_pod.c and cases_pod_guest.c. */
#ifndef GUEST_CONFORMANCE_CASES_POD_H
#define GUEST_CONFORMANCE_CASES_POD_H

#include <tests/guests/conformance/cases.h>
#include <xen/memory.h>

#define POD_SET "memory_op.set_pod_target"

long pod_set(u32 domid, u64 pages);
struct xen_pod_target pod_get(u32 domid);
long pod_mark(u32 domid, u64 gfn, u64 nr, u32 order);

/* A case that shows the domain's cache and marked frames after it. */
#define POD_CASE(domid, call, name, expr) \
    do { \
        case_begin(); \
        long case_rc_ = (expr); \
        struct xen_pod_target pod_ = pod_get(domid); \
        case_end(call, name, case_rc_, " cache=%lu entries=%lu", pod_.pod_cache_pages, pod_.pod_entries); \
    } while (0)

void pod_guest(void);

#endif
