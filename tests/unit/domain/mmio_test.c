/* Accesses to guest-physical memory that is not there, and to the page of the local APIC, by whole exits. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <domain/exit.h>

#define CODE 0x10000u /* where the guest's instructions are: RAM of [CODE, RAM_END) */
#define RAM  0x11000u
#define HOLE 0x12000u /* and from there on nothing */
#define APIC 0xfee00000u
#define ONES ~0ull

static struct domain *d; /* two vCPUs online */
static struct vcpu *v;
static struct hvm_regs *regs;
static struct hvm_state state;
static struct hvm_exit extra; /* what the next fault is besides its address */

static void setup(void)
{
    d = domain_get(1);
    domain_put(d);
    v = d->vcpu[0];
    for (u32 i = 0; i < 2; i++)
        vcpu_online(d->vcpu[i]);
    vcpu_block(caller);
    populate(d, CODE >> PAGE_SHIFT, 0);
    populate(d, RAM >> PAGE_SHIFT, 0);
    regs = &v->hvm.regs;
    *regs = (struct hvm_regs){.rip = CODE, .rax = 0x1122334455667788, .rbx = HOLE};
    state = (struct hvm_state){.cs = {.attributes = HVM_SEG_D}};
    hvm_ops->set_state(&v->hvm, &state);
    extra = (struct hvm_exit){.kind = HVM_EXIT_NPF};
    guest_64 = true;
}

FIXTURE(setup, NULL)
#define MMIO_TEST(name) TEST(name, .domains = 2, .vcpus = 2)

static void code_is(const u8 *code, u32 len)
{
    assert_int_equal(physmap_write(d, CODE, code, len), 0);
    regs->rip = CODE;
}

static void faults_at(u64 gaddr)
{
    extra.npf.gaddr = gaddr;
    skipped = nr_injected = 0;
    here->current = v;
    vcpu_handle_exit(v, &extra);
    here->current = NULL;
    pass(1); /* for the console */
    timer_run_due();
}

/* The instruction is carried out: RIP is behind it, and nothing else happens. */
#define DOES(gaddr, ...) \
    do { \
        static const u8 code_[] = {__VA_ARGS__}; \
        code_is(code_, sizeof(code_)); \
        faults_at(gaddr); \
        assert_int_equal(skipped, sizeof(code_)); \
        assert_int_equal(nr_injected, 0); \
        assert_false(d->shut_down); \
    } while (0)
/* The guest executes it once more. */
#define AGAIN(gaddr, ...) \
    do { \
        static const u8 code_[] = {__VA_ARGS__}; \
        code_is(code_, sizeof(code_)); \
        faults_at(gaddr); \
        assert_int_equal(skipped + nr_injected, 0); \
        assert_int_equal(regs->rip, CODE); \
        assert_false(d->shut_down); \
    } while (0)
#define CRASHES(gaddr, why, ...) \
    do { \
        static const u8 code_[] = {__VA_ARGS__}; \
        struct hvm_regs before_ = *regs; \
        code_is(code_, sizeof(code_)); \
        before_.rip = CODE; \
        faults_at(gaddr); \
        assert_memory_equal(regs, &before_, sizeof(before_)); \
        assert_int_equal(d->shutdown_code, 3); \
        assert_true(said(why)); \
    } while (0)

static u64 ram(u64 gaddr, u32 bytes)
{
    u64 value = 0;

    assert_int_equal(guest_memory_read(d, gaddr, &value, bytes), 0);
    return value;
}

MMIO_TEST(reads_give_ones)
{
    DOES(HOLE, 0x8a, 0x03);
    assert_int_equal(regs->rax, 0x11223344556677ff);
    DOES(HOLE + 5, 0x66, 0x8b, 0x43, 5);
    assert_int_equal(regs->rax, 0x112233445566ffff);
    DOES(HOLE, 0x8b, 0x03);
    assert_int_equal(regs->rax, 0xffffffff);
    DOES(HOLE, 0x48, 0x8b, 0x03);
    assert_int_equal(regs->rax, ONES);
    DOES(HOLE, 0x0f, 0xb7, 0x03);
    assert_int_equal(regs->rax, 0xffff);
    regs->rax = 5;
    DOES(HOLE, 0x87, 0x03);
    assert_int_equal(regs->rax, 0xffffffff);
    guest_64 = false; /* 32-bit code */
    regs->rax = 0;
    DOES(HOLE, 0x66, 0x8b, 0x03);
    assert_int_equal(regs->rax, 0xffff);
    state.cs.attributes = 0; /* and 16-bit code, with a segment */
    state.es.base = HOLE;
    hvm_ops->set_state(&v->hvm, &state);
    regs->rax = regs->rbx = 0;
    DOES(HOLE + 0x123, 0x26, 0x8b, 0x87, 0x23, 0x01);
    assert_int_equal(regs->rax, 0xffff);
}

MMIO_TEST(writes_do_nothing)
{
    u64 before = free_pages();

    DOES(HOLE, 0x88, 0x03);
    DOES(HOLE, 0xc7, 0x03, 1, 2, 3, 4);
    DOES(HOLE + 8, 0x48, 0x89, 0x43, 8);
    assert_int_equal(regs->rax, 0x1122334455667788);
    assert_int_equal(free_pages(), before);
    assert_int_equal(ram(RAM, 8), 0);
}

MMIO_TEST(the_operand_must_be_where_the_fault_was)
{
    AGAIN(HOLE + 1, 0x8a, 0x03);
    AGAIN(HOLE + 0x1000, 0x8b, 0x03);
    AGAIN(HOLE - 1, 0x8b, 0x03);
    regs->rbx = RAM; /* the guest has changed it, or its tables, meanwhile */
    AGAIN(HOLE, 0x8b, 0x03);
    regs->rbx = BIT(33); /* does not translate */
    AGAIN(HOLE, 0x8b, 0x03);
    regs->rbx = HOLE;
    populate(d, HOLE >> PAGE_SHIFT, 0); /* another vCPU has mapped memory there */
    AGAIN(HOLE, 0x8b, 0x03);
    AGAIN(HOLE + 0x1000, 0x8b, 0x03);
}

MMIO_TEST(code_that_is_gone_is_fetched_again)
{
    regs->rip = HOLE;
    faults_at(HOLE);
    assert_int_equal(skipped + nr_injected, 0);
    assert_false(d->shut_down);
    regs->rip = HOLE - 1; /* its first byte is there */
    u8 mov = 0x8b;
    assert_int_equal(physmap_write(d, HOLE - 1, &mov, 1), 0);
    faults_at(HOLE);
    assert_int_equal(skipped + nr_injected, 0);
    static const u8 fetched[] = {0x8b, 0x03}; /* a CPU that says what it has fetched */
    extra.npf.code = fetched;
    extra.npf.nr_code = 2;
    faults_at(HOLE);
    assert_int_equal(skipped, 2);
    assert_int_equal(regs->rax, 0xffffffff);
}

MMIO_TEST(an_operand_can_cross_pages)
{
    regs->rbx = HOLE + 0xffe;
    DOES(HOLE + 0xffe, 0x8b, 0x03);
    assert_int_equal(regs->rax, 0xffffffff);
    DOES(HOLE + 0x1000, 0x8b, 0x03);
    /* memory first, then nothing */
    u32 value = 0x88776655;
    assert_int_equal(physmap_write(d, HOLE - 3, &value, 3), 0);
    regs->rbx = HOLE - 3;
    DOES(HOLE, 0x8b, 0x03);
    assert_int_equal(regs->rax, 0xff776655);
    regs->rax = 0xaabbccddeeff1122;
    DOES(HOLE, 0x48, 0x89, 0x03);
    assert_int_equal(ram(HOLE - 3, 3), 0xff1122);
    DOES(HOLE, 0x87, 0x03);
    assert_int_equal(regs->rax, 0xffff1122);
    assert_int_equal(ram(HOLE - 3, 3), 0xff1122);
    AGAIN(HOLE - 3, 0x87, 0x03); /* no fault there */
    guest_cpl = 3;
    CRASHES(HOLE, "beside it memory, in user mode", 0x8b, 0x03);
}

