#!/usr/bin/env python3
"""Names in the documents against the sources, both ways: `@` lines and their keys, debug keys, keys of guests' configurations,
options of the builder; and options, make targets, links and places in pages that documents name. Of the hypervisor's options
tests/unit/boot/options_test.c compares the table with docs/hypervisor-guide/options.md. Prints what cmocka would print
(tools/run-unit.py)."""
import pathlib
import re
import sys
import unittest
import urllib.parse

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]
import cmocka  # noqa: E402
import documents  # noqa: E402

OUTPUT, TOPOLOGY = "docs/hypervisor-guide/output.md", "docs/hypervisor-guide/topology.md"
# What prints `@` lines, and the page that specifies them. The rest of tests/ and tools/ prints only to developers.
PRINTERS = {
    OUTPUT: ("arch/*.c", "boot/*.c", "domain/*.c", "hypercall/*.c", "mm/*.c", "guest/*", "tests/guests/*.c", "toolstack/example/*.c",
             "toolstack/ocaml/*.ml", "tests/bench/bench.py", "tests/bench/boot.py", "tests/oracle/oracle.py", "docs/samples/guest/*.c",
             "tests/race-lab/*"),
    TOPOLOGY: ("tools/acpi-topology/*.c",),
}


def documented(page):
    """{name: [keys]} of the tables `| `@name` | `key` `key` |`."""
    return {cells[0][2:-1]: re.findall(r"`(\w+)`", cells[1]) for _, cells in documents.rows(documents.page(page))
            if re.fullmatch(r"`@\w+`", cells[0])}


def open_ended(page):
    """Lines whose row ends in words: they go on with other keys."""
    return {cells[0][2:-1] for _, cells in documents.rows(documents.page(page)) if re.fullmatch(r"`@\w+`", cells[0])
            and "then" in cells[1]}


def printed(patterns):
    """[(path, name, [keys])] of every string that begins with @name; and the text of all files that have one."""
    found, texts = [], {}
    for path in documents.tracked(*patterns):
        if path.suffix in (".md", ".elf") or b"\0" in (documents.ROOT / path).read_bytes():
            continue
        text = documents.page(path)
        # C joins strings, with names of formats between them.
        joined = re.sub(r'"\s*(?:PRI\w+\s*)?"', "", text) if path.suffix == ".c" else text
        for match in re.finditer(r'["\'](?:\\n)?@([a-z][a-z0-9_]*)((?: [^"\n]*?|\{[^"\n]*?)?)(?:\\n|["\'\n])', joined):
            found.append((path, match.group(1), re.findall(r"(?<=[ =])(\w+)=", match.group(2))))
            texts.setdefault(path.parent, "")
    for folder in texts:
        texts[folder] = "".join(documents.page(path) for path in documents.tracked(f"{folder}/*") if path.suffix != ".md"
                                and b"\0" not in (documents.ROOT / path).read_bytes())
    return found, texts


class Lines(unittest.TestCase):
    maxDiff = None

    def test_every_line_and_key_is_documented(self):
        for page, patterns in PRINTERS.items():
            known, found, more = documented(page), printed(patterns)[0], open_ended(page)
            self.assertGreater(len(found), 8, page)
            wrong = [f"{path}: @{name} {key}= is not in {page}" for path, name, keys in found
                     for key in keys or [""] if name not in known or key and key not in known[name] and name not in more]
            self.assertEqual(wrong, [])

    def test_keys_are_in_the_documents_order(self):
        for page, patterns in PRINTERS.items():
            known = documented(page)
            wrong = [f"{path}: @{name} {' '.join(keys)}" for path, name, keys in printed(patterns)[0]
                     if [key for key in known.get(name, []) if key in keys] != [key for key in keys if key in known.get(name, [])]]
            self.assertEqual(wrong, [])

    def test_every_documented_line_and_key_is_printed(self):
        wrong = []
        for page, patterns in PRINTERS.items():
            found, texts = printed(patterns)
            for name, keys in documented(page).items():
                folders = {path.parent for path, printer, _ in found if printer == name}
                if not folders:
                    wrong.append(f"{page}: nothing prints @{name}")
                wrong += [f"{page}: nothing prints {key}= of @{name}" for key in keys
                          if folders and not any(re.search(rf"\b{key}=|\"{key}\"", texts[folder]) for folder in folders)]
        self.assertEqual(wrong, [])

    def test_lines_in_examples(self):
        """`@` lines in code blocks, of runs that are shown."""
        known, more = {**documented(TOPOLOGY), **documented(OUTPUT)}, open_ended(OUTPUT)
        for name, keys in documented(TOPOLOGY).items():
            known[name] = known[name] + [key for key in keys if key not in known[name]]
        wrong, seen = [], 0
        for path, text in documents.pages():
            for number, line in documents.code_lines(text):
                match = re.search(r"(?:^\s*|\(d\d+\) )@([a-z]\w*) ([a-z]\w*=.*)", line)
                if not match or match.group(1) == "name":  # the page about the form of lines
                    continue
                seen += 1
                keys = re.findall(r"(?:^| |\[)([a-z]\w*)=", match.group(2))
                wrong += [f"{path}:{number}: @{match.group(1)} {key}=" for key in keys
                          if match.group(1) not in more and key not in known.get(match.group(1), [])]
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 15)


