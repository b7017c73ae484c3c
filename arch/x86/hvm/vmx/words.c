/* Numbers by which the CPU refuses a VMX instruction or an entry, in words: see vmx.h. */
#include <arch/x86/hvm/vmx/vmx.h>

static const char *const instruction_errors[] = {
    [1] = "VMCALL in VMX root operation",
    [2] = "VMCLEAR of an invalid address",
    [3] = "VMCLEAR of the VMXON region",
    [4] = "VMLAUNCH of a VMCS that is not clear",
    [5] = "VMRESUME of a VMCS that is not launched",
    [6] = "VMRESUME after VMXOFF",
    [7] = "invalid control fields",
    [8] = "invalid host-state fields",
    [9] = "VMPTRLD of an invalid address",
    [10] = "VMPTRLD of the VMXON region",
    [11] = "VMPTRLD of a VMCS of another revision",
    [12] = "no such VMCS field",
    [13] = "write of a read-only VMCS field",
    [15] = "VMXON in VMX root operation",
    [16] = "invalid executive-VMCS pointer",
    [17] = "executive VMCS is not launched",
    [18] = "executive-VMCS pointer is not the VMXON pointer",
    [19] = "VMCALL with a VMCS that is not clear",
    [20] = "VMCALL with invalid exit controls",
    [22] = "VMCALL with a wrong MSEG revision",
    [23] = "VMXOFF under dual-monitor treatment",
    [24] = "VMCALL with invalid SMM-monitor features",
    [25] = "invalid execution controls in the executive VMCS",
    [26] = "events are blocked by MOV SS",
    [28] = "invalid operand of INVEPT or INVVPID",
};

const char *vmx_instruction_error(u32 number)
{
    const char *words = number < ARRAY_SIZE(instruction_errors) ? instruction_errors[number] : NULL;

    return words ? words : "an unknown error";
}

const char *vmx_entry_failure(u32 reason)
{
    switch (reason & VMX_EXIT_REASON_MASK) {
    case VMX_EXIT_INVALID_GUEST_STATE:
        return "invalid guest state";
    case VMX_EXIT_MSR_LOADING:
        return "an MSR could not be loaded";
    case VMX_EXIT_ENTRY_MACHINE_CHECK:
        return "machine check";
    default:
        return "an unknown reason";
    }
}
