/*
 * Whatever state toolstacks and guests bring about, VMRUN does not refuse the VMCB: random states (entry_states.h) through
 * svm.c, state.c and event.c, against a model of VMRUN's checks (tests/machine/vmrun.h). And writers that are broken on
 * purpose are found, so that the states reach every rule.
 */
#include "entry_states.h"
#include <tests/machine/vmrun.h>

/* It drives hardware, so it is in no archive; but for VMRUN nothing of it is executed here that a host cannot. */
#define svm_ops real_svm_ops
#include <arch/x86/hvm/svm/svm.c>
#undef svm_ops

#define ASIDS 7u

enum broken {
    NOTHING,
    NO_SVME,
    CR4_AS_WRITTEN, /* with bits that the CPU has not */
    CR0_AS_WRITTEN,
    CR3_AS_WRITTEN,
    L_AND_D,
    DR7_AS_WRITTEN,
    EFER_AS_WRITTEN,
    LMA_WITHOUT_PAE,
    PAT_AS_WRITTEN,
    EVENT_TYPE,
    NMI_AS_EXCEPTION,
    NO_INTERCEPT,
    ASID_ZERO,
    MAP_BEYOND,
    NR_BROKEN
};

static enum broken broken;
static const char *refusal;
static struct vmrun_cpu cpu_model;

/* A CPU that needs no measures around guests. */
u32 spec_ctrl_flags;
struct spec_ctrl_values spec_ctrl_values;
void svm_enter_guarded(struct hvm_vcpu *v, u64 vmsave_maddr, u32 flags)
{
    (void)v;
    (void)vmsave_maddr;
    (void)flags;
    fail_msg("no measures are needed");
}

/* In place of the machine's. */
u64 image_to_maddr(const void *virt)
{
    return (u64)virt & (MIB(64) - PAGE_SIZE);
}

/* What a broken writer would have left. */
static void break_vmcb(struct vmcb *vmcb)
{
    switch (broken) {
    case NO_SVME:
        vmcb->efer &= ~EFER_SVME;
        break;
    case CR4_AS_WRITTEN:
        vmcb->cr4 = random_cr4();
        break;
    case CR0_AS_WRITTEN:
        vmcb->cr0 = random_cr0();
        break;
    case CR3_AS_WRITTEN:
        vmcb->cr3 = random_address();
        break;
    case L_AND_D:
        vmcb->cs.attributes |= HVM_SEG_L | HVM_SEG_D;
        break;
    case DR7_AS_WRITTEN:
        vmcb->dr7 = random_address();
        break;
    case EFER_AS_WRITTEN:
        vmcb->efer = random_efer() | EFER_SVME;
        break;
    case LMA_WITHOUT_PAE:
        vmcb->cr4 &= ~CR4_PAE;
        break;
    case PAT_AS_WRITTEN:
        vmcb->g_pat = NEAR(HVM_PAT_RESET);
        break;
    case EVENT_TYPE:
        vmcb->event_inj = SVM_EVENT_VALID | rnd(8) << 8 | 32;
        break;
    case NMI_AS_EXCEPTION:
        vmcb->event_inj = SVM_EVENT_VALID | SVM_EVENT_TYPE_EXCP | rnd(40);
        break;
    case NO_INTERCEPT:
        vmcb->intercept_misc2 &= ~SVM_INTERCEPT(VMRUN);
        break;
    case ASID_ZERO:
        vmcb->guest_asid = (u32)rnd(ASIDS);
        break;
    case MAP_BEYOND:
        vmcb->msrpm_base_pa = random_address();
        break;
    default:
        break;
    }
}

/* In place of run.asm. */
void svm_enter(struct hvm_vcpu *v, u64 vmsave_maddr)
{
    struct vmcb *vmcb = svm_vmcb(v), before = *vmcb;

    assert_int_equal(vmsave_maddr, 0x5000);
    break_vmcb(vmcb);
    refusal = vmrun_refusal(vmcb, &cpu_model);
    if (broken)
        *vmcb = before;
    vmcb->exit_code = SVM_EXIT_CPUID;
    vmcb->exit_int_info = 0;
    if (refusal)
        return;
    vmcb->v_intr &= ~SVM_V_IRQ | (v->in_irq_window ? SVM_V_IRQ : 0); /* a vector was taken */
    /* A fault on the way through the IDT: any event that can have been delivered. */
    static const u64 events[] = {0x80000041, 0x80000202, 0x80000b0e, 0x80000306,
                                 0x80000480, 0x80000303, 0x80000b08, 0x80000301};
    if (chance(6))
        vmcb->exit_int_info = events[rnd(ARRAY_SIZE(events))];
    if (chance(8)) {
        vmcb->exit_code = SVM_EXIT_VINTR;
        if (!v->in_irq_window)
            vmcb->exit_code = SVM_EXIT_IRET;
    }
}

