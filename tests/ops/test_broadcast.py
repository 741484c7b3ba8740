"""The elements of a mask that share a draw, for shapes of any rank."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_lab.ops import classic_dropout, dropout, spatial_dropout

pytestmark = pytest.mark.slow

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@st.composite
def shapes_and_dims(draw):
    shape = draw(shapes)
    axes = draw(st.sets(st.integers(0, len(shape) - 1)))
    # An axis may be counted from the end, and named twice.
    dims = [axis - len(shape) if draw(st.booleans()) else axis for axis in axes]
    return shape, tuple(axes), (*dims, *dims[:1])


@pytest.mark.parametrize("function", [dropout, classic_dropout])
@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=8)
@given(shapes_and_dims(), st.integers(0, 2**31))
def test_axes_of_broadcast_dims_share_their_draws_and_no_others(function, case, seed):
    shape, axes, dims = case
    key = jax.random.key(seed)
    call = jax.jit(function, static_argnames=("rate", "broadcast_dims"))
    y = np.asarray(call(key, jnp.ones(shape), rate=0.5, broadcast_dims=dims))
    # One draw along each shared axis, and elsewhere the draws of an array without those axes.
    reduced = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    draws = np.asarray(call(key, jnp.ones(reduced), rate=0.5))
    np.testing.assert_array_equal(y, np.broadcast_to(draws, shape))


def test_draws_differ_along_the_other_axes(key):
    y = np.asarray(dropout(key, jnp.ones((32, 3, 32)), rate=0.5, broadcast_dims=(1,)))
    assert len(np.unique(y[:, 0], axis=0)) == 32
    assert len(np.unique(y[:, 0], axis=1)) == 32


@pytest.mark.parametrize("shape", [(8, 3, 8), (8, 3, 2, 8), (8, 3, 2, 2, 8)])
def test_spatial_dropout_is_dropout_with_the_space_shared(shape, key):
    x = jnp.ones(shape)
    space = range(1, len(shape) - 1)
    y = spatial_dropout(key, x, rate=0.5)
    np.testing.assert_array_equal(y, dropout(key, x, rate=0.5, broadcast_dims=space))
    flat = np.asarray(y).reshape(8, -1, 8)
    assert (flat == flat[:, :1]).all()
    assert len(np.unique(flat[:, 0], axis=0)) == 8


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.floats(0, 1, width=32), st.integers(0, 2**31))
def test_drop_fraction_is_any_rate(rate, seed):
    n = 2**16
    y = jitted_dropout(jax.random.key(seed), jnp.ones(n), rate)
    dropped = float((y == 0).mean())
    # 4 standard errors, and one draw more where the rate is so small that a draw is rare.
    assert abs(dropped - rate) <= 4 * math.sqrt(rate * (1 - rate) / n) + 4 / n


jitted_dropout = jax.jit(lambda key, x, rate: dropout(key, x, rate=rate))


def test_a_scalar_can_be_dropped():
    draw = partial(dropout, x=jnp.ones(()), rate=0.5)
    y = jax.vmap(lambda key: draw(key))(jax.random.split(jax.random.key(0), 32))
    assert set(y.tolist()) == {0.0, 2.0}
