"""Attacks of tests/guests/hostile, as domain 0 and as a guest, on both builds; the table is in docs/hypervisor-guide/security.md."""
import re
import shutil
import time

import pytest

import harness
import monitor
from checks import AnyRun, GoodRun

BUILDS = {"release": [], "debug": ["-kernel", "build/debug/homestead"]}


def as_domain_0(attack, build, *options):
    return harness.boot("--direct", "--cpus", "4", "--nodes", "2", "--cmdline", "loglvl=error dom0_max_vcpus=3", *options, "--",
                        *BUILDS[build], "-initrd", f"build/guest/hostile.elf attack={attack}")


def replaced(run):
    found = re.search(r"replace: (\d+) frames replaced, (\d+) reads and writes, (\d+) stale, (\d+) soiled", run.text)
    return [int(number) for number in found.groups()]


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestReplaceInDomain0(AnyRun):
    """The frame behind a page changes while two other vCPUs use it: populated over, the shared info page, foreign frames."""

    @pytest.fixture(scope="class")
    def run(self, build):
        return as_domain_0("replace rounds=200", build)

    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_figures(self, run):
        frames, accesses, stale, soiled = replaced(run)
        assert frames == 200 * 6 and accesses > frames and (stale, soiled) == (0, 0)


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestReplaceInAGuest(AnyRun):
    """The same by a guest, whose frames are its own."""

    @pytest.fixture(scope="class")
    def run(self, build, boot_guests):
        return boot_guests("replace", "--cpus", "4", "--nodes", "2", "--", *BUILDS[build])

    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_figures(self, run):
        frames, accesses, stale, soiled = replaced(run)
        assert frames == 250 * 4 and accesses > frames and (stale, soiled) == (0, 0)


DOMAIN_0 = ["instructions", "sweep", "storm", "tables", "toctou", "claims", "offline", "race", "fifo", "pod", "grants"]


class AttacksOfDomain0(AnyRun):
    def test_status(self, run):
        run.expect_status(harness.PASS)

    @pytest.mark.parametrize("name", DOMAIN_0)
    def test_the_attack(self, run, name):
        assert run.one("attack", name=name)["result"] == "ok", run.tail()


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestAttacksOfDomain0(AttacksOfDomain0):
    @pytest.fixture(scope="class")
    def run(self, build):
        return as_domain_0("+".join(DOMAIN_0) + " calls=300", build)


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestGrantsOf8Vcpus(AnyRun):
    """Grants are mapped, unmapped, copied and overwritten, and their pages replaced, by eight vCPUs at a time."""

    @pytest.fixture(scope="class")
    def run(self, build):
        return harness.boot("--direct", "--one-thread", "--cpus", "8", "--nodes", "2", "--cmdline", "loglvl=error dom0_max_vcpus=8", "--",
                            *BUILDS[build], "-initrd", "build/guest/hostile.elf attack=grants")

    def test_status(self, run):
        run.expect_status(harness.PASS)

    def test_the_attack(self, run):
        assert run.one("attack", name="grants")["result"] == "ok", run.tail()


GUESTS = {"instructions": ["instructions", "sweep"], "storm": ["storm", "fifo", "grants"], "tables": ["tables"], "toctou": ["toctou"]}


class AttacksOfGuests(GoodRun):
    @pytest.mark.parametrize("name", GUESTS)
    def test_the_attack(self, run, name):
        for attack in GUESTS[name]:
            assert f"(d{run.domain(name)}) @attack name={attack} result=ok" in run.lines, run.tail()

    def test_odd_tables_end_the_guest_only(self, run):
        assert ("shutdown", 3) in run.events("walks")


@pytest.mark.parametrize("build", BUILDS, scope="class")
class TestAttacksOfGuests(AttacksOfGuests):
    @pytest.fixture(scope="class")
    def run(self, build, boot_guests):
        return boot_guests("attacks", "--cpus", "4", "--nodes", "2", "--", *BUILDS[build])


