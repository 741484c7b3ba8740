"""Drawn flags and files end in one line of error, or in what was asked for."""

import pytest

from tests.scripts.drawn import drawn


@pytest.mark.slow
def test_no_drawn_input_ends_in_a_traceback(tmp_path, quick_compile):
    counts, wrong = drawn(tmp_path, count=60)
    assert wrong == []
    assert counts["status 0"] > 5
    assert counts["status 2"] > 5