class Keys(unittest.TestCase):
    maxDiff = None

    def test_debug_keys(self):
        sources = "".join(documents.page(path) for path in documents.tracked("arch/*.c", "boot/*.c", "domain/*.c"))
        table = documents.page("docs/hypervisor-guide/debugging.md").split("| key | shows |", 1)[1].split("\n\n", 1)[0]
        shown = re.findall(r"^\| `(.)` \|", table, re.M)
        self.assertEqual(sorted(shown), sorted(re.findall(r"keys_register(?:_for_line)?\('(.)'", sources)))
        self.assertGreater(len(shown), 8)

    def table(self, head):
        """The first cells of guest/README.md's table with that head: the names in them."""
        rows, inside = [], False
        for _, cells in documents.rows(documents.page("guest/README.md").split(head, 1)[1].split("\n#", 1)[0]):
            inside = inside or cells[0] in ("key", "option")
            if inside:
                rows += re.findall(r"`([a-z_0-9]+)(?:=[^`]*)?`", cells[0])
        return rows

    def test_keys_of_configurations(self):
        notes, reader = documents.page("guest/dom0/xlnotes.c"), documents.page("guest/dom0/xlcfg.c")
        known = re.findall(r'"(\w+)"', notes.split("known_keys[] = {", 1)[1].split("}", 1)[0])
        self.assertEqual(sorted(self.table("### Configuration keys")), sorted(known))
        read = set(re.findall(r'(?:find|get_\w+)\((?:p|&?parser), "(\w+)"', reader))
        self.assertGreater(len(read), 15)
        self.assertEqual(read - set(known), set(), "read, but not known")

    def test_options_of_the_builder(self):
        sources = "".join(documents.page(path) for path in documents.tracked("guest/dom0/*.c"))
        read = set(re.findall(r'guest_option(?:_number)?\("(\w+)"', sources))
        self.assertEqual(sorted(self.table("### Options (dom0")), sorted(read))

    def test_keys_of_examples(self):
        """A code block with name = and kernel = is a configuration for the builder."""
        known, blocks = set(self.table("### Configuration keys")), 0
        for name in ("README.md", "guest/README.md"):
            assigned = [(number, match.group(1)) for number, line in documents.code_lines(documents.page(name))
                        for match in [re.match(r"\s+(\w+)\s+= ", line)] if match]
            blocks += bool(assigned)
            self.assertEqual([f"{name}:{number}: {key}" for number, key in assigned if key not in known], [])
        self.assertGreater(blocks, 0)


# Of code spans NAME=...: what is neither an option, nor a key of anything here.
FOREIGN = {
    "x-force-features": "QEMU's", "bootscrub": "Xen's", "conswitch": "Xen's", "serial_tx_buffer": "Xen's", "sched": "Xen's",
    "efi": "Linux's", "memhp_default_state": "Linux's", "size": "a key of an item of vnuma",
    "tot": "what a line @case goes on with", "claimed": "the same", "node0": "the same",
}


class Options(unittest.TestCase):
    maxDiff = None

    def known(self):
        """Names of options and keys of every kind."""
        options = set(re.findall(r'^    \{"([\w-]+)"', documents.page("boot/options.c"), re.M))
        programs = "".join(documents.page(path) for path in documents.tracked("guest/*.c", "tests/guests/*.c"))
        read = set(re.findall(r'guest_option(?:_number)?\("(\w+)"', programs))
        lines = {key for page in PRINTERS for keys in documented(page).values() for key in keys}
        cells = {name for _, row in documents.rows(documents.page("guest/README.md")) for name in re.findall(r"`([a-z_0-9]+)(?:=[^`]*)?`", row[0])}
        loader = set(re.findall(r'"(default|chain|options|kernel|dom0|module)"', "".join(map(documents.page, documents.tracked("boot/efi/*.c")))))
        return options, options | read | lines | cells | loader

    def test_options_in_commands(self):
        """Hypervisor options: after --cmdline, options= and the image of a boot loader's entry."""
        options, _ = self.known()
        wrong, seen = [], 0
        for path, text in documents.pages():
            for number, line in documents.code_lines(text):
                found = re.search(r"--cmdline (\"[^\"]*\"|\S+)|^\s*options=([^#]*)|^\s*multiboot \S+ (.*)", line)
                words = next(filter(None, found.groups()), "").strip('" ') if found else ""
                for word in words.split(" -- ")[0].split():
                    seen += 1
                    if re.sub("^no-", "", word.split("=")[0]) not in options:
                        wrong.append(f"{path}:{number}: {word}")
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 4)

    def test_words_with_a_value(self):
        """A code span NAME=VALUE names an option or a key that there is."""
        _, known = self.known()
        wrong, seen, used = [], 0, set()
        for path, text in documents.pages():
            for offset, code in documents.spans(text):
                match = re.match(r"([a-z][a-z0-9_-]*)=\S*$", code)
                if match:
                    seen += 1
                    used.add(match.group(1))
                    if match.group(1) not in known and match.group(1) not in FOREIGN:
                        wrong.append(f"{path}:{documents.line_of(text, offset)}: {code}")
        self.assertEqual(wrong, [])
        self.assertEqual(set(FOREIGN) - used | set(FOREIGN) & known, set(), "not needed in FOREIGN")
        self.assertGreater(seen, 60)


class Commands(unittest.TestCase):
    maxDiff = None

    def test_make_targets(self):
        makefiles = "".join(documents.page(path) for path in documents.tracked("Makefile", "*.mk", "*/Makefile"))
        targets = set()
        for names in re.findall(r"^([^\s#:=][^:=\n]*)::?(?!=)", makefiles, re.M):
            targets |= set(names.split())
        targets |= {word for line in re.findall(r"^\.PHONY:((?:\\\n|[^\n])*)", makefiles, re.M) for word in line.split()}
        wrong, seen = [], 0
        for path, text in documents.pages():
            code = [(documents.line_of(text, offset), span) for offset, span in documents.spans(text)] + documents.code_lines(text)
            for number, line in code:
                match = re.match(r"\s*(?:\$ )?make((?: [^\s#`;,)]+)+)", line)
                for word in match.group(1).split() if match else ():
                    if re.match(r"[A-Z_]+=|-|['\"(<|\[]", word):
                        break
                    seen += 1
                    known = word in targets or re.match(r"(check|lint|fuzz|obj|bench)-|build/", word) or re.search("[A-Z]{2}", word)
                    if not known:
                        wrong.append(f"{path}:{number}: make {word}")
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 60)

    def test_options_of_run_qemu(self):
        script = documents.page("run-qemu.sh")
        known = set(re.findall(r"(?<![\w-])(--?[a-z][a-z0-9-]*)", script))
        wrong, seen = [], 0
        for path, text in documents.pages():
            code = [(documents.line_of(text, offset), span) for offset, span in documents.spans(text)] + documents.code_lines(text)
            for number, line in code:
                match = re.search(r"run-qemu\.sh((?: [^#]*)?)", line)
                if not match:
                    continue
                words = re.sub(r'"[^"]*"', "TEXT", match.group(1)).split(" -- ")[0]
                for option in re.findall(r"(?<= )(--[a-z][a-z0-9-]*)", words):
                    seen += 1
                    if option not in known:
                        wrong.append(f"{path}:{number}: run-qemu.sh {option}")
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 40)


class Links(unittest.TestCase):
    maxDiff = None

    def test_links_resolve(self):
        texts = {path: text for path, text in documents.pages()}
        places = {path: documents.anchors(text) for path, text in texts.items()}
        wrong, seen = [], 0
        for path, text in texts.items():
            for match in re.finditer(r"\]\(<?([^)\s>]+)>?\)", documents.prose(text)):
                target = match.group(1)
                if re.match(r"[a-z]+:", target):
                    continue
                seen += 1
                name, _, place = target.partition("#")
                file = pathlib.Path(path.parent / urllib.parse.unquote(name)).as_posix() if name else path.as_posix()
                while re.search(r"[^/.]+/\.\./", file):
                    file = re.sub(r"[^/.]+/\.\./", "", file, 1)
                file = pathlib.Path(file)
                where = f"{path}:{documents.line_of(text, match.start())}: {target}"
                if not (documents.ROOT / file).exists():
                    wrong.append(where)
                elif place and file in places and place not in places[file]:
                    wrong.append(where + " has no such heading")
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 150)

    def test_links_are_on_one_line(self):
        """docs/build.py moves links line by line."""
        wrong = [f"{path}:{documents.line_of(text, match.start())}: {' '.join(match.group(0).split())}" for path, text in documents.pages()
                 for match in re.finditer(r"\[[^\][\n]*\n[^\][\n]*\]\((?![a-z]+:)[^)]*\)|\]\([^)\n]*\n[^)]*\)", documents.prose(text))]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    cmocka.main()
