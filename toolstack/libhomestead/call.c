/*
 * Hypercalls through libxencall. Structures and arrays go through its buffers, memory that the hypervisor can read and write
 * at any time; the caller's own are only copied from and to, by the sizes known here.
 */
#include "internal.h"

#include <string.h>

struct call {
    unsigned int nr;
    bool has_cmd; /* memory_op(cmd, arg); else nr(arg) */
    unsigned int cmd;
    void *arg;
    size_t bytes;
};

/* arg has its handle already. */
static int call_with_arg(hs_handle *h, const struct call *c)
{
    void *buffer = xencall_alloc_buffer(h->xcall, c->bytes);

    if (!buffer)
        return -1;
    memcpy(buffer, c->arg, c->bytes);
    u64 address = (uintptr_t)buffer;
    int rc = c->has_cmd ? xencall2(h->xcall, c->nr, c->cmd, address) : xencall1(h->xcall, c->nr, address);
    int why = errno;
    memcpy(c->arg, buffer, c->bytes);
    xencall_free_buffer(h->xcall, buffer);
    errno = why;
    return rc < 0 ? -1 : 0;
}

static int call_with_array(hs_handle *h, const struct call *c, const struct hs_array *array)
{
    void *buffer = xencall_alloc_buffer(h->xcall, array->bytes);

    if (!buffer)
        return -1;
    if (array->in)
        memcpy(buffer, array->in, array->bytes);
    else
        memset(buffer, 0, array->bytes);
    *array->handle = (uintptr_t)buffer;
    int rc = call_with_arg(h, c);
    int why = errno;
    if (array->out && !rc)
        memcpy(array->out, buffer, array->bytes);
    xencall_free_buffer(h->xcall, buffer);
    errno = why;
    return rc;
}

static int make_call(hs_handle *h, const struct call *c, const struct hs_array *array)
{
    h = hs_resolve(h);
    if (!h)
        return -1;
    return array && array->bytes ? call_with_array(h, c, array) : call_with_arg(h, c);
}

int hs_domctl(hs_handle *h, struct xen_domctl *op, const struct hs_array *array)
{
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    int rc = make_call(h, &(struct call){.nr = __HYPERVISOR_domctl, .arg = op, .bytes = sizeof(*op)}, array);
    /* Xen asks its IOMMU code about commands that it does not know; without an IOMMU that is the answer. */
    if (rc && errno == EOPNOTSUPP)
        errno = ENOSYS;
    return rc;
}

int hs_sysctl(hs_handle *h, struct xen_sysctl *op, const struct hs_array *array)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return make_call(h, &(struct call){.nr = __HYPERVISOR_sysctl, .arg = op, .bytes = sizeof(*op)}, array);
}

int hs_memory_op(hs_handle *h, unsigned int cmd, void *arg, size_t bytes)
{
    return make_call(
        h,
        &(struct call){.nr = __HYPERVISOR_memory_op, .has_cmd = true, .cmd = cmd, .arg = arg, .bytes = bytes},
        NULL);
}
