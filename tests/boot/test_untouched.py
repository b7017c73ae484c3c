"""Memory that is not used is not touched: neither is the frame table's part for it. With idle-scrub=off a machine of 16 GiB
needs no more of the host's memory than one of 2 GiB."""
import ctypes
import re
import socket
import struct

import pytest

import harness
import monitor
from checks import GoodRun

NODES = 2
KIB_PER_GIB = 1 << 20
SMALL, LARGE = 2, 16  # GiB


def qemu_of(connection):
    """The process at the other end of the monitor's connection."""
    credentials = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[0]


def resident_ram(pid, node_kib):
    """KiB of the machine's RAM that exist in the host, of the mappings that are as large as a node."""
    text = open(f"/proc/{pid}/smaps").read()
    found = re.findall(r"^Size: +(\d+) kB$.*?^Rss: +(\d+) kB$", text, re.M | re.S)
    resident = [int(rss) for size, rss in found if int(size) == node_kib]
    assert len(resident) == NODES, (node_kib, [size for size, _ in found])
    return sum(resident)


@pytest.fixture(scope="module")
def small_pages():
    """Programs started from here get no large pages, with which a touched page would count as 2 MiB (prctl(2))."""
    set_thp_disable = 41
    assert ctypes.CDLL(None).prctl(set_thp_disable, 1, 0, 0, 0) == 0
    yield
    ctypes.CDLL(None).prctl(set_thp_disable, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_pages):
    """For each size, the output and the resident memory when domain 0 starts, in KiB."""
    found = {}
    for gib in (SMALL, LARGE):
        def look(connection):
            found[gib] = resident_ram(qemu_of(connection), gib * KIB_PER_GIB // NODES)

        directory = tmp_path_factory.mktemp(f"{gib}-gib")
        run = monitor.boot(directory / "qmp", [(rb"@boot [^\n]*\n", look)], "--direct", "--nodes", NODES, "--cpus", 2, "--mem", f"{gib}G",
                           "--cmdline", "idle-scrub=off dom0_mem=64M", "--guests", harness.guest_dir("tiny", directory))
        found[gib] = (run, found[gib])
    return found


@pytest.mark.parametrize("gib", (SMALL, LARGE))
class TestRuns(GoodRun):
    @pytest.fixture
    def run(self, runs, gib):
        return runs[gib][0]

    def test_there_is_a_table_for_all_of_it(self, run, gib):
        """4 bytes of 4,096 for words alone."""
        assert run.one("memmap")["table"] * 4096 >= gib << 20


def test_more_memory_needs_no_more(runs):
    """The table of the other 14 GiB has 15.75 MiB; a page for each GiB is written, and page tables."""
    resident = {gib: rss for gib, (_, rss) in runs.items()}
    print(resident)
    assert resident[LARGE] - resident[SMALL] < 1 << 10, resident
