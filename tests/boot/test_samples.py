"""The samples of the guest guide (docs/samples/guest), which samples.elf as domain 0 runs one after the other."""
import re

import pytest

import harness
from checks import GoodRun

SAMPLES = sorted(path.stem for path in (harness.ROOT / "docs/samples/guest").glob("*.c") if path.stem != "main")
SHOWN = sorted((page.parent / file).resolve() for page in (harness.ROOT / "docs").glob("**/*.md")
               for file in re.findall(r"^```\{literalinclude\} (\S+)$", page.read_text(), re.M))


class TestSamples(GoodRun):
    @pytest.fixture(scope="class")
    def run(self):
        return harness.boot("--direct", "--nodes", "2", "--cpus", "2", "--mem", "1G", "--dom0", "build/guest/samples.elf")

    @pytest.mark.parametrize("name", SAMPLES)
    def test_sample(self, run, name):
        assert run.one("sample", name=name)["result"] == 0, run.tail()
        assert run.one("leak", name=name) == {"pages": 0, "claims": 0, "name": name}

    def test_there_is_no_other(self, run):
        assert [fact["name"] for fact in run.all("sample")] == SAMPLES


@pytest.mark.parametrize("folder", ["guest", "toolstack"])
def test_every_sample_is_shown_on_one_page(folder):
    files = sorted(path for path in (harness.ROOT / "docs/samples" / folder).glob("*.c") if path.stem != "main")
    assert [path for path in SHOWN if path.suffix == ".c" and path.parent == harness.ROOT / "docs/samples" / folder] == files
