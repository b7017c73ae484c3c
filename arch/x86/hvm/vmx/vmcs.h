/*
 * The virtual machine control structure: field encodings, control bits, exit reasons. Names and numbers as in SDM 3C
 * chapter 25, 3C appendix C (exit reasons) and 3D appendix B (encodings).
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include <homestead/types.h>

enum vmcs_field {
    /* controls */
    VMCS_VPID = 0x0000,
    VMCS_MSR_BITMAP = 0x2004,
    VMCS_TSC_OFFSET = 0x2010,
    VMCS_EPT_POINTER = 0x201a,
    VMCS_ENCLS_BITMAP = 0x202e,
    VMCS_PIN_CONTROLS = 0x4000,
    VMCS_PRIMARY_CONTROLS = 0x4002,
    VMCS_EXCEPTION_BITMAP = 0x4004,
    VMCS_PAGE_FAULT_MASK = 0x4006,
    VMCS_PAGE_FAULT_MATCH = 0x4008,
    VMCS_CR3_TARGET_COUNT = 0x400a,
    VMCS_EXIT_CONTROLS = 0x400c,
    VMCS_EXIT_MSR_STORE_COUNT = 0x400e,
    VMCS_EXIT_MSR_LOAD_COUNT = 0x4010,
    VMCS_ENTRY_CONTROLS = 0x4012,
    VMCS_ENTRY_MSR_LOAD_COUNT = 0x4014,
    VMCS_ENTRY_EVENT = 0x4016, /* "VM-entry interruption information" */
    VMCS_ENTRY_EVENT_ERROR = 0x4018,
    VMCS_SECONDARY_CONTROLS = 0x401e,
    VMCS_CR0_MASK = 0x6000,
    VMCS_CR4_MASK = 0x6002,
    VMCS_CR0_SHADOW = 0x6004,
    VMCS_CR4_SHADOW = 0x6006,
    /* read only */
    VMCS_GUEST_PHYSICAL_ADDRESS = 0x2400,
    VMCS_INSTRUCTION_ERROR = 0x4400,
    VMCS_EXIT_REASON = 0x4402,
    VMCS_EXIT_EVENT = 0x4404,      /* "VM-exit interruption information" */
    VMCS_VECTORING_EVENT = 0x4408, /* "IDT-vectoring information" */
    VMCS_VECTORING_ERROR = 0x440a,
    VMCS_INSTRUCTION_LENGTH = 0x440c,
    VMCS_QUALIFICATION = 0x6400,
    /* guest state; segments: + 2 * enum vmcs_segment */
    VMCS_GUEST_SELECTOR = 0x0800,
    VMCS_GUEST_LIMIT = 0x4800,
    VMCS_GUEST_ACCESS_RIGHTS = 0x4814,
    VMCS_GUEST_BASE = 0x6806,
    VMCS_LINK_POINTER = 0x2800,
    VMCS_GUEST_DEBUGCTL = 0x2802,
    VMCS_GUEST_PAT = 0x2804,
    VMCS_GUEST_EFER = 0x2806,
    VMCS_GUEST_PDPTE = 0x280a, /* + 2 * 0..3 */
    VMCS_GUEST_GDTR_LIMIT = 0x4810,
    VMCS_GUEST_IDTR_LIMIT = 0x4812,
    VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
    VMCS_GUEST_ACTIVITY = 0x4826,
    VMCS_GUEST_SYSENTER_CS = 0x482a,
    VMCS_PREEMPTION_TIMER = 0x482e,
    VMCS_GUEST_CR0 = 0x6800,
    VMCS_GUEST_CR3 = 0x6802,
    VMCS_GUEST_CR4 = 0x6804,
    VMCS_GUEST_GDTR_BASE = 0x6816,
    VMCS_GUEST_IDTR_BASE = 0x6818,
    VMCS_GUEST_DR7 = 0x681a,
    VMCS_GUEST_RSP = 0x681c,
    VMCS_GUEST_RIP = 0x681e,
    VMCS_GUEST_RFLAGS = 0x6820,
    VMCS_GUEST_PENDING_DEBUG = 0x6822,
    VMCS_GUEST_SYSENTER_ESP = 0x6824,
    VMCS_GUEST_SYSENTER_EIP = 0x6826,
    /* host state */
    VMCS_HOST_ES = 0x0c00,
    VMCS_HOST_CS = 0x0c02,
    VMCS_HOST_SS = 0x0c04,
    VMCS_HOST_DS = 0x0c06,
    VMCS_HOST_FS = 0x0c08,
    VMCS_HOST_GS = 0x0c0a,
    VMCS_HOST_TR = 0x0c0c,
    VMCS_HOST_PAT = 0x2c00,
    VMCS_HOST_EFER = 0x2c02,
    VMCS_HOST_SYSENTER_CS = 0x4c00,
    VMCS_HOST_CR0 = 0x6c00,
    VMCS_HOST_CR3 = 0x6c02,
    VMCS_HOST_CR4 = 0x6c04,
    VMCS_HOST_FS_BASE = 0x6c06,
    VMCS_HOST_GS_BASE = 0x6c08,
    VMCS_HOST_TR_BASE = 0x6c0a,
    VMCS_HOST_GDTR_BASE = 0x6c0c,
    VMCS_HOST_IDTR_BASE = 0x6c0e,
    VMCS_HOST_SYSENTER_ESP = 0x6c10,
    VMCS_HOST_SYSENTER_EIP = 0x6c12,
    VMCS_HOST_RSP = 0x6c14,
    VMCS_HOST_RIP = 0x6c16,
};

