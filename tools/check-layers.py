#!/usr/bin/env python3
"""Checks that every file includes headers of its own floor or below only.

The house from the ground up is FLOORS; a file may use its own floor and everything under it. The few
calls upward are declared in one header, UPCALLS, which everybody may include. Guests are another house:
they share include/ and lib/ and nothing else. Ends with status 1 and one line an offence.

usage: check-layers.py [ROOT]
"""
import pathlib
import re
import sys

# (directory, height). The longest directory that a path starts with decides.
FLOORS = [
    ("include", 0),
    ("lib", 1),
    ("arch/x86/cpu", 2),
    ("arch/x86/acpi", 2),
    ("mm", 3),
    ("arch/x86/hvm", 4),
    ("domain", 5),
    ("hypercall", 6),
    ("boot", 7),
]
# Houses of their own: directory -> the directories it may use.
APART = {
    "guest": ("guest", "include", "lib"),
    "tests/guests": ("tests/guests", "guest", "include", "lib"),
    "boot/efi": ("boot/efi", "include"),
}
# Not part of the hypervisor: compiled only to read the offsets of everybody's structures out of it.
GENERATORS = {"arch/x86/cpu/asm_offsets.c": "boot"}
UPCALLS = "include/homestead/upcalls.h"
# Headers that come with the compiler, and GNU-EFI's where firmware is spoken to.
FREESTANDING = {"stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdalign.h", "stdnoreturn.h",
                "limits.h", "float.h", "iso646.h", "cpuid.h"}
EXTRA_SYSTEM = {"boot/efi": {"efi.h"}}

INCLUDE = re.compile(r'^\s*[#%]\s*include\s*(<([^>]+)>|"([^"]+)")', re.M)


def inside(path, directory):
    return path == directory or path.startswith(directory + "/")


def house_of(path):
    """The directory of APART or of FLOORS that the path belongs to, or None."""
    if path in GENERATORS:
        return GENERATORS[path]
    found = [d for d in list(APART) + [d for d, _ in FLOORS] if inside(path, d)]
    return max(found, key=len) if found else None


def resolve(root, path, name, quoted):
    """The included file, relative to root, or None if it is not one of the project's."""
    places = [path.rsplit("/", 1)[0]] if quoted else []
    for place in places + ["include", "."]:
        target = (root / place / name).resolve()
        if target.is_file():
            try:
                return target.relative_to(root).as_posix()
            except ValueError:
                return None
    return None


def offence(path, name, target):
    """What is wrong with this include, or None."""
    house = house_of(path)
    if target is None:
        # The assembler's %include of a generated file, or a header from outside of the project.
        if name.endswith(".inc"):
            return None
        if name in FREESTANDING or name in EXTRA_SYSTEM.get(house, ()):
            return None
        return "is neither the project's nor a freestanding header"
    if target == UPCALLS and house not in APART:
        return None
    other = house_of(target)
    if house in APART:
        return None if any(inside(target, d) for d in APART[house]) else f"is not for {house}/ ({', '.join(APART[house])} are)"
    if other is None or other in APART:
        return "belongs to another house"
    heights = dict(FLOORS)
    if heights[other] > heights[house]:
        return f"is a floor above: {house} may not use {other}"
    if heights[other] == heights[house] and other != house:
        return f"is next door: {house} may not use {other}"
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = offences = 0
    for directory in sorted({d.split("/")[0] for d, _ in FLOORS} | {"guest", "tests/guests"}):
        for file in sorted((root / directory).rglob("*")):
            path = file.relative_to(root).as_posix()
            if file.suffix not in (".c", ".h", ".asm", ".inc") or house_of(path) is None:
                continue
            files += 1
            text = file.read_text(errors="replace")
            for match in INCLUDE.finditer(text):
                name = match.group(2) or match.group(3)
                wrong = offence(path, name, resolve(root, path, name, match.group(3) is not None))
                if wrong:
                    offences += 1
                    line = text.count("\n", 0, match.start(1)) + 1
                    print(f"{path}:{line}: {name} {wrong}")
    print(f"layers: {files} files, {offences} offences")
    return 1 if offences or not files else 0


if __name__ == "__main__":
    sys.exit(main())
