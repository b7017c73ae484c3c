"""Sphinx extension: a mermaid block becomes an <img> in HTML and ePub, with alternative text.

sphinxcontrib-mermaid writes an <object>, which a style sheet cannot adapt to a dark page and ePub readers omit.
"""
import html

from sphinx.util import logging
from sphinxcontrib.mermaid import MermaidError, mermaid, latex_visit_mermaid, render_mm
from docutils import nodes


def visit_html(self, node):
    try:
        name, _ = render_mm(self, node["code"], node["options"], "svg")
    except MermaidError as error:
        logging.getLogger(__name__).warning("%s", error, location=node)
        raise nodes.SkipNode from error
    if name:
        text = node.get("alt", "Diagram, as text: " + node["code"])
        self.body.append(f'<img class="diagram" src="{name}" alt="{html.escape(text)}" />\n')
    raise nodes.SkipNode


def setup(app):
    app.add_node(mermaid, override=True, html=(visit_html, None), latex=(latex_visit_mermaid, None))
    return {"parallel_read_safe": True}
