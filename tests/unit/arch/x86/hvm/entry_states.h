/*
 * Random states of a vCPU by every way that a state is set: a toolstack's context stream, VCPUOP_initialise, the PVH
 * entry, INIT and STARTUP, a guest's writes of CR4 and MSRs, ends of instructions, events. Whatever comes out of that,
 * the CPU must not refuse. A program includes this once and supplies a vendor: struct entry_vendor.
 *
 * Values are mostly those that matter to the CPU: one bit wrong, or a few.
 */
#ifndef TESTS_ENTRY_STATES_H
#define TESTS_ENTRY_STATES_H

#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <arch/x86/hvm/guest_cr.h>
#include <arch/x86/hvm/guest_msr.h>
#include <arch/x86/hvm/hvm.h>
#include <domain/exit.h>
#include <hypercall/hvm_context.h>
#include <hypercall/hypercall.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define MADDR_BITS 40u

struct entry_vendor {
    const struct hvm_ops *ops;
    void (*init)(struct hvm_vcpu *v); /* as vcpu_init(), with a fresh control page */
    /* What run() does up to the entry. NULL: the CPU enters; else the rule that is broken. */
    const char *(*enter)(struct hvm_vcpu *v);
    /* The guest has run and exited: state as the CPU can have changed and saved it. NULL: enter() has done that. */
    void (*guest_runs)(struct hvm_vcpu *v);
};

static const struct entry_vendor *who;
static const struct hvm_ops *fake_ops; /* the machine's */
static struct hvm_ops both_ops; /* the vendor's for the vCPU under test, the machine's for the caller */
static struct vcpu *target;
static struct rng rng;

static u64 rnd(u32 below)
{
    return rng_draw(&rng, below);
}

static bool chance(u32 one_in)
{
    return rnd(one_in) == 0;
}

static u64 random_64(void)
{
    return rnd(~0u) << 32 | rnd(~0u);
}

/* One of the usual values; sometimes with a bit changed, seldom any value. */
static u64 near_one_of(const u64 *values, u32 nr)
{
    u64 value = values[rnd(nr)];

    if (chance(6))
        value ^= BIT(rnd(64));
    return chance(40) ? random_64() : value;
}
#define NEAR(...) near_one_of((const u64[]){__VA_ARGS__}, ARRAY_SIZE(((const u64[]){__VA_ARGS__})))

static u64 random_address(void)
{
    return NEAR(0, 0x1000, 0x100000, 0xffffffff, 0x00007fffffffffff, 0x0000800000000000, 0xffff800000000000,
                ~0ull);
}

static u64 random_cr0(void)
{
    return NEAR(CR0_ET, CR0_ET | CR0_PE, CR0_ET | CR0_PE | CR0_PG,
                CR0_ET | CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_AM, CR0_ET | CR0_CD | CR0_NW,
                CR0_ET | CR0_CD, CR0_ET | CR0_PE | CR0_PG | CR0_TS | CR0_MP);
}

static u64 random_cr4(void)
{
    return NEAR(0, CR4_PAE, CR4_PAE | CR4_PGE | CR4_OSFXSR, CR4_PSE,
                CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_FSGSBASE, CR4_VME | CR4_DE | CR4_MCE | CR4_TSD,
                CR4_PAE | CR4_UMIP | CR4_PCE, CR4_PAE | CR4_PCIDE, CR4_PAE | CR4_LA57);
}

static u64 random_efer(void)
{
    return NEAR(0, EFER_SCE, EFER_LME, EFER_LME | EFER_LMA, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE,
                EFER_NXE);
}

static u32 random_attributes(void)
{
    /* As VMCB and stream have them: type, S, DPL, P; AVL, L, D/B, G above. Code, data, LDT, TSS, nothing. */
    return (u32)NEAR(0xc9b, 0xa9b, 0xe9b, 0xafb, 0x09b, 0xcfb, 0xc9f, 0xc93, 0xcf3, 0x093, 0x0f3, 0xc97,
                     0x082, 0x08b, 0x083, 0x089, 0, 0x010, 0xc99, 0xc91, 0xc9a);
}

static u32 random_limit(void)
{
    return (u32)NEAR(0xffffffff, 0xffff, 0x67, 0, 0xfffff, 0x12345678, 0xfff00fff);
}

static u32 random_selector(void)
{
    return (u32)NEAR(0, 8, 0x10, 0x23, 0x2b, 0x33, 0xf000, 4, 7);
}

