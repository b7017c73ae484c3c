; Where the other vCPUs of our guests begin: STARTUP's 16-bit real mode, to C in long mode.
;
; In:  CS = vector << 8, IP = 0, all else as INIT leaves it. The bytes ap_trampoline..ap_trampoline_end stand
;      at vector << 12 (smp.c copies them); they touch no memory but themselves, so many vCPUs may run them.
; Out: smp_ap_main(x2APIC id as read in real mode, hypercall results), own stack, image's GDT, boot_pml4.
;
; In real mode and in unpaged protected mode a hypercall (xen_version) and CPUID are made: what the host does
; with them in these modes is part of the test. ap_vmcall: 1 on a CPU with VMCALL, 0 with VMMCALL.

%include "guest/lib/long_mode.inc"

global ap_trampoline, ap_trampoline_end, ap_vmcall, ap_entry_64
extern gdt_pointer, boot_pml4, ap_stacks, smp_ap_main, gdt_table

AP_STACK_BYTES equ 16384              ; as SMP_STACK_BYTES in smp.h

; xen_version(0, 0) by a caller without CS.L: EAX; EBX, ECX. EBP: ap_vmcall.
%macro early_hypercall 0
        mov     eax, 17
        xor     ebx, ebx
        xor     ecx, ecx
        test    ebp, ebp
        jnz     %%vmcall
        db      0x0f, 0x01, 0xd9        ; VMMCALL
        jmp     %%done
%%vmcall:
        db      0x0f, 0x01, 0xc1        ; VMCALL
%%done:
%endmacro

section .rodata
        align 16
bits 16
ap_trampoline:
        cli
        cld
        mov     ax, cs
        mov     ds, ax
        mov     eax, 0xb
        xor     ecx, ecx
        cpuid
        mov     esi, edx                ; the x2APIC id
        movzx   ebp, byte [ap_vmcall - ap_trampoline]
        early_hypercall
        mov     edi, eax
        o32 lgdt [gdt_copy - ap_trampoline]
        mov     eax, cr0
        or      eax, 1
        mov     cr0, eax
        jmp     dword 24:ap_32
        align 4
gdt_copy:
        dw      31                      ; as in entry.asm
        dd      gdt_table
ap_vmcall:
        db      0
ap_trampoline_end:

section .text exec alloc nowrite align=16
bits 32
ap_32:
        mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        early_hypercall                 ; again from here; the answers must be the same
        sub     edi, eax                ; 0
        add     edi, 1
        enter_long_mode
        jmp     8:ap_64

bits 64
default rel
; VCPUOP_initialise starts here, in long mode, with null selectors and a stack.
ap_entry_64:
        lgdt    [gdt_pointer]
        mov     eax, 0xb
        xor     ecx, ecx
        cpuid
        mov     esi, edx
        mov     edi, 1
        push    8
        lea     rax, [ap_64]
        push    rax
        retfq

ap_64:
        mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        xor     eax, eax
        mov     fs, eax
        mov     gs, eax
        mov     eax, esi
        shr     eax, 1                  ; ids are even
        inc     eax
        imul    rax, rax, AP_STACK_BYTES
        lea     rsp, [ap_stacks + rax]
        xor     ebp, ebp
        xchg    edi, esi                ; (id, same)
        call    smp_ap_main
.stop:  cli
        hlt
        jmp     .stop