class TestFlood:
    """Eight guests that print as fast as they can cost their neighbour no more than eight that spin."""

    @pytest.fixture(scope="class")
    def gaps(self, tmp_path_factory):
        """The neighbour's longest time without the CPU, in us, beside each kind; and the run with the flood."""
        longest = {}
        for kind in ("spin", "print"):
            directory = tmp_path_factory.mktemp(kind)
            shutil.copy(harness.BUILT / "hostile.elf", directory)
            for number in range(9):
                name, attack = ("neighbour", "gap ms=130") if number == 8 else (f"noise{number}", f"flood ms=320 do={kind}")
                (directory / f"{number}.cfg").write_text(
                    f'name = "{name}"\nkernel = "hostile.elf"\nextra = "attack={attack}"\nmemory = 16\n')
            run = harness.boot("--direct", "--icount", "--guests", directory, "--cpus", "1", "--nodes", "1", "--mem", "512M", "--cmdline",
                               "dom0_max_vcpus=9")
            run.expect_status(harness.PASS)
            longest[kind] = int(re.search(r"gap: the longest was (\d+) us", run.text).group(1))
        return longest, run

    def test_the_gap(self, gaps):
        longest, _ = gaps
        assert 0 < longest["print"] <= 1.5 * longest["spin"], longest

    def test_lines_are_dropped_and_counted(self, gaps):
        _, run = gaps
        assert re.search(r"^d\d+: \d{1,3}(,\d{3})* lines dropped$", run.text, re.M), run.tail()


def found(run, name):
    """What each vCPU of a guest found in its registers."""
    prefix = f"(d{run.domain(name)}) soil: vcpu "
    return [line[len(prefix):] for line in run.lines if line.startswith(prefix)]


@pytest.mark.parametrize("cpu", ["max", "EPYC", "Opteron_G5"], scope="class")
class TestSoiledRegisters(GoodRun):
    """Nothing that a vCPU leaves in a register, whether CPUID offers it or not, is seen by another one, then or later."""

    @pytest.fixture(scope="class")
    def run(self, boot_guests, cpu):
        return boot_guests("soil", "--cpus", "1", "--nodes", "1", "--", "-cpu", f"{cpu},vendor=AuthenticAMD")

    def test_each_vcpu_finds_its_own(self, run):
        assert re.search(r"soil: (\d\d+) and \1 registers written, 0 of them lost", run.text), run.tail()

    def test_the_next_guest_finds_nothing(self, run):
        clean, after = found(run, "clean"), found(run, "after")
        assert len(clean) == 6 and clean == after
        assert [line[2:] for line in clean[:3]] == [line[2:] for line in clean[3:]]

    def test_what_cpuid_hides_is_not_there(self, run):
        text = " ".join(found(run, "clean"))
        for register in ("xcr0", "pkru", "ymm"):
            assert text.count(f" {register}=#6") == 2, text

    def test_single_steps(self, run):
        assert any("step: 10 of 10 instructions trap" in line for line in run.lines), run.tail()


class TestSoiledRegistersOfDomain0(AnyRun):
    @pytest.fixture(scope="class")
    def run(self):
        return as_domain_0("soil do=soil", "debug")

    def test_status(self, run):
        run.expect_status(harness.PASS)


class TestMachineCheckInAGuestWithoutMce(GoodRun):
    """A guest that clears CR4.MCE does not turn the host's machine check into a reset. QEMU gives it to the guest, however."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        directory = tmp_path_factory.mktemp("mce")

        def inject(m):
            time.sleep(0.3)  # the hypervisor, in which it is a panic, still writes to the console when the line has been read
            m.human("mce 0 4 0xbe00000000000135 0x5 0x12345678 0x8c")

        return monitor.boot(directory / "qmp", [(rb"mce: machine checks are off\r?\n", inject)], "--direct", "--guests",
                            harness.guest_dir("mce", directory), "--cpus", "1", "--nodes", "1")

    def test_only_the_guest_ends(self, run):
        assert any("exception 18 error 0" in line for line in run.lines), run.tail()
        assert ("shutdown", 3) in run.events("mce")


def test_the_table_of_attacks_is_true():
    """Each attack has a row, and each class, file and make target in a row exists."""
    rows = [line for line in (harness.ROOT / "docs/hypervisor-guide/security.md").read_text().splitlines() if line.startswith("| ")]
    rows = rows[next(i for i, line in enumerate(rows) if line.startswith("| attack |")) + 1:]
    text = "\n".join(rows)
    hostile = harness.ROOT / "tests/guests/hostile"
    assert set(re.findall(r"attack_\w+\.c", text)) == {file.name for file in hostile.glob("attack_*.c")}
    classes = {name for file in (harness.ROOT / "tests/boot").glob("test_*.py") for name in re.findall(r"^class (Test\w+)", file.read_text(), re.M)}
    assert all(re.search(r"`Test\w+`", row) for row in rows) and set(re.findall(r"`(Test\w+)`", text)) <= classes
    recipes = "\n".join(file.read_text() for file in [*harness.ROOT.glob("t*/*.mk"), harness.ROOT / "Makefile"])
    for target in re.findall(r"`make ([\w-]+)`", text):
        assert re.search(rf"^[^\t#=]*\b({target}|{target.split('-')[0]}-)(?![\w]).*:", recipes, re.M), target
