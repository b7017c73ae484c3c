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

extern spec_ctrl_values
global svm_enter, svm_enter_guarded

%macro ENTER 1 ; 1: guarded
        ; 1. Registers that the C caller expects unchanged.
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
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
        mov     rbx, [rdi + HVM_RBX]
        mov     rcx, [rdi + HVM_RCX]
        mov     rdx, [rdi + HVM_RDX]
        mov     rsi, [rdi + HVM_RSI]
        mov     rbp, [rdi + HVM_RBP]
        mov     r8, [rdi + HVM_R8]
        mov     r9, [rdi + HVM_R9]
        mov     r10, [rdi + HVM_R10]
        mov     r11, [rdi + HVM_R11]
        mov     r12, [rdi + HVM_R12]
        mov     r13, [rdi + HVM_R13]
        mov     r14, [rdi + HVM_R14]
        mov     r15, [rdi + HVM_R15]
        mov     rdi, [rdi + HVM_RDI]

        ; 4. The guest runs.
        vmrun                           ; [rax]

        ; 5. rax is the VMCB again, [rsp] is v.
        vmsave                          ; [rax]
        mov     rax, [rsp]
        mov     [rax + HVM_RBX], rbx
        mov     [rax + HVM_RCX], rcx
        mov     [rax + HVM_RDX], rdx
        mov     [rax + HVM_RSI], rsi
        mov     [rax + HVM_RDI], rdi
        mov     [rax + HVM_RBP], rbp
        mov     [rax + HVM_R8], r8
        mov     [rax + HVM_R9], r9
        mov     [rax + HVM_R10], r10
        mov     [rax + HVM_R11], r11
        mov     [rax + HVM_R12], r12
        mov     [rax + HVM_R13], r13
        mov     [rax + HVM_R14], r14
        mov     [rax + HVM_R15], r15

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
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
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
