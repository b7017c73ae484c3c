/* Exceptions end the program, unless it expects them (guest_probe()): dump, guest_on_fatal(), shutdown as crashed. A second exception meanwhile
 * shuts down at once. */
#include <guest/lib/internal.h>
#include <xen/sched.h>

/* As pushed by traps.asm and the CPU. */
struct trap_frame {
    u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

struct idt_entry { /* AMD APM2 4.8.4 */
    u16 offset_low;
    u16 selector;
    u8 ist;
    u8 type; /* 0x8E: present interrupt gate */
    u16 offset_mid;
    u32 offset_high;
    u32 reserved;
};
_Static_assert(sizeof(struct idt_entry) == 16, "APM2 4.8.4");

#define RFLAGS_TF (1ull << 8)

extern char trap_stubs[];
void trap_handler(struct trap_frame *f);

/* probe.asm */
extern u64 probe_rsp;
extern u32 probe_vector;
extern char probe_resume[];
u64 guest_probe_rip, guest_probe_error, guest_probe_rcx;

static struct idt_entry idt[256];

void traps_load(void)
{
    struct PACKED {
        u16 limit;
        u64 base;
    } idtr = {sizeof(idt) - 1, (u64)(uintptr_t)idt};

    __asm__ volatile("lidt %0" ::"m"(idtr));
}

void traps_init(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(idt); i++) {
        u64 stub = (u64)(uintptr_t)trap_stubs + 16 * i;
        idt[i] = (struct idt_entry){.offset_low = (u16)stub,
                                    .selector = 8,
                                    .type = 0x8e,
                                    .offset_mid = (u16)(stub >> 16),
                                    .offset_high = (u32)(stub >> 32)};
    }
    traps_load();
}

void trap_handler(struct trap_frame *f)
{
    static bool dying;
    u64 cr2;

    if (probe_rsp) {
        probe_vector = (u32)f->vector;
        guest_probe_rip = f->rip;
        guest_probe_error = f->error;
        guest_probe_rcx = f->rcx;
        f->rip = (u64)(uintptr_t)probe_resume;
        f->rsp = probe_rsp;
        f->rflags &= ~RFLAGS_TF;
        return;
    }
    if (dying)
        guest_shutdown(SHUTDOWN_crash);
    dying = true;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    printf("guest: exception %u error %#lx at rip %#lx, cr2 %#lx, rsp %#lx, rflags %#lx\n",
           (unsigned int)f->vector, f->error, f->rip, cr2, f->rsp, f->rflags);
    printf("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    printf("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    printf("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    printf("  r13 %016lx r14 %016lx r15 %016lx cs  %#lx\n", f->r13, f->r14, f->r15, f->cs);
    guest_on_fatal();
    guest_shutdown(SHUTDOWN_crash);
}
