"""Padding of sequences: what it becomes, and which steps are left."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.models.sequences import PADDING, split_padding

FEATURES = jnp.array([[[1.0, 2.0], [3.0, 0.0], [jnp.nan, jnp.nan]]])
TOKENS = jnp.array([[5, 0, PADDING]])


@pytest.mark.parametrize(
    ("x", "values"),
    [(FEATURES, [[[1, 2], [3, 0], [0, 0]]]), (TOKENS, [[5, 0, 0]])],
    ids=["features", "tokens"],
)
def test_padding_becomes_zero_and_absent(x, values):
    split, present = split_padding(x)
    assert split.dtype == x.dtype
    np.testing.assert_array_equal(split, values)
    np.testing.assert_array_equal(present, [[True, True, False]])


def test_a_step_with_a_number_is_no_padding():
    """A NaN among numbers is an error of the data, which must not vanish."""
    values, present = split_padding(jnp.array([[[jnp.nan, 1.0]]]))
    assert present.all()
    assert jnp.isnan(values[0, 0, 0])


def test_padding_has_no_gradient():
    gradient = jax.grad(lambda x: (split_padding(x)[0] ** 2).sum())(FEATURES)
    np.testing.assert_array_equal(gradient, [[[2, 4], [6, 0], [0, 0]]])
