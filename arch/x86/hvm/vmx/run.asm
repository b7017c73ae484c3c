; u32 vmx_enter(struct hvm_vcpu *v): runs the guest until its next exit. SDM 3C 27, 28, 31.
; u32 vmx_enter_guarded(struct hvm_vcpu *v, u32 flags): the same, with the measures of arch/x86/cpu/spec_ctrl.inc in
; step 6. Two copies, so that a CPU that needs none pays for one test in vmx_run(). Where a guest's exits go is in its
; VMCS: vmx_exit_entry or vmx_exit_guarded, for good.
;
; IF is clear: an interrupt that is pending, or comes, ends the guest all the same and stays pending. VMX switches rsp,
; rip, rflags, the control registers and all segments; the general registers are moved here.
;
; In:  rdi = v, whose VMCS is current; esi = flags; IF clear.
; Out: eax = enum vmx_entered; v->regs but rsp, rip, rflags (the VMCS has those); IF clear.
; Clobbers: rax, rcx, rdx, rsi, rdi, r8-r11, flags.

%include "asm_offsets.inc"
%include "arch/x86/cpu/spec_ctrl.inc"
%include "arch/x86/hvm/registers.inc"

extern spec_ctrl_values
global vmx_enter, vmx_exit_entry, vmx_enter_guarded, vmx_exit_guarded

VMCS_HOST_RSP equ 0x6c14

%macro ENTER 3 ; 1: the function, 2: where exits go, 3: guarded
align 16
%1:
        ; 1. Registers that the C caller expects unchanged.
        SAVE_CALLER
%if %3
        push    rsi
%endif
        push    rdi

        ; 2. Where the exit finds them; the run loop's stack is nearly always as deep as last time.
        cmp     rsp, [rdi + VMX_HOST_RSP]
        jne     %%host_rsp
%%host_rsp_known:

        ; 3. The guest's registers.
        cmp     byte [rdi + VMX_LAUNCHED], 0
        mov     rax, [rdi + HVM_RAX]
        LOAD_GUEST

        ; 4. The guest runs. The next instruction is only reached if it does not.
        je      %%launch
        vmresume
        jmp     %%failed
%%launch:
        vmlaunch
%%failed:
        mov     eax, 1                  ; CF: VMfailInvalid
        mov     ecx, 2                  ; ZF: VMfailValid
        cmovz   eax, ecx
        pop     rdi
        jmp     %%back

%%host_rsp:
        mov     [rdi + VMX_HOST_RSP], rsp
        mov     eax, VMCS_HOST_RSP
        vmwrite rax, rsp
        jmp     %%host_rsp_known

        ; 5. After an exit [rsp] is v again.
align 16
%2:
        push    rax
        mov     rax, [rsp + 8]
        STORE_GUEST
        pop     qword [rax + HVM_RAX]
        add     rsp, 8
        xor     eax, eax

        ; 6. The caller's registers.
%%back:
%if %3
        mov     edi, eax
        SPEC_CTRL_EXIT [rsp]
        mov     eax, edi
        add     rsp, 8
%endif
        RESTORE_CALLER
        ret
%endmacro

bits 64
section .text
        ENTER   vmx_enter, vmx_exit_entry, 0
        ENTER   vmx_enter_guarded, vmx_exit_guarded, 1
