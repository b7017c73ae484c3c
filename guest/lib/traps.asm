; Exceptions and interrupts of our guests: 256 stubs that bring the stack to one shape.
;
; In:  the CPU's frame, with or without an error code
; Out: exceptions go to trap_handler(frame); guest/lib/traps.c prints and shuts the domain down, or ends a probe. NMI and vectors from 32 up go to irq_handler(vector) and return.

global trap_stubs
extern trap_handler, irq_handler

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
%if %1 == 2 || %1 >= 32
        jmp irq_common
%else
        jmp trap_common
%endif
%endmacro

        align 16
trap_stubs:                     ; stub n at trap_stubs + 16 * n
%assign vector 0
%rep 256
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
        mov rbx, rsp
        and rsp, -16
        cld
        call trap_handler       ; returns for guest_probe() only
        mov rsp, rbx
        pop rax
        pop rbx
        pop rcx
        pop rdx
        pop rsi
        pop rdi
        pop rbp
        pop r8
        pop r9
        pop r10
        pop r11
        pop r12
        pop r13
        pop r14
        pop r15
        add rsp, 16
        iretq

irq_common:                     ; what C may change
        push rax
        push rcx
        push rdx
        push rsi
        push rdi
        push r8
        push r9
        push r10
        push r11
        push rbp
        mov rbp, rsp
        mov rdi, [rsp + 80]     ; the vector
        and rsp, -16
        cld
        call irq_handler
        mov rsp, rbp
        pop rbp
        pop r11
        pop r10
        pop r9
        pop r8
        pop rdi
        pop rsi
        pop rdx
        pop rcx
        pop rax
        add rsp, 16
        iretq
