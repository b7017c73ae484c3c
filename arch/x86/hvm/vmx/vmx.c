/*
 * Intel's VMX with EPT and unrestricted guests: enabling it, the VMCS, and the run path.
 *
 * Run path budget: 100 instructions from run() to its return for a hypercall, vmx_enter() included; seven VMREADs and one
 * VMWRITE (RIP): what has not changed since the last exit is not written. No lock, no cache line but the VMCS's, the
 * vCPU's and this CPU's.
 *
 * A VMCS is current on the CPU that runs its vCPU, from the first entry until vmx_leave(), which leaves it clear, so that
 * any CPU can take it (vcpu.h). Host state and the VPID are written again when the CPU is another one.
 *
 * Time: the preemption timer ends a guest after SLICE_NS whatever its interrupt flag is, and after every exit a window
 * lets pending interrupts in. On a CPU that delivers every interrupt this is needless; Bochs 2.7 does not end a guest
 * that was entered with IF clear for an interrupt.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/mtrr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/spec_ctrl_enter.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/tlb_tag.h>
#include <arch/x86/hvm/vmx/entry_checks.h>
#include <arch/x86/hvm/vmx/ept.h>
#include <arch/x86/hvm/vmx/flush.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

#define SLICE_NS 10000000ull

#define CPUID_VMX         BIT(5)  /* 1 ECX */
#define CPUID_RDTSCP      BIT(27) /* 0x80000001 EDX */
#define CR4_VMXE          BIT(13)
#define VPID_MAX          0xffffu
#define NO_LINK           (~0ull)
#define ACTIVE            0ull
#define MSR_BITMAP_WRITES 0x800u /* bytes; 0x400 further on each: MSRs from 0xc0000000 */

/* Capability MSRs, SDM 3D A.1 to A.10 */
#define MSR_VMX_BASIC      0x480u
#define MSR_VMX_PIN        0x481u
#define MSR_VMX_PRIMARY    0x482u
#define MSR_VMX_EXIT       0x483u
#define MSR_VMX_ENTRY      0x484u
#define MSR_VMX_MISC       0x485u
#define MSR_VMX_CR0_FIXED0 0x486u
#define MSR_VMX_CR0_FIXED1 0x487u
#define MSR_VMX_CR4_FIXED0 0x488u
#define MSR_VMX_CR4_FIXED1 0x489u
#define MSR_VMX_SECONDARY  0x48bu
#define MSR_VMX_TRUE_PIN   0x48du /* primary, exit, entry follow */
#define BASIC_HAS_TRUE     BIT(55)

/* hvm_page_maddr[] of a CPU */
enum { VMXON_PAGE };

extern const u8 vmx_exit_entry[], vmx_exit_guarded[]; /* run.asm */

struct vmx_settings vmx_settings;
static struct vmx_capabilities boot_capabilities; /* [I] */
static u64 slice_ticks;                           /* [I] of the preemption timer */

/* [I] For all guests: every MSR exits but those that have their value in the VMCS or stay in the CPU. */
static u8 msr_bitmap[PAGE_SIZE] ALIGNED(PAGE_SIZE);

static const u32 direct_msrs[] = {
    MSR_IA32_SYSENTER_CS,
    MSR_IA32_SYSENTER_ESP,
    MSR_IA32_SYSENTER_EIP,
    MSR_STAR,
    MSR_LSTAR,
    MSR_CSTAR,
    MSR_SFMASK,
    MSR_FS_BASE,
    MSR_GS_BASE,
    MSR_KERNEL_GS_BASE,
};

static void fill_msr_bitmap(void)
{
    memset(msr_bitmap, 0xff, sizeof(msr_bitmap));
    for (u32 i = 0; i < ARRAY_SIZE(direct_msrs); i++) {
        u32 msr = direct_msrs[i];
        u32 byte = (msr >= 0xc0000000u ? 0x400 : 0) + (msr & 0x1fff) / 8;

        msr_bitmap[byte] &= (u8)~BIT(msr % 8);
        msr_bitmap[MSR_BITMAP_WRITES + byte] &= (u8)~BIT(msr % 8);
    }
}

/* --- enabling ------------------------------------------------------------------------------------------- */

