; int guest_probe(void (*fn)(void *arg), void *arg): calls fn(arg) and returns -1, or the vector of an exception
; that ended it. The stack below the call is given up then; registers that C expects unchanged are restored.
;
; In:  rdi = fn, rsi = arg, interrupts off. One probe at a time, on any vCPU.
; Out: eax. probe_vector and probe_rip are set by trap_handler(), which returns to probe_resume on probe_rsp.

global guest_probe, probe_rsp, probe_vector, probe_resume

default rel
section .text exec alloc nowrite align=16
guest_probe:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        push    r15
        sub     rsp, 8
        mov     [probe_rsp], rsp
        mov     rax, rdi
        mov     rdi, rsi
        call    rax
        mov     eax, -1
        jmp     probe_end
probe_resume:
        mov     eax, [probe_vector]
probe_end:
        mov     qword [probe_rsp], 0
        cld
        add     rsp, 8
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

section .bss nobits alloc noexec write align=8
probe_rsp:      resq 1          ; 0: no probe runs
probe_vector:   resd 1
