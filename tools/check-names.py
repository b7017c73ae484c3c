#!/usr/bin/env python3
"""Checks that files and functions named in comments and documents exist.

A word with the suffix of a source file must be a file of the repository or one that the build makes: a path from the
root, from the file's own directory, or the end of such a path. `*`, {a,b} and parts in capitals (NAME_test.c) match
any name. A word followed by () must be an identifier somewhere in the code. Names of other projects are listed in
tools/foreign-names.txt, a line `NAME REASON` each. Prints one line for each offence; exit status 1 if there is any.
"""
import fnmatch
import io
import itertools
import pathlib
import re
import subprocess
import sys
import tokenize

FOREIGN = pathlib.Path("tools/foreign-names.txt")
SOURCE_SUFFIXES = {".c", ".h", ".asm", ".inc", ".py", ".sh", ".mk", ".pml", ".ld", ".lds"}
FILE_WORD = re.compile(r"[\w./{},*+-]*[\w*}]\.(?:c|h|py|sh|md|asm|mk|ld|pml|elf)\b(?![./\w(])")
CALL_WORD = re.compile(r"(?<![\w.>$-])([A-Za-z_]\w*)\(\)")
C_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(/\*.*?\*/|//[^\n]*)', re.S)
HASH_COMMENT = re.compile(r"(?:^|(?<=\s))(#[^\n]*)", re.M)
ASM_COMMENT = re.compile(r"(;[^\n]*)")
SHELL = {".sh", ".mk", ""}


def split(path, text):
    """[(offset, comment)] and the rest, the code."""
    if path.suffix == ".md":
        return [(0, text)], ""
    if path.suffix == ".py":
        starts = list(itertools.accumulate((len(line) for line in text.splitlines(True)), initial=0))
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        prose, before, depth = [], None, 0
        for token in tokens:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.string, 0) if token.type == tokenize.OP else 0
            starts_statement = depth == 0 and (before is None or before.type in (
                tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.COMMENT))
            if token.type == tokenize.COMMENT or token.type == tokenize.STRING and starts_statement:
                prose.append(token)
            before = token
        code = " ".join(token.string for token in tokens if token not in prose)
        return [(starts[token.start[0] - 1] + token.start[1], token.string) for token in prose], code
    pattern = HASH_COMMENT if path.suffix in SHELL else ASM_COMMENT if path.suffix == ".asm" else C_COMMENT
    found = [match for match in pattern.finditer(text) if match.group(1)]
    code = pattern.sub(lambda match: " " if match.group(1) else match.group(0), text)
    return [(match.start(), match.group(1)) for match in found], code


def made_files(files):
    """Files that the build makes and that comments may name."""
    guests = {path.split("/")[-2] for path in files if re.fullmatch(r"(tests/)?guests?/[\w-]+/main\.c", path)}
    guests |= {path.split("/")[1] for path in files if path == "docs/samples/guest/main.c"}
    return {f"build/guest/{name}.elf" for name in guests} | {"build/homestead.elf", "build/hv/nosyms.elf"}


def patterns_of(word):
    """The glob patterns of a word: {a,b} expanded, capitals replaced."""
    parts = re.split(r"\{([^}]*)\}", word)
    choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
    for choice in itertools.product(*choices):
        yield re.sub(r"[A-Z]{2,}(?=[./_-])", "*", "".join(choice))


def exists(word, here, files):
    word = word.lstrip("./") if not word.startswith("..") else (here / word).as_posix()
    while re.search(r"[^/]+/\.\./", word):
        word = re.sub(r"[^/]+/\.\./", "", word, 1)
    return all(any(fnmatch.fnmatch("/" + file, "*/" + pattern) for file in files) for pattern in patterns_of(word))


def main():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True, stdout=subprocess.PIPE,
                            universal_newlines=True).stdout.split()
    files = {path for path in listed if pathlib.Path(path).is_file()}
    foreign = dict(line.split(None, 1) for line in FOREIGN.read_text().splitlines() if line and not line.startswith("#"))
    prose, identifiers = [], set()
    for name in sorted(files):
        path = pathlib.Path(name)
        if path.suffix not in SOURCE_SUFFIXES | {".md"} and path.name != "Makefile":
            continue
        text = path.read_text(errors="replace")
        comments, code = split(path, text)
        prose += [(path, text.count("\n", 0, start), comment) for start, comment in comments]
        identifiers |= set(re.findall(r"[A-Za-z_]\w*", code))
    known = files | made_files(files)
    offences, used, seen = [], set(), {}
    for path, line, comment in prose:
        comment = re.sub(r"https?://\S+", "", comment)
        for match in itertools.chain(FILE_WORD.finditer(comment), CALL_WORD.finditer(comment)):
            word = match.group(0).rstrip("()")
            theirs = [name for name in foreign if fnmatch.fnmatchcase(word, name)]
            used.update(theirs)
            if theirs:
                continue
            if match.re is CALL_WORD:
                good = word in identifiers
            else:
                key = (word, path.parent)
                good = seen[key] = seen.get(key) or exists(word, path.parent, known)
            if not good:
                where = line + comment.count("\n", 0, match.start()) + 1
                offences.append(f"{path}:{where}: {match.group(0)} does not exist")
    offences += [f"{FOREIGN}: {name} is not used" for name in foreign if name not in used]
    print(*offences, sep="\n", end="\n" if offences else "")
    print(f"names: {len(prose)} comments and documents, {len(offences)} offences")
    return 1 if offences or not prose else 0


if __name__ == "__main__":
    sys.exit(main())
