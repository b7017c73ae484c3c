"""run-qemu.sh without an emulator: --dry-run, --help and invalid options."""
import re
import shlex
import struct
import subprocess

import pytest

from harness import ROOT, USAGE


def script(*arguments, **more):
    return subprocess.run([str(ROOT / "run-qemu.sh"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=30, **more)


def dry(*arguments, **more):
    run = script("--dry-run", *arguments, **more)
    assert run.returncode == 0, run.stderr
    return shlex.split(run.stdout)


def values(command, option):
    return [command[i + 1] for i, word in enumerate(command) if word == option]


def node_sizes(command):
    return [int(re.search(r"size=(\d+)M", o).group(1)) for o in values(command, "-object")]


def test_help_knows_every_option_that_is_read():
    """The options that the script accepts are exactly those of --help."""
    source = (ROOT / "run-qemu.sh").read_text()
    taken = set(re.findall(r"^    (--[a-z0-9-]+)(?: \| -h)?\)", source, re.M))
    assert taken and taken == set(re.findall(r"^  (--[a-z0-9-]+)", script("--help").stdout, re.M))


def test_the_default_machine():
    command = dry()
    assert values(command, "-smp") == ["4"] and values(command, "-m") == ["2048M"]
    assert node_sizes(command) == [1024, 1024]
    assert values(command, "-numa") == ["node,nodeid=0,memdev=m0,cpus=0-1", "node,nodeid=1,memdev=m1,cpus=2-3"]
    assert "-bios" in command and "-kernel" not in command
    assert values(command, "-accel") == ["tcg,thread=single"] and values(command, "-cpu") == ["max,vendor=AuthenticAMD,-monitor"]


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


def test_unequal_nodes():
    command = dry("--node-mem", "1G,0,2x256M", "--node-cpus=2,1,0,3")
    assert values(command, "-smp") == ["6"] and values(command, "-m") == ["1536M"]
    assert node_sizes(command) == [1024, 256, 256]
    assert values(command, "-numa") == ["node,nodeid=0,memdev=m0,cpus=0-1", "node,nodeid=1,cpus=2-2", "node,nodeid=2,memdev=m2",
                                        "node,nodeid=3,memdev=m3,cpus=3-5"]


def test_one_list_is_enough():
    assert [n.split("cpus=")[1] for n in values(dry("--node-mem", "1G,512M"), "-numa")] == ["0-1", "2-3"]
    command = dry("--node-cpus", "3x2,0", "--mem", "1G")
    assert node_sizes(command) == [256] * 4 and values(command, "-smp") == ["6"]


def test_lists_may_agree_with_the_totals():
    assert dry("--nodes", "2", "--mem", "1536M", "--node-mem", "1G,512M", "--cpus", "3", "--node-cpus", "1,2")


def test_interleaved_cpus():
    assert values(dry("--node-cpus", "3,1,2", "--interleave"), "-numa") == [
        "node,nodeid=0,memdev=m0,cpus=0,cpus=3,cpus=5", "node,nodeid=1,memdev=m1,cpus=1", "node,nodeid=2,memdev=m2,cpus=2,cpus=4"]


def test_cpu_topology():
    assert values(dry("--cpus", "12", "--topology", "2,3,2"), "-smp") == ["12,sockets=2,cores=3,threads=2"]


def test_hmat():
    command = dry("--hmat", "--node-mem", "1G,512M,0,256M", "--node-cpus", "1,0,1,0", "--dist", "0,1,40", "--dist", "2,1,16",
                  "--dist", "2,3,30")
    assert values(command, "-M") == ["q35,hmat=on"]
    nodes = [n for n in values(command, "-numa") if n.startswith("node")]
    assert [re.search(r"initiator=(\d)", n)[1] for n in nodes] == ["0", "2", "2", "0"]
    pairs = [re.search(r"initiator=(\d),target=(\d),hierarchy=memory,data-type=access-latency,latency=(\d+)$", n)
             for n in values(command, "-numa")]
    assert [tuple(map(int, p.groups())) for p in pairs if p] == [(0, 0, 10), (0, 1, 40), (0, 3, 20), (2, 0, 20), (2, 1, 16), (2, 3, 30)]
    assert sum("access-bandwidth" in n for n in values(command, "-numa")) == 6


def test_hotplug_window_and_nvdimm():
    command = dry("--hotplug", "1G", "--nvdimm", "256M")
    assert values(command, "-M") == ["q35,nvdimm=on"] and values(command, "-m") == ["2048M,slots=4,maxmem=3328M"]
    assert values(command, "-device")[1] == "nvdimm,memdev=nv0,node=1"
    assert values(dry("--nodes", "0", "--hotplug", "1G"), "-m") == ["2048M,slots=4,maxmem=3072M"]


def test_more_memory_than_40_bits_address():
    assert "phys-bits=46" in values(dry("--mem", "2T"), "-cpu")[0]
    assert "phys-bits" not in values(dry("--mem", "512G"), "-cpu")[0]


def test_direct_boot():
    command = dry("--direct", "--cmdline", "maxcpus=1 x=a,b", "--dom0-args", "mode=a,b c")
    assert values(command, "-append")[0].endswith("loglvl=info maxcpus=1 x=a,b")
    # QEMU separates modules by commas and reads two of them as one that is meant.
    assert values(command, "-initrd") == ["build/guest/dom0.elf mode=a,,b c,build/guest/default.cpio"]
    assert "-bios" not in command


def test_another_domain_0(tmp_path):
    built = dry("--direct", "--dom0", str(ROOT / "build/guest/selftest.elf"), "--dom0-args", "mode=a")
    assert values(built, "-initrd") == ["build/guest/selftest.elf mode=a,build/guest/default.cpio"]
    (tmp_path / "a,b.elf").write_bytes(b"")
    assert values(dry("--direct", "--dom0", "a,b.elf", cwd=tmp_path), "-initrd")[0].startswith(f"{tmp_path}/a,,b.elf,")


def test_one_thread():
    assert values(dry("--one-thread", "--cpus", "64"), "-accel") == ["tcg,thread=single"]
    assert values(dry("--cpus", "4"), "-accel") == ["tcg,thread=single"]
    assert values(dry("--cpus", "5"), "-accel") == ["tcg"]
    assert values(dry("--threads"), "-accel") == ["tcg"]


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


@pytest.mark.parametrize("signature,size,option", [("SRAT", 48, ("--nodes", "2")), ("HMAT", 40, ("--hmat",))])
def test_a_table_replaces_what_qemu_would_make(tmp_path, signature, size, option):
    table = tmp_path / "table.dat"
    table.write_bytes(signature.encode() + struct.pack("<I", size) + bytes(size - 8))
    assert ("-numa" in dry("--acpi-table", str(table))) == (signature != "SRAT")
    run = script("--dry-run", *option, "--acpi-table", str(table))
    assert run.returncode == USAGE and "contradict" in run.stderr


def test_relative_paths_are_the_callers(tmp_path):
    (tmp_path / "t.dat").write_bytes(b"SSDT" + bytes(32))
    run = script("--dry-run", "--acpi-table", "t.dat", cwd=str(tmp_path))
    assert f"-acpitable file={tmp_path}/t.dat" in run.stdout


@pytest.mark.parametrize("arguments,hint", [
    (["--boot-config", "README.md", "--cmdline", "maxcpus=1"], "cannot be combined"),
    (["--boot-config", "README.md", "--dom0-args", "quiet"], "cannot be combined"),
    (["--esp", "README.md", "--load-options", "safe"], "--esp cannot be combined"),
    (["--test"], "--test needs --linux or --linux-dom0"),
    (["--linux-dom0", "--linux"], "--linux-dom0 cannot be combined"),
    (["--linux-dom0", "--guests", "docs"], "--linux-dom0 cannot be combined"),
    (["--linux-dom0", "--dom0", "build/guest/bench.elf"], "--linux-dom0 cannot be combined with --dom0"),
    (["--direct", "--load-options", "safe"], "--load-options cannot"), (["--load-options", "a\nb"], "one line"),
    (["--nodes", "x"], "--nodes"), (["--nodes", "65"], "0 to 64"), (["--nodes"], "--nodes needs a value"),
    (["--cpus", "0"], "1 to 255"), (["--cpus", "256"], "1 to 255"), (["--cpus", "-1"], "--cpus"),
    (["--mem", "5"], "--mem"), (["--mem", "2GB"], "--mem"), (["--mem", "64M"], "at least"),
    (["--nodes", "64", "--mem", "512M"], "16M a node"),
    (["--dist", "0,1"], "A,B,VAL"), (["--dist", "0,1,10"], "11 to 255"), (["--dist", "0,1,256"], "11 to 255"),
    (["--dist", "0,2,20"], "only nodes"), (["--dist", "0,0,20"], "itself"),
    (["--dist", "0,1,20", "--dist", "0,1,30"], "twice"),
    (["--mem", "17T"], "16T"), (["--node-mem", "1G,"], "one value for each node"), (["--node-mem", ""], "one value"),
    (["--node-mem", "1G,x"], "'x'"), (["--node-mem", "1G,8M"], "16M"), (["--node-mem", "0x1G"], "repetition"),
    (["--node-mem", "65x16M"], "65 nodes"), (["--node-mem", "64M,0"], "at least 128M"),
    (["--mem", "2G", "--node-mem", "1G,512M"], "contradict"), (["--nodes", "3", "--node-mem", "1G,512M"], "2 nodes"),
    (["--node-cpus", "1,256"], "0 to 255"), (["--node-cpus", "200,200"], "not 400"), (["--node-cpus", "0,0"], "not 0"),
    (["--cpus", "4", "--node-cpus", "1,2"], "contradict"), (["--node-mem", "1G,512M", "--node-cpus", "1,1,1"], "3 nodes"),
    (["--node-mem", "1G,0", "--node-cpus", "2,0"], "node 1 has neither"),
    (["--topology", "2,2"], "SOCKETS"), (["--topology", "2,3,1"], "6 CPUs"),
    (["--nodes", "0", "--hmat"], "--hmat"), (["--nodes", "0", "--interleave"], "--interleave"),
    (["--nodes", "0", "--nvdimm", "1G"], "--nvdimm"), (["--hotplug", "1"], "--hotplug"), (["--hotplug", "1M"], "at least"),
    (["--nvdimm", "1M"], "at least"), (["--hmat=1"], "--hmat"), (["--interleave=x"], "--interleave"),
    (["--guests", "/nonexistent"], "/nonexistent"), (["--acpi-table", "/nonexistent"], "/nonexistent"),
    (["--dom0", "/nonexistent"], "/nonexistent"), (["--direct", "--dom0", str(ROOT / "build/a b.elf")], "space"),
    (["--boot-config", "/nonexistent"], "/nonexistent"), (["--direct", "--boot-config", "/dev/null"], "--direct"),
    (["--timeout", "0"], "--timeout"), (["--cmdline", "a\nb"], "one line"),
    (["--frobnicate"], "--frobnicate"), (["--frobnicate=1"], "--frobnicate"), (["stray"], "stray"),
])
def test_bad_options_say_so(arguments, hint):
    run = script("--dry-run", *arguments)
    assert run.returncode == USAGE
    assert hint in run.stderr and run.stdout == ""
