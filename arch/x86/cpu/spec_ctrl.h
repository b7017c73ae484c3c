/*
 * What keeps one domain's data, and Homestead's, from another domain that runs on the same CPU later: which of the
 * vendors' measures this CPU needs and has (spec_ctrl.c, plain C), the registers that carry them (spec_ctrl_cpu.c), and
 * what is done around each guest (spec_ctrl_enter.h, spec_ctrl.inc). Overview, with the table of CPUs and what is not
 * done: docs/hypervisor-guide/spec-ctrl.md.
 *
 * Facts: Intel "CPUID Enumeration and Architectural MSRs" and Intel's list of affected processors; AMD "Indirect Branch
 * Control Extension", "Technical Guidance for Mitigating Branch Type Confusion", "Speculative Return Stack Overflow",
 * APM2 3.1.7 and 3.2.9, APM3 appendix E.
 */
#ifndef CPU_SPEC_CTRL_H
#define CPU_SPEC_CTRL_H

#include <homestead/types.h>

#define MSR_IA32_SPEC_CTRL         0x48u
#define MSR_IA32_PRED_CMD          0x49u
#define MSR_IA32_ARCH_CAPABILITIES 0x10au
#define MSR_IA32_FLUSH_CMD         0x10bu
#define MSR_IA32_TSX_CTRL          0x122u
#define MSR_AMD_DE_CFG             0xc0011029u
#define MSR_AMD_BP_CFG             0xc001102eu

#define SPEC_CTRL_IBRS      BIT(0)
#define SPEC_CTRL_STIBP     BIT(1)
#define SPEC_CTRL_SSBD      BIT(2)
#define SPEC_CTRL_BHI_DIS_S BIT(10)
#define PRED_CMD_IBPB       BIT(0)
#define PRED_CMD_SBPB       BIT(7)
#define FLUSH_CMD_L1D       BIT(0)
#define EFER_AIBRSE         BIT(21)

/* CPUID 7.0 */
#define CPUID7_EBX_RTM       BIT(11)
#define CPUID7_EDX_MD_CLEAR  BIT(10)
#define CPUID7_EDX_IBRSB     BIT(26) /* IBRS and IBPB */
#define CPUID7_EDX_STIBP     BIT(27)
#define CPUID7_EDX_L1D_FLUSH BIT(28)
#define CPUID7_EDX_ARCH_CAPS BIT(29)
#define CPUID7_EDX_SSBD      BIT(31)
#define CPUID7_2_EDX_BHI     BIT(4) /* BHI_CTRL */

/* 0x80000008 EBX, 0x80000021 EAX */
#define CPUID88_EBX_IBPB      BIT(12)
#define CPUID88_EBX_IBRS      BIT(14)
#define CPUID88_EBX_STIBP     BIT(15)
#define CPUID88_EBX_SSBD      BIT(24)
#define CPUID88_EBX_BTC_NO    BIT(29)
#define CPUID88_EBX_IBPB_RET  BIT(30) /* IBPB clears the return stack too */
#define CPUID821_LFENCE       BIT(2)  /* always serialising */
#define CPUID821_AUTO_IBRS    BIT(8)
#define CPUID821_SBPB         BIT(27)
#define CPUID821_IBPB_BRTYPE  BIT(28)
#define CPUID821_SRSO_NO      BIT(29)
#define CPUID821_SRSO_MSR_FIX BIT(31)

/* IA32_ARCH_CAPABILITIES */
#define ARCH_CAPS_RDCL_NO      BIT(0)
#define ARCH_CAPS_IBRS_ALL     BIT(1)
#define ARCH_CAPS_SKIP_L1DFL   BIT(3)
#define ARCH_CAPS_MDS_NO       BIT(5)
#define ARCH_CAPS_PSCHANGE_NO  BIT(6) /* IF_PSCHANGE_MC_NO */
#define ARCH_CAPS_TSX_CTRL     BIT(7)
#define ARCH_CAPS_TAA_NO       BIT(8)
#define ARCH_CAPS_SBDR_SSDP_NO BIT(13)
#define ARCH_CAPS_FBSDP_NO     BIT(14)
#define ARCH_CAPS_PSDP_NO      BIT(15)
#define ARCH_CAPS_FB_CLEAR     BIT(17)
#define ARCH_CAPS_BHI_NO       BIT(20)
#define ARCH_CAPS_PBRSB_NO     BIT(24)
#define ARCH_CAPS_RFDS_NO      BIT(27)
#define ARCH_CAPS_RFDS_CLEAR   BIT(28)
#define ARCH_CAPS_ITS_NO       BIT(62)

enum spec_ctrl_vendor { SPEC_OTHER, SPEC_INTEL, SPEC_AMD, SPEC_HYGON };

