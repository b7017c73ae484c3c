"""Sphinx extension: mends three faults of Debian's package of the theme furo. Furo from elsewhere has none of them.

- Its style sheet imports /javascript/normalize.css/normalize.css, an address that only exists on a Debian web server.
- Its script imports another one, which a browser refuses in a plain script, and for files.
- Its style sheet has lost the rule that a browser which prefers dark pages gets one unless the reader chose otherwise.
"""
import pathlib
import re

NORMALIZE = pathlib.Path("/usr/share/javascript/normalize.css/normalize.css")
IMPORT_STYLE = re.compile(r"@import url\(/javascript/normalize\.css/normalize\.css\);")
IMPORT_SCRIPT = re.compile(r'^import Gumshoe from "\./gumshoe-patched\.js";$', re.M)
DARK = re.compile(r'^ *body\[data-theme="dark"\] \{([^}]*)\}', re.M)
PREFERS_DARK = """
@media screen and (prefers-color-scheme: dark) {
  body:not([data-theme="light"]) {%s}
  html body:not([data-theme="light"]) .only-light { display: none !important; }
  body:not([data-theme="light"]) .only-dark { display: block !important; }
}
"""


def mend(app, exception):
    static = pathlib.Path(app.outdir) / "_static"
    style, script = static / "styles/furo.css", static / "scripts/furo.js"
    if exception or app.builder.format != "html" or not style.exists():
        return
    text = style.read_text()
    if IMPORT_STYLE.search(text):
        text = IMPORT_STYLE.sub(lambda _: NORMALIZE.read_text(), text)
        if "prefers-color-scheme" not in text:
            text += PREFERS_DARK % DARK.search(text).group(1)
        style.write_text(text)
    text = script.read_text()
    if IMPORT_SCRIPT.search(text):
        script.write_text((static / "scripts/gumshoe-patched.js").read_text() + IMPORT_SCRIPT.sub("", text))


def setup(app):
    app.connect("build-finished", mend)
    return {"parallel_read_safe": True}
