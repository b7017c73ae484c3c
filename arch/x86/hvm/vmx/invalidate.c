/* INVEPT and INVVPID, see flush.h. Sources: SDM 3C 31.3. */
#include <arch/x86/hvm/vmx/flush.h>

#include <arch/x86/cpu/panic.h>

/* VMX instructions report a failure in CF and ZF. */
#define INVALIDATE(insn, type, operand, failed) \
    __asm__ volatile(insn " %1, %2" : "=@ccbe"(failed) : "m"(operand), "r"(type) : "memory")

void vmx_invept(u64 type, u64 ept_pointer)
{
    const struct {
        u64 ept_pointer, zero;
    } operand = {.ept_pointer = ept_pointer};
    bool failed;

    INVALIDATE("invept", type, operand, failed);
    if (failed)
        panic("INVEPT of type %lu with EPT pointer 0x%lx failed", type, ept_pointer);
}

void vmx_invvpid(u64 type, u16 vpid, u64 linear_address)
{
    const struct {
        u64 vpid, linear_address;
    } operand = {.vpid = vpid, .linear_address = linear_address};
    bool failed;

    INVALIDATE("invvpid", type, operand, failed);
    if (failed)
        panic("INVVPID of type %lu for VPID %u failed", type, vpid);
}
