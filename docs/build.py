#!/usr/bin/python3
"""Builds the documentation: HTML, PDF, ePub in build/docs/. A warning is an error.

usage: docs/build.py [html] [pdf] [epub] [stage]       default: html pdf epub

1. Stages the pages in build/docs/pages/: docs/ as it is, the README files and other documents outside docs/ in repository/,
   and the API reference, which docs/api.py makes from the public headers, in reference/. A link between pages is
   rewritten so that it is right in both places: a page links to another as it does in the repository.
2. Runs Sphinx with docs/conf.py.
3. Checks that nothing in the HTML pages is fetched from elsewhere, and that the PDF lacks no character.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree
import zipfile

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS), str(ROOT / "tools")]
import api  # noqa: E402
import markup  # noqa: E402

BUILD = ROOT / "build" / "docs"
PAGES = BUILD / "pages"
NOT_PAGES = {"_static", "_ext", "__pycache__", "build.py", "api.py", "mermaid.py", "conf.py", "mermaid.json", "package.json",
             "package-lock.json", "requirements.txt", "node_modules"}
LINK = re.compile(r"\[([^\]\[]*)\]\(\s*([^)\s#<>]*)(#[^)\s]*)?(\s+\"[^\"]*\")?\s*\)")

# The end of a link whose text began on the line before.
LINK_END = re.compile(r"^([^\]\[]*\]\()([^)\s#<>]+)")


def outside_pages():
    """Documents outside docs/: paths from the root."""
    return [path.relative_to(ROOT) for path in sorted(ROOT.rglob("*.md"))
            if not any(part in ("build", "node_modules") or part.startswith(".") for part in path.relative_to(ROOT).parts)
            and path.relative_to(ROOT).parts[0] != "docs"]


def staged(path):
    """Where a file of the repository is staged, or None: a path from PAGES."""
    if path.parts[:1] == ("docs",) and len(path.parts) > 1 and path.parts[1] not in NOT_PAGES:
        return pathlib.Path(*path.parts[1:])
    if path.suffix == ".md":
        return pathlib.Path("repository") / path
    return None


def moved(target, page):
    """A link's target, from the page as staged."""
    if re.match(r"[a-z][a-z0-9+.-]*:|/", target):
        return target
    path = pathlib.Path(os.path.normpath(page.parent / target))
    if path.parts[:1] == ("..",):
        return target
    if (ROOT / path).is_dir() and (ROOT / path / "README.md").exists():
        path = path / "README.md"
    place = staged(path) if (ROOT / path).is_file() else None
    real = PAGES / place if place else ROOT / path
    return os.path.relpath(real, (PAGES / staged(page)).parent)


def relinked(match, page):
    """A link as the site has it. Its text is often a file's name, which is good to read in the repository; readers of the
    site get the title of the page or section."""
    text, path, anchor, title = (group or "" for group in match.groups())
    if not path:
        return match.group(0)
    file = pathlib.Path(os.path.normpath(page.parent / path))
    if re.fullmatch(r"[\w./-]+\.md", text) and file.suffix == ".md" and (ROOT / file).is_file():
        by_number = match.string[match.end():].startswith(" section")  # [claims.md](...#...) section 4
        text = markup.headings(ROOT / file).get("" if by_number else anchor[1:]) or text
    return f"[{text}]({moved(path, page)}{anchor}{title})"


def rewritten(text, page):
    """The text of a page with its links moved."""
    out = []
    for line, block in markup.lines(text):
        included = markup.FILE_DIRECTIVE.match(line)
        if included:
            line = included.group(1) + moved(included.group(2), page) + included.group(3)
        elif block is None:
            line = markup.outside_code(line, lambda piece: LINK.sub(
                lambda match: relinked(match, page),
                LINK_END.sub(lambda match: match.group(1) + moved(match.group(2), page), piece)))
        elif block.startswith("{toctree}") and "../" in line:
            line = re.sub(r"(\.\./[^<>\s]+)", lambda match: moved(match.group(1), page), line)
        elif block.startswith("{"):
            # MyST reads an option as YAML, in which a colon within the text needs quotes.
            line = re.sub(r"^:(alt|caption): ([^\"'].*)$", lambda match: f":{match.group(1)}: {json.dumps(match.group(2))}", line)
        out.append(line)
    return "\n".join(out)


def stage():
    """Brings build/docs/pages/ up to date; unchanged files keep their time."""
    wanted = {}
    for path in sorted(DOCS.rglob("*")):
        place = staged(path.relative_to(ROOT))
        if path.is_file() and place and not NOT_PAGES & set(place.parts):
            wanted[place] = path.read_bytes()
    for path in outside_pages():
        wanted[staged(path)] = (ROOT / path).read_bytes()
    for place in [place for place in wanted if place.suffix == ".md"]:
        page = place.relative_to("repository") if place.parts[0] == "repository" else pathlib.Path("docs") / place
        wanted[place] = rewritten(wanted[place].decode(), page).encode()
    for target, text in api.write(ROOT, pathlib.Path("reference")):
        wanted[target] = rewritten(text, "docs" / target).encode()
    for path in sorted(PAGES.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(PAGES) not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for place, data in wanted.items():
        path = PAGES / place
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return len(wanted)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], check=False, **options)
    if done.returncode:
        sys.exit(f"docs: failed: {' '.join(map(str, command))}")


