#!/usr/bin/env python3
"""include/xen/ and the 32-bit layouts of hypercall/compat.c against Debian's libxen-dev: every macro with a value, every
enumerator, every type and member, generated from the headers (abi_facts.py, abi_compare.py, abi_compat.py). What Xen has besides
goes to build/host/abi-beyond.txt. Prints what cmocka would print (tools/run-unit.py), and a `note:` with the rows of each kind.
"""
import pathlib
import shutil
import sys
import tempfile
import traceback

import abi_compare
import abi_compat

ROOT = abi_compare.ROOT
BEYOND = ROOT / "build/host/abi-beyond.txt"
# Far below what there is, far above what a generator that reads only a part would find.
FLOOR = {"constant": 230, "enumerator": 8, "sample": 50, "size": 600, "offset": 550, "type": 650, "length": 30, "bit-field": 4,
         "typedef": 12, "same layout": 450, "compat size": 8, "compat fields": 16, "compat field": 50}
HEADERS = abi_compare.header_names(ROOT)
XEN, XEN32 = abi_compare.xen_of(HEADERS), abi_compare.xen_of(HEADERS, "-m32")
LISTS = abi_compare.read_list()


def compare(root=ROOT, ours_listed=LISTS["ours"], compat_listed=LISTS["32 bits"], xen=XEN):
    # The headers' own assertions would find some broken layouts first.
    ours = abi_compare.ours_of(root, "-D_Static_assert(...)=")
    compat = abi_compat.compat_of("hypercall/compat.c", root)
    return (abi_compare.Comparison(ours, xen, ours_listed, abi_compare.guards_of(root)),
            abi_compat.CompatComparison(ours, xen, XEN32, compat, compat_listed))


def test_everything_agrees_with_libxen_dev():
    headers, compat = compare()
    BEYOND.parent.mkdir(parents=True, exist_ok=True)
    BEYOND.write_text("\n".join(headers.beyond) + "\n")
    rows = headers.rows + compat.rows
    print(f"note: {sum(rows.values())} rows: " + ", ".join(f"{kind} {count}" for kind, count in rows.most_common()))
    print(f"note: ours alone {len(LISTS['ours'])} names, other layouts in 32 bits {len(LISTS['32 bits'])}; "
          f"Xen has more in {len(headers.beyond)} families and structures: {BEYOND.relative_to(ROOT)}")
    assert not headers.wrong + compat.wrong, "\n".join(headers.wrong + compat.wrong)
    few = {kind: rows[kind] for kind, least in FLOOR.items() if rows[kind] < least}
    assert not few, f"suspiciously few rows: {few}"


