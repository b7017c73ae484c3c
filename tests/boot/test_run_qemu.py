"""run-qemu.sh's own decisions: --dry-run, --help and bad options. No emulator."""
import re
import shlex
import struct
import subprocess

import pytest

from harness import ROOT, USAGE


def script(*arguments, **more):
    return subprocess.run([str(ROOT / "run-qemu.sh"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=30, **more)


def dry(*arguments):
    run = script("--dry-run", *arguments)
    assert run.returncode == 0, run.stderr
    return shlex.split(run.stdout)


def values(command, option):
    return [command[i + 1] for i, word in enumerate(command) if word == option]


def node_sizes(command):
    return [int(re.search(r"size=(\d+)M", o).group(1)) for o in values(command, "-object")]


def test_help_names_every_option():
    text = script("--help").stdout
    for option in ("nodes", "cpus", "mem", "dist", "direct", "guests", "acpi-table", "cmdline", "icount", "gdb", "timeout",
                   "dry-run", "no-install"):
        assert f"--{option}" in text


def test_the_default_machine():
    command = dry()
    assert values(command, "-smp") == ["4"] and values(command, "-m") == ["2048M"]
    assert node_sizes(command) == [1024, 1024]
    assert values(command, "-numa") == ["node,nodeid=0,memdev=m0,cpus=0-1", "node,nodeid=1,memdev=m1,cpus=2-3"]
    assert "-bios" in command and "-kernel" not in command
    assert values(command, "-accel") == ["tcg"] and values(command, "-cpu") == ["max,vendor=AuthenticAMD,-monitor"]


def test_remainders_are_shared_out():
    command = dry("--nodes", "3", "--cpus", "4", "--mem", "1000M")
    assert node_sizes(command) == [334, 333, 333] and sum(node_sizes(command)) == 1000
    assert [n.split("cpus=")[1] for n in values(command, "-numa")] == ["0-1", "2-2", "3-3"]


def test_more_nodes_than_cpus():
    assert [("cpus=" in n) for n in values(dry("--nodes", "4", "--cpus", "2"), "-numa")] == [True, True, False, False]


def test_no_nodes_is_no_numa():
    command = dry("--nodes", "0")
    assert "-numa" not in command and "-object" not in command


def test_distances():
    command = dry("--nodes", "3", "--dist", "0,2,31", "--dist=1,2,40", "--dist", "2,1,41")
    given = {v for v in values(command, "-numa") if v.startswith("dist")}
    assert given == {f"dist,src={a},dst={b},val={v}" for a, b, v in
                     [(0, 1, 20), (1, 0, 20), (0, 2, 31), (2, 0, 31), (1, 2, 40), (2, 1, 41)]}


def test_direct_boot():
    command = dry("--direct", "--cmdline", "maxcpus=1 x=a,b", "--dom0-args", "mode=a,b c")
    assert values(command, "-append")[0].endswith("loglvl=info maxcpus=1 x=a,b")
    # QEMU separates modules by commas and reads two of them as one that is meant.
    assert values(command, "-initrd") == ["build/guest/dom0.elf mode=a,,b c,build/guest/default.cpio"]
    assert "-bios" not in command


def test_icount():
    command = dry("--icount")
    assert values(command, "-icount") == ["shift=0,sleep=off"] and values(command, "-accel") == ["tcg,thread=single"]


def test_more_qemu_arguments_come_last():
    assert dry("--", "-d", "int", "-D", "a b")[-4:] == ["-d", "int", "-D", "a b"]


def test_paths_with_commas_and_spaces(tmp_path):
    table = tmp_path / "a,b c.dat"
    table.write_bytes(b"SSDT" + struct.pack("<I", 36) + bytes(28))
    assert values(dry("--acpi-table", str(table)), "-acpitable") == ["file=" + str(table).replace(",", ",,")]
    odd = tmp_path / "guests, all"
    odd.mkdir()
    assert re.fullmatch(r"build/guest/dom0.elf,build/run/[^ ,]+/guests.cpio",
                        values(dry("--direct", "--guests", str(odd)), "-initrd")[0])


def test_an_srat_replaces_the_nodes(tmp_path):
    table = tmp_path / "srat.dat"
    table.write_bytes(b"SRAT" + struct.pack("<I", 48) + bytes(40))
    assert "-numa" not in dry("--acpi-table", str(table))
    run = script("--dry-run", "--nodes", "2", "--acpi-table", str(table))
    assert run.returncode == USAGE and "contradict" in run.stderr


def test_relative_paths_are_the_callers(tmp_path):
    (tmp_path / "t.dat").write_bytes(b"SSDT" + bytes(32))
    run = script("--dry-run", "--acpi-table", "t.dat", cwd=str(tmp_path))
    assert f"-acpitable file={tmp_path}/t.dat" in run.stdout


@pytest.mark.parametrize("arguments,hint", [
    (["--nodes", "x"], "--nodes"), (["--nodes", "65"], "0 to 64"), (["--nodes"], "--nodes wants a value"),
    (["--cpus", "0"], "1 to 255"), (["--cpus", "256"], "1 to 255"), (["--cpus", "-1"], "--cpus"),
    (["--mem", "5"], "--mem"), (["--mem", "2GB"], "--mem"), (["--mem", "64M"], "at least"),
    (["--nodes", "64", "--mem", "512M"], "16M a node"),
    (["--dist", "0,1"], "A,B,VAL"), (["--dist", "0,1,10"], "11 to 255"), (["--dist", "0,1,256"], "11 to 255"),
    (["--dist", "0,2,20"], "only nodes"), (["--dist", "0,0,20"], "itself"),
    (["--dist", "0,1,20", "--dist", "0,1,30"], "twice"),
    (["--guests", "/nonexistent"], "/nonexistent"), (["--acpi-table", "/nonexistent"], "/nonexistent"),
    (["--boot-config", "/nonexistent"], "/nonexistent"), (["--direct", "--boot-config", "/dev/null"], "--direct"),
    (["--timeout", "0"], "--timeout"), (["--cmdline", "a\nb"], "one line"),
    (["--frobnicate"], "--frobnicate"), (["--frobnicate=1"], "--frobnicate"), (["stray"], "stray"),
])
def test_bad_options_say_so(arguments, hint):
    run = script("--dry-run", *arguments)
    assert run.returncode == USAGE
    assert hint in run.stderr and run.stdout == ""
