/* The smallest guest: five instructions, entered as PVH guests are. It ends with the first letter of its command line. */
#include <docs/samples/guest/samples.h>

#include <guest/lib/image.h>
#include <xen/hvm/start_info.h>
#include <xen/sched.h>

#define KERNEL     0x100000u
#define START_INFO 0x101000u
#define WAIT_MS    5000u

/* 32-bit code: SCHEDOP_shutdown with the address of the command line, whose first byte is taken as the code. */
static const u8 kernel[] = {
    0x8b, 0x4b, 0x18,             /* mov ecx, [ebx + 24]   cmdline_paddr of the start info */
    0xb8, 0x1d, 0x00, 0x00, 0x00, /* mov eax, 29           sched_op */
    0xbb, 0x02, 0x00, 0x00, 0x00, /* mov ebx, 2            SCHEDOP_shutdown */
    0x0f, 0x01, 0xd9,             /* vmmcall */
    0xf4,                         /* hlt */
};

struct start_page {
    struct hvm_start_info info;
    struct hvm_memmap_table_entry map[1];
    char cmdline[8];
};

static int load(u32 domid)
{
    static const struct start_page page = {
        .info = {.magic = XEN_HVM_START_MAGIC_VALUE,
                 .version = 1,
                 .cmdline_paddr = START_INFO + offsetof(struct start_page, cmdline),
                 .memmap_paddr = START_INFO + offsetof(struct start_page, map),
                 .memmap_entries = 1},
        .map = {{.addr = 0, .size = MIB(2), .type = XEN_HVM_MEMMAP_TYPE_RAM}},
        .cmdline = "A",
    };

    int rc = image_write(NULL, domid, KERNEL, kernel, sizeof(kernel));
    if (!rc)
        rc = image_write(NULL, domid, START_INFO, &page, sizeof(page));
    /* EIP and EBX, protected mode without paging: the rest of the state is the same for every PVH guest. */
    return rc ? rc : image_set_context(NULL, domid, KERNEL, START_INFO);
}

/* The code that it ends with, or -errno. */
static int run(u32 domid)
{
    u64 end_ms = guest_now_ms() + WAIT_MS;
    xc_domaininfo_t info;

    int rc = xc_domain_unpause(NULL, domid);
    while (!rc) {
        rc = xc_domain_getinfo_single(NULL, domid, &info);
        if (!rc && (info.flags & XEN_DOMINF_shutdown))
            return (int)(info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
        if (!rc && guest_now_ms() > end_ms)
            rc = -ETIME;
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
    }
    return rc;
}

int pvh_entry_sample(void)
{
    xen_pfn_t first = 0;
    u32 domid = new_domain(1, 512);

    if (!domid)
        return -ENOMEM;
    int rc = xc_domain_max_vcpus(NULL, domid, 1);
    if (!rc)
        rc = xc_domain_populate_physmap_exact(NULL, domid, 1, ORDER_2M, 0, &first);
    if (!rc)
        rc = load(domid);
    if (!rc)
        rc = run(domid);
    return end_domain(domid, rc == 'A' ? 0 : rc < 0 ? rc : SURPRISE);
}