# One of each kind: file, text, what it is replaced by, what has to be said.
BROKEN = [
    ("include/xen/sched.h", "SCHEDOP_poll            3", "SCHEDOP_poll            4", "SCHEDOP_poll: constant 4, libxen-dev 3"),
    ("include/xen/xen.h", "DOMID_SELF           0x7FF0U", "DOMID_SELF           (-1)",
     "DOMID_SELF: constant 0xffffffffffffffff, libxen-dev 0x7ff0"),
    ("include/xen/elfnote.h", "PHYS32_ENTRY 18", 'PHYS32_ENTRY "18"', 'XEN_ELFNOTE_PHYS32_ENTRY: string "18", libxen-dev 0x12'),
    ("include/xen/features.h", "#define XENFEAT_dom0  ", "#define XENFEAT_domO  ",
     "XENFEAT_domO: not in libxen-dev, and not in abi_ours.list"),
    ("include/xen/features.h", "#define XENFEAT_not_direct_mapped         16", "#define XENFEAT_not_direct_mapped",
     "XENFEAT_not_direct_mapped: not in libxen-dev, and not in abi_ours.list"),
    ("include/xen/hvm/save.h", "HVM_SAVE_CODE_PIT = 10", "HVM_SAVE_CODE_PIT = 12",
     "HVM_SAVE_CODE_PIT: enumerator 0xc, libxen-dev 0xa"),
    ("include/xen/hvm/save.h", "pending_type : 3", "pending_type : 2",
     "struct hvm_hw_cpu.pending_type: bit-field 8136 2 unsigned, libxen-dev 8136 3 unsigned",
     "struct hvm_hw_cpu.pending_error_valid: bit-field 8138 1 unsigned, libxen-dev 8139 1 unsigned",
     "struct hvm_hw_cpu.pending_reserved: bit-field 8139 19 unsigned, libxen-dev 8140 19 unsigned",
     "struct hvm_hw_cpu.pending_valid: bit-field 8158 1 unsigned, libxen-dev 8159 1 unsigned",
     "struct hvm_hw_cpu: differs in 32 bits (pending_type, pending_error_valid, pending_reserved, pending_valid), and compat.c "
     "has no layout for it"),
    ("include/xen/memory.h", "(((x) >> 8) - 1) & 0xffu", "(((x) >> 8) - 1) & 0x7fu",
     "XENMEMF_get_node(0): sample 0x7f, libxen-dev 0xff", "XENMEMF_get_node(1): sample 0x7f, libxen-dev 0xff",
     "XENMEMF_get_node(2): sample 0x7f, libxen-dev 0xff", "XENMEMF_get_node(3): sample 0x7f, libxen-dev 0xff",
     "XENMEMF_get_node(9): sample 0x7f, libxen-dev 0xff", "XENMEMF_get_node(63): sample 0x7f, libxen-dev 0xff",
     "XENMEMF_get_node(254): sample 0x7f, libxen-dev 0xff", "XENMEMF_get_node(4294967295): sample 0x7e, libxen-dev 0xfe"),
    ("include/xen/event_channel.h", "u32 pirq;", "u32 pirk;",
     "struct evtchn_status.u.pirk: not in libxen-dev, and not in abi_ours.list"),
    ("include/xen/hvm/hvm_op.h", "u32 vcpu;\n    u8 vector;", "u8 vector;\n    u32 vcpu;",
     "struct xen_hvm_evtchn_upcall_vector.vector: offset 0, libxen-dev 4",
     "struct xen_hvm_evtchn_upcall_vector.vcpu: offset 4, libxen-dev 0",
     "struct xen_hvm_evtchn_upcall_vector: differs in 32 bits (vector, vcpu), and compat.c has no layout for it"),
    ("include/xen/version.h", "compile_date[32]", "compile_date[36]", "struct xen_compile_info: size 0x94, libxen-dev 0x90",
     "struct xen_compile_info.compile_date: size 0x24, libxen-dev 0x20",
     "struct xen_compile_info.compile_date: length 36, libxen-dev 32",
     "struct xen_compile_info: differs in 32 bits (compile_date, its size), and compat.c has no layout for it"),
    ("include/xen/version.h", "char xen_commandline_t[1024]", "u8 xen_commandline_t[1000]",
     "typedef xen_commandline_t: typedef 0x3e8, libxen-dev 0x400", "typedef xen_commandline_t: type unsigned, libxen-dev signed",
     "typedef xen_commandline_t: length 1000, libxen-dev 1024"),
    ("include/xen/sysctl.h", "s32 node;", "u32 node;", "struct xen_sysctl_availheap.node: type unsigned, libxen-dev signed",
     "struct xen_sysctl.u.availheap.node: type unsigned, libxen-dev signed"),
    ("include/xen/domctl.h", "XEN_DOMCTL_claim_memory            91", "XEN_DOMCTL_claim_memory            86",
     "XEN_DOMCTL_claim_memory: the number of Xen's XEN_DOMCTL_set_paging_mempool_size"),
    ("hypercall/compat.c", '{"hhwll"', '{"hhlwl"',
     "compat_add_to_physmap in 64 bits: compat field [8, 4], libxen-dev [4, 4]",
     "compat_add_to_physmap in 64 bits: compat field [16, 4], libxen-dev [8, 8]",
     "compat_add_to_physmap in 64 bits: compat field [24, 8], libxen-dev [16, 8]"),
    ("hypercall/compat.c", '{"lwq"', '{"lq"',
     "compat_sched_poll in 64 bits: compat fields 2, libxen-dev 3", "compat_sched_poll in 32 bits: compat fields 2, libxen-dev 3",
     "compat_sched_poll in 64 bits: compat field [8, 8], libxen-dev [8, 4]",
     "compat_sched_poll in 32 bits: compat field [4, 8], libxen-dev [4, 4]"),
    ("hypercall/compat.c", "sizeof(struct xen_remove_from_physmap), 8", "sizeof(struct xen_remove_from_physmap), 12",
     "compat_remove_from_physmap: compat size 12, libxen-dev 8"),
]