static struct vmx_capabilities read_capabilities(void)
{
    struct vmx_capabilities c = {.vmx = cpuid(1, 0).ecx & CPUID_VMX};

    if (!c.vmx)
        return c;
    c.maddr_bits = cpuid(0x80000008u, 0).eax & 0xff;
    c.feature_control = rdmsr(MSR_IA32_FEATURE_CONTROL);
    c.basic = rdmsr(MSR_VMX_BASIC);
    bool has_true = c.basic & BASIC_HAS_TRUE;
    c.pin = rdmsr(has_true ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN);
    c.primary = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 1 : MSR_VMX_PRIMARY);
    c.exit = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 2 : MSR_VMX_EXIT);
    c.entry = rdmsr(has_true ? MSR_VMX_TRUE_PIN + 3 : MSR_VMX_ENTRY);
    c.misc = rdmsr(MSR_VMX_MISC);
    c.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
    c.cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
    c.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
    c.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
    if (c.primary >> 32 & PRIMARY_SECONDARY) {
        c.secondary = rdmsr(MSR_VMX_SECONDARY);
        if (c.secondary >> 32 & (SECONDARY_EPT | SECONDARY_VPID))
            c.ept_vpid = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
    }
    return c;
}

static bool vmx_probe(const char **why)
{
    boot_capabilities = read_capabilities();
    *why = vmx_decide(&boot_capabilities, &vmx_settings);
    if (!*why)
        *why = ept_choose(boot_capabilities.ept_vpid, mtrr_ram_type);
    if (*why)
        return false;
    fill_msr_bitmap();
    slice_ticks = MIN(MAX(time_ns_to_tsc(SLICE_NS) >> vmx_settings.timer_shift, 1ull), 0xffffffffull);
    return true;
}

/* What is wrong with a CPU after the first one; NULL: nothing. */
static const char *differs(void)
{
    const struct vmx_capabilities c = read_capabilities();
    struct vmx_settings s;
    const char *why = vmx_decide(&c, &s);

    if (!why && memcmp(&s, &vmx_settings, sizeof(s)) != 0)
        why = "its VMX capabilities differ from the boot CPU's";
    if (!why && !ept_same(boot_capabilities.ept_vpid, c.ept_vpid))
        why = "its EPT capabilities differ from the boot CPU's";
    return why;
}

/* FXSAVE must include SSE, as on AMD. */
static void set_control_registers(void)
{
    write_cr0(((read_cr0() & ~(CR0_TS | CR0_EM)) | CR0_MP | vmx_settings.cr0_must) & vmx_settings.cr0_may);
    write_cr4((read_cr4() | CR4_OSFXSR | CR4_VMXE | vmx_settings.cr4_must) & vmx_settings.cr4_may);
}

static int vmx_cpu_enable(void)
{
    struct cpu *cpu = this_cpu();
    const char *why = differs();

    if (why) {
        log_warn("CPU %u is left out: %s\n", cpu->id, why);
        return -ENODEV;
    }
    if (!(rdmsr(MSR_IA32_FEATURE_CONTROL) & FEATURE_CONTROL_LOCK))
        wrmsr(MSR_IA32_FEATURE_CONTROL,
              rdmsr(MSR_IA32_FEATURE_CONTROL) | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
    set_control_registers();
    if (cpuid(0x80000001u, 0).edx & CPUID_RDTSCP)
        wrmsr(MSR_TSC_AUX, 0);

    u64 region = cpu->hvm_page_maddr[VMXON_PAGE];
    *(u32 *)maddr_to_virt(region) = vmx_settings.revision;
    if (!vmxon(region))
        return -ENODEV;
    vmx_flush_all();
    cpu->asid_max = VPID_MAX; /* 0 is the host's */
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
    return 0;
}

/* Linux uses VMMCALL for AMD and Hygon. */
static struct cpuid_leaf vmx_cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_leaf out = cpuid(leaf, subleaf);
    u32 vendor[3] = {out.ebx, out.edx, out.ecx};

    if (leaf == 0 && (!memcmp(vendor, "AuthenticAMD", sizeof(vendor)) ||
                      !memcmp(vendor, "HygonGenuine", sizeof(vendor)))) {
        memcpy(vendor, "GenuineIntel", sizeof(vendor));
        out.ebx = vendor[0];
        out.edx = vendor[1];
        out.ecx = vendor[2];
    }
    return out;
}

