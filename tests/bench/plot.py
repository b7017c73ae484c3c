"""Draws what Xen takes to what Homestead takes as bars, logarithmic, with gnuplot. The same rows give the same bytes."""
import re
import subprocess

ROW_HEIGHT = 17  # pixels
WIDTH = 1000


def script(rows):
    """Rows from top to bottom: a light bar as Xen is here, a dark one without its search for instructions' lengths."""
    lines = [f"$rows << END"]
    for i, (title, ratio, without) in enumerate(rows):
        escaped = title.replace("\\", "\\\\").replace('"', "'")
        lines.append(f'{len(rows) - i} "{escaped}" {ratio:.6g} {without:.6g} "{without:.3g}"')
    lines.append("END")
    return "\n".join(lines + [
        f"set terminal svg size {WIDTH},{len(rows) * ROW_HEIGHT + 110} font 'sans-serif,11' background '#ffffff'",
        "set title 'Instructions of Xen 4.17 for one of Homestead (logarithmic; longer is better for Homestead)'",
        "set logscale x",
        "set xrange [0.5:*]",
        f"set yrange [0.3:{len(rows)}.7]",
        "set format x '%.0f'",
        "set grid x",
        "set key outside bottom center horizontal",
        "set style fill solid noborder",
        "set ytics nomirror scale 0",
        "set arrow from 1,graph 0 to 1,graph 1 nohead lc '#000000' lw 1",
        "set offsets 0,0,0,0",
        "plot $rows using (($3+1)/2):1:(1):3:($1-0.38):($1+0.38):ytic(2) with boxxyerror lc '#c6d7ea' title 'as in QEMU', "
        "'' using (($4+1)/2):1:(1):4:($1-0.38):($1+0.38) with boxxyerror lc '#33659b' "
        "title 'without the search for instruction lengths', "
        "'' using 3:1:5 with labels left offset 0.6,0 font ',10' notitle",
    ]) + "\n"


def draw(rows):
    """The SVG as text."""
    done = subprocess.run(["gnuplot"], input=script(rows), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, universal_newlines=True)
    if done.returncode or done.stderr.strip():
        raise SystemExit(f"bench: gnuplot: {done.stderr}")
    # Which gnuplot it was does not matter.
    return re.sub(r"<desc>.*?</desc>", "<desc>Homestead, make bench</desc>", done.stdout, flags=re.S)
