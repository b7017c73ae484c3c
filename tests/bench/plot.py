"""Draws what Xen takes to what Homestead takes as bars, logarithmic, with gnuplot. The same rows give the same bytes."""
import re
import shutil
import subprocess

ROW_HEIGHT = 17  # pixels
WIDTH = 1000


def script(rows):
    """Rows from top to bottom: a light bar as Xen is in QEMU, a dark one as it would be with NRIP save."""
    lines = ["$rows << END"]
    for i, (title, ratio, without, text) in enumerate(rows):
        plain = title.replace("\\", "/").replace('"', "'")
        lines.append(f'{len(rows) - i} "{plain}" {ratio:.6g} {without:.6g} "{text}"')
    lines.append("END")
    most = max(row[1] for row in rows)
    return "\n".join(lines + [
        f"set terminal svg size {WIDTH},{len(rows) * ROW_HEIGHT + 130} noenhanced font 'sans-serif,11' background '#ffffff'",
        "set title 'Xen 4.17 to Homestead: instructions of the one for one of the other, logarithmic' offset -12,0",
        "set lmargin 52",
        "set rmargin 4",
        "set logscale x",
        f"set xrange [0.5:{most * 4:.6g}]",
        f"set yrange [0.3:{len(rows)}.7]",
        "set format x '%.0f'",
        "set grid x",
        "set key bmargin left vertical maxrows 2 Left reverse",
        "set style fill solid noborder",
        "set ytics nomirror scale 0",
        "set arrow from 1,graph 0 to 1,graph 1 nohead lc '#000000' lw 1",
        "plot $rows using (($3+1)/2):1:(1):3:($1-0.38):($1+0.38):ytic(2) with boxxyerror lc '#c6d7ea' title 'Xen as it runs in QEMU', "
        "'' using (($4+1)/2):1:(1):4:($1-0.38):($1+0.38) with boxxyerror lc '#33659b' "
        "title 'without its search for the length of instructions (QEMU has no NRIP save)', "
        "'' using ($3>$4?$3:$4):1:5 with labels left offset 0.6,0 font ',10' notitle",
    ]) + "\n"


def draw(rows):
    """The SVG as text; None, and a line that says so, if there is nothing to draw (with)."""
    if not rows or not shutil.which("gnuplot"):
        print(f"bench: SKIP the plot: {'there is no gnuplot' if rows else 'no figure is known of both'}; it stays as it is")
        return None
    done = subprocess.run(["gnuplot"], input=script(rows), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, universal_newlines=True)
    if done.returncode or done.stderr.strip():
        raise SystemExit(f"bench: gnuplot: {done.stderr}")
    # Which gnuplot it was does not matter.
    return re.sub(r"<desc>.*?</desc>", "<desc>Homestead, make bench</desc>", done.stdout, flags=re.S)