/* --- the VMCS ------------------------------------------------------------------------------------------- */

struct descriptor_register {
    u16 limit;
    u64 base;
} PACKED;

/* What the table below takes from elsewhere. */
struct vmcs_facts {
    u64 pin, secondary, exit;    /* vmx_settings */
    u64 msr_bitmap, ept_pointer; /* of all guests, of the domain */
    u64 tsc_offset;              /* of the CPU, like the rest */
    u64 cr0, cr3, cr4, pat, efer, gs_base, tr_base, gdtr_base, idtr_base;
};

/* Each field that is not guest state (state.c, vmx_vcpu_init()) or written at entries (vmx_run()). All other controls
 * stay 0. */
static const struct vmcs_setting {
    u16 field;
    u8 fact;     /* where its value is in struct vmcs_facts; NO_FACT: it is `value` */
    bool of_cpu; /* written again when the vCPU comes to another CPU */
    u64 value;
} settings[] = {
#define NO_FACT        0xffu
#define FACT(name)     .fact = offsetof(struct vmcs_facts, name)
#define CPU_FACT(name) FACT(name), .of_cpu = true
#define FIXED(number)  .fact = NO_FACT, .value = (number)
    /* 25.6: what exits; capability.c has each bit with its reason */
    {VMCS_PIN_CONTROLS, FACT(pin)},
    {VMCS_SECONDARY_CONTROLS, FACT(secondary)},
    /* #DB, #AC: a guest could raise them in their own delivery for ever; #MC is the host's */
    {VMCS_EXCEPTION_BITMAP, FIXED(BIT(TRAP_DB) | BIT(TRAP_AC) | BIT(TRAP_MC))},
    {VMCS_PAGE_FAULT_MASK, FIXED(0)}, /* with MATCH 0 and bit 14 clear: no #PF exits */
    {VMCS_PAGE_FAULT_MATCH, FIXED(0)},
    {VMCS_CR3_TARGET_COUNT, FIXED(0)}, /* writes of CR3 do not exit */
    {VMCS_MSR_BITMAP, FACT(msr_bitmap)},
    {VMCS_EPT_POINTER, FACT(ept_pointer)},
    {VMCS_TSC_OFFSET, CPU_FACT(tsc_offset)},          /* the guest sees the same TSC on every CPU */
    {VMCS_CR0_MASK, FIXED(CR0_NE | CR0_CD | CR0_NW)}, /* state.c: which bits are not the guest's */
    {VMCS_CR4_MASK, FIXED(~0ull)},
    /* 25.7, 25.8: no MSR is switched by a list */
    {VMCS_EXIT_CONTROLS, FACT(exit)},
    {VMCS_EXIT_MSR_STORE_COUNT, FIXED(0)},
    {VMCS_EXIT_MSR_LOAD_COUNT, FIXED(0)},
    {VMCS_ENTRY_MSR_LOAD_COUNT, FIXED(0)},
    {VMCS_ENTRY_EVENT, FIXED(0)},
    /* 25.4: guest state without a counterpart in struct hvm_state */
    {VMCS_LINK_POINTER, FIXED(NO_LINK)},  /* no shadow VMCS */
    {VMCS_GUEST_DEBUGCTL, FIXED(0)},      /* guests cannot write it */
    {VMCS_GUEST_ACTIVITY, FIXED(ACTIVE)}, /* HLT exits; INIT and STARTUP are domain/vlapic.c's */
    {VMCS_GUEST_PENDING_DEBUG, FIXED(PENDING_NONE)},
    {VMCS_GUEST_INTERRUPTIBILITY, FIXED(0)},
    {VMCS_GUEST_PDPTE, FIXED(0)}, /* loaded by the CPU when the guest turns PAE paging on */
    {VMCS_GUEST_PDPTE + 2, FIXED(0)},
    {VMCS_GUEST_PDPTE + 4, FIXED(0)},
    {VMCS_GUEST_PDPTE + 6, FIXED(0)},
    /* 25.5: the host, as it runs; the exit sets the limits of GDTR and IDTR to 0xffff */
    {VMCS_HOST_CS, FIXED(SEL_CODE)},
    {VMCS_HOST_SS, FIXED(SEL_DATA)},
    {VMCS_HOST_DS, FIXED(SEL_DATA)},
    {VMCS_HOST_ES, FIXED(SEL_DATA)},
    {VMCS_HOST_FS, FIXED(0)},
    {VMCS_HOST_GS, FIXED(0)},
    {VMCS_HOST_TR, FIXED(SEL_TSS)},
    {VMCS_HOST_FS_BASE, FIXED(0)},
    {VMCS_HOST_SYSENTER_CS, FIXED(0)}, /* there is no user mode */
    {VMCS_HOST_SYSENTER_ESP, FIXED(0)},
    {VMCS_HOST_SYSENTER_EIP, FIXED(0)},
    {VMCS_HOST_CR0, CPU_FACT(cr0)},
    {VMCS_HOST_CR3, CPU_FACT(cr3)},
    {VMCS_HOST_CR4, CPU_FACT(cr4)},
    {VMCS_HOST_PAT, CPU_FACT(pat)},
    {VMCS_HOST_EFER, CPU_FACT(efer)},
    {VMCS_HOST_GS_BASE, CPU_FACT(gs_base)},
    {VMCS_HOST_TR_BASE, CPU_FACT(tr_base)},
    {VMCS_HOST_GDTR_BASE, CPU_FACT(gdtr_base)},
    {VMCS_HOST_IDTR_BASE, CPU_FACT(idtr_base)},
};

