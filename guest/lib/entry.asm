; PVH entry of our guests: from 32-bit unpaged code to C in long mode.
;
; In:  EBX = struct hvm_start_info (guest-physical), flat segments, paging off, interrupts off
;      (public/arch-x86/hvm/start_info.h). The loader has zeroed .bss.
; Out: guest_start(start_info), with 4 GiB mapped 1:1 by 2 MiB pages, own GDT and stack, IF = 0.
;      guest/lib/memory.c maps what lies above.

%include "guest/lib/long_mode.inc"

global boot_pml4, guest_entry_tsc, gdt_table, gdt_pointer
extern guest_start

STACK_BYTES equ 65536

; --- the note by which Xen finds the entry: XEN_ELFNOTE_PHYS32_ENTRY -----------------------------------
section .note.Xen note alloc noexec nowrite align=4
        dd 4                    ; bytes of name
        dd 4                    ; bytes of descriptor
        dd 18                   ; type
        db "Xen", 0
        dd pvh_entry

section .text.entry exec alloc nowrite align=16
bits 32
pvh_entry:
        rdtsc                   ; the guest's first instruction, for benchmarks
        mov [guest_entry_tsc], eax
        mov [guest_entry_tsc + 4], edx
        cld
        mov esp, boot_stack_top
        mov esi, ebx

        ; 1. PML4[0] -> PDPT, PDPT[0..3] -> four directories.
        mov eax, boot_pdpt + 3
        mov [boot_pml4], eax
        mov edi, boot_pdpt
        mov eax, boot_pds + 3
        mov ecx, 4
.pdpt:  mov [edi], eax
        mov dword [edi + 4], 0
        add edi, 8
        add eax, 4096
        loop .pdpt

        ; 2. 2048 entries: present, writable, 2 MiB.
        mov edi, boot_pds
        mov eax, 0x83
        mov ecx, 2048
.pd:    mov [edi], eax
        mov dword [edi + 4], 0
        add edi, 8
        add eax, 0x200000
        loop .pd

        ; 3. PAE, CR3, long mode, paging with write protection.
        enter_long_mode

        lgdt [gdt_pointer]
        jmp 8:long_entry

bits 64
default rel
long_entry:
        mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        xor eax, eax
        mov fs, eax
        mov gs, eax
        mov esp, boot_stack_top ; clears the upper half too
        mov edi, esi
        xor ebp, ebp            ; end of the frame chain
        call guest_start
.stop:  hlt
        jmp .stop

section .rodata
        align 8
gdt_table:
        dq 0
        dq 0x00AF9B000000FFFF   ; 8: 64-bit code
        dq 0x00CF93000000FFFF   ; 16: data
        dq 0x00CF9B000000FFFF   ; 24: 32-bit code, for ap_start.asm
gdt_end:
gdt_pointer:
        dw gdt_end - gdt_table - 1
        dq gdt_table

section .bss nobits alloc noexec write align=4096
boot_pml4:      resb 4096
boot_pdpt:      resb 4096
boot_pds:       resb 4 * 4096
boot_stack:     resb STACK_BYTES
boot_stack_top:
guest_entry_tsc: resq 1
