"""hypercall/compat.c, and what is copied for 32-bit callers as it is, against libxen-dev's headers as a 32-bit compiler sees
them. For abi_headers_test.py.

Each `struct compat_x` must lie as struct xen_x or struct x does in 32 bits, and the table of that name must say of every member
where it is in either layout. Every other structure of include/xen/ must lie the same in 32 bits, or be listed with the reason.
"""
import collections
import re
import struct

import abi_facts

# struct compat_layout: bytes of the structure in 64 and 32 bits, number of members, and of each its offset and size in either.
HEAD, FIELD = struct.Struct("<BBB"), struct.Struct("<BBBB")


def compat_of(path, root):
    """compat.c as the hypervisor's compiler sees it: its types, and its tables as bytes."""
    return abi_facts.Source("#include <xen/memory.h>\n#include <xen/sched.h>\n#include <xen/vcpu.h>\n", f'#include "{path}"\n',
                            f"-I{root}/include", f"-I{root}", "-mgeneral-regs-only")


class CompatComparison:
    def __init__(self, ours, xen, xen32, compat, listed):
        self.xen, self.xen32, self.compat = xen.types, xen32.types, compat
        self.rows, self.wrong, self.translated = collections.Counter(), [], set()
        for name in sorted(compat.types.named):
            if re.match("struct compat_(?!layout|field)", name):
                self._structure(name)
        self._typedefs()
        for name in sorted(ours.types.named):
            if not name.startswith("typedef") and name in self.xen.named:
                self._as_it_is(name, ours.types, listed)
        for name in sorted(set(listed) - set(ours.types.named)):
            self.wrong.append(f"{name}: listed for 32-bit callers, but not in include/xen")

    def row(self, kind, what, own, xen):
        self.rows[kind] += 1
        if own != xen:
            self.wrong.append(f"{what}: {kind} {own}, libxen-dev in 32 bits {xen}")

    def _structure(self, name):
        """A structure of compat.c, all its members, and its table."""
        plain = name.removeprefix("struct compat_")
        xen = next((n for n in (f"struct xen_{plain}", f"struct {plain}") if n in self.xen32.named), None)
        if not xen:
            return self.wrong.append(f"{name}: libxen-dev has no struct xen_{plain} or {plain}")
        self.translated.add(xen)
        own, other, wide = self.compat.types.places(name), self.xen32.places(xen), self.xen.places(xen)
        size = self.compat.types.whole(name).size // 8
        self.row("compat size", name, size, self.xen32.whole(xen).size // 8)
        want = [HEAD.pack(self.xen.whole(xen).size // 8, self.xen32.whole(xen).size // 8, sum(p.leaf for p in own.values()))]
        for path, place in own.items():
            if path not in other:
                self.wrong.append(f"{name}.{path}: not in libxen-dev")
                continue
            self.row("compat offset", f"{name}.{path}", place.offset // 8, other[path].offset // 8)
            self.row("compat size", f"{name}.{path}", place.size // 8, other[path].size // 8)
            if place.leaf:
                want.append(FIELD.pack(*(bits // 8 for p in (wide[path], other[path]) for bits in (p.offset, p.size))))
        for path, place in other.items():
            if place.leaf and not any(path == p or path.startswith(p + ".") for p in own):
                self.wrong.append(f"{name}: has no {path}")
        self._table(name.removeprefix("struct "), want)

    def _table(self, name, want):
        """The compiled struct compat_layout; its members may be in any order."""
        table = self.compat.constants.get(name, b"")
        fields = table[HEAD.size:HEAD.size + FIELD.size * (len(want) - 1)]
        got = [table[:HEAD.size], *(fields[i:i + FIELD.size] for i in range(0, len(fields), FIELD.size))]
        self.row("table head", f"table {name}", list(got[0]), list(want[0]))
        for have, right in zip(sorted(got[1:]), sorted(want[1:])):
            self.row("table member", f"table {name}", list(have), list(right))
        if len(got) != len(want):
            self.wrong.append(f"table {name}: {len(got) - 1} members, libxen-dev {len(want) - 1}")

    def _typedefs(self):
        """The words that arrays and single arguments consist of."""
        own, other = self.compat.types, self.xen32
        for mine, xen in (("compat_long", "xen_ulong_t"), ("compat_long", "xen_pfn_t"), ("compat_handle", "__guest_handle_void"),
                          ("compat_handle", "__guest_handle_xen_pfn_t")):
            self.row("compat size", f"typedef {mine} for {xen}", own.whole(f"typedef {mine}").size // 8,
                     other.whole(f"typedef {xen}").size // 8)

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
                self.wrong.append(f"{name}: differs in 32 bits ({', '.join(differs)}), and compat.c has no structure for it")
