#!/usr/bin/env python3
"""Turns `nm -n` of the hypervisor on stdin into a C table for symbolized backtraces on stdout.

Offsets are relative to IMAGE_VIRT_BASE, so the table is the same wherever the image is loaded.
"""
import sys

BASE = 0xFFFFFFFF80000000

symbols = []
for line in sys.stdin:
    fields = line.split()
    if len(fields) == 3 and fields[1] in "tT" and int(fields[0], 16) >= BASE:
        name = fields[2]
        if name.startswith(".") or ".." in name:  # assembler-local labels are noise in a backtrace
            continue
        symbols.append((int(fields[0], 16) - BASE, name))

names, offsets = "", []
for _, name in symbols:
    offsets.append(len(names))
    names += name + "\0"

print("/* Made by tools/symbols.py; do not edit. */")
print("#include <arch/x86/cpu/symbols.h>")
print('#define SYM __attribute__((section(".symbols")))')
print(f"const u32 symbol_count SYM = {len(symbols)};")
rows = ", ".join(f"{{{addr:#x}, {off}}}" for (addr, _), off in zip(symbols, offsets))
print(f"const struct symbol symbol_table[] SYM = {{{rows or '{0, 0}'}}};")
text = names.replace("\0", "\\0\"\n\"")
print(f'const char symbol_names[] SYM = "{text}";')
