/*
 * The helper guest: the same image in an unprivileged domain. It makes the hypercalls that domain 0 writes
 * into its mailbox page, or one instruction, and yields otherwise.
 *
 * Mailbox and data page are frames of the helper's low memory, which domain 0 maps for as long as it lives.
 * `request` is raised by domain 0 when the call is written, `done` follows when its result is.
 *
 * lint: long: both sides of one mailbox.
 */
#include <tests/guests/conformance/conformance.h>
#include <guest/lib/image.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/grant_table.h>
#include <xen/hvm/start_info.h>
#include <xen/sched.h>

#define HELPER_PAGES  (MIB(16) >> PAGE_SHIFT)
#define MAILBOX_GADDR 0x6000ull
#define DATA_GADDR    0x7000ull
#define START_GADDR   0x9f000ull
#define ANSWER_MS     20000u

enum mode { CALL_64, CALL_32, RDMSR, WRMSR, LOAD, STORE, CPUID, CR4, IN, REVOKE, MAPPING, COPYING, END };

struct mailbox {
    u32 request, done;
    u32 mode, pad;
    u64 nr, args[5];
    s64 rc;
};

static struct mailbox *mailbox; /* domain 0's view */
static u32 helper_domid;

/* msr_try.asm: 0, or -1 after #GP. */
long try_rdmsr(u32 msr, u64 *value);
long try_wrmsr(u32 msr, u64 value);
long try_cr4(u64 value);
void try_init(void);

#define ACCESS(type) \
    do { \
        volatile type *at = (volatile type *)a[0]; \
        if (store) \
            *at = (type)a[2]; \
        else \
            a[2] = *at; \
    } while (0)

/* a: address, bytes, value */
static void access_memory(u64 *a, bool store)
{
    if (a[1] == 1)
        ACCESS(u8);
    else if (a[1] == 2)
        ACCESS(u16);
    else if (a[1] == 4)
        ACCESS(u32);
    else
        ACCESS(u64);
}

/* Sets these bits, and takes them back. */
static long toggle_cr4(u64 bits)
{
    u64 cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (try_cr4(cr4 | bits))
        return -EFAULT;
    try_cr4(cr4);
    return 0;
}

static void read_port(u64 *a)
{
    u16 nr = (u16)a[0];
    u32 value = ~0u;

    if (a[1] == 1)
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "d"(nr));
    else if (a[1] == 2)
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "d"(nr));
    else
        __asm__ volatile("inl %1, %0" : "+a"(value) : "d"(nr));
    a[2] = value;
}

/* a: the entry's flags, a counter in the granted page, rounds. By the guest's protocol: the entry is revoked while nobody
 * uses it, and the counter is odd while it is. Result: how often that went well. */
static long revoke(const u64 *a)
{
    u16 *flags = (u16 *)a[0];
    volatile u64 *counter = (volatile u64 *)a[1];
    long done = 0;

    for (u64 i = 0; i < a[2]; i++) {
        u16 is = __atomic_load_n(flags, __ATOMIC_SEQ_CST);

        if ((is & (GTF_reading | GTF_writing)) ||
            !__atomic_compare_exchange_n(flags, &is, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        for (u32 n = 0; n < 40; n++)
            *counter += n % 2 ? 0 : 2;
        ++*counter;
        for (u32 n = 0; n < 40; n++)
            *counter += n % 2 ? 0 : 2;
        ++*counter;
        __atomic_store_n(flags, is, __ATOMIC_SEQ_CST);
        done++;
    }
    return done;
}

/* a: the argument of a mapping, rounds. Maps, reads a byte of the page twice, unmaps. Result: how often the two differed,
 * or the unmapping failed. */
static long mapping(const u64 *a)
{
    struct gnttab_map_grant_ref *op = (struct gnttab_map_grant_ref *)a[0];
    long wrong = 0;

    for (u64 i = 0; i < a[1]; i++) {
        if (hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, a[0], 1, 0, 0) || op->status)
            continue;
        volatile u8 *page = (volatile u8 *)op->host_addr;
        u8 first = page[17];
        struct gnttab_unmap_grant_ref back = {.host_addr = op->host_addr, .handle = op->handle};

        wrong += first != page[18];
        wrong +=
            hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, XEN_HANDLE(&back), 1, 0, 0) ||
            back.status;
    }
    return wrong;
}

