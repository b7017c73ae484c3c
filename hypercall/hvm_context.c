/*
 * A vCPU's state as a stream of records: HEADER, per vCPU CPU (if online) and MTRR, END.
 *
 * Records of devices and features that Homestead has no state for are accepted and ignored, so that a context
 * read from Xen can be used; unknown types are refused, as Xen does. Nested paging ignores MTRRs.
 */
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <arch/x86/hvm/guest_cr.h>
#include <homestead/errno.h>
#include <hypercall/hvm_context.h>
#include <lib/string.h>

#define MXCSR_VALID 0xffffu /* FXRSTOR takes no other bits */
#define MXCSR_AT    24u

#define MTRR_CAP_DEFAULT 0x508u /* write combining, fixed ranges, 8 variable ones */
#define PAT_DEFAULT      0x0007040600070406ull

struct record {
    struct hvm_save_descriptor head;
    const u8 *body;
};

/* Reads the record at *at and moves *at past it. -ENODATA: no room for a head; -EINVAL: for the body. */
static int next_record(const u8 *buf, u64 size, u64 *at, struct record *record)
{
    if (size - *at < sizeof(record->head))
        return -ENODATA;
    memcpy(&record->head, buf + *at, sizeof(record->head));
    *at += sizeof(record->head);
    if (record->head.typecode == HVM_SAVE_CODE(END))
        return 0; /* its length is ignored */
    if (record->head.length > size - *at)
        return -EINVAL;
    record->body = buf + *at;
    *at += record->head.length;
    return 0;
}

/* A CPU record. Shorter ones are of older formats: missing members are zero, and the FPU state is valid. */
static void get_cpu(const struct record *record, struct hvm_hw_cpu *cpu)
{
    memset(cpu, 0, sizeof(*cpu));
    memcpy(cpu, record->body, record->head.length);
    if (record->head.length < sizeof(*cpu)) {
        cpu->flags = XEN_X86_FPU_INITIALISED;
        cpu->pad0 = 0;
    }
}

static int check_cpu(const struct record *record, const struct cpu_policy *policy)
{
    struct hvm_hw_cpu cpu;

    if (record->head.length > sizeof(cpu))
        return -EINVAL;
    get_cpu(record, &cpu);
    if ((cpu.flags & ~XEN_X86_FPU_INITIALISED) || cpu.pad0 ||
        !hvm_guest_control_valid(policy, cpu.cr0, cpu.cr4, cpu.msr_efer))
        return -EINVAL;
    /* The upper halves of these must be zero, or the CPU refuses to run the guest or to load the value. */
    if (cpu.dr6 >> 32 || cpu.dr7 >> 32 || cpu.msr_tsc_aux >> 32)
        return -EINVAL;
    return cpu.pending_valid ? -EINVAL : 0; /* an event in flight cannot be restored */
}

static int check_record(const struct record *record, u32 nr_vcpus, const struct cpu_policy *policy)
{
    bool has_vcpu = record->head.instance < nr_vcpus;

    switch (record->head.typecode) {
    case HVM_SAVE_CODE(CPU):
        return has_vcpu ? check_cpu(record, policy) : -EINVAL;
    case HVM_SAVE_CODE(MTRR):
        return has_vcpu && record->head.length == sizeof(struct hvm_hw_mtrr) ? 0 : -EINVAL;
    case HVM_SAVE_CODE(LAPIC):
    case HVM_SAVE_CODE(LAPIC_REGS):
    case HVM_SAVE_CODE(VIRIDIAN_VCPU):
    case HVM_SAVE_CODE(VMCE_VCPU):
    case HVM_SAVE_CODE(TSC_ADJUST):
    case CPU_XSAVE_CODE:
    case CPU_MSR_CODE:
        return has_vcpu ? 0 : -EINVAL;
    case HVM_SAVE_CODE(HEADER):
        return -EINVAL; /* a second one */
    default:
        return record->head.typecode <= HVM_SAVE_CODE_MAX ? 0 : -EINVAL;
    }
}

int hvm_context_check(const u8 *buf, u64 size, u32 nr_vcpus, const struct cpu_policy *policy)
{
    struct hvm_save_header header;
    struct record record;
    u64 at = 0;

    if (next_record(buf, size, &at, &record) || record.head.typecode != HVM_SAVE_CODE(HEADER) ||
        record.head.length != sizeof(header))
        return -ENODATA;
    memcpy(&header, record.body, sizeof(header));
    if (header.magic != HVM_FILE_MAGIC || header.version != HVM_FILE_VERSION)
        return -EINVAL;
    for (;;) {
        int rc = next_record(buf, size, &at, &record);

        if (rc)
            return rc;
        if (record.head.typecode == HVM_SAVE_CODE(END))
            return 0;
        rc = check_record(&record, nr_vcpus, policy);
        if (rc)
            return rc;
    }
}

