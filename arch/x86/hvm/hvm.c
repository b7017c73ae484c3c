/*
 * Chooses the vendor's hardware virtualization, and sets the states in which vCPUs start. See hvm.h.
 */
#include <arch/x86/hvm/hvm.h>

#include <homestead/init.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/spec_ctrl.h>
#include <arch/x86/hvm/svm/svm.h>
#include <arch/x86/hvm/vmx/vmx.h>
#include <homestead/errno.h>
#include <lib/log.h>

const struct hvm_ops *hvm_ops;
bool hvm_exec_large;

/* The only place outside a vendor's folder that names a vendor. */
static const struct hvm_ops *const candidates[] = {&svm_ops, &vmx_ops};

/* Code in a large page of nested paging: a guest could end the machine by it on some CPUs. Returns whether on this one. */
static INIT bool choose_exec_large(u8 setting)
{
    struct spec_ctrl_cpu cpu;

    spec_ctrl_read_cpu(&cpu);
    bool affected = spec_ctrl_size_mc(&cpu);
    hvm_exec_large = setting == SPEC_YES || (setting == SPEC_AUTO && !affected);
    return affected;
}

static INIT void report_exec_large(bool affected)
{
    log_info("EPT             large pages are %s%s%s\n",
             hvm_exec_large ? "executed" : "split when they are executed",
             affected && hvm_exec_large ? ": a guest can end the machine" : "",
             affected ? " (CVE-2018-12207)" : "");
    log_fact("@ept exec_sp=%s affected=%s\n", hvm_exec_large ? "yes" : "no", affected ? "yes" : "no");
}

INIT int hvm_init(u8 exec_large)
{
    const char *why[ARRAY_SIZE(candidates)];
    bool affected = choose_exec_large(exec_large);

    for (u32 i = 0; i < ARRAY_SIZE(candidates); i++) {
        if (!candidates[i]->probe(&why[i]))
            continue;
        int rc = candidates[i]->cpu_enable();
        if (rc) {
            log_error("hvm: %s could not be enabled on the boot CPU (%d)\n", candidates[i]->name, rc);
            return rc;
        }
        hvm_ops = candidates[i];
        if (hvm_ops->make == HVM_INTEL)
            report_exec_large(affected);
        cpu_policy_init();
        return 0;
    }
    for (u32 i = 0; i < ARRAY_SIZE(candidates); i++)
        log_error("hvm: no %s: %s\n", candidates[i]->name, why[i]);
    log_error("hvm: guests cannot run: hardware virtualization with nested paging is missing or disabled\n");
    return -ENODEV;
}

/* Segment attributes in VMCB form: G and D/B above, present, type below. */
#define SEG_CODE  0xc9bu
#define SEG_DATA  0xc93u
#define SEG_LDT   0x082u
#define SEG_TSS   0x08bu /* busy, 32-bit */
#define TSS_LIMIT 0x67u

static void set_data_segments(struct hvm_state *state, struct hvm_segment data)
{
    state->ds = state->es = state->fs = state->gs = state->ss = data;
}

void hvm_set_pvh_entry(struct hvm_vcpu *v, u32 eip, u32 ebx)
{
    struct hvm_state state = {
        .cr0 = CR0_PE | CR0_ET,
        .dr6 = HVM_DR6_RESET,
        .dr7 = HVM_DR7_RESET,
        .pat = HVM_PAT_RESET,
        .cs = {.attributes = SEG_CODE, .limit = 0xffffffff},
        .tr = {.attributes = SEG_TSS, .limit = TSS_LIMIT},
        .ldtr = {.attributes = SEG_LDT},
    };

    set_data_segments(&state, (struct hvm_segment){.attributes = SEG_DATA, .limit = 0xffffffff});
    hvm_ops->set_state(v, &state);
    v->regs = (struct hvm_regs){.rip = eip, .rbx = ebx, .rflags = RFLAGS_RESERVED1};
}

#define SEG_CODE16 0x09bu
#define SEG_DATA16 0x093u
#define LIMIT_64K  0xffffu

void hvm_set_startup_entry(struct hvm_vcpu *v, u8 vector, u32 signature)
{
    struct hvm_state state;

    hvm_ops->get_state(v, &state); /* INIT keeps PAT and the system-call MSRs */
    state.cr0 = CR0_ET;
    state.cr2 = state.cr3 = state.cr4 = state.efer = 0;
    state.dr6 = HVM_DR6_RESET;
    state.dr7 = HVM_DR7_RESET;
    state.cs = (struct hvm_segment){.selector = (u16)(vector << 8),
                                    .attributes = SEG_CODE16,
                                    .limit = LIMIT_64K,
                                    .base = (u64)vector << 12};
    set_data_segments(&state, (struct hvm_segment){.attributes = SEG_DATA16, .limit = LIMIT_64K});
    state.tr = (struct hvm_segment){.attributes = SEG_TSS, .limit = LIMIT_64K};
    state.ldtr = (struct hvm_segment){.attributes = SEG_LDT, .limit = LIMIT_64K};
    state.gdtr = state.idtr = (struct hvm_segment){.limit = LIMIT_64K};
    hvm_ops->set_state(v, &state);
    v->regs = (struct hvm_regs){.rdx = signature, .rflags = RFLAGS_RESERVED1};
}