/* What a CPU enumerates. */
struct spec_ctrl_cpu {
    enum spec_ctrl_vendor vendor;
    u32 family, model, stepping;
    bool
        emulated; /* a hypervisor, or an emulator that says so, is below: no registers beyond the enumerated ones */
    bool smt; /* cores have more than one thread */
    u32 ebx7, edx7, edx7_2;
    u32 ebx88, eax821; /* of 0x80000008, 0x80000021 */
    u64 arch_caps;     /* 0: there is no such MSR */
};

/* Ways from one domain to another one, or from a domain into Homestead, on the same thread. In this order in output. */
enum spec_ctrl_issue {
    ISSUE_BTI,  /* branch target injection, Spectre variant 2, and by the return stack */
    ISSUE_BTC,  /* branch type confusion, "retbleed" on AMD */
    ISSUE_SRSO, /* speculative return stack overflow */
    ISSUE_BHI,  /* branch history injection */
    ISSUE_ITS,  /* indirect target selection, its part between guest and host */
    ISSUE_L1TF,
    ISSUE_MDS,
    ISSUE_TAA,
    ISSUE_RFDS,
    ISSUE_MMIO, /* stale data by device memory: only if a domain reaches any */
    ISSUE_DIV,  /* the divider's last quotient */
    ISSUE_NR
};

/* Measures. In this order in output. Assembly reads the first eight. */
enum spec_ctrl_measure {
    /* around guests: a bit each of spec_ctrl_flags */
    DO_IBPB,       /* when a CPU goes from one domain to another */
    DO_VERW,       /* at each entry */
    DO_L1D_FLUSH,  /* at each entry */
    DO_DIV_SCRUB,  /* at each entry */
    DO_IBRS,       /* set after each exit, cleared at each entry */
    DO_IBPB_ENTRY, /* Xen's name for IBPB at the entry to the hypervisor: after each exit */
    DO_RSB,        /* all of the return stack overwritten after each exit */
    DO_PBRSB,      /* one entry of it, on CPUs whose IBRS leaves the last one */
    /* set once on each CPU */
    DO_EIBRS,
    DO_AUTO_IBRS,
    DO_BHI_DIS_S,
    DO_BP_SPEC_REDUCE,
    DO_LFENCE,
    DO_TSX_OFF,
    DO_SSBD,
    DO_STIBP,
    DO_NR
};
#define DO_AROUND_GUESTS 0xffu

/* The parts of spec-ctrl= that say what is done. */
enum spec_ctrl_knob {
    KNOB_IBPB,
    KNOB_IBPB_ENTRY,
    KNOB_IBRS, /* with enhanced and automatic IBRS */
    KNOB_RSB,
    KNOB_VERW,
    KNOB_L1D_FLUSH,
    KNOB_DIV_SCRUB,
    KNOB_BHI_DIS_S,
    KNOB_BP_SPEC_REDUCE,
    KNOB_SSBD,
    KNOB_STIBP,
    KNOB_UNPRIV_MMIO,
    KNOB_NR
};
enum spec_ctrl_setting {
    SPEC_AUTO,
    SPEC_NO,
    SPEC_YES, /* also where the CPU does not need it, if it can */
};
struct spec_ctrl_choice {
    u8 knob[KNOB_NR]; /* enum spec_ctrl_setting */
    bool off;         /* spec-ctrl=no: what has no knob is not done either */
    u32 test;         /* debug builds: measures to take whatever the CPU enumerates */
};

struct spec_ctrl_plan {
    u32 needs;       /* a bit per issue of this CPU */
    u32 open;        /* those that the measures do not close */
    u32 measures;    /* a bit per measure */
    u64 host, guest; /* SPEC_CTRL while Homestead runs, and while a guest does */
    u64 on_switch;   /* PRED_CMD for DO_IBPB */
    bool spare_dom0; /* DO_IBPB_ENTRY is not done after domain 0, which is trusted */
};

/* Plain C, for any CPU. */
void spec_ctrl_decide(const struct spec_ctrl_cpu *cpu, const struct spec_ctrl_choice *choice,
                      struct spec_ctrl_plan *plan);
/* CVE-2018-12207: can this CPU raise a machine check when code is fetched by a page whose size has changed? No leak, but
 * the end of the machine: vmx/ept.h. */
bool spec_ctrl_size_mc(const struct spec_ctrl_cpu *cpu);
#define SPEC_CTRL_WORDS 192u
/* Words of issues, or of measures, with commas; "none". */
void spec_ctrl_issue_words(u32 issues, char out[SPEC_CTRL_WORDS]);
void spec_ctrl_measure_words(u32 measures, char out[SPEC_CTRL_WORDS]);

/* What this CPU enumerates. */
void spec_ctrl_read_cpu(struct spec_ctrl_cpu *out);
/* Boot CPU: reads the CPU, decides, sets this CPU's registers and reports. Before other CPUs start. */
void spec_ctrl_init(const struct spec_ctrl_choice *choice);
/* Every other CPU, before its first guest. NULL, or why it cannot be used beside the others. */
const char *spec_ctrl_cpu_init(void);
/* IBPB on behalf of a guest. This CPU has it. */
void spec_ctrl_guest_ibpb(void);

#endif
