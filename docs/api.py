"""The API reference: a Markdown page for each public header, made from the comments above its declarations.

A page shows the header in its own order. A comment becomes text, under the names of what it explains; the declarations
after it, with the comments inside them, become a block of code; a comment `--- title ---` becomes a heading.
"""
import errno
import pathlib
import re

# The headers of a directory that files elsewhere include are public. toolstack/ installs one.
INSTALLED = ["toolstack/libhomestead/homestead.h"]
DIRECTORIES = ["guest/lib", "mm"]

NAME = re.compile(r"""^(?: \#define\s+(?P<macro>\w+)
                         | (?:typedef\s+)?(?:struct|enum|union)\s+(?P<tag>\w+)\s*\{
                         | typedef\b[^;{(]*?(?P<type>\w+)(?:\[\w*\])?;
                         | typedef\b[^;]*\(\*(?P<pointer>\w+)\)
                         | (?:extern|static\s+inline|_Noreturn|__attribute__\(\(.*?\)\)|[\w\s])[\w\s*]*?\b(?P<function>\w+)\()""", re.X)
CODE = re.compile(r"""(?<![\w`/.-]) ( [*&]?[A-Za-z_]\w*(?:\.\w+|->\w+)*\(\)            # call()
                     | [*&]?[A-Za-z]\w*_[\w*]* (?:\([^()\s]*\))?                       # a_name, A_NAME, xc_*
                     | \*[a-z]\w*                                                     # *out
                     | -?(?:""" + "|".join(errno.errorcode.values()) + r""")                    # -EINVAL
                     | [\w./-]+\.(?:c|h|md|py|sh)\b ) (?![\w`])""", re.X)


def public_headers(root):
    """The headers' paths from the root, in the order of the reference."""
    sources = [path for path in root.rglob("*.[ch]") if path.relative_to(root).parts[0] != "build"]
    included = {}
    for path in sources:
        for name in re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(errors="replace"), re.M):
            included.setdefault(name, set()).add(str(path.parent.relative_to(root)))
    found = [name for name in INSTALLED if (root / name).exists()]
    for folder in DIRECTORIES:
        found += sorted(name for name, users in included.items()
                        if name.rpartition("/")[0] == folder and users - {folder} and (root / name).exists()
                        and any(not user.startswith("tests/unit") and not user.startswith("tests/fuzz") for user in users - {folder}))
    return found


def items(text):
    """The header as (kind, text): comments and code at the outermost level, in order."""
    text = re.sub(r"\\\n", "\\\\\x00", text)  # a #define of several lines is one
    depth, code, comment = 0, [], None
    for line in text.split("\n"):
        if comment is not None:
            comment.append(line)
            if "*/" in line:
                yield "comment", "\n".join(comment)
                comment = None
            continue
        if depth == 0 and (not line.strip() or line.startswith("/*")):
            if code:
                yield "code", "\n".join(code).replace("\x00", "\n")
                code = []
            if not line.strip():
                yield "blank", ""
            elif "*/" in line and line.rstrip().endswith("*/"):
                yield "comment", line
            else:
                comment = [line]
            continue
        code.append(line)
        plain = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|/\*.*', "", line)
        if not line.startswith("#") and 'extern "C"' not in line:
            depth += plain.count("{") + plain.count("(") - plain.count("}") - plain.count(")")
            depth = max(depth, 0)
    if code:
        yield "code", "\n".join(code).replace("\x00", "\n")


def without_plumbing(code):
    """Code without what a reader does not need: include guards, includes, extern "C"."""
    lines = code.split("\n")
    kept = []
    for number, line in enumerate(lines):
        if re.match(r"#\s*(include|if|ifndef|ifdef|else|elif|endif|undef)\b", line) or 'extern "C"' in line or line == "}" and not kept:
            continue
        if re.match(r"#define \w+_H$", line):
            continue
        kept.append(line)
    return "\n".join(kept).strip("\n")


def names_in(code):
    """What a block declares: functions, macros, types."""
    found, depth = [], 0
    for line in code.split("\n"):
        match = NAME.match(line) if depth == 0 else None
        if match:
            found += [name for name in match.groups() if name]
        plain = re.sub(r"/\*.*?\*/", "", line)
        if not line.startswith("#"):
            depth += plain.count("{") - plain.count("}")
    last = re.search(r"^\}\s*(\w+);", code, re.M)
    if last and code.startswith("typedef"):
        found = [last.group(1)]
    return list(dict.fromkeys(found))


