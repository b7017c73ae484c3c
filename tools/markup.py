"""Reads Markdown as far as links, headings and toctrees go. For tools/check-docs.py and docs/build.py."""
import functools
import pathlib
import re

FENCE = re.compile(r"\s*(`{3,}|~{3,}|:{3,})(.*)")
HEADING = re.compile(r"#{1,6} +(.*?)\s*#*$")
LABEL = re.compile(r"\((\w[\w.-]*)\)=$|.*<a (?:id|name)=\"([^\"]+)\"")
LINK = re.compile(r"\]\(\s*<?([^)\s<>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
LIST_ITEM = re.compile(r"\s*([-*+]|\d+\.)\s")
# Directives whose argument is a file.
FILE_DIRECTIVE = re.compile(r"(\s*[`~:]{3,}\{(?:literalinclude|include|figure|image|csv-table)\}\s+)(\S+)(.*)")
INLINE_CODE = re.compile(r"(`+)(?:(?!\1).)*?\1(?!`)")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|/|#?$")


def lines(text):
    """(line, the block it is in) of each line. The block is None in text, and what the fence says in a code block or a
    directive; a fence itself belongs to its block. The text in a block of colons is text."""
    fence, block = None, None
    for line in text.split("\n"):
        match = FENCE.match(line)
        if match and fence is None and not (match.group(1)[0] == ":" and not match.group(2).strip()):
            if match.group(1)[0] == ":":
                yield line, match.group(2).strip()
                continue
            fence, block = match.group(1), match.group(2).strip()
            yield line, block
        elif match and fence and match.group(1).startswith(fence) and not match.group(2).strip():
            yield line, block
            fence, block = None, None
        else:
            yield line, block


def outside_code(line, change):
    """The line with everything but inline code changed by change(). A link's text may be code."""
    codes = []

    def hide(match):
        codes.append(match.group(0))
        return f"\0{len(codes) - 1}\0"
    return re.sub(r"\0(\d+)\0", lambda match: codes[int(match.group(1))], change(INLINE_CODE.sub(hide, line)))


def anchor(heading):
    """A heading's anchor, as GitHub and MyST make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def headings_of(text):
    """{anchor: heading} of a document; the empty anchor is its title. Labels are anchors without a heading."""
    found = {}
    for line, block in lines(text):
        heading, label = HEADING.match(line), LABEL.match(line)
        if block is None and heading:
            found.setdefault("", heading.group(1))
            name, number = anchor(heading.group(1)), 1
            while name in found:
                name = f"{anchor(heading.group(1))}-{number}"
                number += 1
            found[name] = heading.group(1)
        elif block is None and label:
            found[label.group(1) or label.group(2)] = ""
    return found


@functools.lru_cache(maxsize=None)
def headings(path):
    return headings_of(pathlib.Path(path).read_text())


def links(text):
    """(line number, target) of each link to another place of the repository, pictures and included files too."""
    in_list = False
    for number, (line, block) in enumerate(lines(text), 1):
        if line.strip() and not line.startswith("    "):
            in_list = bool(LIST_ITEM.match(line)) or in_list and line.startswith("  ")
        included = FILE_DIRECTIVE.match(line)
        if included:
            yield number, included.group(2)
        if block is not None or line.startswith("    ") and not in_list:
            continue
        for target in LINK.findall(INLINE_CODE.sub("", line)):
            if not ADDRESS.match(target):
                yield number, target


def toctrees(text):
    """(line number, entry) of each entry of a toctree, without its title."""
    for number, (line, block) in enumerate(lines(text), 1):
        if block is not None and block.startswith("{toctree}"):
            entry = line.strip()
            if entry and not entry.startswith((":", "`", "~", "---")):
                titled = re.fullmatch(r".*<([^>]+)>", entry)
                yield number, titled.group(1) if titled else entry
