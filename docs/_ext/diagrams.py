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
from sphinxcontrib.mermaid import MermaidError, latex_visit_mermaid, mermaid, render_mm

LEAST = 0.7  # of its size, at which a diagram's text is still legible


def visit_html(self, node):
    try:
        name, path = render_mm(self, node["code"], node["options"], "svg")
    except MermaidError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        raise nodes.SkipNode from error
    if name:
        text = node.get("alt", "Diagram, as text: " + node["code"])
        width = int(re.search(r'width="(\d+)"', pathlib.Path(path).read_text()).group(1))
        self.body.append(f'<div class="diagram"><img class="diagram light-only" src="{name}" alt="{html.escape(text)}" '
                         f'style="width: 100%; min-width: {int(width * LEAST)}px; max-width: {width}px" /></div>\n')
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
    app.add_node(mermaid, override=True, html=(visit_html, None), latex=(latex_visit_mermaid, None))
    return {"parallel_read_safe": True}
