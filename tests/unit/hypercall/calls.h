/*
 * For tests of hypercalls: a machine of three nodes of 16 MiB, domain 0, whose first vCPU calls, and the guests 1 and 2,
 * which have two vCPUs each and no memory. Nodes 1 and 2 are free as a whole; what domains need is node 0's.
 */
#ifndef TESTS_HYPERCALL_CALLS_H
#define TESTS_HYPERCALL_CALLS_H

#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <hypercall/hypercall.h>
#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/sysctl.h>

#define NR_NODES   3u
#define NODE_PAGES 4096u
#define FIRST(nid) (MACHINE_BASE + (nid)*NODE_PAGES) /* frame of a node */
#define ARG        0x100u                            /* where arguments are, */
#define LIST       0x1800u                           /* and arrays: some cross a page */

#define CALL_TEST(name, ...) \
    TEST(name, .nodes = NR_NODES, .domains = 3, .vcpus = 2 __VA_OPT__(, ) __VA_ARGS__)
/* The test of that name once more, for a caller in 32-bit mode. */
#define ALSO_IN_32_BITS(name) \
    CALL_TEST(name##_32_bits) \
    { \
        guest_64 = false; \
        name(); \
    }

static inline struct domain *dom(u16 id)
{
    struct domain *d = domain_get(id);

    domain_put(d);
    return d;
}

/* From now on the first vCPU of that domain calls. A guest gets memory where domain 0 has its. */
static inline void call_from(u16 id)
{
    caller = dom(id)->vcpu[0];
    if (physmap_lookup(caller->domain, gfn(GUEST_BASE >> PAGE_SHIFT)).type == NP_NONE)
        populate(caller->domain, GUEST_BASE >> PAGE_SHIFT, ORDER_2M);
}

/* The caller can read the page of that offset, but not write to it: 32-bit page tables at the end of its memory. */
static inline void write_protect(u64 offset)
{
    const u64 directory = GUEST_BYTES - 2 * PAGE_SIZE, table = GUEST_BYTES - PAGE_SIZE;
    u32 entries[1024] = {(u32)at(table) | 3};

    put(directory, entries, sizeof(entries));
    for (u32 i = 0; i < 1024; i++)
        entries[i] = i << PAGE_SHIFT | (i == at(offset) >> PAGE_SHIFT ? 1 : 3);
    put(table, entries, sizeof(entries));
    guest_paging = (struct hvm_paging){.cr0 = CR0_PG | CR0_PE | CR0_WP, .cr3 = at(directory)};
}

static struct xen_domctl op;
static inline long domctl(u32 cmd, u16 domid)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domid;
    long rc = hypercall(__HYPERVISOR_domctl, PUT(ARG, op), 0, 0);
    GET(ARG, op);
    return rc;
}

static struct xen_sysctl sys;
static inline long sysctl(u32 cmd)
{
    sys.cmd = cmd;
    sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    long rc = hypercall(__HYPERVISOR_sysctl, PUT(ARG, sys), 0, 0);
    GET(ARG, sys);
    return rc;
}

/* A set of claims, nr_claims of them at 0x4000. */
static inline long claim_set(u16 domid, const struct xen_memory_claim *claims, u32 nr, u32 flags)
{
    op.u.claim_memory = (struct xen_domctl_claim_memory){
        .claims = claims ? put(0x4000, claims, nr * sizeof(*claims)) : 0, .nr_claims = nr, .pad = flags};
    return domctl(XEN_DOMCTL_claim_memory, domid);
}

static inline long memory(u64 cmd, const void *arg, u64 size)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, put(ARG, arg, size), 0);
}

/* --- lists of extents, in the caller's word size --- */
static struct xen_memory_reservation res;

static inline void put_frame(u64 i, u64 g)
{
    u64 width = guest_64 ? 8 : 4;

    put(LIST + width * i, &g, width);
}

/* nr extents of domain 1 at frame `first` and those after it; a list of no more than 1024. */
static inline void extents(u64 nr, u64 first, u32 order, u32 flags)
{
    for (u64 i = 0; i < MIN(nr, 1024ull); i++)
        put_frame(i, first + (i << order));
    res = (struct xen_memory_reservation){
        .extent_start = at(LIST), .nr_extents = nr, .extent_order = order, .mem_flags = flags, .domid = 1};
}

static inline u64 put_reservation(u64 offset)
{
    u32 narrow[5] = {(u32)res.extent_start, (u32)res.nr_extents, res.extent_order, res.mem_flags, res.domid};

    return guest_64 ? PUT(offset, res) : PUT(offset, narrow);
}

static inline long do_extents(u32 cmd)
{
    return hypercall(__HYPERVISOR_memory_op, cmd, put_reservation(ARG), 0);
}

static inline long populate_extents(u64 nr, u64 first, u32 order, u32 flags)
{
    extents(nr, first, order, flags);
    return do_extents(XENMEM_populate_physmap);
}

static inline bool is_mapped(u16 domid, u64 g)
{
    return physmap_lookup(dom(domid), gfn(g)).type != NP_NONE;
}

/* Leaves room for so many more page tables. A new domain needs three for its first frame, and one for each 2 MiB. */
static inline void limit_tables(u16 domid, u64 nr)
{
    assert_int_equal(physmap_set_pool(dom(domid), dom(domid)->physmap.pool_used + nr), 0);
}

#endif
