/* The virtual machine control block. Source: APM2 appendix B (layout), 15.9-15.30 (meaning). */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <arch/x86/hvm/hvm.h>

/* tlb_control */
#define SVM_TLB_KEEP      0u
#define SVM_TLB_FLUSH_ALL 1u

/* v_intr, offset 0x060 */
#define SVM_V_TPR_MASK          0xffull
#define SVM_V_CR8_MASK          0xfull /* of it, what counts */
#define SVM_V_IRQ               BIT(8)
#define SVM_V_INTR_PRIO(n)      ((u64)(n) << 16)
#define SVM_V_IGN_TPR           BIT(20)
#define SVM_V_INTR_MASKING      BIT(24)
#define SVM_V_INTR_VECTOR(n)    ((n) << 32)
#define SVM_V_INTR_VECTOR_OF(v) ((v) >> 32 & 0xff)

#define SVM_INTERRUPT_SHADOW BIT(0) /* interrupt_state */
#define SVM_NP_ENABLE        BIT(0) /* nested_ctl */

/* exit_info1 of MOV CRx with decode assists, 15.8.1: the general register, and that it is a MOV */
#define SVM_CR_GPR 0xfull
#define SVM_CR_MOV BIT(63)

/* event_inj and exit_int_info, 15.20 */
#define SVM_EVENT_VECTOR      0xffull
#define SVM_EVENT_TYPE_MASK   (7ull << 8)
#define SVM_EVENT_TYPE_INTR   (0ull << 8)
#define SVM_EVENT_TYPE_NMI    (2ull << 8)
#define SVM_EVENT_TYPE_EXCP   (3ull << 8)
#define SVM_EVENT_TYPE_SOFT   (4ull << 8)
#define SVM_EVENT_ERROR_VALID BIT(11)
#define SVM_EVENT_VALID       BIT(31)

/* clean: what the CPU may keep from the last VMRUN of this VMCB, 15.15.3 */
#define SVM_CLEAN_INTERCEPTS BIT(0)
#define SVM_CLEAN_ASID       BIT(2)
#define SVM_CLEAN_TPR        BIT(3) /* the whole of v_intr */
#define SVM_CLEAN_ALL        0x3ffu /* bits 0-9: all but AVIC and CET, which are not used */

