; Exceptions of our guests: 32 stubs that bring the stack to one shape, then trap_handler(frame).
;
; In:  the CPU's exception frame, with or without an error code
; Out: never returns; guest/lib/traps.c prints and shuts the domain down.

global trap_stubs
extern trap_handler

default rel
section .text exec alloc nowrite align=16

%macro STUB 1
        align 16
        ; 8, 10-14, 17, 21, 29 and 30 push an error code themselves.
%if %1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30
%else
        push qword 0
%endif
        push qword %1
        jmp trap_common
%endmacro

        align 16
trap_stubs:                     ; stub n at trap_stubs + 16 * n
%assign vector 0
%rep 32
        STUB vector
%assign vector vector + 1
%endrep

trap_common:                    ; the order of struct trap_frame
        push r15
        push r14
        push r13
        push r12
        push r11
        push r10
        push r9
        push r8
        push rbp
        push rdi
        push rsi
        push rdx
        push rcx
        push rbx
        push rax
        mov rdi, rsp
        and rsp, -16
        cld
        call trap_handler
        ud2
