"""Commands in documents, and what they print.

docs/hypervisor-guide/testing.md describes them. A `\\` at the end of a command's line continues it. The output that is shown is lines
of what the command prints, in their order. With UPDATE=1, lines that differ in numbers only are replaced.
"""
import ast
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What is not the same in each run, or with each compiler.
VOLATILE = re.compile(
    r"^(?:free|unclaimed) [ \d]*|(?<=\.c):\d+|(?<=\.c, line )\d+|\bcpu=\d+ node=\d+|\d+\.\d+ MHz|\d+ kHz|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\b0x[0-9a-f]+"
    r"|\b\d+ (?:ms|KiB|MiB free|forks|ticks)\b|\bhas \d+ pages of \d+ MiB|\b\d+ of +\d+ pages free|\barchive of \d+ bytes"
    r"|\b(?:ms|free|tsc\w*|ticks|max_skew|homestead|modules|given_back|image|secs)=\d+|(?<=@kept )pages=\d+"
    r"|\bdomain=\d+|^\(d\d+\)")  # guests are built at the same time, on several vCPUs


# Lines whose numbers are the firmware's, or follow from them.
OF_FIRMWARE = re.compile(r"(?:Memory|Frame table|ACPI|Node|@node|Domain 0|dom0 +hypervisor|host|node) .*\d")
ANY_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


def key(line, pattern=VOLATILE):
    """The line without what may differ. pattern None: nothing may."""
    if pattern:
        line = (ANY_NUMBER if OF_FIRMWARE.match(line) else pattern).sub("#", line)
    return " ".join(line.split())


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]


def blocks(text):
    """[(command, [number of an output line, ...])] of the page's console blocks. Numbers are from 0. A block that begins without a
    command has more of the output before it."""
    found, inside, more = [], False, False
    for number, line in enumerate(text.split("\n")):
        if line.startswith("```"):
            inside, more = line.strip() == "```console", False
        elif inside and more:
            found[-1] = (found[-1][0] + " " + line.strip(), [])
        elif inside and line.startswith("$ "):
            found.append((line[2:], []))
        elif inside and found:
            found[-1][1].append(number)
        if inside and found and not found[-1][1]:
            more = found[-1][0].endswith("\\")
            found[-1] = (found[-1][0].rstrip("\\").rstrip(), [])
    return found


def commands(page):
    return [command for command, _ in blocks(page.read_text())]


def match(shown, printed, pattern=VOLATILE):
    """For each line that is shown the line of `printed` that it is, in their order. AssertionError: there is none."""
    keys, place, found = [key(line, pattern) for line in printed], 0, []
    for line in shown:
        wanted = key(line, pattern)
        if wanted in ("", "..."):
            found.append(line)
            continue
        assert wanted in keys[place:], f"not printed, or not after the lines above it: {line}"
        place = keys.index(wanted, place) + 1
        found.append(printed[place - 1].rstrip())
    return found


def compare(page, command, printed, exact=False):
    """The output that the page (a path below the root) shows of the command, against the lines that it has printed. exact: they
    are the same each time."""
    path = ROOT / page
    lines = path.read_text().split("\n")
    numbers = [shown for of, shown in blocks("\n".join(lines)) if of == command and shown]
    assert numbers, f"{page} shows no output of: {command}"
    update = os.environ.get("UPDATE", "0") not in ("", "0")
    for shown in numbers:
        found = match([lines[n] for n in shown], printed, ANY_NUMBER if update else None if exact else VOLATILE)
        for number, line in zip(shown, found):
            lines[number] = line
    if update:
        path.write_text("\n".join(lines))


def run(command, status=0):
    """Runs the command in a shell, in the root, with what has been built. Returns the lines that it has printed."""
    as_built = command.replace("./run-qemu.sh", "./run-qemu.sh --no-install --no-build")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", as_built], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600, check=False)
    printed = done.stdout.decode("utf-8", "replace")
    assert done.returncode == status, f"status {done.returncode}: {command}\n{printed}"
    return printed.replace("\r", "").split("\n")


def documented(command, status=0):
    """run(), for the commands of documents: with a literal."""
    return run(command, status)


def calls(source):
    """The commands of the calls documented("COMMAND") in the text of a test. One that has a function of this name of its own calls
    that."""
    tree = ast.parse(source)
    if any(isinstance(node, ast.FunctionDef) and node.name == "documented" for node in tree.body):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "documented":
            assert isinstance(node.args[0], ast.Constant), "a command must be a literal"
            yield node.args[0].value


def run_by_tests():
    """{command: file of a test that runs it}"""
    found = {}
    for file in sorted((ROOT / "tests").rglob("*_test.py")) + sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text()
        if re.search(r"^(?:from|import) documented\b|harness\.documented\(|import documented as", text, re.M):
            found.update((command, file.relative_to(ROOT)) for command in calls(text))
    # What CI runs is the whole of it.
    found.update((line.split(" 2>&1")[0], pathlib.Path(".ci/run")) for line in (ROOT / ".ci" / "run").read_text().split("\n")
                 if line.startswith("make "))
    return found
