; The last instructions of multiboot.c: from long mode to what Multiboot 1 promises (0.6.96, 3.2).
;
; void enter_multiboot(u32 entry, u32 info)
;   In:  edi, esi (System V). This code is below 4 GiB and mapped where it is. Out: does not return.

bits 64
default rel
section .text

global enter_multiboot
enter_multiboot:
    cli
    lea rax, [gdt]
    mov [gdtr + 2], rax
    lgdt [gdtr]
    mov ebx, esi
    lea rax, [.compatible]
    push 8
    push rax
    o64 retf

bits 32
.compatible:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov eax, cr0
    and eax, 0x7fffffff             ; PG
    mov cr0, eax
    mov ecx, 0xc0000080             ; EFER
    rdmsr
    and eax, ~0x100                 ; LME
    wrmsr
    mov eax, cr4
    and eax, ~0x20                  ; PAE
    mov cr4, eax
    mov eax, 0x2badb002
    jmp edi

section .data
align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff           ; code, 4 GiB
    dq 0x00cf93000000ffff           ; data, 4 GiB
gdtr:
    dw gdtr - gdt - 1
    dq 0

section .note.GNU-stack noalloc noexec nowrite progbits
