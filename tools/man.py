#!/usr/bin/python3
"""Makes a manual page of its template in docs/man: what programs and documents say of themselves is taken from there.

usage: man.py TEMPLATE.in [PROGRAM] > PAGE

  PROGRAM            @synopsis@, @description@, @options@ and @status@ are parts of what PROGRAM --help prints
  without PROGRAM    @options@ and @keys@ are tables of docs/hypervisor-guide: of options.md, and of debugging.md
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def roff(text):
    """A piece of text: no character of it is a request or an escape."""
    text = text.replace("\\", "\\e")
    return re.sub(r"(?m)^(?=[.'])", r"\\&", text)


def prose(text):
    """Text, with `literals` and without links, a sentence on a line."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text.replace("\\|", "|"))
    text = re.sub(r"([.;:!?]\)?) (?=[A-Z`\[])", lambda m: m[1] + ("\n" if m[1][0] in ".!?" else " "), text)
    parts = roff(text).split("`")
    return "".join(part if i % 2 == 0 else f"\\fB{part}\\fR" for i, part in enumerate(parts))


def capital(text):
    return text if text[1:2].isupper() else text[0].upper() + text[1:]


# --- help texts -------------------------------------------------------------------------------------------
def argument(words):
    """The macros of an option and its value, or of an argument: "--srat F", "FILE|DIRECTORY"."""
    name, *value = words.split()
    if name.startswith("--"):
        return f"Fl -{name[2:]}" + "".join(f" Ar {word}" for word in value)
    return "Ar " + " | ".join(name.split("|"))


def of_help(text):
    """The parts of the text of --help by their names."""
    head, rest = text.split("\n\n", 1)
    synopsis = [".Op " + argument(words) + (" ..." if more else "") for words, more in re.findall(r"\[([^\]]+)\](\.\.\.)?", head)]
    options, paragraphs = [], []
    for paragraph in rest.strip().split("\n\n"):
        if not paragraph.startswith("  "):
            paragraphs.append(" ".join(paragraph.split()))
            continue
        for line in paragraph.split("\n"):
            entry = re.match(r"  (\S+(?: [A-Z]\S*)?)  +(.*)", line)
            if entry:
                options.append([entry[1], entry[2]])
            else:
                options[-1][1] += " " + line.strip()
    status = re.match(r"Exit status: (.*?)\. ", paragraphs[-1] + " ")[1]
    return {
        "synopsis": "\n".join(synopsis),
        "description": prose(" ".join(paragraphs[:-1])),
        "options": ".Bl -tag -width Ds\n" + "\n".join(f".It {argument(words)}\n{prose(meaning)}" for words, meaning in options) + "\n.El",
        "status": ".Bl -tag -width Ds\n" + "\n".join(
            f".It {number}\n{capital(meaning)}." for number, meaning in re.findall(r"(\d) ([^,]+)", status)) + "\n.El",
    }


# --- tables of documents ----------------------------------------------------------------------------------
def rows(page, head):
    """The cells of each row of the tables of the page that begin with this column."""
    inside = False
    for line in (ROOT / "docs" / "hypervisor-guide" / page).read_text().split("\n"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            inside = False
        elif cells[0] == head:
            inside = True
        elif inside and not cells[0].startswith("---"):
            yield cells


def option(cells):
    """An option of options.md: name, forms, default if there is one, meaning."""
    name, forms, *default, meaning = cells
    lines = [f".It Cm {name.strip('`')}", prose(capital(meaning)) + ".", "Forms: " + ", ".join(map(prose, re.findall(r"`[^`]*`", forms))) + "."]
    if default and default[0]:
        lines.append(prose(f"Default: {default[0]}") + ".")
    if not default:
        lines.append("In the debug build only.")
    return "\n".join(lines)


def of_documents():
    options = [option(cells) for cells in rows("options.md", "option")]
    keys = [f".It Ic {key.strip('`')}\n{prose(capital(meaning))}." for key, meaning in rows("debugging.md", "key")]
    return {"options": "\n".join(options), "keys": "\n".join(keys)}


def page(template, parts):
    used = re.findall(r"(?m)^@(\w+)@$", template)
    if sorted(used) != sorted(parts):
        sys.exit(f"man.py: the template has {used}, the source {sorted(parts)}")
    return re.sub(r"(?m)^@(\w+)@$", lambda match: parts[match[1]], template)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    template = pathlib.Path(sys.argv[1]).read_text()
    parts = of_documents() if len(sys.argv) == 2 else of_help(
        subprocess.run([sys.argv[2], "--help"], stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout)
    print(page(template, parts), end="")


if __name__ == "__main__":
    main()
