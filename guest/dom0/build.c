/*
 * One guest from its configuration: create, limit, node affinity, pins, paging pool, claim, populate, load, start
 * info, context. Order and values follow abi.md section 4.2. Nothing here destroys: the caller does,
 * whatever the result, if b->created.
 *
 * Several vCPUs build at once, each its own guest.
 */
#include <guest/dom0/cpus.h>
#include <guest/dom0/dom0.h>
#include <guest/lib/image.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/hvm/start_info.h>

static int say(const struct build *b, const char *what, int rc)
{
    printf("%-9s %s: %d\n", b->cfg->name, what, rc);
    return rc;
}

static int say_no_node(const struct build *b, const struct host_state *host, u32 node)
{
    if (node < host->nr_nodes)
        printf("%-9s node %u has no memory\n", b->cfg->name, node);
    else if (host->nr_nodes == 1)
        printf("%-9s node %u: this host has node 0 only\n", b->cfg->name, node);
    else
        printf("%-9s node %u: this host has nodes 0 to %u\n", b->cfg->name, node, host->nr_nodes - 1);
    return -ENOENT;
}

static int choose_nodes(struct build *b, const struct host_state *host)
{
    const struct xlcfg *cfg = b->cfg;

    for (u32 n = 0; n < host->nr_nodes; n++) {
        if (!host->size_pages[n])
            continue;
        if (cfg->nodes_kind == NODES_ALL)
            b->nodes[b->nr_nodes++] = n;
        if (cfg->nodes_kind == NODES_LAST) {
            b->nodes[0] = n;
            b->nr_nodes = 1;
        }
    }
    for (u32 i = 0; cfg->nodes_kind == NODES_LIST && i < cfg->nr_nodes; i++) {
        u32 n = cfg->nodes[i];
        if (n >= host->nr_nodes || !host->size_pages[n])
            return say_no_node(b, host, n);
        b->nodes[b->nr_nodes++] = n;
    }
    /* Equal shares of a multiple of 2 MiB; the last node gets the rest. */
    u64 left = b->layout.nr_pages;
    for (u32 i = 0; i < b->nr_nodes; i++) {
        u64 share = i + 1 == b->nr_nodes ? left : ALIGN_DOWN(b->layout.nr_pages / b->nr_nodes, 512);
        b->quota[i] = share;
        left -= share;
    }
    return 0;
}

static int create(struct build *b)
{
    const struct xlcfg *cfg = b->cfg;
    struct xen_domctl_createdomain config = xc_domain_config(cfg->maxvcpus);

    memcpy(config.handle, "Homestead", sizeof("Homestead") - 1);
    int rc = xc_domain_create(xch, &b->domid, &config);
    if (rc)
        return say(b, "creating the domain failed", rc);
    b->created = true;
    printf("@guest domain=%u event=created code=0 name=%s\n", b->domid, cfg->name);
    rc = xc_domain_max_vcpus(xch, b->domid, cfg->maxvcpus);
    if (rc)
        return say(b, "max_vcpus failed", rc);
    rc = xc_domain_setmaxmem(xch, b->domid, cfg->maxmem_mib << 10);
    return rc ? say(b, "max_mem failed", rc) : 0;
}

/* When the node affinity is known, for nested tables to be where the memory will be; and before the claim. */
static int connect(struct build *b)
{
    u64 pool = xc_domain_overhead(b->layout.nr_pages, b->cfg->maxvcpus);

    int rc = xc_set_paging_mempool_size(xch, b->domid, pool);
    return rc ? say(b, "sizing the paging pool failed", rc) : console_connect(&b->console, b->domid);
}

static int claim_host(struct build *b)
{
    int rc = xc_domain_claim_pages(xch, b->domid, b->layout.nr_pages);

    printf("@claim domain=%u node=host pages=%lu result=%d name=%s\n", b->domid, b->layout.nr_pages, rc,
           b->cfg->name);
    return rc ? say(b, "claiming memory host-wide failed", rc) : 0;
}

static int claim(struct build *b)
{
    memory_claim_t set[MAX_NODES];

    if (!b->nr_nodes) {
        int rc = place_guest(b);
        if (rc)
            return say(b, "placing it on a node failed", rc);
        if (b->nr_nodes)
            return 0;
    }
    if (b->cfg->claim_mode == CLAIM_OFF)
        return 0;
    if (b->cfg->claim_mode == CLAIM_HOST || !b->nr_nodes)
        return claim_host(b);
    for (u32 i = 0; i < b->nr_nodes; i++)
        set[i] = (memory_claim_t)XEN_NODE_CLAIM_INIT(b->quota[i], b->nodes[i]);
    int rc = xc_domain_claim_memory(xch, b->domid, b->nr_nodes, set);
    if (rc == -ENOSYS) {
        printf("%-9s this hypervisor has no node claims, claiming host-wide\n", b->cfg->name);
        return claim_host(b);
    }
    for (u32 i = 0; i < b->nr_nodes; i++)
        printf("@claim domain=%u node=%u pages=%lu result=%d name=%s\n", b->domid, b->nodes[i], b->quota[i],
               rc, b->cfg->name);
    return rc ? say(b, "claiming memory failed", rc) : 0;
}

static int set_affinity(struct build *b)
{
    u8 map[MAX_NODES / 8] = {0};

    if (!b->nr_nodes)
        return 0;
    for (u32 i = 0; i < b->nr_nodes; i++)
        map[b->nodes[i] / 8] |= (u8)(1u << (b->nodes[i] % 8));
    int rc = xc_domain_node_setaffinity(xch, b->domid, map);
    return rc ? say(b, "setting the node affinity failed", rc) : 0;
}

