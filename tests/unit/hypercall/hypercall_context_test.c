/* The context stream: what hostile and broken ones are answered with, and that a good one arrives. */
#include "hypercall_harness.h"
#include <arch/x86/cpu/msr.h>
#include <hypercall/hvm_context.h>

static u8 stream[8192];
static u64 len;

static void add(u16 typecode, u16 instance, const void *body, u32 size)
{
    const struct hvm_save_descriptor head = {typecode, instance, size};

    memcpy(stream + len, &head, sizeof(head));
    if (body)
        memcpy(stream + len + sizeof(head), body, size);
    else
        memset(stream + len + sizeof(head), 0, size);
    len += sizeof(head) + size;
}

/* What abi.md 4.2 gives a new guest. */
static struct hvm_hw_cpu good_cpu(void)
{
    struct hvm_hw_cpu cpu = {.rbx = 0x2000,
                             .rip = 0x100070,
                             .rflags = 2,
                             .cr0 = 0x11,
                             .dr6 = 0xFFFF0FF0,
                             .dr7 = 0x400,
                             .cs_limit = ~0u,
                             .cs_arbytes = 0xC9B,
                             .ds_limit = ~0u,
                             .ds_arbytes = 0xC93,
                             .es_limit = ~0u,
                             .es_arbytes = 0xC93,
                             .ss_limit = ~0u,
                             .ss_arbytes = 0xC93,
                             .tr_limit = 0x67,
                             .tr_arbytes = 0x8B};
    return cpu;
}

static void start(void)
{
    const struct hvm_save_header header = {.magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION};

    len = 0;
    add(HVM_SAVE_CODE(HEADER), 0, &header, sizeof(header));
}

static void start_with(const struct hvm_hw_cpu *cpu)
{
    start();
    add(HVM_SAVE_CODE(CPU), 0, cpu, sizeof(*cpu));
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
}

static int check(void)
{
    /* On the heap and exactly as long: ASan sees a byte too far. */
    u8 *copy = malloc(len ? len : 1);

    memcpy(copy, stream, len);
    int rc = hvm_context_check(copy, len, 2);
    free(copy);
    return rc;
}

TEST(good_stream)
{
    struct hvm_hw_cpu cpu = good_cpu();

    start_with(&cpu);
    assert_int_equal(len, 1080);
    assert_int_equal(check(), 0);
}

/* Cut anywhere: an error, and no byte is read beyond the end. */
TEST(truncated)
{
    struct hvm_hw_cpu cpu = good_cpu();

    start_with(&cpu);
    u64 whole = len;
    for (len = 0; len < whole; len++) {
        int rc = check();

        assert_true(rc == -ENODATA || rc == -EINVAL);
        if (len < 32 || len >= whole - 8)
            assert_int_equal(rc, -ENODATA);
    }
}

TEST(header_rules)
{
    struct hvm_save_header header = {.magic = HVM_FILE_MAGIC, .version = 2};

    len = 0;
    add(HVM_SAVE_CODE(HEADER), 0, &header, sizeof(header));
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(check(), -EINVAL);
    header.version = 1;
    header.magic++;
    put(0, &header, 0);
    len = 0;
    add(HVM_SAVE_CODE(HEADER), 0, &header, sizeof(header));
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(check(), -EINVAL);
    len = 0;
    add(HVM_SAVE_CODE(HEADER), 0, NULL, 23);
    assert_int_equal(check(), -ENODATA);
    len = 0;
    add(HVM_SAVE_CODE(CPU), 0, NULL, 24);
    assert_int_equal(check(), -ENODATA);
    start();
    add(HVM_SAVE_CODE(HEADER), 0, stream + 8, 24);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(check(), -EINVAL);
}

static int check_one(u16 typecode, u16 instance, u32 size)
{
    start();
    add(typecode, instance, NULL, size);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    return check();
}

