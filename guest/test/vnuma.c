/*
 * What the guest is told of virtual NUMA nodes: by XENMEM_get_vnumainfo, and by SRAT and SLIT (ACPI 6.5 5.2.16, 5.2.17).
 * Both are printed in the form of domain 0's @vnuma lines, to be compared with these. Then the guest gives back a page of
 * each virtual node and takes one from it again.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/test/test.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/memory.h>

#define NODES_MAX  32u
#define VCPUS_MAX  128u
#define RANGES_MAX 64u

struct view {
    u32 nr_vnodes, nr_vcpus, nr_ranges;
    struct xen_vmemrange range[RANGES_MAX];
    u32 vcpu_to_vnode[VCPUS_MAX];
    u32 distance[NODES_MAX * NODES_MAX];
};

static struct view told, tables;

static void print_view(const char *source, const struct view *v)
{
    for (u32 n = 0; n < v->nr_vnodes; n++) {
        const char *comma = "";
        u64 pages = 0;
        for (u32 i = 0; i < v->nr_ranges; i++)
            pages += v->range[i].nid == n ? (v->range[i].end - v->range[i].start) >> PAGE_SHIFT : 0;
        printf("%s: vnode=%u pages=%lu vcpus=", source, n, pages);
        for (u32 id = 0; id < v->nr_vcpus; id++) {
            if (v->vcpu_to_vnode[id] != n)
                continue;
            printf("%s%u", comma, id);
            comma = ",";
        }
        printf("%s distances=", *comma ? "" : "none");
        for (u32 to = 0; to < v->nr_vnodes; to++)
            printf("%s%u", to ? "," : "", v->distance[n * v->nr_vnodes + to]);
        printf("\n");
    }
}

static long ask(struct view *v, struct xen_vnuma_topology_info *info)
{
    *info = (struct xen_vnuma_topology_info){.domid = DOMID_SELF,
                                             .nr_vnodes = v->nr_vnodes,
                                             .nr_vcpus = v->nr_vcpus,
                                             .nr_vmemranges = v->nr_ranges,
                                             .vdistance.h = XEN_HANDLE(v->distance),
                                             .vcpu_to_vnode.h = XEN_HANDLE(v->vcpu_to_vnode),
                                             .vmemrange.h = XEN_HANDLE(v->range)};
    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, info);
    v->nr_vnodes = info->nr_vnodes;
    v->nr_vcpus = info->nr_vcpus;
    v->nr_ranges = info->nr_vmemranges;
    return rc;
}

static bool complain(const char *what, long rc)
{
    printf("vnuma: %s: %ld\n", what, rc);
    return false;
}

static bool read_told(void)
{
    struct xen_vnuma_topology_info info;

    long rc = ask(&told, &info); /* no room: the sizes come back */
    if (rc != -ENOBUFS)
        return complain("get_vnumainfo without room", rc);
    if (told.nr_vnodes > NODES_MAX || told.nr_vcpus > VCPUS_MAX || told.nr_ranges > RANGES_MAX)
        return complain("more virtual nodes, vCPUs or ranges than this test has room for", 0);
    rc = ask(&told, &info);
    return rc ? complain("get_vnumainfo", rc) : true;
}

static u64 number(const u8 *at, u32 bytes)
{
    u64 value = 0;

    memcpy(&value, at, bytes);
    return value;
}

/* A table of the XSDT; NULL: there is none. */
static const u8 *find_table(const char *signature)
{
    const u8 *rsdp = (const u8 *)number((const u8 *)guest_env.start_info + 32, 8);
    const u8 *xsdt = rsdp ? (const u8 *)number(rsdp + 24, 8) : NULL;

    for (u32 at = 36; xsdt && at < number(xsdt + 4, 4); at += 8) {
        const u8 *table = (const u8 *)number(xsdt + at, 8);
        if (memcmp(table, signature, 4) == 0)
            return table;
    }
    return NULL;
}

static bool read_srat(const u8 *srat)
{
    u32 length = (u32)number(srat + 4, 4);

    for (const u8 *e = srat + 48; e < srat + length; e += e[1]) {
        if (!e[1])
            return complain("an SRAT entry of length 0", 0);
        if (e[0] == 0 && e[3] / 2 < VCPUS_MAX) { /* a vCPU, by its APIC id */
            tables.vcpu_to_vnode[e[3] / 2] = e[2];
            tables.nr_vcpus = MAX(tables.nr_vcpus, e[3] / 2 + 1u);
        } else if (e[0] == 1 && tables.nr_ranges < RANGES_MAX) {
            u64 start = number(e + 8, 8);
            tables.range[tables.nr_ranges++] = (struct xen_vmemrange){
                .start = start, .end = start + number(e + 16, 8), .nid = (u32)number(e + 2, 4)};
        } else {
            return complain("an SRAT entry of type", e[0]);
        }
    }
    return true;
}

static bool read_tables(void)
{
    const u8 *srat = find_table("SRAT"), *slit = find_table("SLIT");

    if (!srat || !slit)
        return complain("no SRAT or no SLIT", 0);
    u64 nr = number(slit + 36, 8);
    if (nr > NODES_MAX)
        return complain("more nodes in the SLIT than this test has room for", (long)nr);
    tables.nr_vnodes = (u32)nr;
    for (u32 i = 0; i < nr * nr; i++)
        tables.distance[i] = slit[44 + i];
    return read_srat(srat);
}

/* Every page of RAM that the memory map has is in exactly one range. */
static bool covers_ram(void)
{
    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        u64 covered = 0;
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM)
            continue;
        for (u32 k = 0; k < tables.nr_ranges; k++) {
            u64 start = MAX(r->base, tables.range[k].start),
                end = MIN(r->base + r->size, tables.range[k].end);
            covered += start < end ? end - start : 0;
        }
        if (covered != r->size)
            return complain("RAM that is on no virtual node, or on two, at", (long)r->base);
    }
    return true;
}

/* The last page of a range. Neither this image nor the start info is there. */
static bool exchange_page(const struct xen_vmemrange *r)
{
    xen_pfn_t gfn = (r->end >> PAGE_SHIFT) - 1;
    struct xen_memory_reservation res = {
        .extent_start = XEN_HANDLE(&gfn), .nr_extents = 1, .domid = DOMID_SELF};

    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &res);
    if (rc != 1)
        return complain("a page cannot be given back", rc);
    res.mem_flags = XENMEMF_vnode | (unsigned int)XENMEMF_exact_node(r->nid);
    rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &res);
    return rc == 1 ? true : complain("no page of the virtual node can be had", rc);
}

bool vnuma_run(void)
{
    if (!read_told() || !read_tables())
        return false;
    print_view("told", &told);
    print_view("tables", &tables);
    if (!covers_ram())
        return false;
    for (u32 i = 0; i < told.nr_ranges; i++)
        if (!exchange_page(&told.range[i]))
            return false;
    return true;
}
