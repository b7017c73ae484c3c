/*
 * Hardware virtualization behind one table: run a vCPU, turn the raw exit into one vendor-neutral
 * value, read and write its state. svm/ and vmx/ each fill the table. No policy here: domain/exit.c decides what an exit
 * means, with guest_cpuid.h and guest_msr.h.
 *
 * Locking: a struct hvm_vcpu is touched only by the CPU that runs its vCPU, or by others while that
 * vCPU is paused and off every CPU.
 */
#ifndef HVM_HVM_H
#define HVM_HVM_H

#include <arch/x86/hvm/cpu_policy.h>
#include <arch/x86/hvm/guest_code.h>
#include <arch/x86/hvm/guest_cpuid.h>
#include <homestead/addr.h>
#include <arch/x86/hvm/nested_paging.h>
#include <arch/x86/hvm/vmx/vcpu.h>
#include <arch/x86/hvm/x2apic.h>

/* Assembly gets the offsets from arch/x86/cpu/asm_offsets.c. run() copies rax, rsp, rip and rflags to and
 * from the VMCB or VMCS; between runs the copies here are valid. */
struct hvm_regs {
    union {
        struct {
            u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
            u64 r8, r9, r10, r11, r12, r13, r14, r15;
        };
        u64 gpr[16]; /* by the number that an instruction has for it */
    };
    u64 rip, rflags;
};

struct hvm_segment {
    u16 selector;
    u16 attributes; /* VMCB form: bits 0-7 type,S,DPL,P; 8-11 AVL,L,D/B,G */
    u32 limit;
    u64 base;
};

#define HVM_SEG_L BIT(9)  /* attributes of a 64-bit code segment */
#define HVM_SEG_D BIT(10) /* and of a 32-bit one */

#define HVM_PDPTES 4u

#define HVM_ANY_CLASS 16u /* see request_irq_window() */

/* All but the general registers, copied as a whole for context get/set and dumps. */
struct hvm_state {
    u64 cr0, cr2, cr3, cr4, efer, dr6, dr7, pat;
    struct hvm_segment cs, ds, es, fs, gs, ss, tr, ldtr, gdtr, idtr; /* HVM_SEGMENTS */
    u64 star, lstar, cstar, sfmask, kernel_gs_base;
    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 tsc_aux;
};

#define HVM_SEGMENTS(DO) DO(cs) DO(ds) DO(es) DO(fs) DO(gs) DO(ss) DO(tr) DO(ldtr) DO(gdtr) DO(idtr)

/* After RESET and INIT. */
#define HVM_DR6_RESET 0xffff0ff0u
#define HVM_DR7_RESET 0x400u
#define HVM_PAT_RESET 0x0007040600070406ull

/* The registers that control how guest addresses are translated. */
struct hvm_paging {
    u64 cr0, cr3, cr4, efer;
};

struct cpu;

struct hvm_vcpu {
    struct hvm_regs regs;
    u32 vcpu_id;       /* [I] as in CPUID and the APIC id */
    u32 domid;         /* [I] */
    u64 domain_serial; /* [I] no other domain has or had it; ids are used again */
    void *control;     /* VMCB or VMCS, one page */
    u64 control_maddr;
    /* [I] of the domain; it does not change once v has run */
    const struct cpu_policy *policy;
    struct np_table *np;  /* [I] of the domain */
    u64 np_generation;    /* value of np->generation that the TLB entries of this ASID were made under */
    u64 asid_generation;  /* with asid, tlb_tag.h; 0: a new one is due */
    u32 asid;             /* AMD's ASID, Intel's VPID */
    bool in_irq_window;   /* an interrupt window exit has been asked for */
    u8 window_class;      /* for an interrupt of this class */
    u8 nmi_state;         /* the vendor's: whether the guest is in an NMI handler */
    u64 nmi_iret_rip;     /* the vendor's */
    u8 *fpu;              /* 512-byte FXSAVE image, 16-byte aligned */
    u32 exit_code_raw;    /* vendor's code of the last exit, for dumps and counts */
    struct cpu *last_cpu; /* ran there last: that CPU's cached copy of the control block is valid */
    u64 dr[4];            /* DR0-DR3 while its FPU state is not in the registers: hvm_fpu_switch() */
    u64 tsc_aux;          /* kept for context get/set only: guests have neither RDTSCP nor RDPID */
    u64 cr4;              /* as the guest wrote it; underneath MCE is always set: guest_cr.h */
    struct hvm_apic apic;
    struct vmx_vcpu vmx; /* VMX only */
};

