; How the other CPUs come from real mode to C. A CPU that gets a start-up IPI begins in 16-bit real mode at
; page vector * 4096 (SDM 3A 9.4.4, APM2 16.9): trampoline_start..trampoline_end is copied there, and four
; fields are filled in. Every CPU runs it at the same time, so it uses no memory but those fields, read only.
;
; Then each finds its struct cpu by its APIC id: smp_ids[i] has the id, smp_slots[i] the struct. The slot is
; taken with an exchange, so that a CPU which was given up (its slot is 0) and comes late does nothing.

%include "asm_offsets.inc"

extern smp_ids, smp_slots, smp_nr_slots, smp_cpu_entry
global trampoline_start, trampoline_end, trampoline_root
global trampoline_gdtr_base, trampoline_target32, trampoline_target64

CR4_PAE         equ 0x20
MSR_EFER        equ 0xc0000080
EFER_LME_NXE    equ 0x900
CR0_PROTECTED   equ 0x11                ; ET, PE; caches on: CD and NW are set after INIT
CR0_PAGING      equ 0x80010011          ; and PG, WP
LEAF_TOPOLOGY   equ 0xb
SEL_CODE64      equ 0x08
SEL_CODE32      equ 0x10
SEL_DATA32      equ 0x18

section .rodata
align 16
bits 16
; In: cs:ip = page:0. Out: in long mode at smp_entry, interrupts off. Clobbers everything.
trampoline_start:
        cli
        cld
        mov     ax, cs
        mov     ds, ax
        movzx   ebx, ax
        shl     ebx, 4                  ; the page's address
        o32 lgdt [trampoline_gdtr - trampoline_start]
        mov     eax, CR0_PROTECTED      ; protected mode first, then long mode: APM2 14.6, SDM 3A 9.8.5
        mov     cr0, eax
        jmp     far dword [trampoline_target32 - trampoline_start]

bits 32
trampoline_protected:
        mov     ax, SEL_DATA32
        mov     ds, eax
        mov     eax, CR4_PAE
        mov     cr4, eax
        mov     eax, [ebx + trampoline_root - trampoline_start]
        mov     cr3, eax
        mov     ecx, MSR_EFER
        mov     eax, EFER_LME_NXE
        xor     edx, edx
        wrmsr
        mov     eax, CR0_PAGING
        mov     cr0, eax
        jmp     far dword [ebx + trampoline_target64 - trampoline_start]

bits 64
trampoline_long:
        mov     rax, smp_entry
        jmp     rax

align 8
trampoline_gdt:
        dq      0
        dq      0x00209b0000000000      ; 64-bit code
        dq      0x00cf9b000000ffff      ; 32-bit code, flat
        dq      0x00cf93000000ffff      ; data, flat
trampoline_gdtr:
        dw      trampoline_gdtr - trampoline_gdt - 1
trampoline_gdtr_base:
        dd      trampoline_gdt - trampoline_start ; the page's address is added
trampoline_target32:
        dd      trampoline_protected - trampoline_start ; and here
        dw      SEL_CODE32
trampoline_target64:
        dd      trampoline_long - trampoline_start ; and here
        dw      SEL_CODE64
align 4
trampoline_root:
        dd      0                       ; machine address of the temporary tables
trampoline_end:

section .text
; The rest is linked where the image is. Out: smp_cpu_entry(struct cpu *) on this CPU's own stack.
smp_entry:
        xor     eax, eax
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     fs, eax
        mov     gs, eax
        cpuid                           ; 1. its APIC id: 32 bits if leaf 0xb is there, else 8
        cmp     eax, LEAF_TOPOLOGY
        jb      .short_id
        mov     eax, LEAF_TOPOLOGY
        xor     ecx, ecx
        cpuid
        test    ebx, ebx
        jz      .short_id
        mov     esi, edx
        jmp     .find
.short_id:
        mov     eax, 1
        cpuid
        shr     ebx, 24
        mov     esi, ebx

.find:  xor     ecx, ecx                ; 2. its slot
.next:  cmp     ecx, [smp_nr_slots]
        jae     .park
        cmp     esi, [smp_ids + rcx * 4]
        je      .found
        inc     ecx
        jmp     .next
.found: xor     eax, eax
        xchg    rax, [smp_slots + rcx * 8]
        test    rax, rax
        jz      .park
        mov     rsp, [rax + CPU_STACK_TOP]
        xor     ebp, ebp                ; backtraces end here
        mov     rdi, rax
        call    smp_cpu_entry
        ud2

.park:  cli                             ; 3. nobody waits for this one (any more)
        hlt
        jmp     .park
