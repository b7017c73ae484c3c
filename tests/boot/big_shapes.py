"""Machines larger than the host. It needs memory for the frame table: 1 page in 256. `make boot-big`, not part of `make test`."""
import pytest

import harness
from checks import ShapeRun
from test_shapes import shape

UNTOUCHED = ("--cmdline", "idle-scrub=off")
SHAPES = {
    "64-nodes-255-cpus": shape([256] * 64, [4] * 63 + [3], *UNTOUCHED),
    "256-gib": shape([64 << 10, 1 << 10, 127 << 10, 64 << 10], [1] * 4, *UNTOUCHED),
    "1-tib": shape([256 << 10] * 4, [1] * 4, *UNTOUCHED),
    "2-tib-on-8-nodes": shape([256 << 10] * 8, [1] * 8, *UNTOUCHED),
}


class TestBigShapes(ShapeRun):
    @pytest.fixture(scope="class", params=SHAPES.values(), ids=list(SHAPES))
    def shape(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def run(self, shape, tmp_path_factory):
        return harness.boot("--direct", "--guests", shape.guests(tmp_path_factory.mktemp("shape")), *shape.options)