def sphinx(builder):
    """Runs one of Sphinx's builders; starts anew if its settings or extensions have changed, which Sphinx does not notice."""
    settings = b"".join(path.read_bytes() for path in sorted([DOCS / "conf.py", *(DOCS / "_ext").glob("*.py")]))
    stamp = BUILD / "doctrees" / builder / "settings"
    if not stamp.exists() or stamp.read_bytes() != settings:
        shutil.rmtree(BUILD / "doctrees" / builder, ignore_errors=True)
        shutil.rmtree(BUILD / builder, ignore_errors=True)
    # Sphinx warns once of a page, so after a failure everything is read again.
    stamp.unlink(missing_ok=True)
    run(sys.executable, "-B", "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto", "-b", builder, "-c", DOCS,
        "-d", BUILD / "doctrees" / builder, PAGES, BUILD / builder)
    stamp.write_bytes(settings)


def html():
    sphinx("html")
    fetched = list(remote_resources(BUILD / "html"))
    for line in fetched:
        print(f"docs: fetched from elsewhere: {line}", file=sys.stderr)
    if fetched:
        sys.exit(1)
    print(f"docs: build/docs/html/index.html, {len(list((BUILD / 'html').rglob('*.html')))} pages")


def remote_resources(folder):
    """What a browser would fetch from another host when it shows a page of the folder."""
    address = r"(?:[a-z][a-z0-9+.-]*:)?//[^\s\"')>]+"
    tags = re.compile(rf"""<(?:script|img|iframe|object|embed|source|video|audio|link|use|image)\b[^>]*?\s
                           (?:src|href|data|srcset|xlink:href)\s*=\s*["']?({address})""", re.X | re.I)
    sheets = re.compile(rf"""(?:@import\s+(?:url\()?|url\()\s*["']?({address})""", re.I)
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".svg", ".xhtml"):
            text = path.read_text(errors="replace")
            for found in sheets.findall(text) + (tags.findall(text) if path.suffix != ".css" else []):
                yield f"{path.relative_to(folder)}: {found}"


def pdf():
    sphinx("latex")
    folder = BUILD / "latex"
    with open(folder / "latexmk.out", "w", encoding="utf-8") as out:
        done = subprocess.run(["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", "homestead.tex"],
                              cwd=folder, check=False, stdout=out, stderr=subprocess.STDOUT)
    log = (folder / "homestead.log").read_text(errors="replace") if (folder / "homestead.log").exists() else ""
    faults = sorted(set(re.findall(r"^! .*|^Missing character: .*|^LaTeX Warning: Reference .* undefined.*", log, re.M)))
    # What sticks out by more than 5 mm runs off the text; a full page has 22 mm of margin.
    faults += [line for line in re.findall(r"^Overfull \\hbox \(([\d.]+)pt too wide\) (.*)$", log, re.M) if float(line[0]) > 14]
    for line in faults:
        print(f"docs: PDF: {line}", file=sys.stderr)
    if done.returncode or faults:
        sys.exit("docs: the PDF has faults: build/docs/latex/homestead.log, latexmk.out")
    shutil.copyfile(folder / "homestead.pdf", BUILD / "homestead.pdf")
    pages = re.findall(r"Output written on .*\((\d+) pages", log)
    print(f"docs: build/docs/homestead.pdf, {pages[-1] if pages else '?'} pages")


def epub():
    sphinx("epub")
    book = next((BUILD / "epub").glob("*.epub"))
    with zipfile.ZipFile(book) as files:
        for name in files.namelist():
            if name.endswith((".xhtml", ".opf", ".ncx", ".svg")):
                try:
                    xml.etree.ElementTree.fromstring(files.read(name))
                except xml.etree.ElementTree.ParseError as error:
                    sys.exit(f"docs: ePub: {name}: {error}")
    shutil.copyfile(book, BUILD / "homestead.epub")
    print(f"docs: build/docs/homestead.epub, {book.stat().st_size >> 10} KiB")


FORMATS = {"html": html, "pdf": pdf, "epub": epub, "stage": lambda: None}


def main():
    wanted = sys.argv[1:] or ["html", "pdf", "epub"]
    if set(wanted) - set(FORMATS):
        sys.exit(__doc__.split("\n\n")[1])
    stage()
    for name in wanted:
        FORMATS[name]()


if __name__ == "__main__":
    main()