enum vmcs_segment { VMCS_ES, VMCS_CS, VMCS_SS, VMCS_DS, VMCS_FS, VMCS_GS, VMCS_LDTR, VMCS_TR };

/* Access rights, 25.4.1: the low byte as in a descriptor, then these. */
#define VMX_AR_L        BIT(13)
#define VMX_AR_D        BIT(14)
#define VMX_AR_G        BIT(15)
#define VMX_AR_UNUSABLE BIT(16)

/* Pin-based controls, 25.6.1 */
#define PIN_EXTERNAL_INTERRUPT BIT(0)
#define PIN_NMI                BIT(3)
#define PIN_VIRTUAL_NMIS       BIT(5)
#define PIN_PREEMPTION_TIMER   BIT(6)

/* Primary processor-based controls, 25.6.2 */
#define PRIMARY_INTERRUPT_WINDOW BIT(2)
#define PRIMARY_TSC_OFFSETTING   BIT(3)
#define PRIMARY_HLT              BIT(7)
#define PRIMARY_INVLPG           BIT(9)
#define PRIMARY_MWAIT            BIT(10)
#define PRIMARY_RDPMC            BIT(11)
#define PRIMARY_RDTSC            BIT(12)
#define PRIMARY_CR3_LOAD         BIT(15)
#define PRIMARY_CR3_STORE        BIT(16)
#define PRIMARY_CR8_LOAD         BIT(19)
#define PRIMARY_CR8_STORE        BIT(20)
#define PRIMARY_NMI_WINDOW       BIT(22)
#define PRIMARY_MOV_DR           BIT(23)
#define PRIMARY_ALL_IO           BIT(24)
#define PRIMARY_MSR_BITMAPS      BIT(28)
#define PRIMARY_MONITOR          BIT(29)
#define PRIMARY_PAUSE            BIT(30)
#define PRIMARY_SECONDARY        BIT(31)

/* Secondary processor-based controls */
#define SECONDARY_EPT                BIT(1)
#define SECONDARY_VPID               BIT(5)
#define SECONDARY_WBINVD             BIT(6)
#define SECONDARY_UNRESTRICTED_GUEST BIT(7)
#define SECONDARY_ENCLS              BIT(15)

/* Exit controls, 25.7.1 */
#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64    BIT(9)
#define EXIT_LOAD_PAT   BIT(19)
#define EXIT_SAVE_EFER  BIT(20)
#define EXIT_LOAD_EFER  BIT(21)