static void must_write(u32 field, u64 value)
{
    if (!vmwrite_checked(field, value))
        panic("VMWRITE of field 0x%x failed: %s", field,
              vmx_instruction_error((u32)vmread(VMCS_INSTRUCTION_ERROR)));
}

/* of_cpu: only what belongs to this CPU. v's VMCS is current. */
static void write_settings(struct hvm_vcpu *v, struct cpu *cpu, bool of_cpu)
{
    struct descriptor_register gdtr, idtr;

    __asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdtr), "=m"(idtr));
    const struct vmcs_facts facts = {
        .pin = vmx_settings.pin,
        .secondary = vmx_settings.secondary,
        .exit = vmx_settings.exit,
        .msr_bitmap = image_to_maddr(msr_bitmap),
        .ept_pointer = ept_pointer(v->np->root_maddr),
        .tsc_offset = 0 - (u64)cpu->tsc_offset,
        .cr0 = read_cr0(),
        .cr3 = read_cr3(),
        .cr4 = read_cr4(),
        .pat = rdmsr(MSR_IA32_PAT),
        .efer = rdmsr(MSR_EFER),
        .gs_base = (u64)cpu,
        .tr_base = (u64)&cpu->tables->tss,
        .gdtr_base = gdtr.base,
        .idtr_base = idtr.base,
    };

    for (const struct vmcs_setting *s = settings; s < settings + ARRAY_SIZE(settings); s++)
        if (s->of_cpu || !of_cpu)
            must_write(s->field,
                       s->fact == NO_FACT ? s->value : *(const u64 *)((const u8 *)&facts + s->fact));
}

/* Once, on the first CPU that runs v. */
static void initialise(struct hvm_vcpu *v, struct cpu *cpu)
{
    write_settings(v, cpu, false);
    must_write(VMCS_HOST_RIP, (u64)(spec_ctrl_needed() ? vmx_exit_guarded : vmx_exit_entry));
    must_write(VMCS_PRIMARY_CONTROLS, v->vmx.written_controls = vmx_settings.primary);
    must_write(VMCS_GUEST_RIP, v->vmx.written_rip = v->regs.rip);
    must_write(VMCS_GUEST_RSP, v->vmx.written_rsp = v->regs.rsp);
    must_write(VMCS_GUEST_RFLAGS, v->vmx.written_rflags = v->regs.rflags);
    if (vmx_settings.pin & PIN_PREEMPTION_TIMER)
        must_write(VMCS_PREEMPTION_TIMER, slice_ticks); /* counts from here at each entry */
    if (vmx_settings.secondary & SECONDARY_ENCLS)
        must_write(VMCS_ENCLS_BITMAP, ~0ull);
    v->vmx.initialised = true;
}

