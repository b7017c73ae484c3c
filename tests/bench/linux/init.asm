; The whole user space of a Linux guest that is measured: it prints one line and powers off.
;
; Linked at INIT_ADDRESS (tests/bench/linux.py), which nothing else in the machine executes: the first instruction here ends the
; count. /dev/console is in the initramfs that every Debian kernel has built in.
bits 64
default rel

section .text
global _start
_start:
        mov     eax, 1                  ; write(1, line, size)
        mov     edi, 1
        lea     rsi, [line]
        mov     edx, line_end - line
        syscall
        mov     eax, 169                ; reboot(LINUX_REBOOT_MAGIC1, MAGIC2, CMD_POWER_OFF)
        mov     edi, 0xfee1dead
        mov     esi, 672274793
        mov     edx, 0x4321fedc
        syscall
        ud2                             ; PID 1 must not return: a panic shows

line:   db      "init: the first line", 10
line_end:
