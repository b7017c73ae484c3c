"""What a compiler makes of header files: every macro that has a value, every enumerator, the layout of every type. For
abi_headers_test.py; nothing here knows Xen but `is_handle`.

Types are read from the debug information of a file that includes the headers, where unused ones are too; values from
objects in which each is a variable. So nothing is run, and a 32-bit compiler's view needs no 32-bit system.
"""
import collections
import os
import pathlib
import re
import struct
import subprocess
import tempfile

CROSS = os.environ.get("CROSS_COMPILE", "x86_64-linux-gnu-")
CFLAGS = ["-std=gnu11", "-ffreestanding", "-fno-pic", "-fcf-protection=none", "-fno-eliminate-unused-debug-types",
          "-fno-toplevel-reorder", "-fmax-errors=0", "-w"]
AGGREGATES = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union"}
ENCODINGS = {"2": "unsigned", "5": "signed", "6": "signed", "7": "unsigned", "8": "unsigned"}
TRANSPARENT = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"}

# A place in a structure, in bits from its start. `dims` are an array's lengths, () of what is none; `kind` is signed, unsigned,
# struct or union, of an array that of its elements. `leaf`: nothing in it has a path of its own. `owner` is the path from the
# innermost structure that has a name: "struct vcpu_info.pad0" in every shared_info.
Place = collections.namedtuple("Place", "offset size kind dims leaf owner")
Die = collections.namedtuple("Die", "tag attrs children")
STRING = re.compile(r'"((?:\\.|[^"\\])*)"')
STRINGS = re.compile(r'\(*(?:"(?:\\.|[^"\\])*"\s*)+\)*')
VOID = Die("void", {}, [])


class BadHeaders(Exception):
    """The compiler refuses them; its words."""


def tool(name, *args, text=None):
    run = subprocess.run([CROSS + name, *map(str, args)], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         universal_newlines=True, env={**os.environ, "LC_ALL": "C"})
    return run.returncode, run.stdout, run.stderr


def must(*args, **more):
    status, out, err = tool(*args, **more)
    if status:
        raise BadHeaders(err or out)
    return out


def read_dies(obj):
    """The debug information as a dictionary offset -> Die, and the children of the compile unit."""
    dies, stack, attrs = {}, [], None
    head = re.compile(r" <(\d+)><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)")
    line_of = re.compile(r"    <[0-9a-f]+>   (DW_AT_\w+) *: (.*)")
    for line in must("readelf", "--debug-dump=info", obj).splitlines():
        new = head.match(line)
        if new:
            depth, attrs = int(new.group(1)), {}
            die = dies[int(new.group(2), 16)] = Die(new.group(3), attrs, [])
            del stack[depth:]
            if stack:
                stack[-1].children.append(die)
            stack.append(die)
        elif attrs is not None:
            attr = line_of.match(line)
            if attr:
                value = attr.group(2).split("\t")[0].strip()
                attrs[attr.group(1)] = re.sub(r"^\(indirect.*?\): ", "", value)
    return dies, stack[0].children if stack else []


def number(attrs, name, default=None):
    return int(attrs[name], 0) if name in attrs else default


class Types:
    """The types of one object file: `named` has "struct x", "union x" and "typedef x", `enumerators` names."""

    def __init__(self, obj):
        self.dies, top = read_dies(obj)
        self.named, self.enumerators = {}, set()
        for die in top:
            name = die.attrs.get("DW_AT_name")
            if die.tag in AGGREGATES and name and "DW_AT_declaration" not in die.attrs:
                self.named[f"{AGGREGATES[die.tag]} {name}"] = die
            elif die.tag == "DW_TAG_typedef":
                self.named["typedef " + name] = die
            elif die.tag == "DW_TAG_enumeration_type":
                self.enumerators.update(c.attrs["DW_AT_name"] for c in die.children)

    def target(self, die):
        """The type of a typedef or member."""
        return self.dies[int(die.attrs["DW_AT_type"].strip("<>"), 16)] if "DW_AT_type" in die.attrs else VOID

    def shape(self, die):
        """(element type without typedefs, bytes of all, array lengths, whether it is a Xen handle)."""
        dims, handle = (), False
        while die.tag in TRANSPARENT or die.tag == "DW_TAG_array_type":
            if die.tag == "DW_TAG_array_type":
                for sub in die.children:
                    upper = number(sub.attrs, "DW_AT_upper_bound", -1) + 1
                    dims += (number(sub.attrs, "DW_AT_count", upper),)
            handle |= is_handle(die)
            die = self.target(die)
        size = number(die.attrs, "DW_AT_byte_size", 0)
        for length in dims:
            size *= length
        return die, size, dims, handle

    def kind(self, die, handle=False):
        if die.tag in AGGREGATES and not handle:
            return AGGREGATES[die.tag]
        if handle or die.tag == "DW_TAG_pointer_type":
            return "unsigned"
        return ENCODINGS.get(die.attrs.get("DW_AT_encoding"), die.tag)

    def whole(self, name):
        """A named type as a Place. A typedef's kind has the name of the structure it is for."""
        inner, size, dims, handle = self.shape(self.named[name])
        kind = self.kind(inner, handle)
        if name.startswith("typedef") and kind in AGGREGATES.values():
            kind += " " + inner.attrs.get("DW_AT_name", "without a name")
        return Place(0, size * 8, kind, dims, False, name)

    def places(self, name):
        """path -> Place of every member of a structure or union, nested ones too: u.x.y, a[].b for the first of an array."""
        found = {}
        self._members(self.named[name], "", 0, name + ".", found)
        return found

    def _members(self, die, prefix, base, owner, found):
        for member in die.children:
            if member.tag != "DW_TAG_member":
                continue
            inner, size, dims, handle = self.shape(self.target(member))
            offset = base + number(member.attrs, "DW_AT_data_bit_offset",
                                   number(member.attrs, "DW_AT_data_member_location", 0) * 8)
            name, kind = member.attrs.get("DW_AT_name"), self.kind(inner, handle)
            nested = kind in AGGREGATES.values()
            if name:
                bits = number(member.attrs, "DW_AT_bit_size", size * 8)
                found[prefix + name] = Place(offset, bits, kind, dims, not nested, owner + name)
            if nested:
                step = name + ("[]." if dims else ".") if name else ""
                inside = f"{kind} {inner.attrs['DW_AT_name']}." if "DW_AT_name" in inner.attrs else owner + step
                self._members(inner, prefix + step, offset, inside, found)


