#!/usr/bin/env python3
"""The requirement trace of claims: which code implements each sentence of the contract, and which tests check it.

Each sentence of docs/hypervisor-guide/mm/claims.md from "Terms:" to section 8 ends with an id, [CL-4.2]. Code and tests
have marks in comments, `claims.md CL-4.2, CL-4.5 to CL-4.7`: a mark belongs to the function around it, or else to the
next function, test, structure or assertion of the file. In a model the mark names a check of its file's head first:
`promise: claims.md CL-1.4`. Where a column has nothing, tools/claims-trace.txt must have a word that says why.

Writes docs/hypervisor-guide/mm/claims-trace.md with --write, else compares the page with what it would write. Exit
status 1 if the page is not up to date, a sentence has no id, an id is not unique or has nothing in a column, or a mark
or a word names no sentence or is not needed.
"""
import pathlib
import re
import subprocess
import sys

CONTRACT = pathlib.Path("docs/hypervisor-guide/mm/claims.md")
PAGE = CONTRACT.with_name("claims-trace.md")
WORDS = pathlib.Path("tools/claims-trace.txt")
ID = r"CL-\d+\.\d+[a-z]?"
COLUMNS = {"code": "code", "host": "host test", "call": "hypercall test", "model": "model"}
MARK = re.compile(r"claims\.md ((?:" + ID + r"(?:,[\s*]+|[\s*]+to[\s*]+)?)+)")
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z*`(\[])|(?<=\.\))\s+(?=[A-Z*`])")
DEFINITION = re.compile(r"""^[A-Z_]*TEST\((?P<test>\w+)
    |^_Static_assert\((?P<assert>[^\n]*)
    |^(?:static\s+|const\s+)*struct\s+(?P<struct>\w+)\s*\{
    |^[a-zA-Z](?:[\w\s*]|__attribute__\(\(\w+\)\))*?\b(?!__attribute__\()(?P<function>\w+)\([^;{}]*\)\s*(?P<body>[{;])""", re.X | re.M)
SHORT = 90  # characters of a sentence in the table


def contract(faults):
    """{section: title} and {id: (section, sentence)}, in the order of the page."""
    sections, sentences, section, fence = {0: "Terms"}, {}, 0, False
    text = CONTRACT.read_text()
    text = text[text.index("\nTerms:"):text.index("\n## 8.")]
    for block in re.split(r"\n\n|\n(?=\||- |\d+\. |#|```|<!--)", text):
        block = block.strip("\n")
        if block.startswith("```"):
            fence = not fence
        heading = re.match(r"## ((\d+)\. .*)", block)
        if heading:
            section = int(heading.group(2))
            sections[section] = heading.group(1)
        if fence or not block or re.match(r"#|!\[|```|<!--|\|[-| ]*$", block):
            continue
        if block.startswith("|"):
            block, ids = block.strip("| "), re.findall(ID, block)
            if not ids and re.match(r"(check|mode|bit|number) \|", block):  # the head of a table
                continue
        block = re.sub(r"^(?:- |\d+\. )", "", block)
        parts = re.split(r"\[(" + ID + r")\]", block)
        if parts[-1].strip():
            faults.append(f"{CONTRACT}: a sentence without an id: {' '.join(parts[-1].split())[:60]}")
        for sentence, name in zip(parts[::2], parts[1::2]):
            sentence = " ".join(sentence.split()).replace(" | ", ": ")
            if SENTENCE_END.search(re.sub("`[^`]*`", "code", sentence)):
                faults.append(f"{CONTRACT}: {name} has more than one sentence")
            if name in sentences or not name.startswith(f"CL-{section}."):
                faults.append(f"{CONTRACT}: {name} is not unique, or not of section {section}")
            sentences[name] = section, sentence
    return sections, sentences


def expand(text, order, where, faults):
    """The ids of a list such as CL-1.1, CL-2.3 to CL-2.5."""
    ids = []
    for first, last in re.findall(rf"({ID})(?:[\s*]+to[\s*]+({ID}))?", text):
        for name in filter(None, (first, last)):
            if name not in order:
                faults.append(f"{where}: there is no {name} in {CONTRACT}")
        if first in order and last in order:
            ids += order[order.index(first):order.index(last) + 1]
        else:
            ids.append(first)
    return ids


def column_of(path):
    if path.match("guest/test/*"):
        return "call"
    if path.parts[0] != "tests":
        return "code"
    if path.match("tests/unit/hypercall/*") or path.parts[1] in ("guests", "boot"):
        return "call"
    return {"unit": "host", "threads": "host", "stress": "host", "scope": "host", "model": "model"}.get(path.parts[1])


def owner(path, text, position, faults):
    """What a mark at this position belongs to, as it is named in the table."""
    if path.suffix == ".pml":
        check = re.search(r"(\S+): +$", text[:position])
        known = [name for _, name in re.findall(r"^ \* (right|broken): +(\S+)", text, re.M)]
        if not check or check.group(1) not in known:
            faults.append(f"{path}: a mark that no check of the file stands before")
            return None
        return check.group(1)
    if path.suffix == ".py":
        found = re.search(r"^\s*(?:class|def) (\w+)", text[position:], re.M)
        return f"`{found.group(1)}`" if found else None
    after = None
    for match in DEFINITION.finditer(text):
        if match.start() > position:
            after = match
            break
        if match.group("test") or match.group("body") == "{" or match.group("struct"):
            end = re.compile(r"^\}", re.M).search(text, match.end())
            if end and position < end.start():
                after = match
                break
    if not after:
        faults.append(f"{path}: a mark with no function after it")
        return None
    if after.group("assert"):
        return "`_Static_assert`"
    if after.group("struct"):
        return f"`struct {after.group('struct')}`"
    name = after.group("test") or after.group("function")
    case = re.search(r'\.name = "(case_\w+)",\s*\.run = ' + name + r"\b", text)
    return f"`{case.group(1)}`" if case else f"`{name}()`"


