; One entry per exception and interrupt vector, all ending in trap_handle(struct trap_frame *).
; There is no user mode: GS always is this CPU's, except on the first instructions after boot.
; In: as the CPU pushed it (APM2 8.9.3). Out: registers restored. Clobbers: nothing.

%include "asm_offsets.inc"

extern trap_handle
global trap_entries

bits 64
section .text

%macro trap_entry 1
        align 16
%if %1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30
        ; the CPU has pushed an error code
%else
        push    0
%endif
        push    %1
        jmp     trap_common
%endmacro

        align 16
trap_entries:                           ; 256 of 16 bytes
%assign vector 0
%rep 256
        trap_entry vector
%assign vector vector + 1
%endrep

trap_common:
        push    rax
        push    rcx
        push    rdx
        push    rbx
        push    rbp
        push    rsi
        push    rdi
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
        cld
        mov     rdi, rsp
        mov     rbp, rsp
        and     rsp, -16
        call    trap_handle
        mov     rsp, rbp
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     rdi
        pop     rsi
        pop     rbp
        pop     rbx
        pop     rdx
        pop     rcx
        pop     rax
        add     rsp, TRAP_FRAME_SKIP
        iretq

section .rodata