def is_handle(die):
    """Xen's handles are structures with a pointer, behind typedefs with this name."""
    return die.tag == "DW_TAG_typedef" and die.attrs["DW_AT_name"].startswith("__guest_handle_")


class Source:
    """C text as one compiler sees it. What `before`, its first part, defines is not reported."""

    def __init__(self, before, text, *flags):
        self.flags = [*CFLAGS, *flags]
        self.text = before + text
        with tempfile.TemporaryDirectory(prefix="abi.") as tmp:
            outside = self._compiled(before, tmp + "/before.o")
            self.types = self._compiled(self.text, tmp + "/all.o")
            self.constants = read_symbols(tmp + "/all.o", ".rodata")
        for name in set(self.types.named) & set(outside.named):
            del self.types.named[name]
        self.types.enumerators -= outside.enumerators
        builtin = self._macros(before)
        self.macros = {name: how for name, how in self._macros(self.text).items() if name not in builtin}

    def _compiled(self, text, obj):
        must("gcc", *self.flags, "-gdwarf-5", "-c", "-x", "c", "-", "-o", obj, text=text)
        return Types(obj)

    def _macros(self, text):
        """name -> (whether it takes arguments, its text)."""
        defines = must("gcc", *self.flags, "-E", "-dM", "-x", "c", "-", text=text)
        return {name: (bool(args), body.strip())
                for name, args, body in re.findall(r"^#define (\w+)(\([^)]*\))?(.*)$", defines, re.M)}

    def values(self, expressions):
        """Of each its value modulo 2^64 if it is an integer constant, its text if it is a string; others are left out."""
        found, rows = {}, list(expressions)
        # Errors are of macros with more arguments than were given; their rows fail below too.
        _, text, _ = tool("gcc", *self.flags, "-E", "-P", "-x", "c", "-",
                          text=self.text + "".join(f"abi_row_{i} = {row};\n" for i, row in enumerate(rows)))
        for i, expanded in re.findall(r"^abi_row_(\d+) = (.*);$", text, re.M):
            if STRINGS.fullmatch(expanded):
                found[rows[int(i)]] = "".join(STRING.findall(expanded))
        rows = [row for row in rows if row not in found]
        with tempfile.TemporaryDirectory(prefix="abi.") as tmp:
            words = None
            while rows and words is None:
                words, bad = self._compile_values(rows, tmp + "/values.o")
                rows = [row for i, row in enumerate(rows) if i not in bad]
            numbers = read_section(tmp + "/values.o", "abi_values") if rows else b""
        found.update(zip(rows, struct.unpack(f"<{len(rows)}Q", numbers)))
        return found

    def _compile_values(self, rows, obj):
        """The object, or None and the indices of rows that are not constants; an error shows others only once it is gone."""
        first = self.text.count("\n") + 1
        text = "".join(f"enum {{ abi_constant_{i} = ({row}) }}; const unsigned long long abi_value_{i} "
                       f'__attribute__((section("abi_values"))) = (unsigned long long)({row});\n' for i, row in enumerate(rows))
        status, _, err = tool("gcc", *self.flags, "-ftrack-macro-expansion=0", "-c", "-x", "c", "-", "-o", obj,
                              text=self.text + text)
        bad = {int(line) - first for line in re.findall(r"^<stdin>:(\d+):\d+: error:", err, re.M)}
        if status and not bad:
            raise BadHeaders(err)
        return (None if status else obj), bad


def read_section(obj, name):
    with tempfile.NamedTemporaryFile() as out:
        must("objcopy", "-O", "binary", "-j", name, obj, out.name)
        return pathlib.Path(out.name).read_bytes()


def read_symbols(obj, name):
    """name -> bytes of every global constant in that section."""
    symbols = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) R (\w+)$", must("nm", "-S", obj), re.M)
    whole = read_section(obj, name) if symbols else b""
    return {symbol: whole[int(at, 16):int(at, 16) + int(size, 16)] for at, size, symbol in symbols}
