"""How a boot is watched, with shell scripts in place of QEMU; and where Xen comes from."""
import subprocess

import pytest

import machine
import oracle


def shell(script, **options):
    return machine.run(["bash", "-c", script], **{"limit": 60, "silence": 30, **options})


def test_stops_at_the_verdict():
    boot = shell("echo @verdict result=PASS; exec sleep 50")
    assert boot.verdict and not boot.hung and boot.raw == b"@verdict result=PASS\n" and boot.seconds < 40


def test_waits_for_the_whole_verdict():
    boot = shell("printf '@verdict resu'; sleep 0.3; printf 'lt=PA'; sleep 0.3; printf 'SS\\r\\n'; exec sleep 50")
    assert boot.verdict and boot.raw.endswith(b"result=PASS\r\n")


def test_goes_on_to_the_end():
    boot = shell("echo @verdict result=PASS; sleep 0.3; echo more; exit 33", to_the_end=True)
    assert boot.verdict and not boot.hung and boot.status == 33 and boot.raw.endswith(b"more\n")


def test_ends_without_a_verdict():
    boot = shell("echo text; exit 3")
    assert not boot.verdict and not boot.hung and boot.status == 3 and boot.raw == b"text\n"


def test_errors_are_in_the_output():
    assert b"oops" in shell("echo oops >&2").raw


@pytest.mark.parametrize("options", [{"silence": 0.5}, {"limit": 1}])
def test_hangs(options):
    """Silent, or never done."""
    script = "echo text; exec sleep 50" if "silence" in options else "while sleep 0.1; do echo text; done"
    boot = shell(script, **options)
    assert boot.hung and not boot.verdict and boot.raw.startswith(b"text\n") and boot.seconds < 40


def test_time_without_a_processor_does_not_count(monkeypatch):
    """Of 40 s a thread waits 30, the other one 12; a thread that is new has waited since it began; threads end."""
    wall, waited = [100.0], {"1": 7.0, "2": 0.0}
    monkeypatch.setattr(machine.time, "monotonic", lambda: wall[0])
    monkeypatch.setattr(machine, "waits", lambda pid: dict(waited))
    clock = machine.Clock(1)
    assert clock.now() == 100
    wall[0], waited["1"], waited["2"] = 140.0, 37.0, 12.0
    assert clock.now() == 110
    wall[0], waited["3"] = 150.0, 4.0
    assert clock.now() == 116
    wall[0] = 160.0
    waited.clear()
    assert clock.now() == 126
    wall[0], waited["4"] = 161.0, 99.0  # never more than there was
    assert clock.now() == 126


def test_threads_that_wait_are_found():
    """Four processes that want one processor, children of a child."""
    script = "taskset -c 0 bash -c 'for i in 1 2 3 4; do (while :; do :; done) & done; sleep 2; kill $(jobs -p)'"
    child = subprocess.Popen(["bash", "-c", script + "; true"])
    clock, start = machine.Clock(child.pid), machine.time.monotonic()
    while machine.time.monotonic() - start < 1.8:
        machine.time.sleep(0.3)
        clock.now()
    child.wait()
    assert clock.lost > 0.3


def test_is_fed_newlines():
    script = "read line; read line; echo @verdict result=PASS"
    assert shell(script, feeding=True, silence=20).verdict
    assert not shell(script, silence=1).verdict


def test_what_does_not_read_does_no_harm():
    assert shell("exec 0<&-; sleep 1; echo @verdict result=PASS; sleep 1", feeding=True).verdict


@pytest.fixture
def boots(monkeypatch, tmp_path):
    """boots(Boot, ...) are what the next calls of run() return."""
    monkeypatch.setattr(machine, "KEPT", tmp_path)

    def give(*those):
        left = list(those)
        monkeypatch.setattr(machine, "run", lambda *_, **__: left.pop(0))

    return give


VERSION = b"(XEN) Xen version 4.17.7 (Debian)\n"
HUNG = machine.Boot(VERSION, hung=True)


def test_xen_gets_one_more_boot(boots, tmp_path):
    boots(HUNG, machine.Boot(VERSION + b"2", verdict=True))
    boot = machine.boot_xen("xen")
    assert boot.attempts == 2 and (tmp_path / "xen.log").read_bytes() == VERSION + b"2"
    assert machine.xen_version(boot.raw) == "4.17.7"
    boots(machine.Boot(VERSION, verdict=True))
    assert machine.boot_xen("xen").attempts == 1


@pytest.mark.parametrize("those, what", [((HUNG, HUNG), "hangs, twice"), ((machine.Boot(VERSION, status=1),), "ended with status 1"),
                                         ((machine.Boot(b"Xen version 4.20.0\n", verdict=True),), "no Xen 4.17"),
                                         ((machine.Boot(b"qemu: no\n", status=1),), "no Xen 4.17")])
def test_xen_fails(boots, those, what):
    boots(*those)
    with pytest.raises(machine.Failed, match=what):
        machine.boot_xen("xen")


def test_homestead_gets_one_boot_and_must_power_off(boots):
    boots(machine.Boot(b"", verdict=True, status=33))
    machine.boot_homestead()
    for boot, what in ((machine.Boot(hung=True), "hangs"), (machine.Boot(verdict=True, status=37), "status 37")):
        boots(boot)
        with pytest.raises(machine.Failed, match=what):
            machine.boot_homestead()


def test_the_same_machine_for_both():
    one, two = (machine.command(kernel, options, machine.conformance("claim")) for kernel, options in (("H", "h"), ("X", "x")))
    assert [word for word in one if word not in two] == ["H", "h dom0_max_vcpus=1"] and "amd-iommu,intremap=on" in one
    assert one[-1] == "build/guest/conformance.elf only=claim,build/guest/conformance.elf"


# --- tools/get-xen.sh --------------------------------------------------------------------------------------
def get_xen(file, xen):
    return subprocess.run([machine.ROOT / "tools/get-xen.sh", "--no-install", file], env={"PATH": "/usr/bin:/bin", "XEN": str(xen)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def test_get_xen_unpacks(tmp_path):
    (tmp_path / "plain").write_bytes(b"hypervisor")
    subprocess.run(["gzip", "-k", tmp_path / "plain"], check=True)
    for source in ("plain", "plain.gz"):
        assert get_xen(tmp_path / "out/xen", tmp_path / source).returncode == 0
        assert (tmp_path / "out/xen").read_bytes() == b"hypervisor"


def test_get_xen_says_why_not(tmp_path, monkeypatch):
    done = get_xen(tmp_path / "xen", tmp_path / "none")
    assert done.returncode == 1 and "cannot be read" in done.stdout and not (tmp_path / "xen").exists()
    monkeypatch.setenv("XEN", str(tmp_path / "none"))
    monkeypatch.setattr(machine, "KEPT", tmp_path)
    with pytest.raises(oracle.NoXen, match="cannot be read"):
        oracle.get_xen()


def test_what_qemu_has_mixed_up():
    fault = b"d0: crashed\r\nd0v0: last exit 0x400, 64-bit code\r\n  rip ffffffff80030615  rflags 00000246  cpl 0\r\n"
    assert machine.mixed_up(b"@case x\r\n" + fault)
    assert not machine.mixed_up(fault.replace(b"ffffffff80030615", b"0000000000101600"))  # a guest's own fault
    assert not machine.mixed_up(fault.replace(b"0x400", b"0x7f"))
    assert not machine.mixed_up(b"")
