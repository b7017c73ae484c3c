/* The context stream: what hostile and broken ones are answered with, and that a good one arrives. */
#include "calls.h"

#include <arch/x86/cpu/msr.h>
#include <arch/x86/hvm/guest_cr.h>
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

/* Of a PVH guest's first registers what is looked at here. */
static struct hvm_hw_cpu good_cpu(void)
{
    return (struct hvm_hw_cpu){.rbx = 0x2000,
                               .rip = 0x100070,
                               .cr0 = 0x11,
                               .dr6 = 0xFFFF0FF0,
                               .cs_arbytes = 0xC9B,
                               .tr_limit = 0x67};
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
    cpu_policy_init();
    int rc = hvm_context_check(copy, len, 2, cpu_policy_default());
    free(copy);
    return rc;
}

/* A good stream, and the same cut anywhere: an error, and no byte is read beyond the end. */
TEST(whole_and_truncated)
{
    struct hvm_hw_cpu cpu = good_cpu();

    start_with(&cpu);
    u64 whole = len;
    assert_int_equal(whole, 1080);
    assert_int_equal(check(), 0);
    for (len = 0; len < whole; len++) {
        int rc = check();

        assert_true(rc == -ENODATA || rc == -EINVAL);
        if (len < 32 || len >= whole - 8)
            assert_int_equal(rc, -ENODATA);
    }
}

static int check_header(u16 typecode, u32 magic, u32 version, u32 size)
{
    const struct hvm_save_header header = {.magic = magic, .version = version};

    len = 0;
    add(typecode, 0, &header, size);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    return check();
}

TEST(header_rules)
{
    assert_int_equal(check_header(HVM_SAVE_CODE(HEADER), HVM_FILE_MAGIC, HVM_FILE_VERSION, 24), 0);
    assert_int_equal(check_header(HVM_SAVE_CODE(HEADER), HVM_FILE_MAGIC, 2, 24), -EINVAL);
    assert_int_equal(check_header(HVM_SAVE_CODE(HEADER), HVM_FILE_MAGIC + 1, HVM_FILE_VERSION, 24), -EINVAL);
    assert_int_equal(check_header(HVM_SAVE_CODE(HEADER), HVM_FILE_MAGIC, HVM_FILE_VERSION, 23), -ENODATA);
    assert_int_equal(check_header(HVM_SAVE_CODE(CPU), HVM_FILE_MAGIC, HVM_FILE_VERSION, 24), -ENODATA);
    start();
    add(HVM_SAVE_CODE(HEADER), 0, stream + 8, 24);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(check(), -EINVAL); /* a second one */
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
    const struct {
        u16 typecode, instance;
        u32 size;
        int rc;
    } records[] = {
        {HVM_SAVE_CODE(MTRR), 0, 240, 0},
        {HVM_SAVE_CODE(MTRR), 0, 239, -EINVAL},
        {HVM_SAVE_CODE(MTRR), 2, 240, -EINVAL},
        {HVM_SAVE_CODE(LAPIC), 1, 24, 0},
        {HVM_SAVE_CODE(LAPIC), 2, 24, -EINVAL},
        {HVM_SAVE_CODE(PIT), 0, 100, 0},
        {21, 0, 4, -EINVAL},
        {0xffff, 0, 0, -EINVAL},
        {HVM_SAVE_CODE(CPU), 2, sizeof(struct hvm_hw_cpu), -EINVAL},
        {HVM_SAVE_CODE(CPU), 0, 1033, -EINVAL},
        {HVM_SAVE_CODE(CPU), 0, 0, -EINVAL}, /* CR0 would be 0 */
    };

    for_each_row (i, records)
        assert_int_equal(check_one(records[i].typecode, records[i].instance, records[i].size), records[i].rc);
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

static long context(u32 cmd, u16 domid, u64 buffer, u32 size)
{
    op.u.hvmcontext = (struct xen_domctl_hvmcontext){.buffer = buffer, .size = size};
    return domctl(cmd, domid);
}

static long set_stream(u16 domid)
{
    return context(XEN_DOMCTL_sethvmcontext, domid, put(0x1000, stream, len), (u32)len);
}

static struct hvm_state state_of(u32 id)
{
    struct hvm_state state;

    hvm_ops->get_state(&dom(1)->vcpu[id]->hvm, &state);
    return state;
}

CALL_TEST(set_and_get)
{
    struct vcpu *const *v = dom(1)->vcpu;
    struct hvm_hw_cpu cpu = good_cpu(), back;
    struct domain *d;
    u8 saved[4096];

    cpu.flags = XEN_X86_FPU_INITIALISED;
    memset(cpu.fpu_regs, 0xff, sizeof(cpu.fpu_regs));
    cpu.ss_arbytes = 0xC093; /* the VMCS's form of 0xC93 */
    start_with(&cpu);
    assert_int_equal(try_create(3, 2, &d), 0);
    assert_int_equal(set_stream(3), -EINVAL); /* no vCPU */
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 1, 0, 0), 0);
    u32 size = op.u.hvmcontext.size;
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 1, at(0x8000), size - 1), -ENOSPC);
    vcpu_online(v[1]); /* it is not in the stream */
    assert_int_equal(set_stream(1), 0);
    assert_int_equal(v[0]->pause_count, 0);
    assert_int_equal(v[0]->state, VCPU_RUNNABLE);
    assert_int_equal(v[1]->state, VCPU_OFFLINE);
    assert_int_equal(v[0]->hvm.regs.rip, 0x100070);
    assert_int_equal(v[0]->hvm.regs.rbx, 0x2000);
    assert_int_equal(state_of(0).cs.attributes, 0xC9B);
    assert_int_equal(state_of(0).ss.attributes, 0xC93);
    assert_int_equal(state_of(0).cr0, 0x11);
    assert_int_equal(v[0]->hvm.fpu[24], 0xff);
    assert_int_equal(v[0]->hvm.fpu[26], 0); /* MXCSR's reserved bits would make the host fault */
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 1, at(GUEST_BYTES - 100), size), -EFAULT);
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 1, at(0x8000), size), 0);
    assert_int_equal(op.u.hvmcontext.size, 32 + 1040 + 2 * 248 + 8);
    GET(0x8000, saved);
    assert_int_equal(hvm_context_check(saved, op.u.hvmcontext.size, 2, cpu_policy_default()), 0);
    memcpy(&back, saved + 32 + 8, sizeof(back));
    assert_int_equal(back.rip, 0x100070);
    assert_int_equal(back.tr_limit, 0x67);
    assert_int_equal(back.dr6, 0xFFFF0FF0);
    u64 tsc = back.tsc; /* as the guest reads it, wherever the caller runs */
    here->tsc_offset = 1ll << 50;
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 1, at(0x8000), size), 0);
    here->tsc_offset = 0;
    GET(0x8000, saved);
    memcpy(&back, saved + 32 + 8, sizeof(back));
    assert_true(tsc + (1ull << 49) - back.tsc > 1ull << 50);
}

