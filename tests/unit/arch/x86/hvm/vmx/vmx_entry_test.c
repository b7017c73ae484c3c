/*
 * Whatever state toolstacks and guests bring about, a VM entry is not refused: random states (../entry_states.h) through
 * vmx.c, state.c and event.c into a VMCS in an array, against the checks of a VM entry (entry_checks.h). Writers that are
 * broken on purpose are found.
 *
 * lint: long: one vCPU, and in place of the CPU and the guest
 */
#include "../entry_states.h"

/* It drives hardware, so it is in no archive; but for VMX instructions nothing of it is executed here that a host cannot. */
#define vmx_ops real_vmx_ops
#include <arch/x86/hvm/vmx/vmx.c>
#undef vmx_ops
#include <arch/x86/hvm/vmx/ept.h>

#define EPT_CAP_ALL 0xf0106334141ull
#define RFLAGS_VM   BIT(17)
#define ROOT        0x123456000ull
#define NR_FIELDS   0x7000u

struct vmx_settings vmx_settings;
static u64 vmcs[NR_FIELDS];
static const char *refusal;
static const char *bad_register; /* WRMSR would have faulted */
static struct np_table tables;
static const struct break_field {
    u32 field;
    u64 clear, set;
    const char *words;
} * broken;

/* --- in place of the CPU, and of what else drives hardware --- */

u64 vmread(u32 field)
{
    assert_true(here->vmcs == &target->hvm && field < NR_FIELDS);
    return vmcs[field];
}

void vmwrite(u32 field, u64 value)
{
    assert_true(here->vmcs == &target->hvm && field < NR_FIELDS);
    vmcs[field] = value;
}

bool vmclear(u64 maddr)
{
    return maddr == target->hvm.control_maddr;
}

bool vmptrld(u64 maddr)
{
    return maddr == target->hvm.control_maddr;
}

void let_interrupts_in(void) {}

void panic(const char *fmt, ...)
{
    fail_msg("panic: %s", fmt);
    abort();
}

void vmx_invept(u64 type, u64 ept_pointer)
{
    assert_int_equal(type, INVEPT_CONTEXT);
    assert_int_equal(ept_pointer & ~0xfffull, ROOT);
}

void vmx_invvpid(u64 type, u16 vpid, u64 linear_address)
{
    assert_int_equal(type, INVVPID_ALL);
    assert_int_equal(vpid | linear_address, 0);
}

/* A CPU that needs no measures around guests. */
u32 spec_ctrl_flags;
struct spec_ctrl_values spec_ctrl_values;
u32 vmx_enter_guarded(struct hvm_vcpu *v, u32 flags)
{
    (void)v;
    (void)flags;
    fail_msg("no measures are needed");
    return VMX_NO_VMCS;
}

bool vmx_probe(const char **why)
{
    *why = "there is a fake of the machine";
    return false;
}

int vmx_cpu_enable(void)
{
    return -ENODEV;
}

struct cpuid_leaf vmx_cpuid(u32 leaf, u32 subleaf)
{
    return fake_ops->cpuid(leaf, subleaf);
}

void vmx_write_cpu_fields(struct hvm_vcpu *v, struct cpu *cpu)
{
    (void)v;
    (void)cpu; /* of the host alone */
}

void vmx_write_all_fields(struct hvm_vcpu *v, struct cpu *cpu)
{
    (void)cpu;
    vmwrite(VMCS_PIN_CONTROLS, vmx_settings.pin);
    vmwrite(VMCS_PRIMARY_CONTROLS, v->vmx.written_controls = vmx_settings.primary);
    vmwrite(VMCS_SECONDARY_CONTROLS, vmx_settings.secondary);
    vmwrite(VMCS_EPT_POINTER, ept_pointer(ROOT));
    vmwrite(VMCS_LINK_POINTER, ~0ull);
    vmwrite(VMCS_GUEST_RIP, v->vmx.written_rip = v->regs.rip);
    vmwrite(VMCS_GUEST_RSP, v->vmx.written_rsp = v->regs.rsp);
    vmwrite(VMCS_GUEST_RFLAGS, v->vmx.written_rflags = v->regs.rflags);
}

void vmx_save_registers(struct hvm_vcpu *v)
{
    (void)v; /* the guest has not changed them */
}

static bool canonical_address(u64 address)
{
    return (u64)((s64)(address << 16) >> 16) == address;
}

