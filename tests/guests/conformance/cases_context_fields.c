/* The CPU record of sethvmcontext: combinations that no CPU accepts, and every field read back. */
#include <tests/guests/conformance/cases_context.h>
#include <lib/printf.h>
#include <lib/string.h>

#define CALL "domctl.sethvmcontext"

static void values_case(const char *name, const struct hvm_hw_cpu *cpu)
{
    struct hvm_hw_cpu back = {0};

    case_begin();
    long rc = cpu_set(cpu);
    if (rc || !cpu_read(0, &back))
        case_end(CALL, name, rc, "%s", "");
    else
        case_end(CALL, name, rc, " cr0=%lx cr4=%lx efer=%lx dr6=%lx dr7=%lx rflags=%lx", back.cr0, back.cr4,
                 back.msr_efer, back.dr6, back.dr7, back.rflags);
}

#define VALUES(name, ...) \
    do { \
        struct hvm_hw_cpu c = cpu_good(); \
        __VA_ARGS__; \
        values_case(name, &c); \
    } while (0)

static void cr0(void)
{
    VALUES("cr0_0", c.cr0 = 0);
    VALUES("cr0_pe_without_et", c.cr0 = 0x1);
    VALUES("cr0_et", c.cr0 = 0x10);
    VALUES("cr0_pg_without_pe", c.cr0 = 0x80000010);
    VALUES("cr0_pg", c.cr0 = 0x80000011);
    VALUES("cr0_nw_without_cd", c.cr0 = 0x20000011);
    VALUES("cr0_cd", c.cr0 = 0x40000011);
    VALUES("cr0_nw_and_cd", c.cr0 = 0x60000011);
    VALUES("cr0_all_there_are", c.cr0 = 0xe005003f);
    VALUES("cr0_bit_6", c.cr0 = 0x51);
    VALUES("cr0_bit_17", c.cr0 = 0x20011);
    VALUES("cr0_bit_32", c.cr0 = 1ull << 32 | 0x11);
    VALUES("cr0_bit_63", c.cr0 = 1ull << 63 | 0x11);
    VALUES("cr0_all_ones", c.cr0 = ~0ull);
}

static void cr4(void)
{
    char name[32];

    for (u32 bit = 0; bit < 25; bit++) {
        snprintf(name, sizeof(name), "cr4_bit_%u", bit);
        VALUES(name, c.cr4 = 1ull << bit);
    }
    VALUES("cr4_bit_31", c.cr4 = 1ull << 31);
    VALUES("cr4_bit_32", c.cr4 = 1ull << 32);
    VALUES("cr4_bit_63", c.cr4 = 1ull << 63);
    VALUES("cr4_all_ones", c.cr4 = ~0ull);
    VALUES("cr4_pcide_without_lma", c.cr4 = 1u << 17 | 1u << 5);
}

static void efer(void)
{
    char name[32];

    for (u32 bit = 0; bit < 18; bit++) {
        snprintf(name, sizeof(name), "efer_bit_%u", bit);
        VALUES(name, c.msr_efer = 1ull << bit);
    }
    VALUES("efer_bit_32", c.msr_efer = 1ull << 32);
    VALUES("efer_all_ones", c.msr_efer = ~0ull);
    VALUES("long_mode", c.cr0 = 0x80000011, c.cr4 = 0x20, c.msr_efer = 0x500);
    VALUES("long_mode_without_pae", c.cr0 = 0x80000011, c.msr_efer = 0x500);
    VALUES("long_mode_lma_missing", c.cr0 = 0x80000011, c.cr4 = 0x20, c.msr_efer = 0x100);
    VALUES("long_mode_lme_missing", c.cr0 = 0x80000011, c.cr4 = 0x20, c.msr_efer = 0x400);
    VALUES("lma_without_paging", c.cr4 = 0x20, c.msr_efer = 0x500);
    VALUES("lme_without_paging", c.cr4 = 0x20, c.msr_efer = 0x100);
    VALUES("long_mode_sce_nx", c.cr0 = 0x80010011, c.cr4 = 0x620, c.msr_efer = 0xd01);
    VALUES("bad_cr0_and_bad_vcpu_length", c.cr0 = ~0ull, c.cr4 = ~0ull, c.msr_efer = ~0ull);
}

