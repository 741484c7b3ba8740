"""Concrete dropout: its limit, and the gradient that reaches its rate."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import bernoulli_entropy, concrete_dropout

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

N = 2**16


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_a_cold_mask_is_dropouts(rate, key):
    y = np.asarray(concrete_dropout(key, jnp.ones(N), rate=rate, temperature=1e-3))
    z2 = (y - 1) ** 2 * (1 - rate) / rate
    assert abs(y.mean() - 1) < 4 * math.sqrt(rate / (1 - rate) / N)
    assert abs(z2.mean() - 1) < 4 * z2.std() / math.sqrt(N) + 2e-3  # the softness that is left
    hard = np.isclose(y, 0, atol=1e-3) | np.isclose(y, 1 / (1 - rate), rtol=1e-3)
    assert hard.mean() > 0.99
    assert abs((y < 0.5).mean() - rate) < 4 * math.sqrt(rate * (1 - rate) / N)


@pytest.mark.parametrize("temperature", [0.1, 2 / 3])
def test_the_mask_is_the_papers_function_of_a_uniform(temperature, key):
    """A fraction s of masks is above the value that u = s gives."""
    rate = 0.3
    y = np.asarray(concrete_dropout(key, jnp.ones(N), rate=rate, temperature=temperature))
    for fraction in (0.6, 0.7, 0.8):
        logit = math.log(rate / (1 - rate)) + math.log(fraction / (1 - fraction))
        value = (1 - 1 / (1 + math.exp(-logit / temperature))) / (1 - rate)
        assert abs((y > value).mean() - fraction) < 4 * math.sqrt(fraction * (1 - fraction) / N)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7])
def test_gradient_reaches_the_rate(rate, key):
    weights = jnp.asarray(np.random.default_rng(0).normal(size=64).astype(np.float32))

    @jax.jit
    def loss(rate):
        return (concrete_dropout(key, weights, rate=rate, temperature=2 / 3) * weights).sum()

    gradient = float(jax.jit(jax.grad(loss))(jnp.float32(rate)))
    slope = float(loss(jnp.float32(rate + 1e-3)) - loss(jnp.float32(rate - 1e-3))) / 2e-3
    np.testing.assert_allclose(gradient, slope, rtol=1e-2)
    tangent = jax.jvp(loss, (jnp.float32(rate),), (jnp.float32(1),))[1]
    np.testing.assert_allclose(tangent, gradient, rtol=1e-4)


def test_gradient_of_the_rate_at_0_is_that_of_the_scale(key):
    """A mask that drops nothing is ``1 / (1 - rate)``, whose slope at 0 is 1."""
    slope = jax.grad(lambda rate: concrete_dropout(key, jnp.ones(4), rate=rate).sum())
    assert slope(jnp.float32(0)) == 4


def test_more_noise_costs_squared_error_through_the_gradient(key):
    """E[y**2] is about x**2 / (1 - rate), whose derivative is x**2 / (1 - rate)**2."""

    @jax.jit
    @jax.grad
    def slope(rate):
        return (concrete_dropout(key, jnp.ones(N), rate=rate) ** 2).mean()

    np.testing.assert_allclose(slope(jnp.float32(0.3)), 1 / 0.7**2, rtol=0.1)


def test_feature_maps_share_a_draw(key):
    y = concrete_dropout(key, jnp.ones((8, 3, 2, 8)), rate=0.5, broadcast_dims=(1, 2))
    flat = np.asarray(y).reshape(8, -1, 8)
    assert (flat == flat[:, :1]).all()
    # 64 draws, of which only those at the ends of the sigmoid round to the same number.
    assert len(np.unique(flat[:, 0])) > 30


def test_backward_pass_keeps_no_mask(key):
    x, rate = jnp.ones((64, 64)), jnp.float32(0.5)
    pullback = jax.eval_shape(
        lambda x: jax.vjp(lambda x: concrete_dropout(key, x, rate=rate), x)[1], x
    )
    assert {leaf.size for leaf in jax.tree.leaves(pullback)} == {1}


def test_entropy_is_the_expected_surprise():
    p = np.linspace(0.01, 0.99, 25)
    expected = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(bernoulli_entropy(jnp.asarray(p, jnp.float32)), expected, rtol=1e-5)
    np.testing.assert_array_equal(bernoulli_entropy(jnp.array([0.0, 1.0])), 0)
    slope = jax.grad(bernoulli_entropy)(jnp.float32(0.2))
    np.testing.assert_allclose(slope, math.log(0.8 / 0.2), rtol=1e-5)
