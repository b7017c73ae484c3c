; What a vCPU of mode=pae runs: 32-bit code, at LINEAR above where it is linked, with PAE paging from its start
; (pae_start) or from a MOV to CR4 on (pae_from_32_bit).
;
; In:  EBX: struct pae_found (pae.c), EDX: 1 on a CPU that keeps the four page-directory-pointer entries in registers
;      and refuses reserved bits in them, interrupts off
; Out: *EBX; the vCPU goes down.

global pae_start, pae_from_32_bit
extern pae_root, pae_directory, gdt_table

LINEAR  equ 0x40000000          ; as in pae.c
WINDOW  equ 0x80000000
CODE    equ 24                  ; as in entry.asm
PSE     equ 1 << 4
PAE     equ 1 << 5
PGE     equ 1 << 7
CD      equ 1 << 30
THIRD   equ pae_root + 2 * 8 + LINEAR
FOURTH  equ pae_root + 3 * 8 + LINEAR

struc found
.at_start:      resd 1
.by_cr4:        resd 1
.by_cr0:        resd 1
.cd:            resd 1
.refused_cr4:   resd 1
.kept_cr4:      resd 1
.refused_cr0:   resd 1
.kept_cr0:      resd 1
.done:          resd 1
endstruc

; The label is where #GP goes.
%macro CATCH 1
        mov eax, %1 + LINEAR
        mov [idt + LINEAR + 13 * 8], ax
        shr eax, 16
        mov [idt + LINEAR + 13 * 8 + 6], ax
%endmacro

; Changes bit %2 of register %1, which loads the entries and must be refused. Member %3: 1 if it was, as the error code is
; 0 then; member %4: how the register differs afterwards.
%macro REFUSED 4
        CATCH %%refused
        mov ecx, %1
        mov eax, ecx
        xor eax, %2
        mov %1, eax
        jmp %%after
%%refused:
        pop eax
        inc eax
        mov [ebx + %3], eax
%%after:
        mov eax, %1
        xor eax, ecx
        mov [ebx + %4], eax
%endmacro

section .data
        align 8
idt:    times 13 dq 0
        dw 0, CODE, 0x8e00, 0
idt_pointer:
        dw idt_pointer - idt - 1
        dd idt + LINEAR
gdt_pointer_high:
        dw 31
        dd gdt_table + LINEAR

section .bss nobits alloc noexec write align=16
        resb 4096
stack:

section .text exec alloc nowrite align=16
bits 32
pae_from_32_bit:
        mov eax, PSE | PAE
        mov cr4, eax                    ; loads the four entries: the next instruction is behind one of them
pae_start:
        mov esp, stack + LINEAR
        lgdt [gdt_pointer_high + LINEAR]
        lidt [idt_pointer + LINEAR]
        mov eax, [WINDOW]
        mov [ebx + found.at_start], eax

        mov dword [THIRD], pae_directory + 2 * 4096 + 1
        mov eax, cr4
        xor eax, PGE
        mov cr4, eax
        mov eax, [WINDOW]
        mov [ebx + found.by_cr4], eax

        test edx, edx
        jz .done
        mov dword [THIRD], pae_directory + 1 * 4096 + 1
        mov eax, cr0
        xor eax, CD
        mov cr0, eax
        mov eax, [WINDOW]
        mov [ebx + found.by_cr0], eax
        mov eax, cr0
        and eax, CD
        mov [ebx + found.cd], eax

        mov dword [FOURTH], 3           ; bit 1 is reserved
        REFUSED cr4, PGE, found.refused_cr4, found.kept_cr4
        REFUSED cr0, CD, found.refused_cr0, found.kept_cr0
.done:  mov dword [ebx + found.done], 1
.stop:  cli
        hlt
        jmp .stop
