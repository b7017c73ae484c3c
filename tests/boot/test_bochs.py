"""The main job on Intel: VMX, which QEMU does not emulate, in Bochs. Skipped, with the reason, where Bochs cannot be installed.
`make bochs-intel` runs more jobs, on more models."""
import os
import subprocess

import pytest

import harness
from checks import MainJob


def bochs_is_there():
    """Installs it if that is allowed, as the front doors of Linux download their packages. Skips the test otherwise."""
    flags = ["--no-install"] if os.environ.get("NO_INSTALL", "0") not in ("", "0") else []
    done = subprocess.run([harness.ROOT / "tools" / "setup.sh", *flags, "bochs"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        pytest.skip(done.stdout.strip())


class TestIntel(MainJob):
    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        bochs_is_there()
        guests = harness.guests_on(tmp_path_factory.mktemp("intel"), [0, 1], mib=self.mib)
        return harness.bochs("--vendor", "intel", "--guests", guests, timeout=300)  # a minute on a machine that does nothing else

    @pytest.fixture
    def cpus(self):
        return 4