static void other_values(void)
{
    VALUES("dr6_0", c.dr6 = 0);
    VALUES("dr6_all_ones_of_32", c.dr6 = 0xffffffff);
    VALUES("dr6_bit_32", c.dr6 |= 1ull << 32);
    VALUES("dr7_0", c.dr7 = 0);
    VALUES("dr7_all_ones_of_32", c.dr7 = 0xffffffff);
    VALUES("dr7_bit_32", c.dr7 |= 1ull << 32);
    VALUES("rflags_0", c.rflags = 0);
    VALUES("rflags_all_ones", c.rflags = ~0ull);
    VALUES("rflags_vm", c.rflags = 0x20002);
    VALUES("rip_not_canonical", c.rip = 1ull << 62);
    VALUES("flags_fpu", c.flags = XEN_X86_FPU_INITIALISED);
    VALUES("flags_bit_1", c.flags = 2);
    VALUES("flags_bit_31", c.flags = 1u << 31);
    VALUES("pad_1", c.pad0 = 1);
    VALUES("pad_1_flags_bit_1", c.pad0 = 1, c.flags = 2);
    VALUES("event_external", c.pending_event = 0x80000030);
    VALUES("event_nmi", c.pending_event = 0x80000202);
    VALUES("event_exception", c.pending_event = 0x80000b0d);
    VALUES("event_type_1", c.pending_event = 0x80000130);
    VALUES("event_type_7", c.pending_event = 0x80000730);
    VALUES("event_reserved_bits", c.pending_event = 0x80001030);
    VALUES("event_not_valid", c.pending_event = 0x7fffffff);
    VALUES("event_error_code", c.error_code = 5);
}

#define SEGMENT(name) \
    CASE_SHOW(CALL, "segment_" #name, rc, " sel=%x limit=%x base=%lx attr=%x", back.name##_sel, \
              back.name##_limit, back.name##_base, back.name##_arbytes)
#define FILL(name, n) \
    c.name##_sel = 0x10 * (n), c.name##_limit = 0xfff + 0x1000 * (n), c.name##_base = 0x100000 * (n), \
    c.name##_arbytes = 0x093

static void segments(void)
{
    struct hvm_hw_cpu c = cpu_good(), back = {0};

    FILL(cs, 1), FILL(ds, 2), FILL(es, 3), FILL(fs, 4), FILL(gs, 5), FILL(ss, 6), FILL(tr, 7), FILL(ldtr, 8);
    c.cs_arbytes = 0x49b;
    c.tr_arbytes = 0x8b;
    c.ldtr_arbytes = 0x82;
    c.gdtr_limit = 0x127;
    c.gdtr_base = 0x5000;
    c.idtr_limit = 0xfff;
    c.idtr_base = 0x6000;
    long rc = cpu_set(&c);
    cpu_read(0, &back);
    SEGMENT(cs);
    SEGMENT(ds);
    SEGMENT(es);
    SEGMENT(fs);
    SEGMENT(gs);
    SEGMENT(ss);
    SEGMENT(tr);
    SEGMENT(ldtr);
    CASE_SHOW(CALL, "tables", rc, " gdtr=%x/%lx idtr=%x/%lx", back.gdtr_limit, back.gdtr_base,
              back.idtr_limit, back.idtr_base);
}

/* Attributes in the form of Intel's VMCS, and bits that neither form has. */
static void attributes(void)
{
    static const u32 values[] = {0x0, 0xc9b, 0xc09b, 0xa09b, 0xac9b, 0x9b, 0xffff, 0x10c93};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
        struct hvm_hw_cpu c = cpu_good(), back = {0};

        c.cs_arbytes = c.ds_arbytes = values[i];
        snprintf(name, sizeof(name), "attributes_%x", values[i]);
        case_begin();
        long rc = cpu_set(&c);
        cpu_read(0, &back);
        case_end(CALL, name, rc, " cs=%x ds=%x", back.cs_arbytes, back.ds_arbytes);
    }
}

