"""Reads a list of known differences: in docs/guest-guide/xen-differences.md, or vendor-differences.md there. It is in Markdown tables
with these columns, where A and B are the two that are compared; the rest is text.

    | group | call | case | A | B | reason |

`case`, `A` and `B` may end in `*`, which stands for anything. The last two hold a case's line from `rc=` on.
"""
import dataclasses
import pathlib
import re

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guest-guide"
LIST = GUIDE / "xen-differences.md"
VENDORS = GUIDE / "vendor-differences.md"
SIDES = {LIST: ("Homestead", "Xen 4.17"), VENDORS: ("AMD", "Intel")}
# The reason must be a sentence.
REASON_WORDS = 4


class BadList(Exception):
    """The list is wrong; the message names the line."""


def fits(pattern, text):
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


@dataclasses.dataclass(frozen=True)
class Row:
    group: str
    call: str
    case: str
    homestead: str  # the first of the two
    xen: str  # the second
    reason: str
    line: int = 0
    file: str = LIST.name

    def names(self, key):
        """Is this case one that the row is about?"""
        group, call, case = key
        return self.group == group and self.call == call and fits(self.case, case)

    def explains(self, homestead, xen):
        return fits(self.homestead, homestead) and fits(self.xen, xen)

    def __str__(self):
        return f"{self.file}:{self.line}: {self.group} {self.call} {self.case}"


def cells_of(line):
    """The cells of a table's line, without code quotes; None: it is no such line."""
    line = line.strip()
    if not (line.startswith("|") and line.endswith("|") and len(line) > 1):
        return None
    cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line[1:-1])]
    return [cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == "`" else cell for cell in cells]


def check_row(row, others):
    where = str(row)
    if "*" in row.group + row.call or "*" in row.case[:-1]:
        raise BadList(f"{where}: `*` may stand at the end of the case only")
    for figures in (row.homestead, row.xen):
        if figures != "*" and not re.match(r"rc=\S", figures) or "*" in figures[:-1]:
            raise BadList(f"{where}: '{figures}' does not start with rc=, and is not `*`")
    if row.homestead == row.xen and not row.xen.endswith("*"):
        raise BadList(f"{where}: both sides are the same")
    if len(row.reason.split()) < REASON_WORDS:
        raise BadList(f"{where}: the reason is missing")
    for other in others:
        if (other.group, other.call, other.case) == (row.group, row.call, row.case):
            raise BadList(f"{where}: line {other.line} is about the same case")


def parse(text, path=LIST):
    """The rows, in the list's order. BadList if there is no table, or a row says nothing or contradicts itself."""
    columns = ["group", "call", "case", *SIDES[path], "reason"]
    rows, inside, tables = [], False, 0
    for number, line in enumerate(text.splitlines(), 1):
        cells = cells_of(line)
        if cells is None:
            inside = False
        elif cells == columns:
            inside = True
            tables += 1
        elif inside and not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            if len(cells) != len(columns) or not all(cells):
                raise BadList(f"{path.name}:{number}: {len(columns)} columns are wanted, none of them empty")
            row = Row(*cells, line=number, file=path.name)
            check_row(row, rows)
            rows.append(row)
    if not tables:
        raise BadList(f"no table with the columns {', '.join(columns)}")
    return rows


def read(path=LIST):
    return parse(path.read_text(encoding="utf-8"), path)