static void vmx_vcpu_init(struct hvm_vcpu *v)
{
    const struct hvm_state reset = {
        .cr0 = CR0_ET, .dr6 = HVM_DR6_RESET, .dr7 = HVM_DR7_RESET, .pat = HVM_PAT_RESET};

    *(u32 *)v->control = vmx_settings.revision;
    v->vmx = (struct vmx_vcpu){.read = true, .dirty = BIT(VMX_GUEST_FIELDS) - 1};
    v->regs.rflags = RFLAGS_RESERVED1;
    v->last_cpu = NULL;
    v->in_irq_window = false;
    vmx_set_state(v, &reset);
}

/* --- a vCPU comes and leaves ----------------------------------------------------------------------------- */

bool vmx_is_here(const struct hvm_vcpu *v)
{
    return this_cpu()->vmcs == v;
}

void vmx_save_registers(struct hvm_vcpu *v)
{
    v->vmx.star = rdmsr(MSR_STAR);
    v->vmx.lstar = rdmsr(MSR_LSTAR);
    v->vmx.cstar = rdmsr(MSR_CSTAR);
    v->vmx.sfmask = rdmsr(MSR_SFMASK);
    v->vmx.kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    v->vmx.cr2 = read_cr2();
    __asm__ volatile("mov %%db6, %0" : "=r"(v->vmx.dr6));
}

void vmx_load_registers(const struct hvm_vcpu *v)
{
    wrmsr(MSR_STAR, v->vmx.star);
    wrmsr(MSR_LSTAR, v->vmx.lstar);
    wrmsr(MSR_CSTAR, v->vmx.cstar);
    wrmsr(MSR_SFMASK, v->vmx.sfmask);
    wrmsr(MSR_KERNEL_GS_BASE, v->vmx.kernel_gs_base);
    write_cr2(v->vmx.cr2);
    __asm__ volatile("mov %0, %%db6" : : "r"(v->vmx.dr6));
}

static void must_clear(const struct hvm_vcpu *v)
{
    if (!vmclear(v->control_maddr))
        panic("VMCLEAR of d%uv%u failed", v->domid, v->vcpu_id);
}

static void vmx_leave(struct hvm_vcpu *v)
{
    struct cpu *cpu = this_cpu();

    if (cpu->vmcs != v)
        return; /* it has not been entered */
    vmx_save_registers(v);
    if (!v->vmx.read)
        vmx_read_guest(v);
    must_clear(v);
    v->vmx.launched = false;
    cpu->vmcs = NULL;
}

/* v was on no CPU. */
static __attribute__((noinline)) void take(struct hvm_vcpu *v, struct cpu *cpu)
{
    if (!v->vmx.initialised)
        must_clear(v); /* gives it the form that only the CPU knows */
    if (!vmptrld(v->control_maddr))
        panic("VMPTRLD of d%uv%u failed", v->domid, v->vcpu_id);
    cpu->vmcs = v;
    if (!v->vmx.initialised)
        initialise(v, cpu);
    vmx_load_registers(v);
}

static __attribute__((noinline)) void renew(struct hvm_vcpu *v, struct cpu *cpu, u32 due)
{
    vmwrite(VMCS_VPID, v->asid);
    if (due & HVM_TLB_MOVED)
        write_settings(v, cpu, true);
}

/* --- running -------------------------------------------------------------------------------------------- */

/* The CPU does not say which check has failed. */
static void explain(const struct hvm_vcpu *v)
{
    struct vmx_entry entry;

    vmx_entry_read(&entry);
    struct vmx_refusal refusal = vmx_entry_check(&entry, &vmx_settings);
    if (refusal.rule)
        log_error("d%uv%u: %s 0x%lx: %s\n", v->domid, v->vcpu_id, refusal.field, refusal.value, refusal.rule);
}

static __attribute__((noinline)) void refused(struct hvm_vcpu *v, u32 entered, struct hvm_exit *exit)
{
    exit->kind = HVM_EXIT_INVALID;
    exit->insn_len = 0;
    if (entered == VMX_ENTERED) {
        u32 reason = (u32)vmread(VMCS_EXIT_REASON);

        v->exit_code_raw = reason;
        log_error("d%uv%u: entry failed: %s, qualification %lu\n", v->domid, v->vcpu_id,
                  vmx_entry_failure(reason), vmread(VMCS_QUALIFICATION));
        return;
    }
    u32 error = entered == VMX_NO_VMCS ? 0 : (u32)vmread(VMCS_INSTRUCTION_ERROR);
    v->exit_code_raw = error;
    log_error("d%uv%u: the CPU refused %s: %s (%u)\n", v->domid, v->vcpu_id,
              v->vmx.launched ? "VMRESUME" : "VMLAUNCH",
              error ? vmx_instruction_error(error) : "no VMCS is current", error);
    if (error)
        explain(v);
}

/* Not inlined: a CPU that needs no measures then pays for two instructions. */
static __attribute__((noinline)) u32 enter_guarded(struct hvm_vcpu *v, struct cpu *cpu)
{
    return vmx_enter_guarded(v, spec_ctrl_enter(&cpu->last_domain, v->domain_serial, !v->domid));
}

static void vmx_run(struct hvm_vcpu *v, struct hvm_exit *exit)
{
    struct vmx_vcpu *x = &v->vmx;
    struct cpu *cpu = this_cpu();

    if (unlikely(cpu->vmcs != v))
        take(v, cpu);
    u32 due = vmx_flush_stale(v, cpu);
    if (unlikely(due))
        renew(v, cpu, due);
    vmx_write_changes(v);
    cpu->guest = v; /* for the NMI handler, which reports what this CPU does */
    cpu->in_guest = true;
    u32 entered = likely(!spec_ctrl_needed()) ? vmx_enter(v) : enter_guarded(v, cpu);
    cpu->in_guest = false;
    __asm__ volatile("sti\n\tnop\n\tcli" : : : "memory"); /* their handlers only set flags for the run loop */
    u32 reason = entered == VMX_ENTERED ? (u32)vmread(VMCS_EXIT_REASON) : VMX_EXIT_ENTRY_FAILED;
    if (unlikely(reason & VMX_EXIT_ENTRY_FAILED)) {
        refused(v, entered, exit);
        return;
    }
    x->launched = true;
    x->event = 0;
    x->read = false;
    x->mode_known = false;
    x->written_rip = v->regs.rip = vmread(VMCS_GUEST_RIP);
    x->written_rsp = v->regs.rsp = vmread(VMCS_GUEST_RSP);
    x->written_rflags = v->regs.rflags = vmread(VMCS_GUEST_RFLAGS);
    x->written_interruptibility = x->interruptibility = (u32)vmread(VMCS_GUEST_INTERRUPTIBILITY);
    vmx_decode_exit(v, reason, exit);
}

static void vmx_skip(struct hvm_vcpu *v, u32 len)
{
    u64 rip = v->regs.rip + len;

    v->regs.rip = vmx_long_mode_cs(v) ? rip : (u32)rip;
    vmx_end_shadow(v);
}

const struct hvm_ops vmx_ops = {
    .name = "Intel VMX with EPT",
    .make = HVM_INTEL,
    .hypercall_insn = {0x0f, 0x01, 0xc1}, /* VMCALL */
    .probe = vmx_probe,
    .cpu_enable = vmx_cpu_enable,
    .cpuid = vmx_cpuid,
    .vcpu_init = vmx_vcpu_init,
    .get_state = vmx_get_state,
    .set_state = vmx_set_state,
    .run = vmx_run,
    .leave = vmx_leave,
    .can_inject_irq = vmx_can_inject_irq,
    .inject_irq = vmx_inject_irq,
    .request_irq_window = vmx_request_irq_window,
    .inject_nmi = vmx_inject_nmi,
    .reset_events = vmx_reset_events,
    .get_cr8 = vmx_get_cr8,
    .set_cr8 = vmx_set_cr8,
    .inject_exception = vmx_inject_exception,
    .cpl = vmx_cpl,
    .long_mode_cs = vmx_long_mode_cs,
    .paging_state = vmx_paging_state,
    .skip = vmx_skip,
};