static void registers(void)
{
    struct hvm_hw_cpu c = cpu_good(), back = {0};
    u64 *first = &c.rax; /* 16 registers in a row */

    for (u32 i = 0; i < 16; i++)
        first[i] = 0x1111111111111111ull * (i + 1);
    c.rip = 0x123456789abc;
    c.rflags = 0x246;
    c.cr2 = 0xdeadbeef12345678;
    c.cr3 = 0x7654321000;
    c.dr0 = 0x10, c.dr1 = 0x20, c.dr2 = 0x30, c.dr3 = 0x40;
    long rc = cpu_set(&c);
    cpu_read(0, &back);
    CASE_SHOW(CALL, "general_registers", rc, " rax=%lx rsp=%lx r15=%lx all=%s", back.rax, back.rsp, back.r15,
              memcmp(&back.rax, first, 16 * sizeof(u64)) ? "no" : "yes");
    CASE_SHOW(CALL, "rip_and_flags", rc, " rip=%lx rflags=%lx", back.rip, back.rflags);
    CASE_SHOW(CALL, "cr2_and_cr3", rc, " cr2=%lx cr3=%lx", back.cr2, back.cr3);
    CASE_SHOW(CALL, "debug_registers", rc, " dr0=%lx dr1=%lx dr2=%lx dr3=%lx", back.dr0, back.dr1, back.dr2,
              back.dr3);
    CASE_SHOW(CALL, "event", rc, " event=%x error=%x pad=%x", back.pending_event, back.error_code, back.pad0);
}

static void msrs(void)
{
    struct hvm_hw_cpu c = cpu_good(), back = {0};

    c.sysenter_cs = 0x33, c.sysenter_esp = 0x7000, c.sysenter_eip = 0x8000;
    c.shadow_gs = 0xffff888000001000;
    c.msr_flags = 0x77;
    c.msr_star = 0x23001000000000, c.msr_lstar = 0xffffffff81000000, c.msr_cstar = 0xffffffff82000000;
    c.msr_syscall_mask = 0x47700;
    c.msr_tsc_aux = 0x12345;
    long rc = cpu_set(&c);
    cpu_read(0, &back);
    CASE_SHOW(CALL, "sysenter", rc, " cs=%lx esp=%lx eip=%lx", back.sysenter_cs, back.sysenter_esp,
              back.sysenter_eip);
    CASE_SHOW(CALL, "syscall", rc, " star=%lx lstar=%lx cstar=%lx mask=%lx", back.msr_star, back.msr_lstar,
              back.msr_cstar, back.msr_syscall_mask);
    CASE_SHOW(CALL, "other_msrs", rc, " shadow_gs=%lx tsc_aux=%lx flags=%lx", back.shadow_gs,
              back.msr_tsc_aux, back.msr_flags);
    c.msr_lstar = c.sysenter_eip = c.shadow_gs = 1ull << 62;
    values_case("msrs_not_canonical", &c);
    c = cpu_good();
    c.msr_tsc_aux = 1ull << 32 | 5;
    rc = cpu_set(&c);
    cpu_read(0, &back);
    CASE_SHOW(CALL, "tsc_aux_bit_32", rc, " tsc_aux=%lx", back.msr_tsc_aux);
}

/* fcw at 0, mxcsr at 24, the first XMM register at 160. */
static void fpu_case(const char *name, u32 flags, u32 length, u32 mxcsr)
{
    struct hvm_hw_cpu c = cpu_good(), back = {0};

    c.fpu_regs[0] = 0x7f, c.fpu_regs[1] = 0x02;
    memcpy(c.fpu_regs + 24, &mxcsr, sizeof(mxcsr));
    memset(c.fpu_regs + 160, 0x5a, 16);
    c.flags = flags;
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &c, length);
    stream_end();
    case_begin();
    long rc = stream_set();
    cpu_read(0, &back);
    u32 now;
    memcpy(&now, back.fpu_regs + 24, sizeof(now));
    case_end(CALL, name, rc, " fcw=%x mxcsr=%x xmm0=%x flags=%x", back.fpu_regs[0] | back.fpu_regs[1] << 8,
             now, back.fpu_regs[160], back.flags);
}

static void fpu(void)
{
    fpu_case("fpu_given", 1, 1032, 0x1f80);
    fpu_case("fpu_not_given", 0, 1032, 0x1f80);
    fpu_case("fpu_old_record_of_1024", 0, 1024, 0x1f80);
    fpu_case("fpu_mxcsr_0", 1, 1032, 0);
}

void context_fields(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 domid = 0;

    if (xc_domain_create(xch, &domid, &config) || xc_domain_max_vcpus(xch, domid, 1))
        give_up("making a domain", 0);
    context_use(domid);
    cr0();
    cr4();
    efer();
    other_values();
    segments();
    attributes();
    registers();
    msrs();
    fpu();
    domain_end(domid);
}