static struct hvm_hw_cpu random_record(void)
{
    struct hvm_hw_cpu c = {
        .rip = random_address(),
        .rsp = random_address(),
        .rflags = NEAR(2, 0x202, 0x302, 0x102, 0x20202, 0x246, 0x10002, 0x3202),
        .cr0 = random_cr0(),
        .cr2 = random_address(),
        .cr3 = NEAR(0, 0x1000, 0x123456000, 0x18, BIT(MADDR_BITS - 1), BIT(MADDR_BITS), BIT(52), BIT(63)),
        .cr4 = random_cr4(),
        .dr6 = NEAR(0xffff0ff0, 0, 0xffffffff),
        .dr7 = NEAR(0x400, 0, 0xffffffff),
        .msr_efer = random_efer(),
        .msr_lstar = random_address(),
        .msr_cstar = random_address(),
        .msr_star = random_64(),
        .msr_syscall_mask = NEAR(0, 0x47700, 0xffffffff, ~0ull),
        .shadow_gs = random_address(),
        .sysenter_cs = NEAR(0, 8, 0xffffffff, ~0ull),
        .sysenter_esp = random_address(),
        .sysenter_eip = random_address(),
        .gdtr_base = random_address(),
        .idtr_base = random_address(),
        .gdtr_limit = random_limit(),
        .idtr_limit = random_limit(),
    };
    /* A quarter of the combinations fit together by themselves. */
    if (chance(2)) {
        c.cr0 |= CR0_PE | CR0_PG | CR0_ET;
        c.cr4 |= CR4_PAE;
        c.msr_efer |= EFER_LME | EFER_LMA;
    }
#define RANDOM_SEGMENT(name) \
    c.name##_sel = random_selector(), c.name##_limit = random_limit(), c.name##_base = random_address(), \
    c.name##_arbytes = random_attributes();
    RANDOM_SEGMENT(cs)
    RANDOM_SEGMENT(ds)
    RANDOM_SEGMENT(es)
    RANDOM_SEGMENT(fs)
    RANDOM_SEGMENT(gs)
    RANDOM_SEGMENT(ss)
    RANDOM_SEGMENT(tr)
    RANDOM_SEGMENT(ldtr)
    return c;
}

/* sethvmcontext. False: it was refused. */
static bool set_context(void)
{
    const struct hvm_save_header header = {.magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION};
    const struct hvm_hw_cpu cpu = random_record();
    struct {
        struct hvm_save_descriptor header_head;
        struct hvm_save_header header;
        struct hvm_save_descriptor cpu_head;
        struct hvm_hw_cpu cpu;
        struct hvm_save_descriptor end;
    } PACKED stream = {
        {HVM_SAVE_CODE(HEADER), 0, sizeof(header)},
        header,
        {HVM_SAVE_CODE(CPU), (u16)target->id, sizeof(cpu)},
        cpu,
        {HVM_SAVE_CODE(END), 0, 0},
    };

    if (hvm_context_check((u8 *)&stream, sizeof(stream), 8, &target->domain->policy))
        return false;
    hvm_context_load(target->domain, (u8 *)&stream, sizeof(stream));
    target->initialised = true;
    return true;
}

/* By the hypercall, from the domain's other vCPU. False: it was refused. */
static bool initialise(void)
{
    struct vcpu_hvm_context c = {.mode = (u32)rnd(2)};
    struct vcpu_hvm_x86_32 *to32 = &c.cpu_regs.x86_32;

    if (c.mode == VCPU_HVM_MODE_32B)
        *to32 = (struct vcpu_hvm_x86_32){.cr0 = (u32)random_cr0() | (u32)CR0_PE,
                                         .cr3 = (u32)random_address(),
                                         .cr4 = (u32)random_cr4(),
                                         .efer = random_efer(),
                                         .eip = (u32)random_address(),
                                         .eflags = (u32)NEAR(2, 0x202, 0x102, 0x20202),
                                         .cs_ar = (u16)NEAR(0xc9b, 0xc9a, 0xe9b, 0x09b, 0xcfb),
                                         .ds_ar = (u16)random_attributes(),
                                         .ss_ar = (u16)NEAR(0xc93, 0xc97, 0xcf3, 0x093),
                                         .es_ar = (u16)random_attributes(),
                                         .tr_ar = (u16)NEAR(0x8b, 0x83),
                                         .cs_limit = random_limit(),
                                         .ds_limit = random_limit(),
                                         .ss_limit = random_limit(),
                                         .es_limit = random_limit(),
                                         .tr_limit = random_limit(),
                                         .cs_base = (u32)random_address(),
                                         .tr_base = (u32)random_address()};
    else
        c.cpu_regs.x86_64 = (struct vcpu_hvm_x86_64){.cr0 = random_cr0() | CR0_PE | CR0_PG,
                                                     .cr3 = random_address(),
                                                     .cr4 = random_cr4() | CR4_PAE,
                                                     .efer = random_efer() | EFER_LMA | EFER_LME,
                                                     .rip = random_address(),
                                                     .rflags = NEAR(2, 0x202, 0x102)};
    target->initialised = false; /* by an INIT, which has reset the events, or never */
    hvm_ops->reset_events(&target->hvm);
    vcpu_offline(target);
    hvm_ops = &both_ops;
    long rc = hypercall(24, VCPUOP_initialise, target->id, PUT(0x100, c));
    hvm_ops = who->ops;
    target->initialised = true;
    return rc == 0;
}

