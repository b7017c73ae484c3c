/* Port I/O and memory-mapped registers. */
#ifndef CPU_IO_H
#define CPU_IO_H

#include <homestead/types.h>

static inline void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline void outw(u16 port, u16 value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline void outl(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}
static inline u8 inb(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u32 inl(u16 port)
{
    u32 value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u32 mmio_read32(const volatile void *addr)
{
    return *(const volatile u32 *)addr;
}
static inline void mmio_write32(volatile void *addr, u32 value)
{
    *(volatile u32 *)addr = value;
}

#endif