/* A bit that only some CPUs have is taken where this one offers it: guest_cr_test.c has all of them. */
TEST(features_of_this_cpu)
{
    struct hvm_hw_cpu cpu = good_cpu();

    for (u32 bit = 0; bit < 64; bit++) {
        cpu.cr4 = BIT(bit);
        start_with(&cpu);
        assert_int_equal(check(),
                         hvm_guest_control_valid(cpu_policy_default(), CR0_ET, BIT(bit), 0) ? 0 : -EINVAL);
    }
    assert_false(hvm_guest_control_valid(cpu_policy_default(), CR0_ET, CR4_OSXSAVE, 0) ||
                 hvm_guest_control_valid(cpu_policy_default(), CR0_ET, CR4_PKE, 0));
}

/* Records of older formats end earlier. */
CALL_TEST(older_records)
{
    struct hvm_hw_cpu cpu = good_cpu();

    cpu.fpu_regs[0] = 0x5a;
    cpu.msr_tsc_aux = 7;
    start();
    add(HVM_SAVE_CODE(CPU), 0, &cpu, 1024);
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(set_stream(1), 0);
    assert_int_equal(dom(1)->vcpu[0]->hvm.fpu[0], 0x5a);
    assert_int_equal(state_of(0).tsc_aux, 7);
    /* END's own length does not count. */
    start_with(&cpu);
    ((struct hvm_save_descriptor *)(void *)(stream + len - 8))->length = ~0u;
    assert_int_equal(check(), 0);
}

static void make_vcpus(u32 level)
{
    if (level != LOCK_NODE)
        return; /* not yet the buffer */
    on_first_lock = NULL;
    assert_int_equal(domain_alloc_vcpus(dom(3), 2), 0);
}

/* Another CPU makes the domain's vCPUs while the buffer is being allocated: it has no room for them. */
CALL_TEST(vcpus_that_come_meanwhile)
{
    const u32 empty = (u32)hvm_context_size_max(0);
    struct domain *d;

    assert_int_equal(try_create(3, 2, &d), 0);
    on_first_lock = make_vcpus;
    assert_int_equal(context(XEN_DOMCTL_gethvmcontext, 3, at(0x8000), empty), 0);
    assert_null(on_first_lock);
    assert_int_equal(d->nr_vcpus, 2);
    assert_int_equal(op.u.hvmcontext.size, empty);
    domain_unpause(d);
    assert_int_equal(d->vcpu[0]->pause_count, 0);
}

