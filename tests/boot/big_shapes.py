"""Machines larger than the host, which touch no more memory than small ones. `make boot-big`, not part of `make test`."""
from checks import ShapeRun, each_shape
from test_shapes import shape

UNTOUCHED = ("--cmdline", "idle-scrub=off")
SHAPES = {
    "64-nodes-255-cpus": shape([256] * 64, [4] * 63 + [3], *UNTOUCHED),
    "256-gib": shape([64 << 10, 1 << 10, 127 << 10, 64 << 10], [1] * 4, *UNTOUCHED),
    "1-tib": shape([256 << 10] * 4, [1] * 4, *UNTOUCHED),
    "2-tib-on-8-nodes": shape([256 << 10] * 8, [1] * 8, *UNTOUCHED),
}


@each_shape(SHAPES)
class TestBigShapes(ShapeRun):
    """Each of them, booted directly."""
