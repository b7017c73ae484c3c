"""The layouts of 32-bit callers in hypercall/compat.c, and what is copied for them as it is, against libxen-dev's headers as a
32-bit compiler sees them. For abi_headers_test.py.

Each `compat_x = {"letters", sizeof(struct s), bytes}` must be struct s as libxen-dev has it in 64 and in 32 bits, field by field.
Every other structure of include/xen/ must lie the same in 32 bits, or be listed with the reason.
"""
import collections
import re

LAYOUT = re.compile(r'const struct compat_layout (compat_\w+) = \{"([hwlq]+)",\s*sizeof\((struct \w+)\),\s*(\d+)\}')
# A letter's bytes, and its alignment, in 64 and in 32 bits; compat.h has the same in words.
LETTERS = {"h": ((2, 2), (2, 2)), "w": ((4, 4), (4, 4)), "l": ((8, 8), (4, 4)), "q": ((8, 8), (8, 4))}


def compat_of(path, root):
    """The layouts in compat.c: name, letters, structure, bytes in 32 bits."""
    return LAYOUT.findall((root / path).read_text())


def laid_out(letters, which):
    """Offset and size of each field."""
    at = 0
    for letter in letters:
        size, align = LETTERS[letter][which]
        at += -at % align
        yield at, size
        at += size


def leaves(types, name):
    """Offset and size of each field, members of a union that share a place once."""
    return sorted({(p.offset // 8, p.size // 8) for p in types.places(name).values() if p.leaf})


class CompatComparison:
    def __init__(self, ours, xen, xen32, compat, listed):
        self.xen, self.xen32 = xen.types, xen32.types
        self.rows, self.wrong, self.translated = collections.Counter(), [], set()
        for name, letters, struct, size in compat:
            self._layout(name, letters, struct, int(size))
        for name in sorted(ours.types.named):
            if not name.startswith("typedef") and name in self.xen.named:
                self._as_it_is(name, ours.types, listed)
        for name in sorted(set(listed) - set(ours.types.named)):
            self.wrong.append(f"{name}: listed for 32-bit callers, but not in include/xen")

    def row(self, kind, what, own, xen):
        self.rows[kind] += 1
        if own != xen:
            self.wrong.append(f"{what}: {kind} {own}, libxen-dev {xen}")

    def _layout(self, name, letters, struct, size):
        self.translated.add(struct)
        self.row("compat size", name, size, self.xen32.whole(struct).size // 8)
        for bits, types in ((64, self.xen), (32, self.xen32)):
            own, other = list(laid_out(letters, bits == 32)), leaves(types, struct)
            self.row("compat fields", f"{name} in {bits} bits", len(own), len(other))
            for (at, length), narrow, xens in zip(own, laid_out(letters, 1), other):
                # A long's place may hold a number of 4 bytes: those are what is copied, and padding follows it.
                length = xens[1] if xens[1] == narrow[1] else length
                self.row("compat field", f"{name} in {bits} bits", [at, length], list(xens))

    def _as_it_is(self, name, ours, listed):
        """Without a structure in compat.c: the same in 32 bits, or listed."""
        own, other = ours.places(name), self.xen32.places(name)
        both = [(path, p, other[path]) for path, p in own.items() if path in other]
        differs = [path for path, p, q in both if (p.offset, p.size) != (q.offset, q.size)]
        if ours.whole(name).size != self.xen32.whole(name).size:
            differs.append("its size")
        if name in self.translated or name in listed:
            if not differs:
                self.wrong.append(f"{name}: is the same in 32 bits, but {'listed' if name in listed else 'translated'}")
            if name in self.translated and name in listed:
                self.wrong.append(f"{name}: listed for 32-bit callers, but compat.c has it")
        else:
            self.rows["same layout"] += 1 + len(both)
            if differs:
                self.wrong.append(f"{name}: differs in 32 bits ({', '.join(differs)}), and compat.c has no layout for it")