/* Older streams from Intel hosts have the VMCS form, with AVL, L, D/B and G in bits 12-15. */
static u16 attributes(u32 arbytes)
{
    if ((arbytes & 0xf000) && !(arbytes & 0x0f00))
        return (u16)((arbytes & 0xff) | (arbytes >> 4 & 0xf00));
    return (u16)(arbytes & 0xfff);
}

/* The members of struct hvm_hw_cpu that are copied as they are, in either direction: general registers, which
 * have one name in both; struct hvm_state's name and the record's; segments. */
/* clang-format off */
#define REGISTERS(COPY) \
    COPY(rax) COPY(rbx) COPY(rcx) COPY(rdx) COPY(rsi) COPY(rdi) COPY(rbp) COPY(rsp) COPY(r8) COPY(r9) \
    COPY(r10) COPY(r11) COPY(r12) COPY(r13) COPY(r14) COPY(r15) COPY(rip)
#define STATE(COPY) \
    COPY(cr0, cr0) COPY(cr2, cr2) COPY(cr3, cr3) COPY(cr4, cr4) COPY(dr6, dr6) COPY(dr7, dr7) \
    COPY(efer, msr_efer) COPY(star, msr_star) COPY(lstar, msr_lstar) COPY(cstar, msr_cstar) \
    COPY(sfmask, msr_syscall_mask) COPY(kernel_gs_base, shadow_gs) COPY(tsc_aux, msr_tsc_aux) \
    COPY(sysenter_cs, sysenter_cs) COPY(sysenter_esp, sysenter_esp) COPY(sysenter_eip, sysenter_eip) \
    COPY(gdtr.base, gdtr_base) COPY(gdtr.limit, gdtr_limit) COPY(idtr.base, idtr_base) \
    COPY(idtr.limit, idtr_limit)
#define SEGMENTS(COPY) COPY(cs) COPY(ds) COPY(es) COPY(fs) COPY(gs) COPY(ss) COPY(tr) COPY(ldtr)