CALL_TEST(set_refusals)
{
    const struct hvm_hw_cpu cpu = good_cpu();
    u64 before = free_pages();

    start();
    add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    add(HVM_SAVE_CODE(CPU), 1, NULL, sizeof(cpu)); /* the second one is bad: nothing happens to the first */
    add(HVM_SAVE_CODE(END), 0, NULL, 0);
    assert_int_equal(set_stream(1), -EINVAL);
    assert_int_equal(dom(1)->vcpu[0]->state, VCPU_OFFLINE);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, 1, at(0x1000), 0), -ENODATA);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, 1, at(0x1000), 0xffffffff), -ENOMEM);
    assert_int_equal(context(XEN_DOMCTL_sethvmcontext, 1, at(GUEST_BYTES - 8), 1080), -EFAULT);
    assert_int_equal(free_pages(), before);
    start_with(&cpu);
    yield_every = 1;
    assert_int_equal(domain_kill(dom(1)), -ERESTART);
    assert_int_equal(set_stream(1), -EINVAL);
}

/* --- one record, and the registers for tools --- */

static long partial(u32 type, u32 instance, u64 room)
{
    op.u.hvmcontext_partial = (struct xen_domctl_hvmcontext_partial){
        .type = type, .instance = instance, .bufsz = room, .buffer = room ? at(0x8000) : 0};
    return domctl(XEN_DOMCTL_gethvmcontext_partial, 1);
}

CALL_TEST(one_record_is_read)
{
    struct hvm_hw_cpu cpu = good_cpu(), back;
    u64 before = free_pages();

    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 0, sizeof(cpu)), -ENODATA); /* offline */
    cpu.rbx = 0x1234;
    start_with(&cpu);
    assert_int_equal(set_stream(1), 0);
    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 0, 0), 0);
    assert_int_equal(op.u.hvmcontext_partial.bufsz, sizeof(cpu));
    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 0, 4000), 0);
    assert_int_equal(op.u.hvmcontext_partial.bufsz, sizeof(cpu));
    GET(0x8000, back);
    assert_int_equal(back.rbx, 0x1234);
    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 0, sizeof(cpu) - 1), -ENOBUFS);
    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 1, sizeof(cpu)), -ENODATA);
    assert_int_equal(partial(HVM_SAVE_CODE(CPU), 2, sizeof(cpu)), -ENOENT);
    assert_int_equal(partial(HVM_SAVE_CODE(MTRR), 1, 4000), 0);
    assert_int_equal(op.u.hvmcontext_partial.bufsz, sizeof(struct hvm_hw_mtrr));
    assert_int_equal(partial(HVM_SAVE_CODE(HEADER), 0, 4000), -EINVAL);
    assert_int_equal(partial(HVM_SAVE_CODE(END), 0, 4000), -EINVAL);
    assert_int_equal(partial(0x10000 + HVM_SAVE_CODE(CPU), 0, 4000), -EINVAL);
    op.u.hvmcontext_partial = (struct xen_domctl_hvmcontext_partial){
        .type = HVM_SAVE_CODE(CPU), .bufsz = 4000, .buffer = at(GUEST_BYTES - 8)};
    assert_int_equal(domctl(XEN_DOMCTL_gethvmcontext_partial, 1), -EFAULT);
    assert_int_equal(dom(1)->vcpu[0]->pause_count, 0);
    assert_int_equal(free_pages(), before); /* buffers are given back */
}

CALL_TEST(registers_are_read)
{
    struct hvm_hw_cpu cpu = good_cpu();
    struct vcpu_guest_context ctxt;

    op.u.vcpucontext = (struct xen_domctl_vcpucontext){.vcpu = 0, .ctxt = at(0x8000)};
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 1), -ENODATA); /* it never had a state */
    cpu.r15 = 0x1516, cpu.dr2 = 0x77, cpu.cr3 = 0x5000, cpu.gs_base = 0x100, cpu.shadow_gs = 0x200,
    cpu.ss_sel = 0x18;
    start_with(&cpu);
    assert_int_equal(set_stream(1), 0);
    op.u.vcpucontext = (struct xen_domctl_vcpucontext){.vcpu = 0, .ctxt = at(0x8000)};
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 1), 0);
    GET(0x8000, ctxt);
    assert_int_equal(ctxt.user_regs.r15, 0x1516);
    assert_int_equal(ctxt.user_regs.rip, cpu.rip);
    assert_int_equal(ctxt.user_regs.ss, 0x18);
    assert_int_equal(ctxt.debugreg[2], 0x77);
    assert_int_equal(ctxt.ctrlreg[3], 0x5000);
    assert_int_equal(ctxt.gs_base_kernel, 0x100);
    assert_int_equal(ctxt.gs_base_user, 0x200);
    assert_int_equal(ctxt.flags, VGCF_I387_VALID | VGCF_online);
    vcpu_offline(dom(1)->vcpu[0]);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 1), 0);
    GET(0x8000, ctxt);
    assert_int_equal(ctxt.flags, VGCF_I387_VALID);
    op.u.vcpucontext.vcpu = 2;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 1), -EINVAL);
    op.u.vcpucontext.vcpu = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 0), -EINVAL); /* its own */
    op.u.vcpucontext.ctxt = at(GUEST_BYTES - 4096);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpucontext, 1), -EFAULT);
}