MMIO_TEST(the_other_page_may_not_be_mapped_by_the_guest)
{
    /* 32-bit paging: directory in the last page of RAM, 4 MiB pages: 0 → 0, which has the hole */
    u32 directory = 0x83;

    assert_int_equal(physmap_write(d, RAM, &directory, 4), 0);
    guest_64 = false;
    guest_paging = (struct hvm_paging){.cr0 = CR0_PE | CR0_PG | CR0_WP, .cr3 = RAM, .cr4 = CR4_PSE};
    regs->rbx = 0x3ffffe;
    code_is((const u8[]){0x89, 0x03}, 2);
    faults_at(0x3ffffe);
    assert_int_equal(nr_injected, 1);
    assert_int_equal(injected_vector, 14);
    assert_int_equal(injected_error, 2);
    hvm_ops->get_state(&v->hvm, &state);
    assert_int_equal(state.cr2, 0x400000);
    directory = 0x81; /* read only */
    assert_int_equal(physmap_write(d, RAM + 4, &directory, 4), 0);
    guest_cpl = 3;
    faults_at(0x3ffffe);
    assert_int_equal(injected_error, 7);
    code_is((const u8[]){0x8b, 0x03}, 2); /* a read may */
    regs->rbx = 0x3ffffe;
    guest_cpl = 0;
    physmap_write(d, RAM + 4, &(u32){0x400081}, 4);
    faults_at(0x3ffffe);
    assert_int_equal(nr_injected, 0);
    assert_int_equal(skipped, 2);
}

MMIO_TEST(strings)
{
    *regs = (struct hvm_regs){.rip = CODE, .rcx = 3, .rsi = HOLE, .rdi = RAM};
    AGAIN(HOLE, 0xf3, 0xa5); /* REP MOVSD from nowhere to memory, an element an exit */
    assert_int_equal(ram(RAM, 8), 0xffffffff);
    assert_int_equal(regs->rcx, 2);
    AGAIN(HOLE + 4, 0xf3, 0xa5);
    DOES(HOLE + 8, 0xf3, 0xa5);
    assert_int_equal(regs->rcx, 0);
    assert_int_equal(ram(RAM + 4, 8), ONES);
    assert_int_equal(ram(RAM + 12, 4), 0);
    regs->rsi = RAM; /* from memory to nowhere */
    regs->rdi = HOLE;
    DOES(HOLE, 0x48, 0xa5);
    assert_int_equal(regs->rdi, HOLE + 8);
    DOES(HOLE + 8, 0xaa);
    assert_int_equal(regs->rdi, HOLE + 9);
    regs->rsi = HOLE;
    DOES(HOLE, 0xad);
    assert_int_equal(regs->rax, 0xffffffff);
    regs->rsi = HOLE;
    regs->rdi = RAM;
    guest_cpl = 3;
    CRASHES(HOLE, "in user mode", 0xa5);
}