TEST(lengths_and_types)
{
    assert_int_equal(check_one(HVM_SAVE_CODE(MTRR), 0, 240), 0);
    assert_int_equal(check_one(HVM_SAVE_CODE(MTRR), 0, 239), -EINVAL);
    assert_int_equal(check_one(HVM_SAVE_CODE(MTRR), 2, 240), -EINVAL);
    assert_int_equal(check_one(HVM_SAVE_CODE(LAPIC), 1, 24), 0);
    assert_int_equal(check_one(HVM_SAVE_CODE(LAPIC), 2, 24), -EINVAL);
    assert_int_equal(check_one(HVM_SAVE_CODE(PIT), 0, 100), 0);
    assert_int_equal(check_one(21, 0, 4), -EINVAL);
    assert_int_equal(check_one(0xffff, 0, 0), -EINVAL);
    assert_int_equal(check_one(HVM_SAVE_CODE(CPU), 0, 1033), -EINVAL);
    assert_int_equal(check_one(HVM_SAVE_CODE(CPU), 0, 0), -EINVAL); /* CR0 would be 0 */
    /* A length that says more than there is, up to all there could be. */
    start();
    const struct hvm_save_descriptor huge = {HVM_SAVE_CODE(PIT), 0, 0xffffffff};
    memcpy(stream + len, &huge, sizeof(huge));
    len += sizeof(huge) + 4;
    assert_int_equal(check(), -EINVAL);
    start();
    assert_int_equal(check(), -ENODATA); /* no END */
}

#define BAD(field, bad) \
    do { \
        struct hvm_hw_cpu cpu = good_cpu(); \
        cpu.field = (bad); \
        start_with(&cpu); \
        assert_int_equal(check(), -EINVAL); \
    } while (0)

TEST(impossible_cpus)
{
    BAD(cr0, 0x1);           /* ET is always one */
    BAD(cr0, 0x80000010ull); /* paging without protection */
    BAD(cr0, 0x20000011ull); /* NW without CD */
    BAD(cr0, 0x100000011ull);
    BAD(cr4, 1u << 12);      /* 5 levels */
    BAD(cr4, 1u << 13);      /* VMX */
    BAD(msr_efer, 1u << 12); /* SVM */
    BAD(msr_efer, 1u << 10); /* long mode active without enabled */
    BAD(flags, 2);
    BAD(pad0, 1);
    BAD(cr4, 1u << 17); /* PCIDE: guests are not offered it */
    BAD(dr7, 1ull << 32);
    BAD(msr_tsc_aux, 1ull << 32);
    BAD(pending_valid, 1);
    struct hvm_hw_cpu cpu = good_cpu();
    cpu.cr0 = 0x80000011;
    cpu.msr_efer = 0x500;
    start_with(&cpu);
    assert_int_equal(check(), -EINVAL); /* long mode without PAE */
    cpu.cr4 = 0x20;
    start_with(&cpu);
    assert_int_equal(check(), 0);
}

/* --- through the hypercall --- */

static struct xen_domctl op;
static long context(u32 cmd, u64 buffer, u32 size)
{
    op = (struct xen_domctl){.cmd = cmd, .interface_version = XEN_DOMCTL_INTERFACE_VERSION, .domain = 1};
    op.u.hvmcontext.buffer = buffer;
    op.u.hvmcontext.size = size;
    long rc = hypercall(__HYPERVISOR_domctl, PUT(0x100, op), 0, 0);
    GET(0x100, op);
    return rc;
}

TEST(set_and_get)
{
    struct hvm_hw_cpu cpu = good_cpu();

    cpu.flags = XEN_X86_FPU_INITIALISED;
    memset(cpu.fpu_regs, 0xff, sizeof(cpu.fpu_regs));
    cpu.ss_arbytes = 0xC093; /* the VMCS's form of 0xC93 */
    start_with(&cpu);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, put(0x1000, stream, len), (u32)len),
                     -EINVAL); /* no vCPU */
    domain_alloc_vcpus(domains[1], 2);
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 0, 0), 0);
    u32 size = op.u.hvmcontext.size;
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, at(0x8000), size - 1), -ENOSPC);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, at(0x1000), (u32)len), 0);
    assert_int_equal(domains[1]->pause_count, 0);
    assert_int_equal(other_vcpus[0].state, VCPU_RUNNABLE);
    assert_int_equal(other_vcpus[1].state, VCPU_OFFLINE);
    assert_int_equal(other_vcpus[0].hvm.regs.rip, 0x100070);
    assert_int_equal(other_vcpus[0].hvm.regs.rbx, 0x2000);
    assert_int_equal(states[0].cs.attributes, 0xC9B);
    assert_int_equal(states[0].ss.attributes, 0xC93);
    assert_int_equal(states[0].cr0, 0x11);
    assert_int_equal(other_vcpus[0].hvm.fpu[24], 0xff);
    assert_int_equal(other_vcpus[0].hvm.fpu[26], 0); /* MXCSR's reserved bits would make the host fault */
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, at(0x8000), size), 0);
    assert_int_equal(op.u.hvmcontext.size, 32 + 1040 + 2 * 248 + 8);
    assert_int_equal(hvm_context_check(guest + 0x8000, op.u.hvmcontext.size, 2), 0);
    struct hvm_hw_cpu back;
    GET(0x8000 + 32 + 8, back);
    assert_int_equal(back.rip, 0x100070);
    assert_int_equal(back.tr_limit, 0x67);
    assert_int_equal(back.dr6, 0xFFFF0FF0);
}

/* A bit that only some CPUs have is taken where this one has it. */
TEST(features_of_this_cpu)
{
    struct hvm_hw_cpu cpu = good_cpu();

    cpu.cr4 = 1; /* VME */
    start_with(&cpu);
    assert_int_equal(check(), cpuid(1, 0).edx & 2 ? 0 : -EINVAL);
    cpu.cr4 = 1u << 20; /* SMEP */
    start_with(&cpu);
    assert_int_equal(check(), cpuid(7, 0).ebx & 0x80 ? 0 : -EINVAL);
}

/* Records of older formats end earlier. */
TEST(older_records)
{
    struct hvm_hw_cpu cpu = good_cpu();

    domain_alloc_vcpus(domains[1], 2);
    cpu.fpu_regs[0] = 0x5a;
    cpu.msr_tsc_aux = 7;
    start();
    add(HVM_SAVE_CODE(CPU), 0, &cpu, 1024);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, put(0x1000, stream, len), (u32)len), 0);
    assert_int_equal(other_vcpus[0].hvm.fpu[0], 0x5a);
    assert_int_equal(states[0].tsc_aux, 7);
    /* END's own length is nobody's business. */
    start_with(&cpu);
    ((struct hvm_save_descriptor *)(void *)(stream + len - 8))->length = ~0u;
    assert_int_equal(check(), 0);
}

static void make_vcpus(u32 level)
{
    if (level == LOCK_PHYSMAP)
        return; /* the argument is being read */
    harness_on_lock = NULL;
    domain_alloc_vcpus(domains[1], 2);
}

/* Another CPU makes the domain's vCPUs while the buffer is being allocated: it has no room for them. */
TEST(vcpus_that_come_meanwhile)
{
    u32 empty = (u32)hvm_context_size_max(0);

    harness_on_lock = make_vcpus;
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, at(0x8000), empty), 0);
    assert_int_equal(domains[1]->nr_vcpus, 2);
    assert_int_equal(op.u.hvmcontext.size, empty);
    assert_int_equal(held_vcpus, 0);
}

TEST(set_refusals)
{
    struct hvm_hw_cpu cpu = good_cpu();

    domain_alloc_vcpus(domains[1], 2);
    start();
    add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    add(HVM_SAVE_CODE(CPU), 1, NULL, sizeof(cpu)); /* the second one is bad: nothing happens to the first */
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, put(0x1000, stream, len), (u32)len), -EINVAL);
    assert_int_equal(other_vcpus[0].state, VCPU_OFFLINE);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, at(0x1000), 0), -ENODATA);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, at(0x1000), 0xffffffff), -ENOMEM);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, at(GUEST_BYTES - 8), 1080), -EFAULT);
    start_with(&cpu);
    put(0x1000, stream, len);
    domains[1]->dying = true;
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, at(0x1000), (u32)len), -EINVAL);
    assert_int_equal(host_info().free_pages, NR_NODES * NODE_PAGES);
}

FIXTURE(machine_setup, machine_teardown)
