; Multiboot 1 entry: 32-bit protected mode, paging off, loaded at PHYS_BASE, to C in the high half.
; Also the fixed header that the UEFI loader reads, and the UEFI entry, so that everything that depends on
; where the image stands is in this file.
; Source: Multiboot specification 0.6.96, 3.1.1-3.2; APM2 14.6 (enabling long mode).

VIRT_BASE       equ 0xffffffff80000000
PHYS_BASE       equ 0x200000
%define PHYS(sym) ((sym) - VIRT_BASE + PHYS_BASE)

MB_MAGIC        equ 0x1badb002
MB_FLAGS        equ 0x3                 ; modules page aligned, memory map wanted

extern boot_from_multiboot, boot_from_uefi, image_end
global multiboot_entry, image_header

section .boot.header progbits alloc exec nowrite align=4096
multiboot_header:
        dd MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)
        times 0x40 - ($ - multiboot_header) db 0
image_header:                           ; struct image_header of boot/efi
        dq 0x31304449484d4f48           ; "HOMHID01"
        dq uefi_entry
        dq image_end

section .boot.text progbits alloc exec nowrite align=16
bits 32
; In:  eax = loader magic, ebx = multiboot information. Out: never returns.
multiboot_entry:
        cli
        cld
        mov     esi, eax                ; CPUID below keeps esi and ebp
        mov     ebp, ebx
        rdtsc                           ; 1. the moment we start counting from
        mov     [PHYS(boot_tsc)], eax
        mov     [PHYS(boot_tsc) + 4], edx
        mov     esp, PHYS(boot_stack_top)

        ; 2. Long mode must be there: without it there is nobody to tell but the serial port.
        mov     eax, 0x80000000
        cpuid
        cmp     eax, 0x80000001
        jb      .no_long_mode
        mov     eax, 0x80000001
        cpuid
        bt      edx, 29
        jnc     .no_long_mode

        ; 3. Early tables: the low 4 GiB at 0 and at the direct map's base, the image at VIRT_BASE.
        mov     edi, PHYS(early_pd)
        mov     eax, 0x83               ; present, writable, 2 MiB
        xor     edx, edx
.fill:  mov     [edi], eax
        mov     [edi + 4], edx
        add     edi, 8
        add     eax, 0x200000
        jnc     .fill                   ; wraps after 4 GiB = 2048 entries
        mov     edi, PHYS(early_image_pd)
        mov     eax, PHYS_BASE | 0x83
        mov     ecx, 8                  ; 16 MiB are more than the size budget
.image: mov     [edi], eax
        add     edi, 8
        add     eax, 0x200000
        loop    .image
        mov     eax, PHYS(early_pd) + 3
        mov     [PHYS(early_pdpt)], eax
        add     eax, 4096
        mov     [PHYS(early_pdpt) + 8], eax
        add     eax, 4096
        mov     [PHYS(early_pdpt) + 16], eax
        add     eax, 4096
        mov     [PHYS(early_pdpt) + 24], eax
        mov     dword [PHYS(early_image_pdpt) + 510 * 8], PHYS(early_image_pd) + 3
        mov     dword [PHYS(early_pml4)], PHYS(early_pdpt) + 3
        mov     dword [PHYS(early_pml4) + 256 * 8], PHYS(early_pdpt) + 3
        mov     dword [PHYS(early_pml4) + 511 * 8], PHYS(early_image_pdpt) + 3

        ; 4. Long mode.
        mov     eax, PHYS(early_pml4)
        mov     cr3, eax
        mov     eax, 0x20               ; CR4.PAE
        mov     cr4, eax
        mov     ecx, 0xc0000080
        rdmsr
        or      eax, 0x100              ; EFER.LME
        wrmsr
        mov     eax, 0x80010011         ; CR0.PG, WP, ET, PE
        mov     cr0, eax
        lgdt    [PHYS(early_gdtr)]
        jmp     0x08:PHYS(.long)

.no_long_mode:
        mov     edi, PHYS(no_long_mode_text)
.print: mov     al, [edi]
        test    al, al
        jz      .stop
        mov     dx, 0x3f8
        out     dx, al
        inc     edi
        jmp     .print
.stop:  hlt
        jmp     .stop

bits 64
.long:  mov     rax, .high              ; 5. up to where we are linked
        jmp     rax
.high:  xor     eax, eax
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     fs, eax
        mov     gs, eax
        mov     rsp, boot_stack_top
        mov     edi, esi                ; magic
        mov     esi, ebp                ; information, machine address
        xor     ebp, ebp                ; backtraces end here
        mov     rdx, [rel boot_tsc]
        call    boot_from_multiboot
        ud2

; From the UEFI loader: 64-bit, interrupts off, its page tables have the direct map and the image.
; In: rdi = machine address of struct boot_info. Out: never returns.
uefi_entry:
        cli
        cld
        rdtsc
        shl     rdx, 32
        or      rax, rdx
        mov     rsi, rax
        mov     rsp, boot_stack_top
        xor     ebp, ebp
        call    boot_from_uefi
        ud2

section .rodata
no_long_mode_text: db "Homestead: this CPU has no 64-bit mode", 13, 10, 0
align 8
early_gdt:
        dq 0
        dq 0x00209b0000000000           ; 64-bit code, accessed already: the segment is read-only memory
early_gdtr:
        dw early_gdtr - early_gdt - 1
        dd PHYS(early_gdt)

section .bss align=4096
early_pml4:       resb 4096
early_pdpt:       resb 4096
early_pd:         resb 4 * 4096
early_image_pdpt: resb 4096
early_image_pd:   resb 4096
                  resb 16384
boot_stack_top:
boot_tsc:         resq 1