static const char *svm_enter_checked(struct hvm_vcpu *v)
{
    struct hvm_exit exit;

    svm_run(v, &exit);
    return refusal;
}

/* Guests write CR0, CR3 and segments without an exit; the CPU keeps all of it consistent. */
static void svm_guest_runs(struct hvm_vcpu *v)
{
    struct vmcb *vmcb = svm_vmcb(v);
    bool long_mode = vmcb->efer & EFER_LMA;

    v->regs.rflags = (NEAR(2, 0x202, 0x302, 0x10202) & 0x3f7fd5) | 2;
    vmcb->interrupt_state = rnd(2);
    if (chance(3)) { /* SYSRET to privilege 3, or an interrupt gate back */
        vmcb->cpl = chance(2) ? 3 : 0;
        vmcb->cs.attributes = long_mode ? 0xa9b : 0xc9b;
    }
    if (chance(4) && !(vmcb->cr0 & CR0_PG)) {
        vmcb->cr0 |= CR0_PE;
        if (!(vmcb->efer & EFER_LME) || ((vmcb->cr4 & CR4_PAE) && !(vmcb->cs.attributes & HVM_SEG_L))) {
            vmcb->cr0 |= CR0_PG;
            vmcb->efer |= vmcb->efer & EFER_LME ? EFER_LMA : 0;
        }
    } else if (chance(8) && !(long_mode && (vmcb->cs.attributes & HVM_SEG_L))) {
        vmcb->cr0 &= ~CR0_PG;
        vmcb->efer &= ~EFER_LMA;
    }
    v->regs.rip = random_address();
}

static void svm_begin(struct hvm_vcpu *v)
{
    static struct vmcb vmcb ALIGNED(PAGE_SIZE);

    memset(&vmcb, 0, sizeof(vmcb));
    v->control = &vmcb;
    here->hvm_page_maddr[VMSAVE_PAGE] = 0x5000;
    here->asid_max = ASIDS - 1;
    here->asid_next = 1;
    here->asid_generation = 1;
    svm_vcpu_init(v);
}

static struct hvm_ops ops;
static const struct entry_vendor svm_vendor = {&ops, svm_begin, svm_enter_checked, svm_guest_runs};

static void to_target_set(struct hvm_vcpu *v, const struct hvm_state *in)
{
    (v == &target->hvm ? real_svm_ops.set_state : fake_ops->set_state)(v, in);
}

static void begin(u64 seed)
{
    if (!fake_ops)
        fake_ops = hvm_ops;
    ops = real_svm_ops;
    ops.cpuid = fake_ops->cpuid;
    both_ops = *fake_ops;
    both_ops.set_state = to_target_set;
    svm_features = (struct svm_features){.nrip = true, .assists = true, .maddr_bits = MADDR_BITS};
    cpu_model = (struct vmrun_cpu){.maddr_bits = MADDR_BITS,
                                   .cr4 = cpu_policy_default()->cr4 | CR4_MCE,
                                   .efer = cpu_policy_default()->efer | EFER_SVME,
                                   .asid_max = ASIDS - 1};
    broken = NOTHING;
    states_begin(&svm_vendor, seed);
}

TEST(vmrun_refuses_nothing, .nodes = 1, .domains = 1, .vcpus = 2)
{
    no_state_is_refused(begin);
}

/* Each of them is refused at some time, by a rule that is its own. */
TEST(broken_writers_are_found, .nodes = 1, .domains = 1, .vcpus = 2)
{
    static const char *const words[NR_BROKEN] = {
        [NO_SVME] = "SVME",
        [CR4_AS_WRITTEN] = "CR4",
        [CR0_AS_WRITTEN] = "CR0",
        [CR3_AS_WRITTEN] = "CR3",
        [L_AND_D] = "CS.L and CS.D",
        [DR7_AS_WRITTEN] = "DR7",
        [EFER_AS_WRITTEN] = "EFER: bits",
        [LMA_WITHOUT_PAE] = "CR4.PAE clear",
        [PAT_AS_WRITTEN] = "G_PAT",
        [EVENT_TYPE] = "reserved type",
        [NMI_AS_EXCEPTION] = "no exception's",
        [NO_INTERCEPT] = "not intercepted",
        [ASID_ZERO] = "ASID 0",
        [MAP_BEYOND] = "permission map",
    };

    for (u32 what = 1; what < NR_BROKEN; what++) {
        begin(what);
        broken = what;
        states_are_refused(words[what]);
    }
}
