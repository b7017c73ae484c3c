"""Sphinx extension: a mermaid block becomes an <img> in HTML and ePub, with alternative text; pictures on dark pages.

sphinxcontrib-mermaid writes an <object>, which a style sheet cannot adapt to a dark page and ePub readers omit. An SVG that
has no dark form of its own gets the class `light-only`, whose lightness homestead.css inverts on a dark page.
"""
import html
import pathlib
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinxcontrib.mermaid import MermaidError, mermaid, render_mm

LEAST = 0.7  # of its size, at which a diagram's text is still legible
PAPER = 0.75  # of its size, on paper


def rendered(self, node, form):
    """(address, path) of the diagram's picture, or (None, None) after a warning."""
    try:
        return render_mm(self, node["code"], node["options"], form)
    except MermaidError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        return None, None


def visit_html(self, node):
    name, path = rendered(self, node, "svg")
    if name:
        text = node.get("alt", "Diagram, as text: " + node["code"])
        width = int(re.search(r'width="(\d+)"', pathlib.Path(path).read_text()).group(1))
        # A page of a book cannot be moved sideways.
        least = "" if self.builder.name == "epub" else f"min-width: {int(width * LEAST)}px; "
        self.body.append(f'<div class="diagram"><img class="diagram light-only" src="{name}" alt="{html.escape(text)}" '
                         f'style="width: 100%; {least}max-width: {width}px" /></div>\n')
    raise nodes.SkipNode


def visit_latex(self, node):
    name, _ = rendered(self, node, "pdf")
    if name:
        self.body.append(f"\n\\begin{{center}}\\sphinxincludegraphics[scale={PAPER}]{{{name}}}\\end{{center}}\n")
    raise nodes.SkipNode


class LightOnly(SphinxPostTransform):
    """Marks pictures."""
    builders = ("html", "dirhtml", "singlehtml")
    default_priority = 50

    def run(self, **kwargs):
        for image in self.document.findall(nodes.image):
            path = pathlib.Path(self.app.srcdir) / image["uri"]
            if path.suffix == ".svg" and "prefers-color-scheme" not in path.read_text():
                image["classes"].append("light-only")


def setup(app):
    app.add_post_transform(LightOnly)
    app.add_node(mermaid, override=True, html=(visit_html, None), latex=(visit_latex, None))
    return {"parallel_read_safe": True}
