"""Alpha dropout: the values it takes, and the moments that it keeps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import alpha_dropout, dropout, feature_alpha_dropout, spatial_dropout

pytestmark = pytest.mark.slow

RATES = [0.05, 0.2, 0.5, 0.9]
# SELU's two constants, from fixed-point equations of the paper's appendix.
LOWEST = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
OPS = [alpha_dropout, feature_alpha_dropout]


@functools.partial(jax.jit, static_argnums=0)
def draw(function, key, x, rate):
    return function(key, x, rate=rate)


def affine(rate):
    """Returns the paper's a and b for a mean of 0 and a variance of 1."""
    keep = 1 - rate
    a = (keep + LOWEST**2 * keep * (1 - keep)) ** -0.5
    return a, -a * (1 - keep) * LOWEST


def test_dropped_value_is_selus_limit():
    np.testing.assert_allclose(jax.nn.selu(jnp.float32(-100)), LOWEST, rtol=1e-6)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("function", OPS)
def test_arithmetic_is_numpys_given_the_mask(function, rate, key):
    x = np.random.default_rng(0).normal(size=(8, 4, 16)).astype(np.float32)
    mask_of = dropout if function is alpha_dropout else spatial_dropout
    kept = np.asarray(draw(mask_of, key, jnp.ones(x.shape), rate)) != 0
    assert 0 < kept.sum() < kept.size
    a, b = affine(rate)
    expected = a * np.where(kept, x.astype(np.float64), LOWEST) + b
    np.testing.assert_allclose(
        draw(function, key, jnp.asarray(x), rate), expected, rtol=1e-5, atol=2e-6
    )


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("function", OPS)
def test_mean_0_and_variance_1_stay(function, rate, key):
    shape = (512, 1, 512)  # as many draws as elements, for both
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y = np.asarray(draw(function, key, jnp.asarray(x), rate), np.float64)
    for power, moment in ((1, 0), (2, 1)):
        values = y**power
        bound = 4 * values.std() / np.sqrt(y.size)
        assert abs(values.mean() - moment) < bound < 0.04


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_moments_given_x_are_the_closed_form(rate, dtype, key):
    # Positive, and so away from the dropped value, where there is no variance to divide by.
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 3, 2**16).astype(dtype))
    y, wide = (
        np.asarray(array).astype(np.float64) for array in (draw(alpha_dropout, key, x, rate), x)
    )
    a, _ = affine(rate)
    z = (y - a * (1 - rate) * wide) / (a * np.sqrt(rate * (1 - rate)) * (wide - LOWEST))
    for power, moment in ((1, 0), (2, 1)):
        bound = 4 * (z**power).std() / np.sqrt(z.size) + 2 * float(jnp.finfo(dtype).eps)
        assert abs((z**power).mean() - moment) < bound


@pytest.mark.parametrize("function", OPS)
def test_a_dropped_unit_that_is_not_finite_does_not_leak(function, key):
    @jax.jit
    @jax.value_and_grad
    def loss(x):
        return (function(key, x, rate=0.5) ** 2).sum()

    ones = jnp.ones((8, 2, 8))
    dropped = loss(ones)[1] == 0
    assert 0 < dropped.sum() < dropped.size
    clean = loss(jnp.where(dropped, 0, ones))
    assert np.isfinite(clean[0])
    for bad in (jnp.inf, -jnp.inf, jnp.nan):
        dirty = loss(jnp.where(dropped, bad, ones))
        np.testing.assert_array_equal(dirty[0], clean[0])
        np.testing.assert_array_equal(dirty[1], clean[1])
    assert (clean[1][dropped] == 0).all()


@pytest.mark.parametrize("function", OPS)
def test_a_traced_rate_of_1_stays_finite(function, key):
    y, pull = jax.vjp(lambda x: draw(function, key, x, 1.0), jnp.ones((4, 2, 6)))
    assert np.isfinite(y).all()
    assert len(np.unique(y)) == 1
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], 0)


@pytest.mark.parametrize("shape", [(32, 3, 32), (32, 3, 2, 32)])
def test_a_feature_map_shares_its_draw_and_no_other_does(shape, key):
    y = np.asarray(draw(feature_alpha_dropout, key, jnp.ones(shape), 0.5))
    flat = y.reshape(32, -1, 32)
    assert (flat == flat[:, :1]).all()
    assert len(np.unique(flat[:, 0], axis=0)) == 32
    assert len(np.unique(flat[:, 0], axis=1).T) == 32
    assert len(np.unique(y)) == 2
