"""A side of a benchmark that measures nothing, for tests of the processes."""

import os
import sys

from scripts.benchmarks.facts import Fact
from scripts.benchmarks.work import Work


def works(sizes):
    return {
        ("width", "fake"): lambda: _width(sizes),
        ("death", "fake"): _death,
        ("setting", "fake"): lambda: Work(lambda: float(os.environ["FAKE_SETTING"])),
    }


def _width(sizes):
    print("a library's chatter")
    return Work(lambda: float(sizes.widths[0]), lambda: {"steps": Fact(sizes.steps, 0.5)})


def _death():
    sys.exit("as it should")
