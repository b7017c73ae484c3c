#!/usr/bin/python3
"""Builds the documentation: HTML, PDF, ePub in build/docs/. A warning is an error.

usage: docs/build.py [html] [pdf] [epub] [stage]       default: html pdf epub

1. Stages the pages in build/docs/pages/: docs/ as it is, the README files and other documents outside docs/ in repository/,
   and the API reference, which docs/api.py makes from the public headers, in reference/. A link between pages is
   rewritten so that it is right in both places: a page links to another as it does in the repository.
2. Runs Sphinx with docs/conf.py.
3. Checks that nothing in the HTML pages is fetched from elsewhere, and that the PDF lacks no character.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS))
import api  # noqa: E402  (beside this file)

BUILD = ROOT / "build" / "docs"
PAGES = BUILD / "pages"
NOT_PAGES = {"_static", "_ext", "__pycache__", "build.py", "api.py", "mermaid.py", "conf.py", "mermaid.json", "package.json",
             "package-lock.json", "requirements.txt", "node_modules"}
FENCE = re.compile(r"\s*(`{3,}|~{3,}|:{3,})(.*)")
LINK = re.compile(r"(\]\(\s*)([^)\s#<>]+)((?:#[^)\s]*)?(?:\s+\"[^\"]*\")?\s*\))")
INLINE_CODE = re.compile(r"(`+)(?:(?!\1).)*?\1(?!`)")
# Directives whose argument is a file.
FILE_DIRECTIVE = re.compile(r"(\{(?:literalinclude|include|figure|image|csv-table)\}\s+)(\S+)(.*)")


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


def rewritten(text, page):
    """The text of a page with its links moved."""
    out, fence, toctree = [], None, False
    for line in text.split("\n"):
        match = FENCE.match(line)
        if match and fence is None:
            fence, toctree = match.group(1), "{toctree}" in match.group(2)
            line = FILE_DIRECTIVE.sub(lambda m: m.group(1) + moved(m.group(2), page) + m.group(3), line)
        elif match and match.group(1).startswith(fence or " ") and not match.group(2).strip():
            fence = None
        elif fence and toctree and line.strip() and not line.lstrip().startswith(":") and line.strip().startswith("../"):
            line = moved(line.strip(), page)
        elif fence is None or fence.startswith(":"):
            line = outside_code(line, lambda piece: LINK.sub(
                lambda m: m.group(1) + moved(m.group(2), page) + m.group(3), piece))
        out.append(line)
    return "\n".join(out)


def outside_code(line, change):
    """The line with everything but inline code changed. A link's text may be code."""
    codes = []

    def hide(match):
        codes.append(match.group(0))
        return f"\0{len(codes) - 1}\0"
    return re.sub(r"\0(\d+)\0", lambda m: codes[int(m.group(1))], change(INLINE_CODE.sub(hide, line)))


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
        wanted[target] = text.encode()
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
    run(sys.executable, "-B", "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto", "-b", builder, "-c", DOCS,
        "-d", BUILD / "doctrees" / builder, PAGES, BUILD / builder)


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