/* Entry controls, 25.8.1 */
#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_GUEST_64   BIT(9) /* "IA-32e mode guest": the CPU keeps it equal to EFER.LMA */
#define ENTRY_LOAD_PAT   BIT(14)
#define ENTRY_LOAD_EFER  BIT(15)

/* The three fields that describe an event, 25.8.3, 25.9.2, 25.9.3 */
#define VMX_EVENT_VECTOR        0xffu
#define VMX_EVENT_TYPE_MASK     (7u << 8)
#define VMX_EVENT_TYPE_INTR     (0u << 8)
#define VMX_EVENT_TYPE_NMI      (2u << 8)
#define VMX_EVENT_TYPE_HARDWARE (3u << 8) /* an exception */
#define VMX_EVENT_TYPE_INT1     (5u << 8)
#define VMX_EVENT_ERROR_VALID   ((u32)BIT(11))
#define VMX_EVENT_NMI_UNBLOCKED ((u32)BIT(12)) /* in an exit's: by an IRET that has not completed */
#define VMX_EVENT_VALID         ((u32)BIT(31))

/* Guest interruptibility state, 25.4.2 */
#define VMX_BLOCKED_BY_STI    1u
#define VMX_BLOCKED_BY_MOV_SS 2u
#define VMX_BLOCKED_BY_NMI    8u
#define VMX_SHADOW            (VMX_BLOCKED_BY_STI | VMX_BLOCKED_BY_MOV_SS)

/* Pending debug exceptions, 25.4.2 */
#define PENDING_NONE 0ull

/* Exit reasons, appendix C */
enum vmx_exit_reason {
    VMX_EXIT_EXCEPTION_OR_NMI = 0,
    VMX_EXIT_EXTERNAL_INTERRUPT = 1,
    VMX_EXIT_TRIPLE_FAULT = 2,
    VMX_EXIT_INIT = 3,
    VMX_EXIT_SIPI = 4,
    VMX_EXIT_INTERRUPT_WINDOW = 7,
    VMX_EXIT_NMI_WINDOW = 8,
    VMX_EXIT_TASK_SWITCH = 9,
    VMX_EXIT_CPUID = 10,
    VMX_EXIT_GETSEC = 11,
    VMX_EXIT_HLT = 12,
    VMX_EXIT_INVD = 13,
    VMX_EXIT_RDPMC = 15,
    VMX_EXIT_RSM = 17,
    VMX_EXIT_VMCALL = 18,
    VMX_EXIT_VMCLEAR = 19,
    VMX_EXIT_VMXON = 27, /* 20 to 26: the other VMX instructions */
    VMX_EXIT_CR_ACCESS = 28,
    VMX_EXIT_IO = 30,
    VMX_EXIT_RDMSR = 31,
    VMX_EXIT_WRMSR = 32,
    VMX_EXIT_INVALID_GUEST_STATE = 33,
    VMX_EXIT_MSR_LOADING = 34,
    VMX_EXIT_MWAIT = 36,
    VMX_EXIT_MONITOR = 39,
    VMX_EXIT_ENTRY_MACHINE_CHECK = 41,
    VMX_EXIT_EPT_VIOLATION = 48,
    VMX_EXIT_EPT_MISCONFIGURATION = 49,
    VMX_EXIT_INVEPT = 50,
    VMX_EXIT_RDTSCP = 51,
    VMX_EXIT_PREEMPTION_TIMER = 52,
    VMX_EXIT_INVVPID = 53,
    VMX_EXIT_WBINVD = 54,
    VMX_EXIT_XSETBV = 55,
    VMX_EXIT_INVPCID = 58,
    VMX_EXIT_VMFUNC = 59,
    VMX_EXIT_ENCLS = 60,
    VMX_EXIT_XSAVES = 63,
    VMX_EXIT_XRSTORS = 64,
};
#define VMX_EXIT_REASON_MASK  0xffffu
#define VMX_EXIT_ENTRY_FAILED ((u32)BIT(31))

#endif
