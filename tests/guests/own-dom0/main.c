/* The smallest domain 0 that claims memory and builds a guest: docs/tutorials/own-domain0.md. */
#include <guest/dom0/cpio.h>
#include <guest/lib/guest.h>
#include <guest/lib/image.h>
#include <guest/lib/lock.h>

#define NODE       1u
#define PAGES      (MIB(64) >> PAGE_SHIFT)
#define ORDER      9u /* extents of 2 MiB */
#define EXTENTS    (PAGES >> ORDER)
#define START_INFO 0x1000u /* below the kernel, which is at 1 MiB */

static xc_interface *xch;

/* The first failure ends the build: its name and error are printed. */
#define TRY(call) \
    do { \
        int rc_ = (call); \
        if (rc_) { \
            printf("own-dom0: " #call ": %d\n", rc_); \
            return rc_; \
        } \
    } while (0)

static int build(u32 domid, const struct elf_kernel *kernel)
{
    memory_claim_t claim = XEN_NODE_CLAIM_INIT(PAGES, NODE);
    struct xen_e820_entry ram = {.size = PAGES << PAGE_SHIFT, .type = XEN_HVM_MEMMAP_TYPE_RAM};
    struct hvm_start_info info = {.magic = XEN_HVM_START_MAGIC_VALUE, .version = 1};
    xen_pfn_t frames[EXTENTS];

    for (u32 i = 0; i < EXTENTS; i++)
        frames[i] = i << ORDER;
    TRY(xc_domain_max_vcpus(xch, domid, 1));
    TRY(xc_domain_setmaxmem(xch, domid, PAGES << (PAGE_SHIFT - 10)));
    TRY(xc_set_paging_mempool_size(xch, domid, xc_domain_overhead(PAGES, 1)));
    TRY(xc_domain_claim_memory(xch, domid, 1, &claim));
    printf("@claim domain=%u node=%u pages=%lu result=0 name=own\n", domid, NODE, PAGES);
    TRY(xc_domain_populate_physmap_exact(xch, domid, EXTENTS, ORDER, XENMEMF_exact_node(NODE), frames));
    printf("@populated domain=%u node=%u pages=%lu\n", domid, NODE, PAGES);
    TRY(xc_domain_set_memory_map(xch, domid, &ram, 1));
    TRY(image_load(xch, domid, kernel));
    TRY(image_write(xch, domid, START_INFO, &info, sizeof(info)));
    TRY(image_set_context(xch, domid, kernel->pvh_entry, START_INFO));
    return xc_domain_unpause(xch, domid);
}

/* Until it has shut down: 0 if it powered off. */
static int wait(u32 domid)
{
    xc_domaininfo_t info;

    do {
        vcpu_yield();
        TRY(xc_domain_getinfo_single(xch, domid, &info));
    } while (!(info.flags & XEN_DOMINF_shutdown));
    return (int)(info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
}

static int run(void)
{
    static struct elf_kernel kernel;
    struct xen_domctl_createdomain config = xc_domain_config(1);
    struct cpio_file file;
    char why[CPIO_WHY_MAX];
    const char *fault = why;
    u32 domid = 0;

    xch = xc_interface_open();
    TRY(xc_foreign_init(guest_find_hole(MIB(2)), 1));
    TRY(cpio_find(guest_env.module.data, guest_env.module.size, "test.elf", &file, why));
    TRY(elf_parse_kernel(file.data, file.size, &kernel, &fault));
    TRY(xc_domain_create(xch, &domid, &config));
    int rc = build(domid, &kernel);
    if (!rc)
        rc = wait(domid);
    while (xc_domain_destroy(xch, domid) == -ERESTART)
        ;
    return rc;
}

void guest_main(void)
{
    bool good = run() == 0;

    guest_verdict(good);
    guest_shutdown(good ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}
