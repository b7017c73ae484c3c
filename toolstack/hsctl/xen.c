/*
 * Nodes and claims of a hypervisor without node claims, Xen: two sysctls of its, numainfo and physinfo. The structures are
 * those of include/xen/, which are Xen 4.17's (tests/unit/include/abi_headers_test.py compares them).
 */
#include <xen/sysctl.h> /* before homestead.h, which leaves out what this defines */

#include "host.h"

#include <errno.h>
#include <string.h>

#include <xencall.h>

struct memory {
    struct xen_sysctl op;
    xen_sysctl_meminfo_t node[HS_MAX_NODES];
};

/* 0 or an errno. */
static int call(xencall_handle *x, struct xen_sysctl *op, uint32_t cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return xencall1(x, __HYPERVISOR_sysctl, (uintptr_t)op) < 0 ? errno : 0;
}

static int read_into(xencall_handle *x, struct memory *m, struct state *s)
{
    memset(m, 0, sizeof(*m));
    int error = call(x, &m->op, XEN_SYSCTL_physinfo);
    if (error)
        return error;
    s->host.free_pages = m->op.u.physinfo.free_pages;
    s->host.outstanding_pages = m->op.u.physinfo.outstanding_pages;
    memset(&m->op, 0, sizeof(m->op));
    m->op.u.numainfo.num_nodes = HS_MAX_NODES;
    m->op.u.numainfo.meminfo = (uintptr_t)m->node;
    error = call(x, &m->op, XEN_SYSCTL_numainfo);
    if (error)
        return error;
    /* More nodes than fit: those that do. */
    s->nr_nodes = m->op.u.numainfo.num_nodes < HS_MAX_NODES ? m->op.u.numainfo.num_nodes : HS_MAX_NODES;
    s->host.nr_nodes = s->nr_nodes;
    for (uint32_t i = 0; i < s->nr_nodes; i++) {
        if (m->node[i].memsize == XEN_INVALID_MEM_SZ)
            continue; /* a number without a node */
        s->nodes[i].size_pages = m->node[i].memsize / HS_PAGE_SIZE;
        s->nodes[i].free_pages = m->node[i].memfree / HS_PAGE_SIZE;
    }
    return 0;
}

int xen_read_nodes(struct state *s)
{
    xencall_handle *x = xencall_open(NULL, 0);

    if (!x)
        return errno;
    struct memory *m = xencall_alloc_buffer(x, sizeof(*m));
    int error = m ? read_into(x, m, s) : errno;
    if (m)
        xencall_free_buffer(x, m);
    xencall_close(x);
    return error;
}