def test_each_kind_of_difference_is_found():
    with tempfile.TemporaryDirectory(prefix="abi.") as tmp:
        root = pathlib.Path(tmp)
        for part in ("include", "hypercall", "domain", "arch", "lib", "mm"):
            shutil.copytree(ROOT / part, root / part, ignore=lambda _, names: [n for n in names if n.endswith((".o", ".asm"))])
        for name, old, new, *_ in BROKEN:
            text = (root / name).read_text()
            assert text.count(old) == 1, f"{name}: {old!r} is there {text.count(old)} times"
            (root / name).write_text(text.replace(old, new))
        headers, compat = compare(root)
    said, wanted = set(headers.wrong + compat.wrong), {line for _, _, _, *lines in BROKEN for line in lines}
    assert said == wanted, "not said:\n" + "\n".join(wanted - said) + "\nsaid besides:\n" + "\n".join(said - wanted)


def test_the_list_is_exact():
    listed = dict(LISTS["ours"])
    for name in ("struct xen_memory_claim", "XEN_HOMESTEAD_HOLDERS", "XEN_HANDLE()"):
        del listed[name]
    more = "XENFEAT_dom0", "struct sched_poll", "struct xen_domctl.u.max_mem", "XENMEMF_node()", "XEN_GONE"
    listed.update(dict.fromkeys(more, ""))
    others = dict(LISTS["32 bits"])
    del others["struct multicall_entry"]
    others.update(dict.fromkeys(("struct sched_poll", "struct evtchn_status", "struct xen_gone"), ""))
    headers, compat = compare(ours_listed=listed, compat_listed=others)
    assert sorted(headers.wrong) == sorted([
        "struct xen_memory_claim: not in libxen-dev, and not in abi_ours.list",
        "XEN_HOMESTEAD_HOLDERS: not in libxen-dev, and not in abi_ours.list",
        "XEN_HANDLE(): not in libxen-dev, and not in abi_ours.list",
        "XENFEAT_dom0: in abi_ours.list, but libxen-dev has it",
        "struct sched_poll: in abi_ours.list, but libxen-dev has it",
        "struct xen_domctl.u.max_mem: in abi_ours.list, but libxen-dev has it",
        "XENMEMF_node(): in abi_ours.list, but libxen-dev has it",
        "XEN_GONE: in abi_ours.list, but not in include/xen"]), headers.wrong
    assert sorted(compat.wrong) == sorted([
        "struct multicall_entry: differs in 32 bits (op, result, args, its size), and compat.c has no layout for it",
        "struct sched_poll: listed for 32-bit callers, but compat.c has it",
        "struct evtchn_status: is the same in 32 bits, but listed",
        "struct xen_gone: listed for 32-bit callers, but not in include/xen"]), compat.wrong


def main():
    failed = 0
    for name, test in [(name, f) for name, f in globals().items() if name.startswith("test_")]:
        print(f"[ RUN      ] {name}")
        try:
            test()
            print(f"[       OK ] {name}")
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print(f"[  FAILED  ] {name}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