def prose(comment):
    """A comment as Markdown: names as code, indented lines as a list."""
    body = re.sub(r"^/\*+ ?|\s*\*/$", "", comment.strip())
    lines = [re.sub(r"^ ?\*? ?", "", line) if number else line for number, line in enumerate(body.split("\n"))]
    out, in_item = [], False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        words = line.strip()
        if not words:
            in_item = False
            out.append("")
        elif words.startswith("- "):
            in_item = True
            out.append("- " + marked(words[2:]))
        elif re.match(r"\S+  \S", words) and indent:  # NAME  what it is
            in_item = True
            name, rest = re.split(r"\s{2,}", words, maxsplit=1)
            out += ([""] if out and out[-1] and not out[-1].startswith("-") else []) + [f"- {marked(name)}: {marked(rest)}"]
        elif re.match(r"[a-z]\w*_\w+: ", words) and not indent:  # name: what it does
            in_item = False
            out += ["", marked(words)]
        else:
            out.append(("  " if in_item and indent else "") + marked(words))
    return "\n".join(out).strip("\n")


def marked(text):
    """A line with code marked as code and everything else free of Markdown's signs."""
    pieces = [piece for number, part in enumerate(re.split(r"`([^`]+)`", text))
              for piece in ([part] if number % 2 else CODE.split(part))]
    return "".join(code(piece) if number % 2 else re.sub(r"([\\*_<>\[\]|`#~])", r"\\\1", piece)
                   for number, piece in enumerate(pieces))


def code(text):
    """A page of docs/ becomes a link; build.py gives it the page's title."""
    return f"[{text}](../{text[5:]})" if re.match(r"docs/.*\.md$", text) else f"`{text}`"


def definitions(root, header):
    """{function: file} of the directory's C files."""
    found = {}
    for path in sorted((root / header).parent.glob("*.c")):
        for name in re.findall(r"^[A-Za-z_][^\n;=]*?\b(\w+)\([^;{]*\)\n\{", path.read_text(), re.M):
            found.setdefault(name, path.relative_to(root))
    return found


def page(root, header):
    """(Markdown of one header, names that it declares)"""
    where = definitions(root, header)
    out, names, pending, started = [f"# {header}", ""], [], None, False

    def flush():
        nonlocal pending
        if pending:
            out.extend([prose(pending), ""])
            pending = None

    for kind, text in items((root / header).read_text()):
        title = re.fullmatch(r"/\* -+ (.*?) -+ \*/", text.strip())
        if kind == "blank":
            flush()
        elif title:
            flush()
            out.extend([f"## {heading(title.group(1))}", ""])
            started = True
        elif kind == "comment":
            flush()
            pending = text
        elif kind == "code":
            code = without_plumbing(text)
            if not code:
                flush()
                continue
            declared = names_in(code)
            names += declared
            if pending and declared:
                if not started:
                    out.extend(["## Declarations", ""])
                    started = True
                out.extend([f"### {title_of(declared)}", ""])
            files = sorted({str(where[name]) for name in declared if name in where})
            flush()
            out.extend(["```c", code, "```", ""])
            if files:
                out.extend(["Defined in " + ", ".join(f"`{file}`" for file in files) + ".", ""])
    flush()
    return "\n".join(out).rstrip() + "\n", names


def heading(text):
    return re.sub(r"([*_<>\[\]`])", r"\\\1", text if "." in text.split(" ")[0] else text[:1].upper() + text[1:])


def title_of(names):
    shown = names if len(names) <= 3 else names[:2] + ["…"] + names[-1:]
    return ", ".join(f"`{name}`" if name != "…" else name for name in shown)


def write(root, folder):
    """Writes the pages into folder; returns the paths."""
    made = []
    for number, header in enumerate(public_headers(pathlib.Path(root))):
        text, _ = page(root, header)
        target = folder / f"{number:02}-{header.replace('/', '-')}.md"
        made.append((target, text))
    return made
