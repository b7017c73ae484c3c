; long hypercall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
;
; In:  RDI RSI RDX RCX R8 R9 as C passes them
; Out: RAX result. Xen's convention: nr in RAX, arguments in RDI RSI RDX R10 R8 (docs/guest-guide/abi.md).
; hypercall() uses the instruction of the CPU's vendor; hypercall_by_page() goes through the page
; that the hypervisor filled, entry nr at nr * 32.

global hypercall, hypercall_by_page, hypercall_vmcall, hypercall_page

default rel
section .text exec alloc nowrite align=16
hypercall:
        mov rax, rdi
        mov rdi, rsi
        mov rsi, rdx
        mov rdx, rcx
        mov r10, r8
        mov r8, r9
        cmp byte [hypercall_vmcall], 0
        jne .intel
        db 0x0f, 0x01, 0xd9     ; vmmcall
        ret
.intel: db 0x0f, 0x01, 0xc1     ; vmcall
        ret

hypercall_by_page:
        mov rax, rdi
        shl rax, 5
        lea r11, [hypercall_page]
        add r11, rax
        mov rdi, rsi
        mov rsi, rdx
        mov rdx, rcx
        mov r10, r8
        mov r8, r9
        jmp r11

section .data write
hypercall_vmcall:
        db 0                    ; 1: this CPU wants VMCALL

; The hypervisor writes code here, so the page is in the image's one segment and executable.
section .hypercall_page nobits alloc exec write align=4096
hypercall_page:
        resb 4096