/* What WRMSR and MOV DR6 take. In the host: a #GP there is a panic. */
void vmx_load_registers(const struct hvm_vcpu *v)
{
    const struct vmx_vcpu *x = &v->vmx;

    if (!canonical_address(x->lstar) || !canonical_address(x->cstar) || !canonical_address(x->kernel_gs_base))
        bad_register = "LSTAR, CSTAR or KERNEL_GS_BASE is not canonical";
    if (x->sfmask >> 32 || x->dr6 >> 32)
        bad_register = "SFMASK or DR6: bits 63:32";
}

static void vmx_begin(struct hvm_vcpu *v)
{
    static u8 control[PAGE_SIZE] ALIGNED(PAGE_SIZE);

    memset(vmcs, 0, sizeof(vmcs));
    here->vmcs = NULL;
    here->asid_max = 7;
    here->asid_next = 1;
    here->asid_generation = 1;
    tables = (struct np_table){.root_maddr = ROOT};
    v->np = &tables;
    v->control = control;
    vmx_vcpu_init(v);
}

static void guest_runs(struct hvm_vcpu *v);

/* In place of run.asm. */
u32 vmx_enter(struct hvm_vcpu *v)
{
    u64 before = broken ? vmcs[broken->field] : 0;
    struct vmx_entry e;

    assert_false(v->vmx.pdptes_due);
    if (broken)
        vmcs[broken->field] = (vmcs[broken->field] & ~broken->clear) | broken->set;
    vmx_entry_read(&e);
    if (broken)
        vmcs[broken->field] = before;
    struct vmx_refusal r = vmx_entry_check(&e, &vmx_settings);
    static char text[200];
    refusal = NULL;
    if (r.rule) {
        snprintf(text, sizeof(text), "%s: %s (0x%llx)", r.field, r.rule, (unsigned long long)r.value);
        refusal = text;
    } else if ((e.event & VMX_EVENT_VALID) && (e.interruptibility & VMX_SHADOW)) {
        refusal = "an event is delivered, which ends a shadow, and the VMCS still has one";
    }
    guest_runs(v); /* where a broken writer was found too: with what the real one has written */
    return VMX_ENTERED;
}

static const char *vmx_enter_checked(struct hvm_vcpu *v)
{
    struct hvm_exit exit;

    bad_register = NULL;
    do {
        vmx_run(v, &exit);
        if (exit.kind == HVM_EXIT_PDPTES)
            hvm_guest_load_pdptes(v, &exit);
    } while (exit.kind == HVM_EXIT_PDPTES && !exit.pdptes.by_cr0);
    return refusal ? refusal : bad_register;
}

/* In place of guest_code.c's, which reads the guest's memory: there is none here. Mostly with reserved bits. */
void hvm_read_pdptes(struct hvm_vcpu *v, u64 cr3, u64 pdpte[HVM_PDPTES])
{
    (void)v;
    (void)cr3;
    for (u32 i = 0; i < HVM_PDPTES; i++)
        pdpte[i] = NEAR(0, 1, 0x1e6, 0x1001, 0x1003, 0x1019, BIT(MADDR_BITS) | 1, ~0ull);
}

/* --- the guest: states as a CPU can have them --- */

static void segment(u32 n, u64 selector, u64 limit, u64 access_rights, u64 base)
{
    vmcs[VMCS_GUEST_SELECTOR + 2 * n] = selector;
    vmcs[VMCS_GUEST_LIMIT + 2 * n] = limit;
    vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * n] = access_rights;
    vmcs[VMCS_GUEST_BASE + 2 * n] = base;
}