MMIO_TEST(what_is_not_emulated)
{
    CRASHES(HOLE,
            "d1: crashed: read guest-physical 0x12000, where nothing is mapped, by an instruction that is "
            "not emulated\n",
            0x01, 0x03); /* ADD */
}
MMIO_TEST(the_stack_is_not_emulated)
{
    regs->rsp = HOLE + 8;
    extra.npf.write = true;
    CRASHES(HOLE, "wrote guest-physical 0x12000, where nothing is mapped, by", 0x50); /* PUSH */
}
MMIO_TEST(page_tables_are_not_emulated)
{
    extra.npf.in_tables = true;
    CRASHES(HOLE, "where nothing is mapped, for its page tables\n", 0x8b, 0x03);
}
MMIO_TEST(exceptions_are_not_emulated)
{
    extra.npf.in_delivery = true;
    CRASHES(HOLE, "where nothing is mapped, to deliver an event\n", 0x8b, 0x03);
}
MMIO_TEST(fetches_are_not_emulated)
{
    extra.npf.exec = true;
    CRASHES(HOLE, "executed guest-physical 0x12000, where nothing is mapped\n", 0x8b, 0x03);
}
MMIO_TEST(refused_accesses_are_not_emulated)
{
    extra.npf.present = true;
    CRASHES(HOLE, "where it may not\n", 0x8b, 0x03);
}

/* --- the page of the local APIC --- */

MMIO_TEST(registers_of_the_apic)
{
    struct vcpu *other = d->vcpu[1];

    regs->rbx = APIC;
    DOES(APIC + 0x30, 0x8b, 0x43, 0x30);
    assert_int_equal(regs->rax, 0x50014);
    DOES(APIC + 0xf0, 0xc7, 0x83, 0xf0, 0, 0, 0, 0xff, 0x01, 0, 0);
    assert_true(x2apic_enabled(&v->hvm.apic));
    assert_false(x2apic_enabled(&other->hvm.apic));
    regs->rax = 0x55;
    DOES(APIC + 0x80, 0x87, 0x83, 0x80, 0, 0, 0); /* XCHG */
    assert_int_equal(regs->rax, 0);
    assert_int_equal(guest_cr8, 5);
    DOES(APIC + 0x80, 0x0f, 0xb6, 0x83, 0x80, 0, 0, 0);
    assert_int_equal(regs->rax, 0x55);
    /* INIT and STARTUP to the other */
    DOES(APIC + 0x310, 0xc7, 0x83, 0x10, 3, 0, 0, 0, 0, 0, 2);
    DOES(APIC + 0x300, 0xc7, 0x83, 0, 3, 0, 0, 0, 0x45, 0, 0);
    assert_true(other->init_sipi);
    DOES(APIC + 0x300, 0xc7, 0x83, 0, 3, 0, 0, 0x22, 0x46, 0, 0);
    assert_int_equal(other->init_sipi & 0xff, 0x22);
    /* past the page: nothing */
    DOES(APIC + 0x1030, 0x8b, 0x83, 0x30, 0x10, 0, 0);
    assert_int_equal(regs->rax, 0xffffffff);
    /* in memory beside the page, by MOVS */
    regs->rsi = APIC + 0x30;
    regs->rdi = RAM;
    DOES(APIC + 0x30, 0xa5);
    assert_int_equal(ram(RAM, 8), 0x50014);
}

MMIO_TEST(the_page_of_the_apic_is_there_in_xapic_mode)
{
    regs->rbx = APIC;
    assert_int_equal(vlapic_wrmsr(v, MSR_IA32_APIC_BASE, 0xfee00d00), 0);
    DOES(APIC + 0x30, 0x8b, 0x43, 0x30);
    assert_int_equal(regs->rax, 0xffffffff);
    assert_int_equal(vlapic_wrmsr(v, MSR_IA32_APIC_BASE, 0xfee00100), 0);
    DOES(APIC + 0x30, 0x8b, 0x43, 0x30);
    assert_int_equal(regs->rax, 0xffffffff);
    assert_int_equal(vlapic_wrmsr(v, MSR_IA32_APIC_BASE, HOLE | 0x900), 0); /* it can move */
    DOES(APIC + 0x30, 0x8b, 0x43, 0x30);
    assert_int_equal(regs->rax, 0xffffffff);
    regs->rbx = HOLE;
    DOES(HOLE + 0x30, 0x8b, 0x43, 0x30);
    assert_int_equal(regs->rax, 0x50014);
}
