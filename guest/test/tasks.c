/*
 * mode=tasks: vCPU 1 calls another task by a hardware task switch, and returns from it (tasks.asm). AMD's CPUs do it by
 * themselves; on Intel's it ends the domain. So that both ends look the same to domain 0, success is reported as a crash.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define WAIT_MS   5000u
#define CODE      0x08u /* selectors, as in tasks.asm */
#define DATA      0x10u
#define CALLER    0x18u
#define CALLED    0x20u
#define TSS_BYTES 104u

struct tasks_found {
    volatile u32 tr_inside, tr_after, done;
};

extern u8 tasks_start[], tasks_called[];

/* By 4-byte word; SDM 3A 8.2.1. */
enum { TSS_EIP = 8, TSS_EFLAGS, TSS_EBX = 13, TSS_ES = 18, TSS_CS, TSS_SS, TSS_DS, TSS_FS, TSS_GS };
static u32 caller[TSS_BYTES / 4] ALIGNED(128), called[TSS_BYTES / 4] ALIGNED(128);
static struct tasks_found found;
struct {
    u16 unused[3], limit;
    u32 base;
} tasks_gdt_pointer ALIGNED(8);
static u64 gdt[5] ALIGNED(8) = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};

static u32 address(const void *p)
{
    return (u32)(uintptr_t)p;
}

static u64 tss_descriptor(const u32 *tss)
{
    u64 base = address(tss);

    return (TSS_BYTES - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | base >> 24 << 56;
}

static bool is_done(void)
{
    return found.done;
}

bool tasks_run(void)
{
    struct vcpu_hvm_context context = {.mode = VCPU_HVM_MODE_32B};

    gdt[CALLER / 8] = tss_descriptor(caller);
    gdt[CALLED / 8] = tss_descriptor(called);
    tasks_gdt_pointer.limit = sizeof(gdt) - 1;
    tasks_gdt_pointer.base = address(gdt);
    called[TSS_EIP] = address(tasks_called);
    called[TSS_EFLAGS] = 2;
    called[TSS_EBX] = address((void *)&found);
    called[TSS_CS] = CODE;
    called[TSS_ES] = called[TSS_SS] = called[TSS_DS] = called[TSS_FS] = called[TSS_GS] = DATA;
    context.cpu_regs.x86_32 = (struct vcpu_hvm_x86_32){.eip = address(tasks_start),
                                                       .ebx = address((void *)&found),
                                                       .eflags = 2,
                                                       .cr0 = 0x11, /* PE, ET */
                                                       .cs_limit = ~0u,
                                                       .ds_limit = ~0u,
                                                       .ss_limit = ~0u,
                                                       .es_limit = ~0u,
                                                       .tr_limit = TSS_BYTES - 1,
                                                       .cs_ar = 0xc9b,
                                                       .ds_ar = 0xc93,
                                                       .ss_ar = 0xc93,
                                                       .es_ar = 0xc93,
                                                       .tr_ar = 0x8b};
    bool ok = !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, (u64)(uintptr_t)&context, 0, 0) &&
              !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0, 0, 0) && smp_wait(is_done, WAIT_MS);
    ok = ok && found.tr_inside == CALLED && found.tr_after == CALLER;
    printf("tasks: TR %x, then %x: %s\n", found.tr_inside, found.tr_after, ok ? "ok" : "FAILED");
    return ok;
}
