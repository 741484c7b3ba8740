"""Layers see little data here, and each is compiled anew."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def compiles_quickly(quick_compile):
    """Compiles with few optimizations."""
