/* What the files of libhomestead share; not installed. The ABI is the hypervisor's own include/xen/. */
#ifndef LIBHOMESTEAD_INTERNAL_H
#define LIBHOMESTEAD_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xencall.h>

#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

#include "homestead.h"

/* Marks what the shared library exports; everything else is hidden. */
#define API __attribute__((visibility("default")))

struct hs_handle {
    xencall_handle *xcall;
};

/* h, or the library's own for NULL, which the first call opens. NULL and errno: it cannot be opened. */
hs_handle *hs_resolve(hs_handle *h);

/* An array that a call reads (in) or fills (out), whose address goes to *handle, a field of the call's structure. */
struct hs_array {
    u64 *handle;
    const void *in;
    void *out;
    size_t bytes; /* of in and of out, those that are not NULL */
};

/* One call each: the version is filled in, and the structure is copied there and, also after an error, back. array may be
 * NULL, then handles are as they are. 0, or -1 and errno. */
int hs_domctl(hs_handle *h, struct xen_domctl *op, const struct hs_array *array);
int hs_sysctl(hs_handle *h, struct xen_sysctl *op, const struct hs_array *array);
int hs_memory_op(hs_handle *h, unsigned int cmd, void *arg, size_t bytes);

/* The hypervisor's field has 16 bits: a larger number must not become another domain's. why: what the call says of a domain
 * that is not there. */
static inline int hs_check_domid(uint32_t domid, int why)
{
    if (domid <= 0xffff)
        return 0;
    errno = why;
    return -1;
}

/* For answers that no hypervisor may give, for instance more entries than there was room for. */
static inline int hs_bad_answer(void)
{
    errno = EPROTO;
    return -1;
}

#endif
