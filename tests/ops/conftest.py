"""The contract's table: a row per op. A new op needs one line here; a test fails without it."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.ops import (
    rows_basic,
    rows_images,
    rows_noise,
    rows_recurrent,
    rows_sequences,
    rows_weights,
)
from tests.ops.contract import KINDS

ROWS = (
    *rows_basic.ROWS,
    *rows_images.ROWS,
    *rows_noise.ROWS,
    *rows_recurrent.ROWS,
    *rows_sequences.ROWS,
    *rows_weights.ROWS,
)


# The fast part of the suite holds these to every promise, one of each kind, and the others to
# some.
THOROUGH = ("dropout", "gaussian_dropout", "drop_connect")
FAST = (
    "test_shape_and_dtype_are_those_of_the_input",
    "test_moments_are_the_closed_form",
    "test_bad_arguments_are_errors",
    "test_dropped_logits_leave_one_key_of_each_query",
    "test_masked_logits_are_no_keys",
)


def pytest_generate_tests(metafunc):
    for argument, passes in KINDS.items():
        if argument in metafunc.fixturenames:
            rows = [
                pytest.param(row, id=row.name, marks=[pytest.mark.slow] if slow else [])
                for row in ROWS
                if passes(row)
                for slow in [row.name not in THOROUGH and metafunc.function.__name__ not in FAST]
            ]
            metafunc.parametrize(argument, rows)


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
