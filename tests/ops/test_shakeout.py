"""Shakeout's two products, its moments and the gradient of its kernel."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import dropout, shakeout

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

KERNEL = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
KERNEL[1, 2] = 0
BIAS = np.random.default_rng(1).normal(size=4).astype(np.float32)
X = np.random.default_rng(2).normal(size=(16, 3)).astype(np.float32)


@functools.partial(jax.jit, static_argnames="op")
def product(key, x, kernel, bias=None, *, rate=0.4, strength=0.3, op=shakeout):
    return op(key, x, rate=rate, kernel=kernel, bias=bias, strength=strength)


def reversed_inputs(key, shape, rate=0.4):
    """Recovers which inputs are reversed: those alone whose weight of 1 becomes minus a half."""

    def weight(index):
        x = jnp.broadcast_to(jax.nn.one_hot(index, shape[-1]), shape)
        return product(key, x, jnp.ones((shape[-1], 1)), rate=rate, strength=0.5)[..., 0]

    weights = np.stack([weight(index) for index in range(shape[-1])], axis=-1)
    np.testing.assert_allclose(np.unique(weights.round(5)), [-0.5, (1 + rate / 2) / (1 - rate)])
    return weights < 0


def test_weights_are_the_papers_given_the_mask(key):
    gone = reversed_inputs(key, X.shape)
    assert 0 < gone.sum() < gone.size
    sign = np.sign(KERNEL)
    lost, kept = -0.3 * sign, (KERNEL + 0.3 * 0.4 * sign) / 0.6
    weights = np.where(gone[:, :, None], lost, kept)
    expected = np.einsum("ni,nio->no", X, weights) + BIAS
    u = product(key, jnp.asarray(X), jnp.asarray(KERNEL), jnp.asarray(BIAS))
    np.testing.assert_allclose(u, expected, rtol=1e-5, atol=2e-6)


def test_without_strength_it_is_dropout_to_the_bit(key):
    kernel, bias = jnp.asarray(KERNEL), jnp.asarray(BIAS)

    def shaken(x, kernel):
        u = shakeout(key, x, rate=0.4, kernel=kernel, bias=bias, strength=0)
        return (u**2).sum(), u

    def dropped_out(x, kernel):
        u = dropout(key, x, rate=0.4) @ kernel + bias[None]
        return (u**2).sum(), u

    @jax.jit
    def both(x):
        return [jax.grad(loss, (0, 1), has_aux=True)(x, kernel) for loss in (shaken, dropped_out)]

    kept = np.asarray(dropout(key, jnp.ones(X.shape), rate=0.4)) != 0
    assert 0 < kept.sum() < kept.size
    for fill in (1, np.inf, np.nan):
        actual, expected = both(jnp.where(kept, X, jnp.float32(fill)))
        for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(one, other)
            assert np.isfinite(one).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_moments_are_the_closed_form(rate, key):
    n = 2**15
    x = jnp.broadcast_to(X[0], (n, 3))
    kernel, bias = jnp.asarray(KERNEL), jnp.asarray(BIAS)
    u = np.asarray(product(key, x, kernel, bias, rate=rate), np.float64)
    mean = X[0] @ KERNEL + BIAS
    variance = rate / (1 - rate) * X[0] ** 2 @ (abs(KERNEL) + 0.3 * (KERNEL != 0)) ** 2
    z = (u - mean) / np.sqrt(variance)
    for power, moment in ((1, 0), (2, 1)):
        bound = 4 * (z**power).std(axis=0) / np.sqrt(n)
        assert (abs((z**power).mean(axis=0) - moment) < bound).all(), rate


def test_each_example_and_input_draws_for_itself(key):
    gone = reversed_inputs(key, (4096, 3))
    bound = 4 * np.sqrt(0.4 * 0.6 / 4096)
    assert (abs(gone.mean(axis=0) - 0.4) < bound).all()
    for one, other in ((0, 1), (0, 2), (1, 2)):
        both = (gone[:, one] & gone[:, other]).mean()
        assert abs(both - 0.16) < 4 * np.sqrt(0.16 * 0.84 / 4096)
    neighbours = gone[::2] & gone[1::2]
    assert abs(neighbours.mean() - 0.16) < 4 * np.sqrt(0.16 * 0.84 / neighbours.size)


def test_leading_axes_are_all_examples(key):
    x, kernel = jnp.ones((2, 4, 3)), jnp.asarray(KERNEL)
    np.testing.assert_array_equal(
        product(key, x, kernel).reshape(8, 4), product(key, x.reshape(8, 3), kernel)
    )
    assert product(key, jnp.ones(3), kernel, jnp.asarray(BIAS)).shape == (4,)


def test_gradient_of_the_inputs_is_the_finite_difference(key):
    kernel = jnp.asarray(KERNEL)

    @jax.jit
    def loss(x):
        return jnp.sin(product(key, x, kernel)).sum()

    gradient = jax.grad(loss)(jnp.asarray(X))
    for place in ((0, 0), (3, 1), (7, 2)):
        step = np.zeros(X.shape, np.float32)
        step[place] = 1e-2
        slope = (loss(X + step) - loss(X - step)) / 2e-2
        np.testing.assert_allclose(gradient[place], slope, rtol=2e-2, atol=2e-3)


def test_gradient_of_the_kernel_takes_its_sign_for_a_tanh(key):
    gone = reversed_inputs(key, X.shape)
    r = np.where(gone, 0, 1 / 0.6)
    outer = np.random.default_rng(3).normal(size=(16, 4)).astype(np.float32)

    def loss(kernel):
        return (product(key, jnp.asarray(X), kernel, jnp.asarray(BIAS)) * outer).sum()

    surrogate = 1 - np.tanh(KERNEL.astype(np.float64)) ** 2
    expected = (r * X).T @ outer + surrogate * (0.3 * ((r - 1) * X).T @ outer)
    np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(KERNEL)), expected, rtol=1e-4, atol=1e-5)
    tangent = jax.jvp(loss, (jnp.asarray(KERNEL),), (jnp.asarray(expected.astype(np.float32)),))[1]
    np.testing.assert_allclose(tangent, (expected**2).sum(), rtol=1e-4)


def test_bias_has_no_noise_and_strength_no_gradient(key):
    def loss(bias, strength):
        return product(key, jnp.asarray(X), jnp.asarray(KERNEL), bias, strength=strength).sum()

    of_bias, of_strength = jax.grad(loss, (0, 1))(jnp.asarray(BIAS), jnp.float32(0.3))
    np.testing.assert_allclose(of_bias, 16, rtol=1e-6)
    assert of_strength == 0


def test_a_traced_rate_of_1_reverses_every_input(key):
    u = product(key, jnp.asarray(X), jnp.asarray(KERNEL), rate=1.0)
    np.testing.assert_allclose(u, -0.3 * X @ np.sign(KERNEL), rtol=1e-5, atol=1e-6)


def test_output_has_the_type_of_the_input(key):
    x, kernel = jnp.ones((2, 3), jnp.bfloat16), jnp.ones((3, 4), jnp.float32)
    u = jax.eval_shape(product, key, x, kernel, kernel[0])
    assert (u.dtype, u.shape) == (jnp.bfloat16, (2, 4))
