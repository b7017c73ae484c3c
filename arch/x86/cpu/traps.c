/*
 * Exceptions are Homestead's own bugs or broken hardware: they end in panic() with registers and a
 * backtrace. Interrupts only set a flag for the run loop (see percpu.h).
 */
#include <arch/x86/cpu/traps.h>

#include <homestead/init.h>
#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/nmi.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/stop.h>
#include <lib/log.h>

struct idt_gate { /* APM2 4.8.3 */
    u16 offset_low;
    u16 selector;
    u8 ist;
    u8 type;
    u16 offset_middle;
    u32 offset_high;
    u32 reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "APM2 figure 4-24");

struct table_register {
    u16 limit;
    u64 base;
} PACKED;

extern const u8 trap_entries[256][16]; /* code for each vector */

static struct idt_gate idt[256]; /* [I] shared by all CPUs */

INIT void traps_init(void)
{
    for (u32 vector = 0; vector < ARRAY_SIZE(idt); vector++) {
        u64 entry = (u64)trap_entries[vector];
        idt[vector] = (struct idt_gate){
            .offset_low = (u16)entry,
            .selector = SEL_CODE,
            .ist = vector == TRAP_NMI  ? IST_NMI
                   : vector == TRAP_DF ? IST_DF
                   : vector == TRAP_MC ? IST_MC
                                       : 0,
            .type = 0x8e, /* present, interrupt gate */
            .offset_middle = (u16)(entry >> 16),
            .offset_high = (u32)(entry >> 32),
        };
    }
}

void traps_load(struct cpu *cpu)
{
    struct cpu_tables *tables = cpu->tables;
    u64 tss = (u64)&tables->tss;
    u64 limit = sizeof(tables->tss) - 1;

    tables->gdt[0] = 0;
    tables->gdt[SEL_CODE / 8] = 0x00209b0000000000;
    tables->gdt[SEL_DATA / 8] = 0x0000930000000000;
    tables->gdt[SEL_TSS / 8] = limit | (tss & 0xffffff) << 16 | 0x89ull << 40 | ((tss >> 24) & 0xff) << 56;
    tables->gdt[SEL_TSS / 8 + 1] = tss >> 32;
    tables->tss.io_bitmap = sizeof(tables->tss);
    for (u32 i = 0; i < NR_IST; i++)
        tables->tss.ist[i] = cpu->ist_tops[i];

    struct table_register gdtr = {sizeof(tables->gdt) - 1, (u64)tables->gdt};
    struct table_register idtr = {sizeof(idt) - 1, (u64)idt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "lidt %3\n\t"
                     "ltr %w4"
                     :
                     : "m"(gdtr), "i"(SEL_CODE), "i"(SEL_DATA), "m"(idtr), "r"(SEL_TSS)
                     : "rax", "memory");
    cpu->self = cpu;
    wrmsr(MSR_GS_BASE, (u64)cpu);
}

static const char *trap_name(u64 vector)
{
    static const char *const names[] = {
        "#DE divide error",
        "#DB debug",
        "NMI",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range",
        "#UD invalid opcode",
        "#NM no device",
        "#DF double fault",
        "coprocessor overrun",
        "#TS invalid TSS",
        "#NP segment not present",
        "#SS stack",
        "#GP general protection",
        "#PF page fault",
        "reserved",
        "#MF x87",
        "#AC alignment check",
        "#MC machine check",
        "#XF SIMD",
        "#VE virtualization",
        "#CP control protection",
    };
    return vector < ARRAY_SIZE(names) ? names[vector] : "unexpected interrupt";
}

static void dump_registers(const struct trap_frame *f)
{
    log_error("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    log_error("  rsi %016lx  rdi %016lx  rbp %016lx  rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
    log_error("  r8  %016lx  r9  %016lx  r10 %016lx  r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
    log_error("  r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
    log_error("  rip %016lx  cs %04lx  rflags %08lx  error %lx\n", f->rip, f->cs, f->rflags, f->error);
    log_error("  cr0 %08lx  cr2 %016lx  cr3 %012lx  cr4 %08lx\n", read_cr0(), read_cr2(), read_cr3(),
              read_cr4());
}

static NORETURN void trap_fatal(const struct trap_frame *frame)
{
    panic_begin();
    log_error("\nException %lu on CPU %u: %s\n", frame->vector, this_cpu()->id, trap_name(frame->vector));
    dump_registers(frame);
    panic_end(trap_name(frame->vector), frame->rip, frame->rbp);
}

/* The two instructions that may fault; each has two bytes. R8 says that it has not. */
extern const u8 msr_try_rdmsr[], msr_try_wrmsr[];

__attribute__((noinline)) bool msr_try_read(u32 msr, u64 *value)
{
    register u64 done __asm__("r8") = 1;
    u32 low, high;

    __asm__ volatile("msr_try_rdmsr: rdmsr" : "=a"(low), "=d"(high), "+r"(done) : "c"(msr));
    if (done)
        *value = (u64)high << 32 | low;
    return done;
}

__attribute__((noinline)) bool msr_try_write(u32 msr, u64 value)
{
    register u64 done __asm__("r8") = 1;

    __asm__ volatile("msr_try_wrmsr: wrmsr"
                     : "+r"(done)
                     : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32))
                     : "memory");
    return done;
}

/* #GP of one of them. */
static bool is_tried(struct trap_frame *frame)
{
    if (frame->rip != (u64)msr_try_rdmsr && frame->rip != (u64)msr_try_wrmsr)
        return false;
    frame->rip += 2;
    frame->r8 = 0;
    return true;
}

void trap_handle(struct trap_frame *frame)
{
    switch (frame->vector) {
    case VECTOR_TIMER:
        this_cpu()->timer_fired = true;
        apic_eoi();
        break;
    case VECTOR_WAKE:
        this_cpu()->need_resched = true;
        apic_eoi();
        stop_if_asked(frame->rip, frame->rbp, false);
        break;
    case TRAP_NMI:
        nmi_handle(frame);
        break;
    case TRAP_MC:
        machine_check_handle(frame);
    case VECTOR_SPURIOUS: /* no EOI: APM2 16.4.7 */
        break;
    case TRAP_GP:
        if (!is_tried(frame))
            trap_fatal(frame);
        break;
    default:
        if (frame->vector < 32)
            trap_fatal(frame);
        log_warn("unexpected interrupt, vector 0x%lx\n", frame->vector);
        apic_eoi();
    }
}
