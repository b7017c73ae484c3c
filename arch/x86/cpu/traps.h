/* Exceptions and interrupts in Homestead itself; descriptor tables and stacks that they need. */
#ifndef CPU_TRAPS_H
#define CPU_TRAPS_H

#include <arch/x86/cpu/percpu.h>

/* As trap_entry.asm leaves it on the stack. */
struct trap_frame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8;
    u64 rdi, rsi, rbp, rbx, rdx, rcx, rax;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss; /* the CPU's part */
};

enum trap_vector {
    TRAP_DB = 1,
    TRAP_NMI = 2,
    TRAP_UD = 6,
    TRAP_DF = 8,
    TRAP_SS = 12,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_AC = 17,
    TRAP_MC = 18,
    /* 0x20-0xdf: devices, none are used */
    VECTOR_TIMER = 0xe0,
    VECTOR_WAKE = 0xe1, /* another CPU has work for this one's run loop, or stops it */
    VECTOR_SPURIOUS = 0xff,
};

/* Descriptor tables of a CPU; one page. */
struct cpu_tables {
    u64 gdt[8];
    struct {
        u32 reserved0;
        u64 rsp[3];
        u64 reserved1;
        u64 ist[7];
        u64 reserved2;
        u16 reserved3;
        u16 io_bitmap;
    } PACKED tss;
} ALIGNED(16);

enum trap_ist { IST_NMI = 1, IST_DF = 2, IST_MC = 3, NR_IST = CPU_IST_STACKS };

#define SEL_CODE 0x08u
#define SEL_DATA 0x10u
#define SEL_TSS  0x18u

/* Fills the IDT, once. */
void traps_init(void);
/* Loads GDT, TSS (with cpu->ist_tops), IDT and GS base on this CPU, from cpu->tables. */
void traps_load(struct cpu *cpu);

void trap_handle(struct trap_frame *frame);

/* For an MSR that may not be there. False: it is not, or refuses the value. */
bool msr_try_read(u32 msr, u64 *value);
bool msr_try_write(u32 msr, u64 value);

#endif
