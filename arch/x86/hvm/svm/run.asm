; void svm_enter(struct hvm_vcpu *v, u64 vmsave_maddr): runs the guest until its next exit.
; void svm_enter_guarded(struct hvm_vcpu *v, u64 vmsave_maddr, u32 flags): the same, with the measures of
; arch/x86/cpu/spec_ctrl.inc in step 7. Two copies, so that a CPU that needs none pays for one test in svm_run().
; APM2 15.5, 15.6, 15.13.1, 15.17.
;
; GIF is clear from step 2 to step 8, so no host interrupt or NMI is delivered while FS, GS, TR and the system-call
; MSRs are the guest's, nor before the measures. IF is set at VMRUN: with V_INTR_MASKING it is the host's IF that lets a
; physical interrupt end the guest. #VMEXIT brings back rax, rsp, rip, rflags, the control registers and cs, ss, ds, es;
; all other state is lost.
;
; In:  rdi = v, rsi = vmsave_maddr, edx = flags, GIF set, IF clear.
; Out: v->regs but rax, rsp, rip, rflags (the VMCB has those); GIF set, IF clear; a pending interrupt stays
;      pending.
; Clobbers: rax, rcx, rdx, rsi, rdi, r8-r11, flags.

%include "asm_offsets.inc"
%include "arch/x86/cpu/spec_ctrl.inc"
%include "arch/x86/hvm/registers.inc"

extern spec_ctrl_values
global svm_enter, svm_enter_guarded

%macro ENTER 1 ; 1: guarded
        ; 1. Registers that the C caller expects unchanged.
        SAVE_CALLER
%if %1
        push    rdx
%endif
        push    rsi
        push    rdi
        mov     rax, [rdi + HVM_CONTROL_MADDR]

        ; 2. From here on host interrupts stay pending.
        clgi
        sti

        ; 3. The guest's half of the state: hidden by VMLOAD, general registers by us.
        vmload                          ; [rax]
        LOAD_GUEST

        ; 4. The guest runs.
        vmrun                           ; [rax]

        ; 5. rax is the VMCB again, [rsp] is v.
        vmsave                          ; [rax]
        mov     rax, [rsp]
        STORE_GUEST

        ; 6. The host's FS, GS, TR, LDTR and system-call MSRs.
        mov     rax, [rsp + 8]
        vmload                          ; [rax]

        ; 7. Before the first RET.
%if %1
        SPEC_CTRL_EXIT [rsp + 16]
%endif

        ; 8. IF first, so that nothing is taken on an unexpected instruction. NMIs may come now.
        cli
        stgi
        add     rsp, 16 + 8 * %1
        RESTORE_CALLER
        ret
%endmacro

bits 64
section .text
align 16
svm_enter:
        ENTER   0

align 16
svm_enter_guarded:
        ENTER   1
