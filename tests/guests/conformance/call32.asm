; s64 hypercall32(u32 nr, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5)
;
; A hypercall from 32-bit code in long mode (CS.L = 0): the hypervisor then reads its arguments as a 32-bit
; guest's (docs/guest-guide/abi.md). The image and its stack are below 4 GiB, so both modes can use them.
;
; In:  EDI ESI EDX ECX R8D R9D as C passes them
; Out: RAX the result, sign-extended. EAX the number, EBX ECX EDX ESI EDI the arguments.

global hypercall32
extern hypercall_vmcall

CODE_64 equ 8                   ; selectors of guest/lib/entry.asm
CODE_32 equ 24

section .text exec alloc nowrite align=16
bits 64
default rel
hypercall32:
        push rbx
        push rbp
        mov eax, edi
        mov ebx, esi
        mov r10d, edx
        mov edx, ecx
        mov ecx, r10d
        mov esi, r8d
        mov edi, r9d
        movzx ebp, byte [hypercall_vmcall]
        push CODE_32
        lea r10, [.in_32]
        push r10
        o64 retf
bits 32
.in_32: test ebp, ebp
        jnz .intel
        db 0x0f, 0x01, 0xd9     ; vmmcall
        jmp CODE_64:.back
.intel: db 0x0f, 0x01, 0xc1     ; vmcall
        jmp CODE_64:.back
bits 64
.back:  movsxd rax, eax
        pop rbp
        pop rbx
        ret
