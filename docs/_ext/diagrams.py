"""Sphinx extension: a mermaid block becomes an <img> in HTML and ePub, with alternative text.

sphinxcontrib-mermaid writes an <object>, which a style sheet cannot adapt to a dark page and ePub readers omit.
"""
import html
import pathlib
import re

from sphinx.util import logging
from sphinxcontrib.mermaid import MermaidError, mermaid, latex_visit_mermaid, render_mm
from docutils import nodes

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
        self.body.append(f'<div class="diagram"><img class="diagram" src="{name}" alt="{html.escape(text)}" '
                         f'style="min-width: {int(width * LEAST)}px" /></div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_node(mermaid, override=True, html=(visit_html, None), latex=(latex_visit_mermaid, None))
    return {"parallel_read_safe": True}
