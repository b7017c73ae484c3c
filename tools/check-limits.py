#!/usr/bin/env python3
"""Asks about files of more than 400 lines and functions of more than 80: is it one thing?

If it is, say so in a comment `lint: long: REASON`: for a file in its first 20 lines, for a function in the comment
directly above it. If it is not, split it where the subjects divide, never only to get below the number. Ends with
status 1 and one line for each that has no answer.

usage: check-limits.py [ROOT]
"""
import pathlib
import re
import sys

FILE_LINES, FUNCTION_LINES = 400, 80
SUFFIXES = {".c", ".h", ".asm", ".py", ".sh"}
SKIP = {"build", ".git", "__pycache__", ".pytest_cache"}
REASON = re.compile(r"lint: long: +\S")
PYTHON_DEF = re.compile(r"^( *)(?:async )?def (\w+)")


def c_functions(lines):
    """(name, index of the first line of the head, number of lines). clang-format puts a function's braces at column 0."""
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = start - 1
            # Up to the line that starts the head: the ones below it are indented, or a wrapped `type` alone.
            while head > 0 and (lines[head].startswith((" ", "\t")) or not re.search(r"\w\s*\(", lines[head])):
                head -= 1
            name = re.search(r"(\w+)\s*\(", lines[head])
            if line == "}" and name:
                yield name.group(1), head, i - head + 1
            start = None


def python_functions(lines):
    for i, line in enumerate(lines):
        match = PYTHON_DEF.match(line)
        if not match:
            continue
        indent, end = len(match.group(1)), i
        for j in range(i + 1, len(lines)):
            text = lines[j]
            if text.strip() and len(text) - len(text.lstrip()) <= indent and not text.lstrip().startswith((")", "]")):
                break
            if text.strip():
                end = j
        yield match.group(2), i, end - i + 1


def excused(lines, head):
    """Is there a reason in the comment that ends just above line head?"""
    i = head - 1
    while i >= 0 and re.match(r"\s*(/\*|\*|//|#|@)|.*\*/\s*$", lines[i]):
        if REASON.search(lines[i]):
            return True
        i -= 1
    return False


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = functions = offences = 0
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root)
        if SKIP & set(path.parts) or not file.is_file() or file.suffix not in SUFFIXES:
            continue
        files += 1
        lines = file.read_text(errors="replace").splitlines()
        if len(lines) > FILE_LINES and not any(REASON.search(line) for line in lines[:20]):
            offences += 1
            print(f"{path}: {len(lines)} lines. Is it one subject? Answer in its head, lint: long: REASON, or split it")
        found = c_functions(lines) if file.suffix in (".c", ".h") else python_functions(lines) if file.suffix == ".py" else ()
        for name, head, length in found:
            functions += 1
            if length > FUNCTION_LINES and not excused(lines, head):
                offences += 1
                print(f"{path}:{head + 1}: {name}: {length} lines. Is it one step? Answer above it, lint: long: REASON, or split it")
    print(f"limits: {files} files, {functions} functions, {offences} without an answer")
    return 1 if offences or not functions else 0


if __name__ == "__main__":
    sys.exit(main())
