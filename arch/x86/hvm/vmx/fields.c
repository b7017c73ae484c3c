/*
 * The VMCS as one table: each field that is not guest state (state.c) nor written at entries (vmx_write_changes()), with its
 * value and the reason. Numbers of sections are SDM 3C's.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/spec_ctrl_enter.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/guest_msr.h>
#include <arch/x86/hvm/vmx/ept.h>
#include <arch/x86/hvm/vmx/insn.h>
#include <lib/string.h>

#define SLICE_NS 10000000ull

#define NO_LINK           (~0ull)
#define ACTIVE            0ull
#define MSR_BITMAP_WRITES 0x800u /* bytes; 0x400 further on each: MSRs from 0xc0000000 */

extern const u8 vmx_exit_entry[], vmx_exit_guarded[]; /* run.asm */

static u64 slice_ticks; /* [I] of the preemption timer */

/* [I] For all guests: every MSR exits but those that have their value in the VMCS or stay in the CPU. */
static u8 msr_bitmap[PAGE_SIZE] ALIGNED(PAGE_SIZE);

static void fill_msr_bitmap(void)
{
    memset(msr_bitmap, 0xff, sizeof(msr_bitmap));
    for (u32 i = 0; i < HVM_DIRECT_MSRS; i++) {
        u32 msr = hvm_direct_msrs[i];
        u32 byte = (msr >= 0xc0000000u ? 0x400 : 0) + (msr & 0x1fff) / 8;

        msr_bitmap[byte] &= (u8)~BIT(msr % 8);
        msr_bitmap[MSR_BITMAP_WRITES + byte] &= (u8)~BIT(msr % 8);
    }
}

void vmx_fields_init(void)
{
    fill_msr_bitmap();
    slice_ticks = MIN(MAX(time_ns_to_tsc(SLICE_NS) >> vmx_settings.timer_shift, 1ull), 0xffffffffull);
}

/* --- the table ------------------------------------------------------------------------------------------- */

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

/* Controls that are not here stay 0. */
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
    {VMCS_GUEST_PDPTE, FIXED(0)}, /* loaded by the CPU, or pdptes.c, when PAE paging begins */
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

void vmx_write_cpu_fields(struct hvm_vcpu *v, struct cpu *cpu)
{
    write_settings(v, cpu, true);
}

void vmx_write_all_fields(struct hvm_vcpu *v, struct cpu *cpu)
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
}