enum hvm_exit_kind {
    HVM_EXIT_INTERRUPT, /* a host interrupt or NMI; already handled when run() returns */
    HVM_EXIT_HYPERCALL, /* .kernel_bits: VMMCALL or VMCALL */
    HVM_EXIT_CPUID,
    HVM_EXIT_HLT,
    HVM_EXIT_RDMSR,      /* .msr */
    HVM_EXIT_WRMSR,      /* .msr, .value */
    HVM_EXIT_CR4,        /* .cr4: MOV to or from CR4 */
    HVM_EXIT_PDPTES,     /* .pdptes: the four entries of PAE paging are due: hvm_guest_load_pdptes() */
    HVM_EXIT_IO,         /* .io */
    HVM_EXIT_NPF,        /* .npf: nested page fault */
    HVM_EXIT_IRQ_WINDOW, /* the guest can now take an interrupt, or an NMI */
    HVM_EXIT_SHUTDOWN,   /* triple fault */
    HVM_EXIT_FORBIDDEN,  /* an instruction guests must not use (VMRUN, XSETBV, ...): #UD is due */
    HVM_EXIT_IGNORED,    /* an instruction that does nothing for a guest (WBINVD, ...) */
    HVM_EXIT_EXCEPTION,  /* .exception is due */
    HVM_EXIT_INVALID,    /* the guest state was refused by the CPU */
    HVM_EXIT_UNKNOWN,
    HVM_EXIT_NR
};

struct hvm_exit {
    enum hvm_exit_kind kind;
    u32 insn_len; /* bytes to skip once the instruction has been emulated */
    union {
        /* 64 or 32, of the code segment; 0: not at privilege level 0. It comes with the exit because that is 9 instructions
         * less for each hypercall than to ask by cpl() and long_mode_cs(). */
        u32 kernel_bits;
        struct {
            u32 msr;
            u64 value;
        };
        struct {
            bool known; /* the vendor's hardware has decoded the instruction: these two and insn_len */
            bool write;
            u8 gpr; /* 0-15: index in hvm_regs.gpr */
        } cr4;
        struct {
            bool by_cr0; /* MOV to CR0 of this value, which becomes visible if the entries are valid */
            u64 cr0;
        } pdptes;
        struct {
            u16 port;
            u8 size; /* 1, 2, 4 */
            bool in;
            bool string; /* INS/OUTS, with or without REP */
        } io;
        struct {
            u64 gaddr;
            bool write, exec, present; /* present: a permission fault */
            bool in_tables;            /* during the CPU's walk of the guest's page tables */
            bool in_delivery;          /* during the delivery of an event */
            u8 nr_code;                /* bytes at RIP that the CPU has fetched, 0: it does not say */
            const u8 *code;
        } npf;
        struct {
            u8 vector;
            s32 error; /* below 0: none */
        } exception;
    };
};

/* Whose CPUs guests see: which model-specific registers there are. */
enum hvm_make { HVM_AMD, HVM_INTEL };

