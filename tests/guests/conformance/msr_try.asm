; long try_rdmsr(u32 msr, u64 *value), long try_wrmsr(u32 msr, u64 value), long try_cr4(u64 value): 0, or -1 after #GP.
; void try_init(void): puts their handler of #GP into the IDT. Any other #GP goes where it went before.

global try_rdmsr, try_wrmsr, try_cr4, try_init
extern trap_stubs

VECTOR_GP equ 13

section .text exec alloc nowrite align=16
bits 64
default rel
try_rdmsr:
        mov ecx, edi
.insn:  rdmsr
        shl rdx, 32
        or rax, rdx
        mov [rsi], rax
        xor eax, eax
        ret

try_wrmsr:
        mov ecx, edi
        mov rax, rsi
        mov rdx, rsi
        shr rdx, 32
.insn:  wrmsr
        xor eax, eax
        ret

try_cr4:
.insn:  mov cr4, rdi
        xor eax, eax
        ret

failed: mov rax, -1
        ret

on_gp:                          ; [rsp]: error code, RIP, CS, RFLAGS, RSP, SS
        push rax
        lea rax, [try_rdmsr.insn]
        cmp [rsp + 16], rax
        je .ours
        lea rax, [try_wrmsr.insn]
        cmp [rsp + 16], rax
        je .ours
        lea rax, [try_cr4.insn]
        cmp [rsp + 16], rax
        je .ours
        pop rax
        jmp trap_stubs + 16 * VECTOR_GP
.ours:  lea rax, [failed]
        mov [rsp + 16], rax
        pop rax
        add rsp, 8
        iretq

try_init:
        sub rsp, 24
        sidt [rsp]
        mov rdx, [rsp + 2]
        add rdx, 16 * VECTOR_GP
        lea rax, [on_gp]
        mov [rdx], ax
        shr rax, 16
        mov [rdx + 6], ax
        shr rax, 16
        mov [rdx + 8], eax
        add rsp, 24
        ret
