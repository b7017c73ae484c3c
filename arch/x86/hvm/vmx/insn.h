/*
 * VMX instructions, but those of flush.h. Host tests supply the functions. None of them can fail where they are used, but for hardware or a
 * programmer's slip, so failure is fatal; VMREAD and VMWRITE of the hot path are not checked.
 */
#ifndef VMX_INSN_H
#define VMX_INSN_H

#include <homestead/types.h>

#ifdef HOMESTEAD

static inline u64 vmread(u32 field)
{
    u64 value;

    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
    return value;
}

static inline void vmwrite(u32 field, u64 value)
{
    __asm__ volatile("vmwrite %0, %1" : : "r"(value), "r"((u64)field) : "cc");
}

/* False: this CPU has no such field. */
static inline bool vmwrite_checked(u32 field, u64 value)
{
    bool failed;

    __asm__ volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(value), "r"((u64)field));
    return !failed;
}

/* False: it failed. */
#define VMX_INSN(name, maddr) \
    ({ \
        bool failed; \
        __asm__ volatile(name " %1" : "=@ccbe"(failed) : "m"(maddr) : "memory"); \
        !failed; \
    })

static inline bool vmxon(u64 maddr)
{
    return VMX_INSN("vmxon", maddr);
}

static inline bool vmclear(u64 maddr)
{
    return VMX_INSN("vmclear", maddr);
}

static inline bool vmptrld(u64 maddr)
{
    return VMX_INSN("vmptrld", maddr);
}

/* For one instruction: the window after each exit. */
static inline void let_interrupts_in(void)
{
    __asm__ volatile("sti\n\tnop\n\tcli" : : : "memory");
}

#else
u64 vmread(u32 field);
void vmwrite(u32 field, u64 value);
bool vmclear(u64 maddr);
bool vmptrld(u64 maddr);
void let_interrupts_in(void);
#endif

#endif
