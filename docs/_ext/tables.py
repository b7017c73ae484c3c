"""Sphinx extension: the columns of a table get widths, so that no table is wider than the page.

Markdown's tables have no widths. LaTeX would put each cell on one line; browsers give most room to long names. A column
gets at least the room for its longest word, and the rest goes where it saves most lines. Long words in a table, most of
them code, may break after a sign in them; on paper, a table may break between two pages.
"""
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LINE = 112  # characters of a table's small print in a line
PADDING = 3
LONGEST = 20  # a longer word may break anywhere
STEP = 2
LONG_WORD = re.compile(r"\S{13,}")
SIGN = re.compile(r"(?<=[/=|:,_-])(?=\w)|(?<=\.)(?=\w{3})|(?<=[a-z])(?=[A-Z])")
TOO_LONG = re.compile(r"([^\s\u200b]{16})(?=[^\s\u200b]{4})")
BREAK = "\u200b"  # docs/conf.py makes it a place where a line may end


class TableWidths(SphinxPostTransform):
    """Columns of tables with many columns, and on paper of all tables. Also marks code that must not break."""
    default_priority = 200

    def run(self, **kwargs):
        for literal in self.document.findall(nodes.literal):
            if re.fullmatch(r"-\w{1,16}", literal.astext()):
                literal["classes"].append("short")  # -EINVAL stays on one line
        paper = self.app.builder.format == "latex"
        for head in list(self.document.findall(nodes.thead)):
            if not head.astext().strip():  # Markdown has no table without one
                head.parent.remove(head)
        for table in self.document.findall(nodes.table):
            columns = list(table.findall(nodes.colspec))
            rows = [list(row.findall(nodes.entry)) for row in table.findall(nodes.row)]
            if any(len(row) != len(columns) for row in rows):
                continue
            if paper:
                table["classes"].append("longtable")
                break_words(table)
            elif len(columns) < 4:
                continue
            texts = [[row[i].astext() for row in rows] for i in range(len(columns))]
            for column, width in zip(columns, widths(texts)):
                column["colwidth"] = width
            table["classes"] = [name for name in table["classes"] if name != "colwidths-auto"] + ["colwidths-given"]


def break_words(table):
    for text in list(table.findall(nodes.Text)):
        broken = LONG_WORD.sub(lambda word: SIGN.sub(BREAK, word.group(0)), text)
        broken = TOO_LONG.sub(r"\1" + BREAK, broken)
        if broken != text:
            text.parent.replace(text, nodes.Text(broken))


def widths(texts):
    """Per mille of the line for each column, from the texts of its cells: such that the table is as low as possible."""
    lengths = [[len(text) for text in column] for column in texts]
    width = []
    for column in texts:
        words = [word for text in column for word in re.split(
            rf"[\s{BREAK}]", LONG_WORD.sub(lambda found: SIGN.sub(BREAK, found.group(0)), text))]
        width.append(min(max(map(len, words), default=1), LONGEST) + PADDING)

    def height(width):
        return sum(max(max(1, length / (w - PADDING)) for length, w in zip(row, width)) for row in zip(*lengths))
    while sum(width) + STEP <= LINE:
        now = height(width)
        tries = [width[:i] + [width[i] + STEP] + width[i + 1:] for i in range(len(width))]
        lowest = min(tries, key=height)
        if height(lowest) >= now - 1e-9:
            # Two columns may have to grow together.
            wide = [i for i, column in enumerate(lengths) if max(column) > width[i] - PADDING]
            if not wide or sum(width) + STEP * len(wide) > LINE:
                break
            lowest = [w + STEP * (i in wide) for i, w in enumerate(width)]
        width = lowest
    return [max(1, int(w * 1000 / max(sum(width), LINE))) for w in width]


def break_cells(app, page, template, context, doctree):
    """As break_words(), in the HTML, and in headings; the index for searching has whole words."""
    def cell(match):
        return re.sub(r"(?<=>)[^<]+", lambda text: LONG_WORD.sub(
            lambda word: SIGN.sub("<wbr/>", word.group(0)), text.group(0)), match.group(0))
    if "body" in context:
        context["body"] = re.sub(r"<(td|h[1-4])\b.*?</\1>", cell, context["body"], flags=re.S)


def setup(app):
    app.connect("html-page-context", break_cells)
    app.add_post_transform(TableWidths)
    return {"parallel_read_safe": True}