/* The guest has gone to another mode, without an exit. */
static void change_mode(void)
{
    static const struct {
        u64 cr0, efer, cs, ss, data, rflags;
    } modes[] = {
        {0, 0, 0x9b, 0x93, 0x93, 0},              /* real */
        {CR0_PE, 0, 0xc09b, 0xc093, 0xc093, 0},   /* protected */
        {CR0_PE, 0, 0xc0fb, 0xc0f3, 0xc0f3, 0},   /* its user mode */
        {CR0_PE, 0, 0xf3, 0xf3, 0xf3, RFLAGS_VM}, /* virtual-8086 */
        {CR0_PE | CR0_PG, EFER_LME | EFER_LMA, 0xa09b, VMX_AR_UNUSABLE, VMX_AR_UNUSABLE, 0}, /* 64-bit */
        {CR0_PE | CR0_PG, EFER_LME | EFER_LMA, 0xa0fb, 0xc0f3, VMX_AR_UNUSABLE, 0},
        {CR0_PE | CR0_PG, EFER_LME | EFER_LMA, 0xc0fb, 0xc0f3, 0xc0f3, 0}, /* compatibility */
        {CR0_PE | CR0_PG, 0, 0xc09b, 0xc093, 0xc093, 0}, /* 32-bit paging, PAE if CR4 says so */
    };
    u32 i = (u32)rnd(ARRAY_SIZE(modes));
    bool small = i == 0 || i == 3;
    u64 base = i == 3 ? 0x12340 : 0, selector = i == 3 ? 0x1234 : 0;

    if ((modes[i].efer & EFER_LMA) && !(vmcs[VMCS_GUEST_CR4] & CR4_PAE))
        return;
    vmcs[VMCS_GUEST_CR0] = (vmcs[VMCS_GUEST_CR0] & ~(CR0_PE | CR0_PG)) | modes[i].cr0;
    vmcs[VMCS_GUEST_EFER] = (vmcs[VMCS_GUEST_EFER] & ~(EFER_LME | EFER_LMA)) | modes[i].efer;
    for (u32 n = 0; n < HVM_PDPTES; n++) /* of PAE paging, which the CPU loads */
        vmcs[VMCS_GUEST_PDPTE + 2 * n] = chance(2) ? 0x123001 : 0x1e6;
    vmcs[VMCS_ENTRY_CONTROLS] &= ~ENTRY_GUEST_64;
    vmcs[VMCS_ENTRY_CONTROLS] |= modes[i].efer & EFER_LMA ? ENTRY_GUEST_64 : 0;
    for (u32 n = VMCS_ES; n <= VMCS_GS; n++)
        segment(n, selector, small ? 0xffff : 0xffffffff,
                n == VMCS_CS   ? modes[i].cs
                : n == VMCS_SS ? modes[i].ss
                               : modes[i].data,
                base);
    segment(VMCS_TR, 0x18, 0x67, 0x8b, 0x1000);
    vmcs[VMCS_GUEST_RFLAGS] = (vmcs[VMCS_GUEST_RFLAGS] & ~RFLAGS_VM) | modes[i].rflags;
    vmcs[VMCS_GUEST_RIP] = (u32)random_address();
    if (modes[i].cs & VMX_AR_L && chance(2)) /* the last one has bits 63:48 the same, and is not canonical */
        vmcs[VMCS_GUEST_RIP] = (const u64[]){0xffffffff81000000, 0x7ffffffffffe, 0x800000000000}[rnd(3)];
}

/* The guest has run and exits: state as the CPU can have changed and saved it. */
static void guest_runs(struct hvm_vcpu *v)
{
    static const u64 vectoring[] = {0x80000041, 0x80000202, 0x80000b0e, 0x80000306,
                                    0x80000480, 0x80000603, 0x80000b08, 0x80000501};
    struct vmx_entry e;

    if (chance(3))
        change_mode();
    vmcs[VMCS_GUEST_RFLAGS] =
        (vmcs[VMCS_GUEST_RFLAGS] & RFLAGS_VM) | (NEAR(2, 0x202, 0x302, 0x102) & 0x217fd5) | 2;
    u64 flags = vmcs[VMCS_GUEST_RFLAGS];
    bool shadow = chance(4), by_sti = shadow && (flags & RFLAGS_IF) && chance(2);
    vmcs[VMCS_GUEST_INTERRUPTIBILITY] = (by_sti   ? VMX_BLOCKED_BY_STI
                                         : shadow ? VMX_BLOCKED_BY_MOV_SS
                                                  : 0) |
                                        (chance(4) ? VMX_BLOCKED_BY_NMI : 0);
    vmcs[VMCS_GUEST_PENDING_DEBUG] = (shadow && (flags & RFLAGS_TF)) || (!shadow && chance(9)) ? BIT(14) : 0;
    vmcs[VMCS_ENTRY_EVENT] = 0; /* as at every exit */
    vmcs[VMCS_VECTORING_EVENT] = chance(6) ? vectoring[rnd(ARRAY_SIZE(vectoring))] : 0;
    vmcs[VMCS_VECTORING_ERROR] = 0;
    if (vmcs[VMCS_VECTORING_EVENT]) { /* an exit during delivery: no shadow; an NMI has blocked NMIs; errors need PE */
        vmcs[VMCS_GUEST_INTERRUPTIBILITY] &= VMX_BLOCKED_BY_NMI;
        vmcs[VMCS_GUEST_PENDING_DEBUG] = 0;
        if ((vmcs[VMCS_VECTORING_EVENT] & 0x7ff) == 0x202)
            vmcs[VMCS_GUEST_INTERRUPTIBILITY] |= VMX_BLOCKED_BY_NMI;
        if (!(vmcs[VMCS_GUEST_CR0] & CR0_PE))
            vmcs[VMCS_VECTORING_EVENT] &= ~(u64)VMX_EVENT_ERROR_VALID;
        if ((vmcs[VMCS_VECTORING_EVENT] & VMX_EVENT_TYPE_MASK) == VMX_EVENT_TYPE_INTR)
            vmcs[VMCS_GUEST_RFLAGS] |= RFLAGS_IF; /* it is cleared at the end of a delivery */
    }
    vmx_entry_read(&e);
    struct vmx_refusal r = vmx_entry_check(&e, &vmx_settings);
    if (r.rule)
        fail_msg("the test's own guest: %s: %s (0x%llx)", r.field, r.rule, (unsigned long long)r.value);

    /* With an event whose delivery has failed, or by a MOV to CR0 from RAX, or without a reason of state. */
    vmcs[VMCS_EXIT_REASON] = VMX_EXIT_CPUID;
    vmcs[VMCS_INSTRUCTION_LENGTH] = 2;
    vmcs[VMCS_QUALIFICATION] = 0;
    if (vmcs[VMCS_VECTORING_EVENT]) {
        vmcs[VMCS_EXIT_REASON] = VMX_EXIT_EPT_VIOLATION;
    } else if (chance(4)) {
        vmcs[VMCS_EXIT_REASON] = VMX_EXIT_CR_ACCESS;
        v->regs.rax = random_cr0();
    }
}

