; The last instructions of the loader. They run under the firmware's page tables and then under the
; loader's; both map this code where it is.
;
; void loader_handover(u64 cr3, u64 stack_top, u64 entry, struct boot_info *bi)
;   In:  rdi, rsi, rdx, rcx (System V); stack_top a multiple of 16
;   Out: does not return
;   At the entry: long mode, interrupts off, DF clear, CR3 = cr3, CR4.PGE clear, RDI = bi,
;   RSP = stack_top - 8 as behind a call. GDT and IDT are still the firmware's, in memory that the
;   map calls RAM: the hypervisor loads its own before it hands out a page.

bits 64
default rel
section .text

global loader_handover
loader_handover:
    ; 1. Nothing may interrupt from here: the firmware's handlers are gone.
    cli
    cld
    ; 2. No global translation of the firmware's may survive the next step.
    mov rax, cr4
    and rax, ~(1 << 7)
    mov cr4, rax
    ; 3. New address space, new stack.
    mov cr3, rdi
    mov rsp, rsi
    xor ebp, ebp
    ; 4. Go.
    mov rdi, rcx
    call rdx
.stop: ; the hypervisor does not return; if it does, no code is left that could report it
    cli
    hlt
    jmp .stop

section .note.GNU-stack noalloc noexec nowrite progbits
