; What vCPU 1 of mode=tasks runs: 32-bit code without paging, which calls another task and comes back.
;
; In:  EBX: struct tasks_found (tasks.c), interrupts off
; Out: *EBX; the vCPU goes down.

global tasks_start, tasks_called
extern tasks_gdt_pointer

CODE    equ 0x08                ; as in tasks.c
DATA    equ 0x10
CALLER  equ 0x18
CALLED  equ 0x20

struc found
.tr_inside:     resd 1
.tr_after:      resd 1
.done:          resd 1
endstruc

section .text exec alloc nowrite align=16
bits 32
tasks_start:
        lgdt [tasks_gdt_pointer + 6]
        mov eax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        jmp CODE:.flat
.flat:  mov eax, CALLER
        ltr ax
        call CALLED:0
        str eax
        mov [ebx + found.tr_after], eax
        mov dword [ebx + found.done], 1
.stop:  cli
        hlt
        jmp .stop

tasks_called:
        str eax
        mov [ebx + found.tr_inside], eax
        iret                            ; NT is set: to the task that has called