static struct hvm_ops ops;
static const struct entry_vendor vmx_vendor = {&ops, vmx_begin, vmx_enter_checked, NULL};

static void to_target_set(struct hvm_vcpu *v, const struct hvm_state *in)
{
    if (v == &target->hvm) {
        assert_null(here->vmcs); /* it has left its CPU */
        real_vmx_ops.set_state(v, in);
    } else {
        fake_ops->set_state(v, in);
    }
}

/* Capability MSRs of a CPU that has what Homestead uses and no more. */
static const struct vmx_capabilities capabilities = {
    .vmx = true,
    .feature_control = 5,
    .basic = 6ull << 50 | 0x13,
    .pin = 0xffffffff00000016,
    .primary = 0xffffffff04006172,
    .secondary = 0xffffffff00000000,
    .exit = 0xffffffff00036dfb,
    .entry = 0xffffffff000011fb,
    .cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = BIT(13),
    .cr4_fixed1 = 0x376fff,
    .maddr_bits = MADDR_BITS,
};

static void begin(u64 seed)
{
    struct vmx_capabilities c = capabilities;

    if (!fake_ops)
        fake_ops = hvm_ops;
    c.primary &= ~(u64)(PRIMARY_CR3_LOAD | PRIMARY_CR3_STORE); /* with TRUE capability MSRs */
    assert_null(vmx_decide(&c, &vmx_settings));
    assert_null(ept_choose(EPT_CAP_ALL, MEMORY_WB, true));
    ops = real_vmx_ops;
    both_ops = *fake_ops;
    both_ops.set_state = to_target_set;
    broken = NULL;
    states_begin(&vmx_vendor, seed);
}

TEST(no_entry_is_refused, .nodes = 1, .domains = 1, .vcpus = 2)
{
    no_state_is_refused(begin);
}

TEST(an_instruction_that_is_skipped, .nodes = 1, .domains = 1, .vcpus = 2)
{
    struct hvm_vcpu *v;

    begin(1);
    v = &target->hvm;
    assert_null(vmx_enter_checked(v));
    v->vmx.read = v->vmx.mode_known = false;
    vmcs[VMCS_GUEST_EFER] = vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_CS] = 0;
    v->vmx.interruptibility = VMX_BLOCKED_BY_STI | VMX_BLOCKED_BY_NMI;
    v->regs.rip = 0xffffffff;
    vmx_skip(v, 2);
    assert_int_equal(v->regs.rip, 1); /* not in 64-bit code */
    assert_int_equal(v->vmx.interruptibility, VMX_BLOCKED_BY_NMI);
    v->vmx.mode_known = false;
    vmcs[VMCS_GUEST_EFER] = EFER_LMA | EFER_LME;
    vmcs[VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_CS] = VMX_AR_L;
    v->regs.rip = 0xffffffff;
    vmx_skip(v, 2);
    assert_int_equal(v->regs.rip, 0x100000001);
    states_end();
}