/* a: the argument of a copy to (destination) a page of ours, which is copied to, where that is, rounds. */
static long copying(const u64 *a)
{
    struct gnttab_copy *op = (struct gnttab_copy *)a[0];
    const volatile u8 *page = (const volatile u8 *)a[1];
    long wrong = 0;

    for (u64 i = 0; i < a[2]; i++)
        if (!hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, a[0], 1, 0, 0) && !op->status)
            wrong += page[17] != page[18];
    return wrong;
}

static long call(struct mailbox *m)
{
    u64 *a = m->args;
    struct cpuid_regs regs;

    switch (m->mode) {
    case RDMSR:
        return try_rdmsr((u32)a[0], &a[2]) ? -EFAULT : 0;
    case WRMSR:
        return try_wrmsr((u32)a[0], a[2]) ? -EFAULT : 0;
    case LOAD:
    case STORE:
        access_memory(a, m->mode == STORE);
        return 0;
    case CR4:
        return toggle_cr4(a[2]);
    case IN:
        read_port(a);
        return 0;
    case REVOKE:
        return revoke(a);
    case MAPPING:
        return mapping(a);
    case COPYING:
        return copying(a);
    case CPUID:
        regs = cpuid((u32)a[0], (u32)a[1]);
        memcpy(a, &regs, sizeof(regs));
        return 0;
    }
    if (m->mode == CALL_32)
        return hypercall32((u32)m->nr, (u32)a[0], (u32)a[1], (u32)a[2], (u32)a[3], (u32)a[4]);
    return hypercall(m->nr, a[0], a[1], a[2], a[3], a[4]);
}

void helper_main(void)
{
    struct mailbox *box = (struct mailbox *)MAILBOX_GADDR;

    try_init();
    for (;;) {
        u32 request = __atomic_load_n(&box->request, __ATOMIC_ACQUIRE);
        if (request == box->done) {
            sched_op(SCHEDOP_yield, NULL);
            continue;
        }
        if (box->mode == END)
            guest_shutdown((u32)box->args[0]);
        box->rc = call(box);
        __atomic_store_n(&box->done, request, __ATOMIC_RELEASE);
    }
}

static void begin(const struct mailbox *m)
{
    u32 request = mailbox->request + 1;

    mailbox->mode = m->mode;
    mailbox->nr = m->nr;
    memcpy(mailbox->args, m->args, sizeof(m->args));
    __atomic_store_n(&mailbox->request, request, __ATOMIC_RELEASE);
}

bool helper_busy(void)
{
    return __atomic_load_n(&mailbox->done, __ATOMIC_ACQUIRE) != mailbox->request;
}

long helper_wait(void)
{
    struct patience patience = patience_of(ANSWER_MS);

    while (helper_busy())
        if (!patience_yield(&patience))
            give_up("waiting for the helper", -ETIME);
    return mailbox->rc;
}

static long send(const struct mailbox *m)
{
    begin(m);
    return m->mode == END ? 0 : helper_wait();
}

void helper_begin_revoking(u64 flags_gaddr, u64 counter_gaddr, u64 rounds)
{
    begin(&(struct mailbox){.mode = REVOKE, .args = {flags_gaddr, counter_gaddr, rounds}});
}

void helper_begin_mapping(u64 op_gaddr, u64 rounds)
{
    begin(&(struct mailbox){.mode = MAPPING, .args = {op_gaddr, rounds}});
}

void helper_begin_copying(u64 op_gaddr, u64 to_gaddr, u64 rounds)
{
    begin(&(struct mailbox){.mode = COPYING, .args = {op_gaddr, to_gaddr, rounds}});
}

long helper_call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    return send(&(struct mailbox){.mode = CALL_64, .nr = nr, .args = {a1, a2, a3, a4, a5}});
}

long helper_call32(u32 nr, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5)
{
    return send(&(struct mailbox){.mode = CALL_32, .nr = nr, .args = {a1, a2, a3, a4, a5}});
}

static long one_insn(enum mode mode, u64 a1, u64 a2, u64 *value)
{
    long rc = send(&(struct mailbox){.mode = mode, .args = {a1, a2, *value}});

    *value = mailbox->args[2];
    return rc;
}

long helper_rdmsr(u32 msr, u64 *value)
{
    *value = 0;
    return one_insn(RDMSR, msr, 0, value);
}

long helper_wrmsr(u32 msr, u64 value)
{
    return one_insn(WRMSR, msr, 0, &value);
}

long helper_set_cr4(u64 bits)
{
    return one_insn(CR4, 0, 0, &bits);
}

