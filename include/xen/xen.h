/*
 * Xen's public ABI, core part: hypercall numbers, reserved domain ids, virtual interrupts and the
 * structures every guest shares with the hypervisor. Of the ABI, include/xen/ has what Homestead, its guests
 * or its tests use. Written from the ABI's facts (Xen 4.17, x86_64);
 * names are Xen's so that its documentation applies. tests/unit/include/abi_headers_test.py compares every
 * size, offset and number of include/xen/ with Debian's libxen-dev.
 *
 * A guest handle is the guest-virtual address of an array. Here it is a plain u64, so the hypervisor
 * cannot follow one by accident; a guest assigns it with XEN_HANDLE(pointer). The layouts are those
 * of 64-bit callers.
 */
#ifndef XEN_XEN_H
#define XEN_XEN_H

#include <homestead/types.h>

#define XEN_GUEST_HANDLE(type)    u64
#define XEN_GUEST_HANDLE_64(type) u64
/* Homestead's: the handle of an object in the caller's own address space. */
#define XEN_HANDLE(ptr)           ((u64)(uintptr_t)(ptr))

#define __HYPERVISOR_sched_op_compat  6
#define __HYPERVISOR_platform_op      7
#define __HYPERVISOR_memory_op        12
#define __HYPERVISOR_multicall        13
#define __HYPERVISOR_set_timer_op     15
#define __HYPERVISOR_xen_version      17
#define __HYPERVISOR_console_io       18
#define __HYPERVISOR_grant_table_op   20
#define __HYPERVISOR_vm_assist        21
#define __HYPERVISOR_iret             23
#define __HYPERVISOR_vcpu_op          24
#define __HYPERVISOR_sched_op         29
#define __HYPERVISOR_event_channel_op 32
#define __HYPERVISOR_hvm_op           34
#define __HYPERVISOR_sysctl           35
#define __HYPERVISOR_domctl           36

/* Interrupts that the hypervisor raises as event channels. */
#define VIRQ_TIMER      0
#define VIRQ_DEBUG      1
#define VIRQ_CONSOLE    2
#define VIRQ_DOM_EXC    3
#define VIRQ_TBUF       4
#define VIRQ_XENOPROF   7
#define VIRQ_CON_RING   8
#define VIRQ_PCPU_STATE 9
#define VIRQ_ENOMEM     12
#define VIRQ_XENPMU     13
#define NR_VIRQS        24

/* console_io(cmd, count, buffer) */
#define CONSOLEIO_write 0
#define CONSOLEIO_read  1

/* vm_assist(cmd, type) */
#define VMASST_CMD_enable                0
#define VMASST_CMD_disable               1
#define VMASST_TYPE_runstate_update_flag 5 /* XEN_RUNSTATE_UPDATE in runstate areas */

/* Domain ids from DOMID_FIRST_RESERVED up never name a created domain. */
#define DOMID_FIRST_RESERVED 0x7FF0U
#define DOMID_SELF           0x7FF0U
#define DOMID_IO             0x7FF1U
#define DOMID_XEN            0x7FF2U
#define DOMID_COW            0x7FF3U
#define DOMID_INVALID        0x7FF4U
#define DOMID_IDLE           0x7FFFU

/* start_info flags */
#define SIF_PRIVILEGED (1 << 0)
#define SIF_INITDOMAIN (1 << 1)

#define XEN_LEGACY_MAX_VCPUS 32

typedef u16 domid_t;
typedef u64 xen_pfn_t;
typedef u64 xen_ulong_t;
typedef u8 xen_domain_handle_t[16];

/* One call of a batch for __HYPERVISOR_multicall. */
struct multicall_entry {
    xen_ulong_t op;
    xen_ulong_t result;
    xen_ulong_t args[6];
};

/* ns = system_time + ((((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul) >> 32); valid while version
 * is even. */
struct vcpu_time_info {
    u32 version;
    u32 pad0;
    u64 tsc_timestamp;
    u64 system_time; /* ns since the hypervisor started */
    u32 tsc_to_system_mul;
    s8 tsc_shift;
    u8 flags; /* XEN_PVCLOCK_* */
    u8 pad1[2];
};
#define XEN_PVCLOCK_TSC_STABLE_BIT (1 << 0)

struct arch_vcpu_info {
    xen_ulong_t cr2;
    xen_ulong_t pad;
};

struct vcpu_info {
    u8 evtchn_upcall_pending;
    u8 evtchn_upcall_mask;
    u8 pad0[6];
    xen_ulong_t evtchn_pending_sel; /* bit n: word n of evtchn_pending has news */
    struct arch_vcpu_info arch;
    struct vcpu_time_info time;
};

struct arch_shared_info {
    xen_ulong_t max_pfn;
    xen_pfn_t pfn_to_mfn_frame_list_list;
    xen_ulong_t nmi_reason;
    xen_ulong_t p2m_cr3;
    xen_ulong_t p2m_vaddr;
    xen_ulong_t p2m_generation;
};

struct shared_info {
    struct vcpu_info vcpu_info[XEN_LEGACY_MAX_VCPUS];
    xen_ulong_t evtchn_pending[64];
    xen_ulong_t evtchn_mask[64];
    u32 wc_version; /* wall clock at system_time 0, valid while even */
    u32 wc_sec;
    u32 wc_nsec;
    u32 wc_sec_hi;
    struct arch_shared_info arch;
};

struct xenctl_bitmap {
    XEN_GUEST_HANDLE_64(u8) bitmap;
    u32 nr_bits;
};

/* Which devices and MSR behaviour an HVM domain gets; part of createdomain. */
struct xen_arch_domainconfig {
    u32 emulation_flags;
    u32 misc_flags;
};
#define XEN_X86_EMU_LAPIC    (1U << 0)
#define XEN_X86_EMU_HPET     (1U << 1)
#define XEN_X86_EMU_IOAPIC   (1U << 4)
#define XEN_X86_EMU_VGA      (1U << 6)
#define XEN_X86_EMU_USE_PIRQ (1U << 9)
#define XEN_X86_EMU_VPCI     (1U << 10)
#define XEN_X86_EMU_ALL      0x7ffU
#define XEN_X86_MSR_RELAXED  (1U << 0)

_Static_assert(sizeof(struct multicall_entry) == 64, "public/xen.h");
_Static_assert(sizeof(struct vcpu_time_info) == 32, "public/xen.h");
_Static_assert(sizeof(struct vcpu_info) == 64, "public/xen.h");
_Static_assert(offsetof(struct vcpu_info, time) == 32, "public/xen.h");
_Static_assert(offsetof(struct shared_info, evtchn_pending) == 0x800, "public/xen.h");
_Static_assert(offsetof(struct shared_info, evtchn_mask) == 0xA00, "public/xen.h");
_Static_assert(offsetof(struct shared_info, wc_version) == 0xC00, "public/xen.h");
_Static_assert(sizeof(struct shared_info) == 3136, "public/xen.h");
_Static_assert(sizeof(struct xenctl_bitmap) == 16, "public/xen.h");
_Static_assert(sizeof(struct xen_arch_domainconfig) == 8, "public/arch-x86/xen.h");

#endif