/* What writers that forget a rule would leave in the VMCS, one after the other, is refused for its own reason. */
TEST(broken_writers_are_found, .nodes = 1, .domains = 1, .vcpus = 2)
{
#define AR(n) (VMCS_GUEST_ACCESS_RIGHTS + 2 * VMCS_##n)
    static const struct break_field fields[] = {
        {VMCS_GUEST_CR0, CR0_NE, 0, "CR0: a bit that VMX needs"},
        {VMCS_GUEST_CR0, 0, BIT(40), "CR0: a bit that VMX does not allow"},
        {VMCS_GUEST_CR0, CR0_PE, 0, "CR0: PG needs PE"},
        {VMCS_GUEST_CR4, BIT(13), 0, "CR4: a bit that VMX needs"},
        {VMCS_GUEST_CR4, CR4_PAE, 0, "CR4: IA-32e mode needs PAE"},
        {VMCS_GUEST_CR3, 0, BIT(MADDR_BITS), "CR3"},
        {VMCS_GUEST_DR7, 0, BIT(32), "DR7"},
        {VMCS_GUEST_PAT, 0, 2, "IA32_PAT"},
        {VMCS_GUEST_EFER, 0, EFER_SVME, "IA32_EFER: a reserved bit"},
        {VMCS_GUEST_EFER, EFER_LMA, 0, "IA32_EFER: LMA must be the control"},
        {VMCS_ENTRY_CONTROLS, ENTRY_GUEST_64, 0, "IA32_EFER: LMA must be the control"},
        {VMCS_GUEST_SYSENTER_EIP, 0, BIT(47), "IA32_SYSENTER_EIP"},
        {AR(CS), 1, 0, "CS: the type must be accessed code"},
        {AR(CS), 0x60, 0x60, "CS: the DPL"},
        {AR(CS), 0, VMX_AR_L | VMX_AR_D, "CS: L and D"},
        {AR(CS), 0x80, 0, "CS: P"},
        {AR(SS), 2, 0, "SS: the type"},
        {AR(SS), 0, 0x60, "SS: the DPL must be 0"},
        {AR(DS), 1, 0, "DS: the type must be accessed"},
        {AR(ES), 0x10, 0, "ES: S"},
        {AR(GS), VMX_AR_G, 0, "GS: G must be set"},
        {AR(GS), 0, VMX_AR_G, "GS: G must be clear"},
        {AR(FS), 0, BIT(20), "FS: a reserved bit"},
        {VMCS_GUEST_BASE + 2 * VMCS_FS, 0, BIT(47), "FS: the base"},
        {VMCS_GUEST_BASE + 2 * VMCS_ES, 0, BIT(33), "ES: bits 63:32"},
        {AR(TR), 2, 0, "TR: the type"},
        {AR(TR), 0, VMX_AR_UNUSABLE, "TR: it must be usable"},
        {AR(LDTR), VMX_AR_UNUSABLE | 0xf, 3, "LDTR: the type"},
        {VMCS_GUEST_GDTR_LIMIT, 0, BIT(16), "GDTR"},
        {VMCS_GUEST_RIP, 0, BIT(48), "RIP"},
        {VMCS_GUEST_RFLAGS, 2, 0, "RFLAGS: bit 1"},
        {VMCS_GUEST_RFLAGS, 0, RFLAGS_VM, "in virtual-8086 mode"},
        {VMCS_GUEST_RFLAGS, RFLAGS_IF, 0, "RFLAGS: IF must be set if an interrupt"},
        {VMCS_GUEST_RFLAGS, RFLAGS_IF, 0, "interruptibility: blocked by STI with"},
        {VMCS_GUEST_INTERRUPTIBILITY, 0, 2, "while an interrupt is injected"},
        {VMCS_GUEST_INTERRUPTIBILITY, 0, 8, "while one is injected"},
        {VMCS_GUEST_INTERRUPTIBILITY, 0, 1, "an event is delivered, which ends a shadow"},
        {VMCS_GUEST_PENDING_DEBUG, BIT(14), 0, "pending debug exceptions: in a shadow"},
        {VMCS_GUEST_ACTIVITY, 0, 1, "activity state"},
        {VMCS_ENTRY_EVENT, 0, BIT(11), "event to inject: bit 11"},
        {VMCS_ENTRY_EVENT, BIT(11), 0, "event to inject: bit 11"},
        {VMCS_VPID, 0xffff, 0, "VPID"},
        {VMCS_GUEST_PDPTE, 0, 0x1003, "PDPTE"},
    };

    for (u32 what = 0; what < ARRAY_SIZE(fields); what++) {
        begin(what);
        broken = &fields[what];
        states_are_refused(fields[what].words);
    }
}