struct hvm_ops {
    const char *name; /* "AMD SVM with nested paging" */
    enum hvm_make make;
    u8 hypercall_insn[3]; /* as in the hypercall page */
    /* Whether this CPU has it, usable. False: *why says what is missing. */
    bool (*probe)(const char **why);
    /* Enables it on this CPU, whose hvm_page_maddr[] are zeroed pages. -ENODEV. */
    int (*cpu_enable)(void);
    /* This CPU's leaf, but 0 names the vendor by which guests choose the hypercall instruction. */
    struct cpuid_leaf (*cpuid)(u32 leaf, u32 subleaf);
    /* control: a zeroed page; fpu as above. Sets the fixed part: intercepts, nested root. */
    void (*vcpu_init)(struct hvm_vcpu *v);
    void (*get_state)(struct hvm_vcpu *v, struct hvm_state *out);
    /* Old translations of the guest's addresses are not used any more. */
    void (*set_state)(struct hvm_vcpu *v, const struct hvm_state *in);
    /* Runs the guest until something happens. Called and returns with interrupts off. */
    void (*run)(struct hvm_vcpu *v, struct hvm_exit *exit);
    /* The vCPU gives up its CPU, or never had it: from now on others may call the functions for it. NULL: nothing is
     * to be done. Called by hvm_fpu_switch() alone. */
    void (*leave)(struct hvm_vcpu *v);
    /* False: another event is queued, the guest is in an interrupt shadow, or IF is clear. */
    bool (*can_inject_irq)(struct hvm_vcpu *v);
    void (*inject_irq)(struct hvm_vcpu *v, u8 vector);
    /* Asks for an exit as soon as the guest can take an interrupt of this priority class (vector / 16), which
     * CR8 can hold back, or, with HVM_ANY_CLASS, any. */
    void (*request_irq_window)(struct hvm_vcpu *v, u32 class);
    /* False: another event is queued, or the guest is in a shadow or in the handler of the last NMI. An exit
     * follows when that may have changed. */
    bool (*inject_nmi)(struct hvm_vcpu *v);
    /* The state after INIT: no queued event, no window, not in an NMI handler, CR8 0. */
    void (*reset_events)(struct hvm_vcpu *v);
    u32 (*get_cr8)(struct hvm_vcpu *v);
    void (*set_cr8)(struct hvm_vcpu *v, u32 cr8);
    /* Exception with or without error code (error < 0: none), delivered at the next run. */
    void (*inject_exception)(struct hvm_vcpu *v, u8 vector, s64 error);
    /* Cheap reads for hot paths. */
    u32 (*cpl)(struct hvm_vcpu *v);
    bool (*long_mode_cs)(struct hvm_vcpu *v); /* CS.L and EFER.LMA */
    bool (*paging_state)(struct hvm_vcpu *v,
                         struct hvm_paging *state); /* true: *state was another one before */
    /* PAE paging's four page-directory-pointer entries, where the CPU has registers for them; NULL: it has none. False: one
     * that is present has a reserved bit, and nothing is changed; with fit such a one counts as not present. */
    bool (*set_pdptes)(struct hvm_vcpu *v, const u64 pdpte[HVM_PDPTES], bool fit);
    /* With set_pdptes: a MOV to CR0 that has exited has this value, and the guest executes it again. */
    void (*write_cr0)(struct hvm_vcpu *v, u64 value);
    /* Moves RIP on by len bytes and ends the interrupt shadow. Called by vcpu_handle_exit() alone. */
    void (*skip)(struct hvm_vcpu *v, u32 len);
};

/* [I] chosen by hvm_init() */
extern const struct hvm_ops *hvm_ops;

/* [I] Can large pages of Intel's nested paging be executed? */
extern bool hvm_exec_large;

/* Chooses and enables hardware virtualization on the boot CPU; -ENODEV with a sentence on the console. exec_large: enum
 * spec_ctrl_setting of ept=exec-sp. */
int hvm_init(u8 exec_large);

/* Saves x87, SSE and DR0-DR3, which neither the VMCB nor struct hvm_regs holds, to `from` and loads those
 * of `to`. NULL: not that half. With `from` goes what else the vendor keeps in the CPU. The caller keeps this_cpu()->fpu_owner, and saves a vCPU before it moves. */
void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to);
/* Sets a 512-byte FXSAVE image to the state after FNINIT, MXCSR 0x1f80. */
void hvm_fpu_reset(u8 *fpu);
/* The hypercall page (docs/guest-guide/pvh-entry.md): entry nr at nr * 32 does hvm_ops->hypercall_insn. */
void hvm_fill_hypercall_page(u8 page[PAGE_SIZE]);

/* Where messages about a vCPU go. */
struct hvm_say {
    void (*line)(void *ctx, const char *fmt, ...) PRINTF(2, 3);
    void *ctx;
};
/* Prints registers, segments, and what hvm_read_code() found. name: "d1v0". */
void hvm_dump(struct hvm_vcpu *v, const char *name, const u8 *code, u32 nr_code, const struct hvm_say *to);
/* PVH start state (docs/guest-guide/pvh-entry.md): 32-bit protected mode, paging off, flat segments, EIP, EBX.
 */
void hvm_set_pvh_entry(struct hvm_vcpu *v, u32 eip, u32 ebx);
/* Where a STARTUP interrupt begins after INIT: real mode, CS:IP = vector << 8 : 0; all other registers as
 * INIT leaves them (APM2 table 14-1, but caches are on), signature in EDX. The FPU's are kept. */
void hvm_set_startup_entry(struct hvm_vcpu *v, u8 vector, u32 signature);

#endif
