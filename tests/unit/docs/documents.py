"""The documents of the repository as the tests of documents read them: text, code spans, code blocks, tables, links."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^( *)(```+|:::+)(.*?)$(.*?)^\1\2 *$", re.M | re.S)


def tracked(*patterns):
    """Files of the repository, new ones too, as paths from its root."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, universal_newlines=True).stdout.split("\n")
    return sorted(pathlib.Path(name) for name in listed if name and (ROOT / name).is_file())


def pages():
    """[(path, text)] of every document."""
    return [(path, (ROOT / path).read_text()) for path in tracked("*.md")]


def page(name):
    return (ROOT / name).read_text()


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def prose(text):
    """The text without code blocks and comments; offsets stay as they are."""
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.S)
    text = FENCE.sub(blank, text)
    return re.sub(r"(?:(?<=\n\n)|\A)(?:    [^\n]*(?:\n|\Z)|\n(?=    ))+", blank, text)


def code_lines(text):
    """(line number, line) of the code blocks, fenced and indented."""
    kept = prose(text).split("\n")
    return [(i, line) for i, (line, left) in enumerate(zip(text.split("\n"), kept), 1) if line.strip() and not left.strip()]


def spans(text):
    """Code spans of the prose: (offset, code)."""
    return [(match.start(), match.group(2)) for match in re.finditer(r"(`+)(.+?)\1", prose(text), re.S)]


def rows(text):
    """(offset, [cells]) of every row of a table, heads and rulers too."""
    for match in re.finditer(r"^\|(.*)\|[ ]*$", text, re.M):
        yield match.start(), [cell.strip() for cell in re.split(r"(?<!\\)\|", match.group(1))]


def slug(heading):
    """The anchor that GitHub and MyST make of a heading."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return heading.replace(" ", "-")


def anchors(text):
    """The anchors of a page: its headings, and targets of MyST, (name)=."""
    found, seen = set(re.findall(r"^\(([\w-]+)\)=$", text, re.M)), {}
    for heading in re.findall(r"^#{1,6} (.*)$", prose(text), re.M):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if name in seen else name)
        seen[name] = seen.get(name, 0) + 1
    return found
