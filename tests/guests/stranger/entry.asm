; PVH entry of a guest that uses the first MiB as scratch before it reads anything: its page tables are at 0x10000, and
; the rest of its RAM below 1 MiB is not mapped in them. It shares nothing with guest/lib.
;
; In:  EBX = struct hvm_start_info (guest-physical), flat segments, paging off, interrupts off
; Out: stranger_main(start_info), 0xA0000 to 4 GiB mapped 1:1, IF = 0

extern stranger_main

TABLES  equ 0x10000             ; PML4, PDPT, four directories, the table of the first 2 MiB
PRESENT equ 3                   ; and writable
LARGE   equ 0x83

section .note.Xen note alloc noexec nowrite align=4
        dd 4, 4, 18             ; XEN_ELFNOTE_PHYS32_ENTRY
        db "Xen", 0
        dd entry

section .text.entry exec alloc nowrite align=16
bits 32
entry:  cld
        mov esp, stack_top

        ; 1. The first MiB but page 0 is filled with ones.
        mov edi, 0x1000
        mov ecx, (0xa0000 - 0x1000) / 4
        or eax, -1
        rep stosd

        ; 2. The tables.
        mov edi, TABLES
        mov ecx, 7 * 4096 / 4
        xor eax, eax
        rep stosd
        mov dword [TABLES], TABLES + 0x1000 + PRESENT
        mov eax, TABLES + 0x2000 + PRESENT
        xor ecx, ecx
.pdpt:  mov [TABLES + 0x1000 + ecx * 8], eax
        add eax, 0x1000
        inc ecx
        cmp ecx, 4
        jne .pdpt
        mov eax, LARGE
        xor ecx, ecx
.pd:    mov [TABLES + 0x2000 + ecx * 8], eax
        add eax, 0x200000
        inc ecx
        cmp ecx, 2048
        jne .pd
        mov dword [TABLES + 0x2000], TABLES + 0x6000 + PRESENT
        mov eax, 0xa0000 + PRESENT
        mov ecx, 0xa0
.pt:    mov [TABLES + 0x6000 + ecx * 8], eax
        add eax, 0x1000
        inc ecx
        cmp ecx, 512
        jne .pt

        ; 3. Long mode.
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr4
        or eax, 0x20            ; PAE
        mov cr4, eax
        mov ecx, 0xc0000080     ; EFER
        rdmsr
        or eax, 0x100           ; LME
        wrmsr
        mov eax, cr0
        or eax, 0x80010000      ; PG, WP
        mov cr0, eax
        lgdt [gdt_pointer]
        jmp 8:.long
bits 64
.long:  mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov edi, ebx
        mov esp, stack_top      ; clears the upper half too
        xor ebp, ebp
        call stranger_main
.stop:  hlt
        jmp .stop

section .rodata
        align 8
gdt:    dq 0
        dq 0x00AF9B000000FFFF   ; 8: 64-bit code
        dq 0x00CF93000000FFFF   ; 16: data
gdt_pointer:
        dw gdt_pointer - gdt - 1
        dq gdt

section .bss nobits alloc noexec write align=4096
        resb 16384
stack_top:
