"""include/xen/ against Debian's libxen-dev: what abi_facts.py found in both, row by row. For abi_headers_test.py.

What is ours alone has to be in abi_ours.list, and nothing else may be there. Counted by kind: `rows`; told: `wrong`, a line a
difference, and `beyond`, what Xen has in the same structures and families of names.
"""
import collections
import pathlib
import re

import abi_facts

ROOT = pathlib.Path(__file__).resolve().parents[3]
XEN = pathlib.Path("/usr/include/xen")
NAMES = pathlib.Path(__file__).with_name("abi_ours.list")
XEN_BEFORE = "#define __XEN_TOOLS__ 1\n#include <stddef.h>\n#include <stdint.h>\n"
# What a macro with one argument is tried with; others have expressions of their own.
ARGUMENTS = [0, 1, 2, 3, 9, 63, 254, 0x20400, 0xffffffff]
EXPRESSIONS = {
    "XEN_GUEST_HANDLE": ["sizeof(XEN_GUEST_HANDLE(void))"],
    "XEN_GUEST_HANDLE_64": ["sizeof(XEN_GUEST_HANDLE_64(uint8))"],
    "MASK_XENCONS_IDX": [f"MASK_XENCONS_IDX({i}, ((struct xencons_interface *)0)->{ring})"
                         for i in (0, 0x1234, 0xffffffff) for ring in ("in", "out")],
    "HVM_SAVE_CODE": ["HVM_SAVE_CODE(END)", "HVM_SAVE_CODE(CPU)"],
}
# Xen keeps these numbers in the sizes of types; where ours are enumerators it has only the macro.
SPELLED = re.compile(r"HVM_SAVE_CODE_(\w+)"), r"HVM_SAVE_CODE(\1)"
COMMAND = re.compile(r"XEN_(DOMCTL|SYSCTL)_[a-z]")


def header_names(root):
    return sorted(p.relative_to(root / "include/xen").as_posix() for p in (root / "include/xen").rglob("*.h"))


def ours_of(root, *flags):
    text = "".join(f"#include <xen/{name}>\n" for name in header_names(root))
    return abi_facts.Source("#include <homestead/types.h>\n", text, f"-I{root}/include", *flags)


def xen_of(names, *flags):
    """libxen-dev's headers of the same names, by absolute paths: they include each other by relative ones."""
    paths = [next((p for p in (XEN / name, XEN / "arch-x86" / name) if p.exists()), None) for name in names]
    if None in paths:
        raise abi_facts.BadHeaders(f"{XEN} has no {names[paths.index(None)]}: is libxen-dev installed?")
    return abi_facts.Source(XEN_BEFORE, "".join(f'#include "{path}"\n' for path in paths), *flags)


def read_list(path=NAMES):
    """section -> {name: reason}. Lines: `[section] reason`, names, # comments."""
    sections, reason, names = {}, None, None
    for line in path.read_text().splitlines():
        head = re.fullmatch(r"\[(.+)\] (.+)", line)
        if head:
            names, reason = sections.setdefault(head.group(1), {}), head.group(2)
        elif line and not line.startswith("#"):
            if names is None or line in names:
                raise ValueError(f"{path}: {line}: twice, or without a reason")
            names[line] = reason
    return sections


class Comparison:
    def __init__(self, ours, xen, listed, guards):
        self.ours, self.xen, self.listed, self.guards = ours, xen, listed, guards
        self.rows, self.wrong, self.missing, self.beyond = collections.Counter(), [], set(), []
        self._values()
        self._types()
        self._check_list()

    def row(self, kind, what, own, xen):
        self.rows[kind] += 1
        if own != xen:
            quote = kind == "string"
            self.wrong.append(f"{what}: {kind} {text_of(own, quote)}, libxen-dev {text_of(xen, quote)}")

    def absent(self, name):
        """libxen-dev has not got it; the list may have it, or what it is a part of."""
        known_before = name in self.missing
        self.missing.add(name)
        if not known_before and not any(name == known or name.startswith((known + ".", known + "[")) for known in self.listed):
            self.wrong.append(f"{name}: not in libxen-dev, and not in {NAMES.name}")

    # --- macros and enumerators ---------------------------------------------------------------------------
    def _values(self):
        kinds = {name: "enumerator" for name in self.ours.types.enumerators}
        for name, (has_args, body) in self.ours.macros.items():
            if has_args:
                kinds.update({row: "sample" for row in samples(name)})
            elif body or name not in self.guards:
                kinds[name] = "constant"
        own = self.ours.values(kinds)
        xen = self.xen.values([*kinds, *(SPELLED[0].sub(SPELLED[1], name) for name in kinds)])
        for name, kind in sorted(kinds.items()):
            other = name if name in xen or kind == "sample" else SPELLED[0].sub(SPELLED[1], name)
            if name in own and other in xen:
                self.row("string" if str in (type(own[name]), type(xen[other])) else kind, name, own[name], xen[other])
            elif kind != "sample":
                self.absent(name)
        for name in sorted(n for n, (has_args, _) in self.ours.macros.items() if has_args):
            if not any(row in own and row in xen for row in samples(name)):
                self.absent(name + "()")
            for row in samples(name):
                if (row in own) != (row in xen) and name in self.xen.macros:
                    self.wrong.append(f"{row}: {'only ours has' if row in own else 'only libxen-dev has'} a value")
        self._beyond_values({name: xen[name] for name in kinds if name in xen}, own)

    def _beyond_values(self, both, own):
        """Names of Xen's that start like several of ours; and our commands must not have Xen's numbers."""
        prefixes = collections.Counter(name.rsplit("_", 1)[0] + "_" for name in both if "(" not in name)
        families = sorted((p for p, count in prefixes.items() if count > 2), key=len, reverse=True)
        others = [n for n, (has_args, _) in self.xen.macros.items() if not has_args and n not in self.ours.macros]
        xen = self.xen.values(n for n in others if n.startswith(tuple(families)))
        of = collections.defaultdict(list)
        for name in xen:
            of[next(p for p in families if name.startswith(p))].append(name)
        for family, names in sorted(of.items()):
            self.beyond.append(f"{family} {' '.join(sorted(n[len(family):] for n in names))}")
        theirs = {**both, **xen}
        for name in self.missing:
            kind = COMMAND.match(name)
            taken = [n for n, value in theirs.items() if kind and value == own.get(name)
                     and COMMAND.match(n) and n.startswith(kind.group()[:-1])]
            self.wrong += [f"{name}: the number of Xen's {n}" for n in taken]

    # --- types ----------------------------------------------------------------------------------------------
    def _types(self):
        ours, xen = self.ours.types, self.xen.types
        for name in sorted(ours.named):
            if name not in xen.named:
                self.absent(name)
                continue
            self._place("typedef" if name.startswith("typedef") else "size", name, ours.whole(name), xen.whole(name))
            if name.startswith("typedef"):
                continue
            own, other = ours.places(name), xen.places(name)
            for path, place in own.items():
                if path in other:
                    self._place("offset", f"{name}.{path}", place, other[path])
                else:
                    self.absent(place.owner)
            rest = [p for p in other if p not in own and (parent(p) in own or not parent(p))]
            if rest:
                self.beyond.append(f"{name}: {' '.join(rest)}")

    def _place(self, kind, what, own, xen):
        """All that is known of a type (kind: typedef or size) or member (offset)."""
        if kind == "offset" and (own.offset % 8 or own.size % 8 or xen.offset % 8 or xen.size % 8):
            return self.row("bit-field", what, (own.offset, own.size, own.kind), (xen.offset, xen.size, xen.kind))
        if kind == "offset":
            self.row(kind, what, own.offset // 8, xen.offset // 8)
        self.row("typedef" if kind == "typedef" else "size", what, own.size // 8, xen.size // 8)
        self.row("type", what, own.kind, xen.kind)
        if own.dims or xen.dims:
            self.row("length", what, own.dims, xen.dims)

    # --- the list ---------------------------------------------------------------------------------------------
    def _check_list(self):
        for name in self.listed:
            if name not in self.missing:
                has = name.rstrip("()") in self.xen.macros or name in self.xen.types.enumerators or self._type_of(name)
                self.wrong.append(f"{name}: in {NAMES.name}, but " + ("libxen-dev has it" if has else "not in include/xen"))

    def _type_of(self, name):
        head, _, path = name.partition(".")
        return head in self.xen.types.named and (not path or path in self.xen.types.places(head))


def samples(macro):
    return EXPRESSIONS.get(macro, [f"{macro}({i})" for i in ARGUMENTS])


def parent(path):
    return re.sub(r"(\[\])?\.?[^.]*$", "", path)


def text_of(value, quote):
    if isinstance(value, int):
        return f"{value:#x}" if value > 9 else str(value)
    return (f'"{value}"' if quote else value) if isinstance(value, str) else " ".join(map(str, value)) or "none"


def guards_of(root):
    """Include guards: XEN_HVM_SAVE_H of hvm/save.h."""
    return {"XEN_" + re.sub(r"\W", "_", name).upper() for name in header_names(root)}