#define LOAD_REGISTER(name)          v->hvm.regs.name = cpu->name;
#define LOAD_STATE(name, cpu_name)   state.name = cpu->cpu_name;
#define LOAD_SEGMENT(name) \
    state.name = (struct hvm_segment){ .selector = (u16)cpu->name##_sel, .limit = cpu->name##_limit, \
                                       .attributes = attributes(cpu->name##_arbytes), \
                                       .base = cpu->name##_base };
#define SAVE_REGISTER(name)          cpu.name = v->hvm.regs.name;
#define SAVE_STATE(name, cpu_name)   cpu.cpu_name = state.name;
#define SAVE_SEGMENT(name) \
    cpu.name##_sel = state.name.selector, cpu.name##_arbytes = state.name.attributes, \
    cpu.name##_limit = state.name.limit, cpu.name##_base = state.name.base;
/* clang-format on */

static void load_fpu(u8 *image, const struct hvm_hw_cpu *cpu)
{
    u32 mxcsr;

    hvm_fpu_reset(image);
    if (!(cpu->flags & XEN_X86_FPU_INITIALISED))
        return;
    memcpy(image, cpu->fpu_regs, sizeof(cpu->fpu_regs));
    memcpy(&mxcsr, image + MXCSR_AT, sizeof(mxcsr));
    mxcsr &= MXCSR_VALID;
    memcpy(image + MXCSR_AT, &mxcsr, sizeof(mxcsr));
}

static void load_cpu(struct vcpu *v, const struct hvm_hw_cpu *cpu)
{
    struct hvm_state state;

    u32 cr8 = hvm_ops->get_cr8(&v->hvm); /* not in the record; nor is PAT */

    hvm_ops->get_state(&v->hvm, &state);
    hvm_ops->reset_events(&v->hvm); /* they were of the state that is replaced */
    hvm_ops->set_cr8(&v->hvm, cr8);
    STATE(LOAD_STATE)
    SEGMENTS(LOAD_SEGMENT)
    hvm_ops->set_state(&v->hvm, &state);
    REGISTERS(LOAD_REGISTER)
    v->hvm.regs.rflags = (cpu->rflags & HVM_RFLAGS_VALID) | RFLAGS_RESERVED1;
    load_fpu(v->hvm.fpu, cpu);
    v->hvm.dr[0] = cpu->dr0;
    v->hvm.dr[1] = cpu->dr1;
    v->hvm.dr[2] = cpu->dr2;
    v->hvm.dr[3] = cpu->dr3;
    vcpu_online(v);
}

void hvm_context_load(struct domain *d, const u8 *buf, u64 size)
{
    struct record record;
    struct hvm_hw_cpu cpu;
    u64 at = 0;

    /* A vCPU that is not in the stream goes offline. */
    for (u32 id = 0; id < domain_nr_vcpus(d); id++)
        vcpu_offline(d->vcpu[id]);
    while (!next_record(buf, size, &at, &record) && record.head.typecode != HVM_SAVE_CODE(END))
        if (record.head.typecode == HVM_SAVE_CODE(CPU)) {
            get_cpu(&record, &cpu);
            load_cpu(d->vcpu[record.head.instance], &cpu);
        }
}

u64 hvm_context_size_max(u32 nr_vcpus)
{
    u64 head = sizeof(struct hvm_save_descriptor);
    u64 per_vcpu = 2 * head + sizeof(struct hvm_hw_cpu) + sizeof(struct hvm_hw_mtrr);

    return head + sizeof(struct hvm_save_header) + nr_vcpus * per_vcpu + head;
}

static u8 *put_record(u8 *to, u16 typecode, u32 instance, const void *body, u32 length)
{
    const struct hvm_save_descriptor head = {
        .typecode = typecode, .instance = (u16)instance, .length = length};

    memcpy(to, &head, sizeof(head));
    if (length)
        memcpy(to + sizeof(head), body, length);
    return to + sizeof(head) + length;
}

static u8 *save_cpu(u8 *to, struct vcpu *v)
{
    struct hvm_state state;
    struct hvm_hw_cpu cpu = {
        .dr0 = v->hvm.dr[0],
        .dr1 = v->hvm.dr[1],
        .dr2 = v->hvm.dr[2],
        .dr3 = v->hvm.dr[3],
        .tsc = tsc_synced(),
        .flags = XEN_X86_FPU_INITIALISED,
    };

    REGISTERS(SAVE_REGISTER)
    cpu.rflags = v->hvm.regs.rflags;
    memcpy(cpu.fpu_regs, v->hvm.fpu, sizeof(cpu.fpu_regs));
    hvm_ops->get_state(&v->hvm, &state);
    STATE(SAVE_STATE)
    SEGMENTS(SAVE_SEGMENT)
    return put_record(to, HVM_SAVE_CODE(CPU), v->id, &cpu, sizeof(cpu));
}

u64 hvm_context_save(struct domain *d, u32 nr_vcpus, u8 *buf)
{
    const struct hvm_save_header header = {
        .magic = HVM_FILE_MAGIC,
        .version = HVM_FILE_VERSION,
        .changeset = ~0ull,
        .cpuid = cpuid(1, 0).eax,
        .gtsc_khz = (u32)tsc_khz,
    };
    const struct hvm_hw_mtrr mtrr = {.msr_pat_cr = PAT_DEFAULT, .msr_mtrr_cap = MTRR_CAP_DEFAULT};
    u8 *to = put_record(buf, HVM_SAVE_CODE(HEADER), 0, &header, sizeof(header));

    for (u32 id = 0; id < nr_vcpus; id++) {
        if (d->vcpu[id]->state != VCPU_OFFLINE)
            to = save_cpu(to, d->vcpu[id]);
        to = put_record(to, HVM_SAVE_CODE(MTRR), id, &mtrr, sizeof(mtrr));
    }
    to = put_record(to, HVM_SAVE_CODE(END), 0, NULL, 0);
    return (u64)(to - buf);
}

const u8 *hvm_context_find(const u8 *buf, u64 size, u32 typecode, u32 instance, u32 *length)
{
    struct record record;
    u64 at = 0;

    while (!next_record(buf, size, &at, &record) && record.head.typecode != HVM_SAVE_CODE(END))
        if (record.head.typecode == typecode && record.head.instance == instance) {
            *length = record.head.length;
            return record.body;
        }
    return NULL;
}

/* clang-format off */
#define COPY_REGISTER(name) regs->name = v->hvm.regs.name;
#define COPY_SELECTOR(name) regs->name = state.name.selector;
/* clang-format on */

void hvm_context_registers(struct vcpu *v, struct vcpu_guest_context *out)
{
    struct cpu_user_regs *regs = &out->user_regs;
    struct hvm_state state;

    memset(out, 0, sizeof(*out));
    hvm_ops->get_state(&v->hvm, &state);
    out->flags = VGCF_I387_VALID | (v->state == VCPU_OFFLINE ? 0 : VGCF_online);
    memcpy(&out->fpu_ctxt, v->hvm.fpu, sizeof(out->fpu_ctxt));
    REGISTERS(COPY_REGISTER)
    regs->rflags = v->hvm.regs.rflags;
    COPY_SELECTOR(cs)
    COPY_SELECTOR(ss)
    COPY_SELECTOR(ds)
    COPY_SELECTOR(es)
    COPY_SELECTOR(fs)
    COPY_SELECTOR(gs)
    out->ctrlreg[0] = state.cr0;
    out->ctrlreg[2] = state.cr2;
    out->ctrlreg[3] = state.cr3;
    out->ctrlreg[4] = state.cr4;
    for (u32 i = 0; i < ARRAY_SIZE(v->hvm.dr); i++)
        out->debugreg[i] = v->hvm.dr[i];
    out->debugreg[6] = state.dr6;
    out->debugreg[7] = state.dr7;
    out->fs_base = state.fs.base;
    /* SWAPGS exchanges the two on the way into the kernel. */
    bool in_kernel = !(state.cs.selector & 3);
    out->gs_base_kernel = in_kernel ? state.gs.base : state.kernel_gs_base;
    out->gs_base_user = in_kernel ? state.kernel_gs_base : state.gs.base;
}