static void write_msr(void)
{
    static const u32 msrs[] = {MSR_EFER,
                               MSR_IA32_PAT,
                               MSR_LSTAR,
                               MSR_CSTAR,
                               MSR_STAR,
                               MSR_SFMASK,
                               MSR_FS_BASE,
                               MSR_GS_BASE,
                               MSR_KERNEL_GS_BASE,
                               MSR_IA32_SYSENTER_CS,
                               MSR_IA32_SYSENTER_ESP,
                               MSR_IA32_SYSENTER_EIP};
    u32 msr = msrs[rnd(ARRAY_SIZE(msrs))];
    u64 value = msr == MSR_EFER       ? random_efer()
                : msr == MSR_IA32_PAT ? NEAR(HVM_PAT_RESET, 0x0606060606060606, 0x0000000000000700)
                                      : random_address();

    hvm_guest_wrmsr(&target->hvm, msr, value);
}

/* An exception as handlers raise them; with error codes where the CPU wants one. */
static void raise(void)
{
    static const struct {
        u8 vector;
        s64 error;
    } events[] = {{TRAP_UD, -1}, {TRAP_GP, 0}, {TRAP_DB, -1}, {TRAP_AC, 0}, {14, 6}, {12, 0}, {16, -1}};
    u32 i = (u32)rnd(ARRAY_SIZE(events));

    hvm_ops->inject_exception(&target->hvm, events[i].vector, events[i].error);
}

static void end_instruction(void)
{
    struct hvm_exit exit = {.kind = HVM_EXIT_CPUID, .insn_len = 2};

    vcpu_handle_exit(target, &exit);
}

/* What waits for a vCPU, any of it. */
static void event_waits(void)
{
    struct hvm_apic *apic = &target->hvm.apic;

    if (chance(3))
        target->nmi_pending = true;
    if (chance(2)) {
        if (!x2apic_enabled(apic))
            x2apic_reset(apic);
        apic->svr |= BIT(8); /* switched on by the guest */
        x2apic_request(apic, (u8)(32 + rnd(224)));
    }
    target->attention = true;
}

static const char *step(void)
{
    struct hvm_vcpu *v = &target->hvm;
    u32 what = (u32)rnd(12);

    if (hvm_ops->leave && (what < 3 || chance(8)))
        hvm_ops->leave(v); /* before a toolstack sets its state */
    if (what == 0)
        while (!set_context())
            ;
    else if (what == 1)
        while (!initialise())
            ;
    else if (what == 2) {
        who->init(v); /* a new vCPU */
        hvm_set_pvh_entry(v, 0x100000, 0x2000);
    } else if (what == 3) { /* INIT, STARTUP */
        target->init_sipi = 0;
        hvm_ops->reset_events(v);
        hvm_set_startup_entry(v, (u8)rnd(256), 0x600);
    } else if (what == 4)
        hvm_guest_write_cr4(v, random_cr4());
    else if (what == 5)
        write_msr();
    else if (what == 6)
        raise();
    else if (what == 7)
        end_instruction();
    else if (what < 10)
        event_waits();
    if (target->attention || target->nmi_pending)
        vcpu_deliver_event(target);
    const char *rule = who->enter(v);
    if (!rule && who->guest_runs)
        who->guest_runs(v);
    return rule;
}

/* Makes the machine's second vCPU of domain 0 one of this vendor's. */
static void states_begin(const struct entry_vendor *which, u64 seed)
{
    who = which;
    if (!fake_ops)
        fake_ops = hvm_ops;
    target = dom0->vcpu[1];
    rng_seed(&rng, seed);
    hvm_ops = who->ops;
    who->init(&target->hvm);
    hvm_set_pvh_entry(&target->hvm, 0x100000, 0x2000);
    target->initialised = true;
}

static void states_end(void)
{
    hvm_ops = fake_ops;
}

#define SEEDS 10u
#define STEPS 3000u /* of a seed */

/* begin() ends with states_begin(). */
static void no_state_is_refused(void (*begin)(u64 seed))
{
    for (u64 seed = 1; seed <= SEEDS; seed++) {
        begin(seed);
        for (u32 i = 0; i < STEPS; i++) {
            const char *why = step();
            if (why)
                fail_msg("seed %llu, step %u: %s", (unsigned long long)seed, i, why);
        }
        states_end();
    }
}

/* After states_begin(), with a writer that is broken: some state is refused in these words. */
static void states_are_refused(const char *words)
{
    bool found = false;

    for (u32 i = 0; i < STEPS && !found; i++) {
        const char *why = step();
        found = why && strstr(why, words);
    }
    states_end();
    if (!found)
        fail_msg("nobody saw \"%s\"", words);
}

#endif
