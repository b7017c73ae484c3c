"""Sphinx extension: the columns of a table get widths on paper, so that no table is wider than the page.

Markdown's tables have no widths, and LaTeX would put each cell on one line. A column gets a share that grows with its
text, and at least the room for its longest word. Long words, most of them code, may break after a sign in them, and a
table between two pages.
"""
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

LINE = 112  # characters of a table's small print in a line
PADDING = 3
LONG_WORD = re.compile(r"\S{13,}")
SIGN = re.compile(r"(?<=[/=|:,._-])(?=\w)")
BREAK = "\u200b"  # docs/conf.py makes it a place where a line may end


class TableWidths(SphinxPostTransform):
    builders = ("latex",)
    default_priority = 200

    def run(self, **kwargs):
        for table in self.document.findall(nodes.table):
            for text in list(table.findall(nodes.Text)):
                broken = LONG_WORD.sub(lambda word: SIGN.sub(BREAK, word.group(0)), text)
                if broken != text:
                    text.parent.replace(text, nodes.Text(broken))
            columns = list(table.findall(nodes.colspec))
            rows = [list(row.findall(nodes.entry)) for row in table.findall(nodes.row)]
            if any(len(row) != len(columns) for row in rows):
                continue
            texts = [[row[i].astext() for row in rows] for i in range(len(columns))]
            for column, width in zip(columns, widths(texts)):
                column["colwidth"] = width
            table["classes"] += ["colwidths-given", "longtable"]


def widths(texts):
    """Per mille of the line for each column, from the texts of its cells."""
    least, wanted = [], []
    for column in texts:
        words = [word for text in column for word in re.split(rf"[\s{BREAK}]", text)]
        least.append(min(max(map(len, words), default=1), 24) + PADDING)
        # A few long cells may wrap: the longest counts by its root.
        longest = max(map(len, column), default=1)
        wanted.append(max(least[-1], min(longest + PADDING, 14 + 4 * longest ** 0.5)))
    room = LINE - sum(least)
    extra = [w - l for w, l in zip(wanted, least)]
    if room > 0 and sum(extra) > 0:
        share = min(1, room / sum(extra))
        least = [l + e * share for l, e in zip(least, extra)]
        rest = LINE - sum(least)
        if rest > 0 and sum(extra) > room:
            least = [l + rest / len(least) for l in least]
    scale = 1000 / max(sum(least), LINE)
    return [max(1, int(l * scale)) for l in least]


def setup(app):
    app.add_post_transform(TableWidths)
    return {"parallel_read_safe": True}