u64 helper_load(u64 gaddr, u32 bytes)
{
    u64 value = 0;

    one_insn(LOAD, gaddr, bytes, &value);
    return value;
}

u32 helper_in(u16 port, u32 bytes)
{
    u64 value = 0;

    one_insn(IN, port, bytes, &value);
    return (u32)value;
}

void helper_store(u64 gaddr, u32 bytes, u64 value)
{
    one_insn(STORE, gaddr, bytes, &value);
}

void helper_store_last(u64 gaddr, u32 bytes, u64 value)
{
    begin(&(struct mailbox){.mode = STORE, .args = {gaddr, bytes, value}});
}

struct cpuid_regs helper_cpuid(u32 leaf)
{
    struct cpuid_regs regs;

    send(&(struct mailbox){.mode = CPUID, .args = {leaf}});
    memcpy(&regs, mailbox->args, sizeof(regs));
    return regs;
}

void helper_shutdown(u32 reason)
{
    send(&(struct mailbox){.mode = END, .args = {reason}});
}

void *helper_data(void)
{
    return (u8 *)mailbox + PAGE_SIZE;
}

u64 helper_gaddr(void)
{
    return DATA_GADDR;
}

/* One range of RAM from 0; the image starts at 1 MiB. */
static long populate(u32 domid)
{
    for (u64 gfn = 0; gfn < HELPER_PAGES; gfn += 512) {
        if (domain_populate(domid, gfn, 9, NODE_ANY) != 1)
            return -ENOMEM;
    }
    return 0;
}

static long write_start_info(u32 domid)
{
    struct {
        struct hvm_start_info info;
        struct hvm_memmap_table_entry map;
        char cmdline[16];
    } page = {.info = {.magic = XEN_HVM_START_MAGIC_VALUE,
                       .version = 1,
                       .cmdline_paddr = START_GADDR + 0x100,
                       .memmap_paddr = START_GADDR + (u64)sizeof(struct hvm_start_info),
                       .memmap_entries = 1},
              .map = {.size = HELPER_PAGES << PAGE_SHIFT, .type = XEN_HVM_MEMMAP_TYPE_RAM}};
    struct xen_e820_entry e820 = {.size = page.map.size, .type = XEN_HVM_MEMMAP_TYPE_RAM};

    /* A call with a null pointer reads this memory: give it defined contents. */
    int rc = image_write(xch, domid, 0, NULL, PAGE_SIZE);
    if (!rc)
        rc = image_write(xch, domid, START_GADDR, &page, sizeof(page));
    return rc ? rc : xc_domain_set_memory_map(xch, domid, &e820, 1);
}

static long map_mailbox(u32 domid)
{
    long rc = map_foreign_gfn(HELPER_GFN, domid, MAILBOX_GADDR >> PAGE_SHIFT);
    if (!rc)
        rc = map_foreign_gfn(HELPER_GFN + 1, domid, DATA_GADDR >> PAGE_SHIFT);
    if (rc)
        return rc;
    mailbox = case_page(HELPER_GFN);
    memset(mailbox, 0, 2 * PAGE_SIZE);
    return 0;
}

u32 helper_start(void)
{
    return helper_start_vcpus(1);
}

u32 helper_start_vcpus(u32 vcpus)
{
    return helper_start_with(vcpus, NULL);
}

u32 helper_start_with(u32 vcpus, void (*before)(u32 domid))
{
    const char *why = "the helper's image";
    struct elf_kernel elf;

    u32 domid = domain_new_vcpus(HELPER_PAGES, vcpus);
    long rc = elf_parse_kernel(guest_env.module.data, guest_env.module.size, &elf, &why);
    if (!rc)
        rc = populate(domid);
    if (!rc)
        rc = image_load(xch, domid, &elf);
    if (!rc)
        rc = write_start_info(domid);
    if (!rc)
        rc = map_mailbox(domid);
    if (!rc)
        rc = image_set_context(xch, domid, elf.pvh_entry, START_GADDR);
    if (!rc && before)
        before(domid);
    if (!rc)
        rc = xc_domain_unpause(xch, domid);
    if (rc)
        give_up(why, rc);
    helper_domid = domid;
    return domid;
}

void helper_stop(void)
{
    helper_shutdown(SHUTDOWN_poweroff);
    settle();
    unmap_gfn(HELPER_GFN);
    unmap_gfn(HELPER_GFN + 1);
    domain_end(helper_domid);
}