def marks(order, faults):
    """{column: {id: {file: [owner]}}}"""
    found = {column: {} for column in COLUMNS}
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "*.c", "*.h", "*.pml", "tests/boot/*.py"],
                           check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout.split()
    for path in sorted(pathlib.Path(name) for name in files):
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        for match in MARK.finditer(text):
            column = column_of(path)
            name = owner(path, text, match.start(), faults)
            if not column or not name:
                faults.append(f"{path}: a mark where none is looked for")
                continue
            for rule in expand(match.group(1), order, path, faults):
                owners = found[column].setdefault(rule, {}).setdefault(path, [])
                if name not in owners:
                    owners.append(name)
    return found


def words(order, faults):
    """[(word, meaning)] and {(column, id): word}"""
    meanings, reasons = [], {}
    for line in re.sub(r"\n[ \t]+", " ", WORDS.read_text()).splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, rest = line.partition(": ")
        if not head.count(" "):
            meanings.append((head, rest))
            continue
        word, *columns = head.split()
        if word not in dict(meanings):
            faults.append(f"{WORDS}: {word} has no meaning")
        for rule in expand(rest, order, WORDS, faults):
            for column in COLUMNS if columns == ["all"] else columns:
                if (column, rule) in reasons:
                    faults.append(f"{WORDS}: {rule} has two words for {column}")
                reasons[column, rule] = word
    return meanings, reasons


def shorten(sentence):
    sentence = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", sentence).replace("**", "").replace("`", "").replace("|", "/").replace("*", "")
    if len(sentence) <= SHORT:
        return sentence
    return sentence[:sentence.rindex(" ", 0, SHORT)] + " ..."


def cell(column, rule, found, reasons, faults):
    here = found[column].get(rule)
    reason = reasons.get((column, rule))
    if here and reason:
        faults.append(f"{WORDS}: {rule} has something in the column {column}, {reason} is not needed")
    if not here and not reason:
        faults.append(f"{CONTRACT}: {rule} has nothing in the column {column}")
    if not here:
        return f"*{reason}*"
    # Below a file's name its owners; names of files are unique enough without their folders.
    return ", ".join(f"{path.name}: {', '.join(names)}" for path, names in here.items())


def page(sections, sentences, found, meanings, reasons, faults):
    lines = ["# The trace of the contract", "",
             "This page is for maintainers and reviewers of claims: for each sentence of [claims.md](claims.md) it names the code",
             "that implements it and a test on each level. `tools/claims-trace.py` makes it from marks beside the functions and",
             "tests; `make lint` fails if it is not up to date, or if a sentence has nothing in a column and no word that says why.", "",
             "- **Host test**: on the real `mm/` and `domain/`, on the host (`tests/unit/`, `tests/threads/`, `tests/stress/`,",
             "  `tests/scope/`).",
             "- **Hypercall test**: through the hypercall path. `case_...` is a case of `tests/guests/selftest/`, which",
             "  `tests/boot/test_selftest.py` boots as domain 0; files `cases_...` are of the conformance domain 0, whose results are",
             "  compared with Xen's; the others are in `tests/unit/hypercall/`, on the host.",
             "- **Model**: a check at the head of the file of `tests/model/`, where spin visits every order of the steps of several",
             "  CPUs. Each model's `check()` asks for the rules 1, 2, 3, 6, 7 and 8 of section 1 besides what the table names.", "",
             "A word in italics says why a column has nothing:", "", "| word | meaning |", "|---|---|"]
    lines += [f"| *{word}* | {meaning} |" for word, meaning in meanings]
    section = None
    for rule, (its_section, sentence) in sentences.items():
        if its_section != section:
            section = its_section
            lines += ["", f"## {sections[section]}", "", "| id | sentence | " + " | ".join(COLUMNS.values()) + " |",
                      "|---" * (2 + len(COLUMNS)) + "|"]
        cells = [cell(column, rule, found, reasons, faults) for column in COLUMNS]
        if cells == [cells[0]] * len(cells):
            cells[1:] = [""] * (len(cells) - 1)  # one word for all
        lines.append(f"| {rule} | {shorten(sentence)} | " + " | ".join(cells).rstrip() + " |")
    return "\n".join(lines) + "\n"


def main():
    faults = []
    sections, sentences = contract(faults)
    order = list(sentences)
    meanings, reasons = words(order, faults)
    text = page(sections, sentences, marks(order, faults), meanings, reasons, faults)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text)
    elif not PAGE.is_file() or PAGE.read_text() != text:
        faults.append(f"{PAGE} is not up to date: tools/claims-trace.py --write")
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"trace: {len(sentences)} sentences, {len(faults)} offences")
    return 1 if faults or not sentences else 0


if __name__ == "__main__":
    sys.exit(main())
