"""The table of features of docs/comparison.md, from docs/data/features.json."""
import bench_parts
import record
from machines import ROOT

KEYS = {"feature", "homestead", "xen", "shown_by"}


class BadFeature(Exception):
    """A row is not complete, or names a file that is not there."""


def table(rows):
    """Rows are groups, or features with the file that shows what is said of Homestead; "" where it has nothing to show."""
    lines = [["", "Homestead", "Xen 4.17", "shown by"]]
    for row in rows:
        if set(row) == {"group"}:
            lines.append([f"**{row['group']}**", "", "", ""])
            continue
        if set(row) != KEYS or not row["homestead"] or not row["xen"]:
            raise BadFeature(f"features.json: not a row: {row}")
        path = row["shown_by"]
        if not path and not row["homestead"].startswith(("no", "none")):
            raise BadFeature(f"features.json: nothing shows that Homestead has this: {row['feature']}")
        if path and not (ROOT / path).is_file():
            raise BadFeature(f"features.json: there is no {path}")
        lines.append([row["feature"], row["homestead"], row["xen"], f"`{path.rsplit('/', 1)[-1]}`" if path else ""])
    return bench_parts.rows(lines, ["---"] * 4)


PARTS = {"comparison-features": lambda: table(record.read("features"))}
