/* Hypercalls by their parts, and pointers that must be refused. See conformance.h. */
#include <tests/guests/conformance/conformance.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

static void *edge_page; /* one page of memory, and no memory behind it */

/* Our own two pages, of which the second is given back to the hypervisor. */
static u8 two_pages[2 * PAGE_SIZE] ALIGNED(4096);

long domctl(struct xen_domctl *op)
{
    if (!op->interface_version)
        op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(op));
}

long sysctl(struct xen_sysctl *op)
{
    if (!op->interface_version)
        op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(op));
}

long memory_op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_memory_op, cmd, arg);
}

long evtchn_op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_event_channel_op, cmd, arg);
}

long sched_op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_sched_op, cmd, arg);
}

long vcpu_op(u64 cmd, u64 vcpu, const void *arg)
{
    return hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, XEN_HANDLE(arg), 0, 0);
}

long hvm_op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_hvm_op, cmd, arg);
}

long version_op(u64 cmd, const void *arg)
{
    return hypercall2(__HYPERVISOR_xen_version, cmd, arg);
}

void *bad_ptr(void)
{
    return (void *)0x00007f0000000000ull;
}

void *noncanonical_ptr(void)
{
    return (void *)0x4000000000000000ull;
}

static void make_edge(void)
{
    xen_pfn_t second = (u64)(uintptr_t)(two_pages + PAGE_SIZE) >> PAGE_SHIFT;
    struct xen_memory_reservation r = {
        .extent_start = XEN_HANDLE(&second), .nr_extents = 1, .domid = DOMID_SELF};

    if (edge_page)
        return;
    long rc = memory_op(XENMEM_decrease_reservation, &r);
    if (rc != 1)
        give_up("giving a page of our own back", rc);
    edge_page = two_pages;
}

void *hole_ptr(void)
{
    make_edge();
    return two_pages + PAGE_SIZE;
}

void *edge_ptr(u64 bytes)
{
    make_edge();
    return two_pages + PAGE_SIZE - bytes;
}
