"""Measures against leaks between domains: what is said of a CPU, what options do, and that the instructions run. An emulator
cannot show that they hold anything back (docs/hypervisor-guide/spec-ctrl.md)."""
import re
import subprocess

import pytest

import harness
from checks import GoodRun

MEASURES = ("ibpb,verw,l1d-flush,div-scrub,ibrs,ibpb-entry,rsb,pbrsb,eibrs,auto-ibrs,bhi-dis-s,bp-spec-reduce,lfence,tsx-off,"
            "ssbd,stibp")


# TCG takes a vendor and a model, and has none of the controls.
@pytest.mark.parametrize("vendor,family,model", [("GenuineIntel", 6, 85), ("AuthenticAMD", 23, 49)], scope="class")
class TestWhatACpuNeeds(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, boot_guests, vendor, family, model):
        return boot_guests("tiny", "--topology", "1,2,2", "--", "-cpu", f"max,vendor={vendor},family={family},model={model},+svm")

    def test_it_is_said(self, run, vendor, family, model):
        name, needs = {"GenuineIntel": ("intel", "bti,l1tf,mds"), "AuthenticAMD": ("amd", "bti,btc,srso")}[vendor]
        assert run.one("spec_ctrl") == {"vendor": name, "family": family, "model": model, "stepping": 1, "smt": "yes",
                                        "needs": needs, "done": "none", "open": needs}
        assert f"Speculation     exposed to {needs}; done: none; open: {needs}; threads of a core are not kept apart" in run.lines


class TestMeasuresRun(GoodRun):
    """All of them, on CPUs that domains share and that ignore registers that they lack. QEMU logs the code that it
    translates, which is the code that is executed."""

    @pytest.fixture(scope="class")
    def log(self, tmp_path_factory):
        return tmp_path_factory.mktemp("code") / "log"

    @pytest.fixture(scope="class")
    def run(self, log):
        return harness.boot("--direct", "--nodes", 2, "--cpus", 2, "--cmdline", "test_spec_ctrl=0-15", *harness.DEBUG_BUILD,
                            "-d", "in_asm", "-D", log, "-dfilter", ",".join(f"{start:#x}+{size:#x}" for start, size in
                                                                            functions().values()))

    def test_all_are_done(self, run):
        assert run.one("spec_ctrl")["done"] == MEASURES

    def test_before_a_guest(self, run, log):
        """SPEC_CTRL, PRED_CMD, FLUSH_CMD; the division, and VERW as the last of them."""
        code = executed(log, "enter_guarded")
        assert sum(name == "wrmsr" for _, name in code) == 3, code
        assert {"divl", "verw"} <= {name for _, name in code}, code

    def test_after_a_guest(self, run, log):
        """SPEC_CTRL and PRED_CMD, the 32 returns, LFENCE; then RET."""
        code = executed(log, "svm_enter_guarded")
        names = [name for _, name in code]
        assert names.count("wrmsr") == 2, code
        assert names.index("vmrun") < names.index("wrmsr") < names.index("decl") < names.index("lfence") < names.index("retq"), code


def functions():
    """{name: (address, size)} of the debug build."""
    text = subprocess.run(["nm", "-n", str(harness.ROOT / "build/debug/homestead.elf")], check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout
    symbols = [(int(address, 16), name) for address, name in re.findall(r"^([0-9a-f]+) [tT] ([a-z]\w*)$", text, re.M)]
    return {name: (address, symbols[i + 1][0] - address) for i, (address, name) in enumerate(symbols)
            if name in ("enter_guarded", "svm_enter_guarded")}


def executed(log, function):
    """[(address, mnemonic)], each address once, in ascending order."""
    start, size = functions()[function]
    code = {int(address, 16): name for address, name in re.findall(r"^0x([0-9a-f]+):  [0-9a-f ]+? {2,}(\w+)", log.read_text(), re.M)}
    return [(address, name) for address, name in sorted(code.items()) if start <= address < start + size]


class TestOptions(GoodRun):
    @pytest.fixture(scope="class")
    def run(self, boot_guests):
        return boot_guests("tiny", "--cmdline", "spec-ctrl=verw,retpoline spec-ctrl=no-rsb")

    def test_what_cannot_be_used_is_named(self, run):
        said = [line for line in run.lines if line.startswith("warning: option spec-ctrl: ")]
        assert len(said) == 1 and "cannot use 'verw,retpoline' (no, or a list of NAME" in said[0], run.tail()
        assert said[0].endswith("; spec-ctrl=no-rsb,verw holds")
