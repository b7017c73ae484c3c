"""Guest-physical memory that is not there, and the local APIC's registers in it."""
import re

import pytest

from checks import GoodRun
from test_guest_smp import CHECKS


class TestMmio(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("mmio", "--cpus", "4", "--one-thread")

    @pytest.mark.parametrize("code,results", [(64, 40), (32, 34), (16, 34)])
    def test_reads_give_ones_and_writes_are_dropped(self, run, code, results):
        assert f"(d{run.domain('mmio')}) mmio: {code}-bit code, {results} results ok" in run.lines, run.tail()

    def test_outs_prints(self, run):
        assert run.lines.count(f"(d{run.domain('mmio')}) mmio: printed by rep outsb") == 3, run.tail()

    @pytest.mark.parametrize("found", ["outs past the end: exception 14, error 0, rcx 5, cr2 0x100000000 ok",
                                       "ins past the end: exception 14, error 2, rcx 6, cr2 0x100000000 ok"])
    def test_string_io_faults_at_the_element(self, run, found):
        assert f"(d{run.domain('mmio')}) mmio: {found}" in run.lines, run.tail()

    @pytest.mark.parametrize("name,reason", [
        ("insn", "read guest-physical 0xd0000000, where nothing is mapped, by an instruction that is not emulated"),
        ("stack", "wrote guest-physical 0xd00000f8, where nothing is mapped, by an instruction that is not emulated"),
        ("tables", "wrote guest-physical 0xd0000000, where nothing is mapped, for its page tables"),
        ("event", "read guest-physical 0xd0000060, where nothing is mapped, to deliver an event"),
        ("code", "executed guest-physical 0xd0000000, where nothing is mapped"),
    ])
    def test_all_else_ends_the_domain(self, run, name, reason):
        assert f"d{run.domain(name)}: crashed: {reason}" in run.lines, run.tail()
        assert ("shutdown", 3) in run.events(name)

    def test_several_vcpus_in_xapic_mode(self, run):
        said = [line for line in run.lines if line.startswith(f"(d{run.domain('xapic')}) smp: ")]
        found = [re.sub(r"^\(d\d+\) smp: ", "", line) for line in said]
        assert found == [f"{check} ok" for check in CHECKS] + ["8 vCPUs ok"], run.tail()

    def test_random_writes_in_xapic_mode(self, run):
        assert f"(d{run.domain('random')}) apic: 5000 random writes, 3 vCPUs, still here" in run.lines, run.tail()