/* Exit codes, appendix C */
enum svm_exit_code {
    SVM_EXIT_CR4_READ = 0x04,
    SVM_EXIT_CR4_WRITE = 0x14,
    SVM_EXIT_EXCP_BASE = 0x40, /* + vector */
    SVM_EXIT_INTR = 0x60,
    SVM_EXIT_NMI = 0x61,
    SVM_EXIT_SMI = 0x62,
    SVM_EXIT_INIT = 0x63,
    SVM_EXIT_VINTR = 0x64,
    SVM_EXIT_RDPMC = 0x6f,
    SVM_EXIT_CPUID = 0x72,
    SVM_EXIT_RSM = 0x73,
    SVM_EXIT_IRET = 0x74,
    SVM_EXIT_INVD = 0x76,
    SVM_EXIT_HLT = 0x78,
    SVM_EXIT_INVLPGA = 0x7a,
    SVM_EXIT_IOIO = 0x7b,
    SVM_EXIT_MSR = 0x7c,
    SVM_EXIT_FERR_FREEZE = 0x7e,
    SVM_EXIT_SHUTDOWN = 0x7f,
    SVM_EXIT_VMRUN = 0x80,
    SVM_EXIT_VMMCALL = 0x81,
    SVM_EXIT_VMLOAD = 0x82,
    SVM_EXIT_VMSAVE = 0x83,
    SVM_EXIT_STGI = 0x84,
    SVM_EXIT_CLGI = 0x85,
    SVM_EXIT_SKINIT = 0x86,
    SVM_EXIT_RDTSCP = 0x87,
    SVM_EXIT_WBINVD = 0x89,
    SVM_EXIT_MONITOR = 0x8a,
    SVM_EXIT_MWAIT = 0x8b,
    SVM_EXIT_MWAIT_ARMED = 0x8c,
    SVM_EXIT_XSETBV = 0x8d,
    SVM_EXIT_RDPRU = 0x8e,
    SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID (~0u)

/* Exits 0x00-0x1f are asked for in intercept_cr, a bit each. */
#define SVM_INTERCEPT_CR4 (BIT(SVM_EXIT_CR4_READ) | BIT(SVM_EXIT_CR4_WRITE))

/* Exits 0x60-0x7f are asked for in intercept_misc1, 0x80-0x9f in intercept_misc2, a bit each in this order. */
#define SVM_INTERCEPT(exit) ((u32)BIT(SVM_EXIT_##exit % 32))

struct vmcb {
    /* control area */
    u32 intercept_cr;         /* 0x000: reads 0-15, writes 16-31 */
    u32 intercept_dr;         /* 0x004 */
    u32 intercept_exceptions; /* 0x008: bit n is vector n */
    u32 intercept_misc1;      /* 0x00c */
    u32 intercept_misc2;      /* 0x010 */
    u32 intercept_misc3;      /* 0x014 */
    u8 reserved_018[0x24];
    u16 pause_filter_threshold; /* 0x03c */
    u16 pause_filter_count;     /* 0x03e */
    u64 iopm_base_pa;           /* 0x040 */
    u64 msrpm_base_pa;          /* 0x048 */
    u64 tsc_offset;             /* 0x050 */
    u32 guest_asid;             /* 0x058 */
    u8 tlb_control;             /* 0x05c */
    u8 reserved_05d[3];
    u64 v_intr;          /* 0x060 */
    u64 interrupt_state; /* 0x068 */
    u32 exit_code;       /* 0x070 */
    u32 exit_code_high; /* of no meaning: some CPUs leave it alone, others extend the sign of VMEXIT_INVALID */
    u64 exit_info1;     /* 0x078 */
    u64 exit_info2;     /* 0x080 */
    u64 exit_int_info;  /* 0x088 */
    u64 nested_ctl;     /* 0x090 */
    u8 reserved_098[0x10];
    u64 event_inj; /* 0x0a8 */
    u64 n_cr3;     /* 0x0b0 */
    u64 lbr_ctl;   /* 0x0b8 */
    u32 clean;     /* 0x0c0 */
    u32 reserved_0c4;
    u64 nrip;       /* 0x0c8 */
    u8 fetched_len; /* 0x0d0 */
    u8 fetched[15]; /* 0x0d1 */
    u8 reserved_0e0[0x320];
    /* state save area */
    struct hvm_segment es, cs, ss, ds, fs, gs; /* 0x400-0x45f */
    struct hvm_segment gdtr, ldtr, idtr, tr;   /* 0x460-0x49f */
    u8 reserved_4a0[0x2b];
    u8 cpl; /* 0x4cb */
    u32 reserved_4cc;
    u64 efer; /* 0x4d0 */
    u8 reserved_4d8[0x70];
    u64 cr4;    /* 0x548 */
    u64 cr3;    /* 0x550 */
    u64 cr0;    /* 0x558 */
    u64 dr7;    /* 0x560 */
    u64 dr6;    /* 0x568 */
    u64 rflags; /* 0x570 */
    u64 rip;    /* 0x578 */
    u8 reserved_580[0x58];
    u64 rsp; /* 0x5d8 */
    u8 reserved_5e0[0x18];
    u64 rax;            /* 0x5f8 */
    u64 star;           /* 0x600 */
    u64 lstar;          /* 0x608 */
    u64 cstar;          /* 0x610 */
    u64 sfmask;         /* 0x618 */
    u64 kernel_gs_base; /* 0x620 */
    u64 sysenter_cs;    /* 0x628 */
    u64 sysenter_esp;   /* 0x630 */
    u64 sysenter_eip;   /* 0x638 */
    u64 cr2;            /* 0x640 */
    u8 reserved_648[0x20];
    u64 g_pat; /* 0x668 */
    u8 reserved_670[0x990];
};

#define VMCB_AT(member, offset) \
    _Static_assert(offsetof(struct vmcb, member) == (offset), "APM2 appendix B: " #member)
VMCB_AT(intercept_misc2, 0x010);
VMCB_AT(pause_filter_count, 0x03e);
VMCB_AT(iopm_base_pa, 0x040);
VMCB_AT(msrpm_base_pa, 0x048);
VMCB_AT(guest_asid, 0x058);
VMCB_AT(tlb_control, 0x05c);
VMCB_AT(v_intr, 0x060);
VMCB_AT(interrupt_state, 0x068);
VMCB_AT(exit_code, 0x070);
VMCB_AT(exit_int_info, 0x088);
VMCB_AT(nested_ctl, 0x090);
VMCB_AT(event_inj, 0x0a8);
VMCB_AT(n_cr3, 0x0b0);
VMCB_AT(clean, 0x0c0);
VMCB_AT(nrip, 0x0c8);
VMCB_AT(fetched, 0x0d1);
VMCB_AT(es, 0x400);
VMCB_AT(gs, 0x450);
VMCB_AT(gdtr, 0x460);
VMCB_AT(ldtr, 0x470);
VMCB_AT(idtr, 0x480);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(cr0, 0x558);
VMCB_AT(rflags, 0x570);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(sysenter_eip, 0x638);
VMCB_AT(cr2, 0x640);
VMCB_AT(g_pat, 0x668);
#undef VMCB_AT
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "the VMCB is one page");
_Static_assert(sizeof(struct hvm_segment) == 16, "APM2 table B-2: selector, attrib, limit, base");
_Static_assert(offsetof(struct hvm_segment, limit) == 4, "APM2 table B-2");
_Static_assert(offsetof(struct hvm_segment, base) == 8, "APM2 table B-2");

#endif
