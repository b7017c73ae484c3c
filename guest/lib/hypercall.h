/* The bare hypercall, five arguments. Results are Xen's: >= 0 or -errno. */
#ifndef GUEST_LIB_HYPERCALL_H
#define GUEST_LIB_HYPERCALL_H

#include <homestead/types.h>

long hypercall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
long hypercall_by_page(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
extern u8 hypercall_vmcall;
extern u8 hypercall_page[];

static inline long hypercall1(u64 nr, u64 a1)
{
    return hypercall(nr, a1, 0, 0, 0, 0);
}
static inline long hypercall2(u64 nr, u64 a1, const void *a2)
{
    return hypercall(nr, a1, (u64)(uintptr_t)a2, 0, 0, 0);
}

#endif
