"""The contract's table: a row per op. A new op needs one line here; a test fails without it."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.ops import rows_basic, rows_images, rows_noise, rows_recurrent, rows_weights
from tests.ops.contract import KINDS

ROWS = (
    *rows_basic.ROWS,
    *rows_images.ROWS,
    *rows_noise.ROWS,
    *rows_recurrent.ROWS,
    *rows_weights.ROWS,
)


def pytest_generate_tests(metafunc):
    for argument, passes in KINDS.items():
        if argument in metafunc.fixturenames:
            rows = [row for row in ROWS if passes(row)]
            metafunc.parametrize(argument, rows, ids=[row.name for row in rows])


@pytest.fixture
def rows():
    return ROWS


@pytest.fixture
def array():
    """Returns a function from a shape and a type to a random array without tiny values."""

    def draw(shape, dtype=jnp.float32):
        rng = np.random.default_rng(1)
        size = rng.uniform(0.5, 2, shape)
        return jnp.asarray(np.where(rng.random(shape) < 0.5, size, -size).astype(dtype))

    return draw