/* Sets the hard or soft affinity of each vCPU from the configuration. */
static int pin(struct build *b, const struct xl_value *cpus, const char *key, u32 flag)
{
    char text[XLCFG_CPUS_MAX];
    u8 map[MAX_CPUS / 8];

    for (u32 id = 0; id < b->cfg->maxvcpus && xlcfg_cpus(cpus, id, text); id++) {
        int rc = cpus_parse(text, host_cpu_node, host_nr_cpus, map);
        if (rc) {
            printf("%-9s %s \"%s\": the host has CPUs 0 to %u\n", b->cfg->name, key, text, host_nr_cpus - 1);
            return rc;
        }
        rc = xc_vcpu_setaffinity(xch, b->domid, id, flag, map);
        if (rc)
            return say(b, "setting a vCPU's affinity failed", rc);
    }
    return 0;
}

static int check_kernel(struct build *b, const void *image, size_t size)
{
    const char *why = "";
    int rc = elf_parse_kernel(image, size, &b->elf, &why);

    for (u32 i = 0; !rc && i < b->elf.nr_segments; i++) {
        if (!layout_contains(&b->layout, b->elf.segments[i].paddr, b->elf.segments[i].mem_size)) {
            why = "has a segment outside the guest's memory";
            rc = -ENOEXEC;
        }
    }
    if (rc)
        printf("%-9s the kernel %s cannot be loaded: it %s\n", b->cfg->name, b->cfg->kernel, why);
    return rc;
}

/* Writes the start info, its memory map and the command line behind the kernel. *gaddr: its address. */
static int write_start_info(const struct build *b, u64 *gaddr)
{
    struct {
        struct hvm_start_info info;
        struct hvm_memmap_table_entry map[LAYOUT_MAX];
        char cmdline[XLCFG_TEXT_MAX];
    } block;
    struct xen_e820_entry e820[LAYOUT_MAX];

    u64 at = layout_place(&b->layout, &b->elf, sizeof(block));
    if (!at)
        return say(b, "no room for the start info", -ENOEXEC);
    memset(&block, 0, sizeof(block));
    block.info = (struct hvm_start_info){.magic = XEN_HVM_START_MAGIC_VALUE,
                                         .version = 1,
                                         .cmdline_paddr = at + ((u8 *)block.cmdline - (u8 *)&block),
                                         .memmap_paddr = at + ((u8 *)block.map - (u8 *)&block),
                                         .memmap_entries = b->layout.nr_ranges};
    str_copy(block.cmdline, b->cfg->extra, sizeof(block.cmdline));
    for (u32 i = 0; i < b->layout.nr_ranges; i++) {
        const struct layout_range *r = &b->layout.ranges[i];
        u64 start = r->start << PAGE_SHIFT, size = (r->end - r->start) << PAGE_SHIFT;
        block.map[i] = (struct hvm_memmap_table_entry){.addr = start, .size = size, .type = r->type};
        e820[i] = (struct xen_e820_entry){.addr = start, .size = size, .type = r->type};
    }
    int rc = image_write(xch, b->domid, at, &block, sizeof(block));
    if (rc)
        return say(b, "writing the start info failed", rc);
    rc = xc_domain_set_memory_map(xch, b->domid, e820, b->layout.nr_ranges);
    if (rc)
        return say(b, "setting the memory map failed", rc);
    *gaddr = at;
    return 0;
}

static int load_and_start(struct build *b)
{
    u64 start_info = 0;

    int rc = image_load(xch, b->domid, &b->elf);
    if (rc)
        return say(b, "writing the kernel to the guest's memory failed", rc);
    rc = write_start_info(b, &start_info);
    if (rc)
        return rc;
    rc = image_set_context(xch, b->domid, b->elf.pvh_entry, start_info);
    return rc ? say(b, "setting the vCPU's context failed", rc) : console_open(&b->console);
}

int build_release_claim(const struct build *b)
{
    memory_claim_t none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE);

    if (b->cfg->claim_mode == CLAIM_OFF)
        return 0;
    int rc = host_has_node_claims() ? xc_domain_claim_memory(xch, b->domid, 1, &none)
                                    : xc_domain_claim_pages(xch, b->domid, 0);
    return rc ? say(b, "releasing the claim failed", rc) : 0;
}

int build_guest(struct build *b, const struct xlcfg *cfg, const void *image, size_t image_size,
                const struct host_state *host)
{
    memset(b, 0, sizeof(*b));
    b->cfg = cfg;
    layout_make(cfg->memory_mib, &b->layout);
    int rc = choose_nodes(b, host);
    if (!rc)
        rc = check_kernel(b, image, image_size);
    if (rc)
        return rc;
    rc = create(b);
    if (!rc)
        rc = set_affinity(b);
    if (!rc)
        rc = pin(b, &cfg->cpus, "cpus", XEN_VCPUAFFINITY_HARD);
    if (!rc)
        rc = pin(b, &cfg->cpus_soft, "cpus_soft", XEN_VCPUAFFINITY_SOFT);
    if (!rc)
        rc = connect(b);
    if (!rc)
        rc = claim(b);
    if (!rc)
        rc = populate_guest(b);
    if (!rc)
        rc = load_and_start(b);
    return rc;
}
