; Every form in which data is moved from and to memory that is not there (HOLE): in 64-bit code, and by compatibility mode in
; 32-bit and 16-bit code.
;
; In:  EDI: where to store the results, 32 bits each; the GDT is that of mmio.c
; Out: EAX: how many
; The forms that all modes have are assembled three times; mmio.c has one list of what they give.

global mmio_forms_64, mmio_forms_32, mmio_forms_16, mmio_code_16

HOLE    equ 0xd0000000          ; as in mmio.c: no RAM is there in any guest
OLD     equ 0x11223344
PORT    equ 0x60
CONSOLE equ 0xe9
CODE_64 equ 8                   ; as in entry.asm
DATA    equ 16
CODE_32 equ 24
CODE_16 equ 32                  ; from mmio_code_16 on
DATA_16 equ 40                  ; from HOLE on, 64 KiB

%macro KEEP 0                   ; EAX is a result
        mov [edi], eax
        add edi, 4
        mov eax, OLD
%endmacro

%macro COMMON_FORMS 0
        mov ebx, HOLE
        mov eax, OLD
        mov al, [ebx]
        KEEP
        mov ah, [ebx + 1]
        KEEP
        mov ax, [ebx]
        KEEP
        mov eax, [ebx]
        KEEP
        movzx eax, byte [ebx + 3]
        KEEP
        movzx ax, byte [ebx]
        KEEP
        movzx eax, word [ebx]
        KEEP
        movsx eax, byte [ebx]
        KEEP
        movsx ax, byte [ebx]
        KEEP
        movsx eax, word [ebx]
        KEEP
        xchg [ebx], al
        KEEP
        xchg [ebx], ax
        KEEP
        lock xchg [ebx], eax
        KEEP
        mov ecx, 4
        mov eax, [ebx + ecx * 4 + 8]
        KEEP
        mov eax, [ecx * 8 + HOLE]
        KEEP
        mov eax, [ebx + 0xffe]          ; crosses pages
        KEEP
        mov [ebx], al
        mov [ebx], ah
        mov [ebx], ax
        mov [ebx], eax
        mov byte [ebx], 0x55
        mov word [ebx + 2], 0x5566
        mov dword [ebx + 4], 0x55667788
        mov eax, [ebx + 4]              ; still nothing there
        KEEP
        mov esi, HOLE
        a32 lodsb
        KEEP
        a32 lodsw
        KEEP
        a32 lodsd
        KEEP
        mov eax, esi
        KEEP
        mov edx, edi
        mov edi, HOLE + 0x1000
        mov ecx, 5
        a32 rep stosd
        a32 stosb
        mov eax, edi
        add eax, ecx
        mov edi, edx
        KEEP
        mov ecx, 3
        a32 rep movsd                   ; three results, from nothing
        mov eax, esi
        add eax, ecx
        KEEP
        mov edx, edi
        mov edi, HOLE
        mov esi, esp
        std
        a32 movsw                       ; from memory to nothing, downwards
        cld
        mov eax, edi
        mov edi, edx
        KEEP
        mov edx, PORT
        mov ecx, 2
        a32 rep insd                    ; two results of ones
        mov dword [edi], OLD
        std
        a32 insb                        ; and one with its last byte, downwards
        cld
        add edi, 5
        mov esi, TEXT
        mov ecx, TEXT_BYTES
        mov edx, CONSOLE
        a32 rep outsb
        sub esi, TEXT
        lea eax, [esi + ecx]
        KEEP
        mov esi, HOLE                   ; from nothing to a port that nobody has
        mov ecx, 5
        mov edx, PORT
        a32 rep outsd
        lea eax, [esi + ecx]
        KEEP
%endmacro

section .rodata
TEXT:   db "mmio: printed by rep outsb", 10
TEXT_BYTES equ $ - TEXT

section .text exec alloc nowrite align=16
bits 64
default rel
mmio_forms_64:
        push rbx
        push rdi
        COMMON_FORMS
        db 0xa1                         ; mov eax, [HOLE], with a 64-bit offset
        dq HOLE
        KEEP
        db 0x48, 0xa3                   ; mov [HOLE], rax
        dq HOLE
        mov rbx, HOLE
        mov rdx, OLD
        mov rdx, [rbx]
        shr rdx, 32
        mov eax, edx
        KEEP
        mov r12d, OLD
        push r12
        mov r12b, [rbx]
        mov eax, r12d
        KEEP
        movsx r12, word [rbx]
        movsxd r12, dword [rbx]
        shr r12, 32
        mov eax, r12d
        KEEP
        pop r12
        mov r9, HOLE
        mov r10d, 16
        mov eax, [r9 + r10 * 2 - 8]
        KEEP
        mov qword [r9], -5
        xchg rax, [r9]
        KEEP
        mov sil, [rbx]
        movzx eax, sil
        KEEP
        mov rcx, HOLE - .after
        lea rbx, [.after]
        mov eax, [rbx + rcx]
.after: KEEP
        pop rbx
        sub edi, ebx
        mov eax, edi
        shr eax, 2
        pop rbx
        ret

%macro ENTER_OTHER 2            ; selector, offset: RDI is kept, the stack is below 4 GiB
        push rbx
        push rbp
        mov ebp, edi
        push %1
        mov eax, %2
        push rax
        o64 retf
%endmacro

%macro LEAVE_OTHER 0
        xor eax, eax
        mov fs, eax
        sub edi, ebp
        mov eax, edi
        shr eax, 2
        pop rbp
        pop rbx
        ret
%endmacro

mmio_forms_32:
        ENTER_OTHER CODE_32, .in_32
bits 32
.in_32: mov eax, DATA
        mov ds, eax
        mov es, eax
        COMMON_FORMS
        mov eax, [HOLE]
        KEEP
        mov [HOLE], ax
        mov eax, DATA_16
        mov fs, eax
        mov bx, 0x10
        mov si, 8
        mov eax, [fs:bx + si + 4]       ; 16-bit addresses
        KEEP
        jmp CODE_64:.back
bits 64
.back:  LEAVE_OTHER

mmio_forms_16:
        ENTER_OTHER CODE_16, 0
bits 16
mmio_code_16:
        mov eax, DATA
        mov ds, eax
        mov es, eax
        COMMON_FORMS
        mov ax, DATA_16
        mov fs, ax
        mov eax, OLD
        mov ax, [fs:0x123]
        KEEP
        mov bx, 0x10
        mov si, 8
        mov eax, [fs:bx + si + 4]
        KEEP
        mov byte [fs:bx], 7
        jmp dword CODE_64:back_16
bits 64
back_16: LEAVE_OTHER
