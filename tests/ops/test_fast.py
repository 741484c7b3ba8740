"""Fast dropout: against dropout itself, and its moments through a network against integrals."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special  # type: ignore[import-untyped]

from dropout_lab import ops
from dropout_lab.ops import (
    Gaussian,
    activation_moments,
    expected_logits,
    fast_dropout,
    linear_moments,
    relu_moments,
)
from tests.ops.quadrature import assert_moments, true_moments

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(6, 4)).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)
N = 2**15


def gaussian(mean, variance):
    return Gaussian(jnp.asarray(mean, jnp.float32), jnp.asarray(variance, jnp.float32))


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_moments_are_those_of_dropout(rng, rate, key):
    x = rng.normal(size=6).astype(np.float32)
    many = jnp.broadcast_to(jnp.asarray(x), (N, 6))
    kernel, bias = jnp.asarray(KERNEL), jnp.asarray(BIAS)
    weights = {"rate": rate, "kernel": kernel, "bias": bias}
    mean, variance = linear_moments(jnp.asarray(x), **weights)
    dropped = np.asarray(ops.dropout(key, many, rate=rate)) @ KERNEL + BIAS
    sampled = np.asarray(fast_dropout(key, many, **weights))
    for samples in (dropped, sampled):
        assert_moments(samples, np.asarray(mean), np.asarray(variance))
    # Dropout's outputs share a mask; each of these has a draw of its own.
    limit = 4 / math.sqrt(N)
    assert np.abs(np.corrcoef(sampled.T) - np.eye(4)).max() < limit
    assert np.abs(np.corrcoef(dropped.T) - np.eye(4)).max() > 10 * limit


def test_gradients_are_finite_where_there_is_no_noise(key):
    @jax.jit
    def gradients(x, rate, kernel):
        def loss(x, kernel):
            return (fast_dropout(key, x, rate=rate, kernel=kernel) ** 2).sum()

        return jax.grad(loss, (0, 1))(x, kernel)

    zeros, ones, kernel = jnp.zeros((2, 6)), jnp.ones((2, 6)), jnp.asarray(KERNEL)
    for x, rate, weights in ((zeros, 0.5, kernel), (ones, 0.5, 0 * kernel), (ones, 0.0, kernel)):
        for gradient in gradients(x, jnp.float32(rate), weights):
            assert np.isfinite(gradient).all()
    plain = jax.grad(lambda x: ((x @ kernel) ** 2).sum())(ones)
    np.testing.assert_allclose(gradients(ones, jnp.float32(0), kernel)[0], plain, rtol=1e-5)


def test_backward_pass_keeps_no_noise(key):
    """Only what the square root keeps, and the key."""

    def kept(function):
        pullback = jax.eval_shape(lambda v: jax.vjp(function, v)[1], jnp.ones((64, 64)))
        return sorted(leaf.size for leaf in jax.tree.leaves(pullback))

    mean = jnp.ones((64, 64))
    assert kept(lambda v: ops.gaussian_sample(key, mean, v)) == [1, *kept(ops.safe_sqrt)]


def test_gradients_are_those_of_the_reparametrisation(rng, key):
    """With e known, u = mu + s e can be differentiated by hand."""
    x = rng.normal(size=(3, 6)).astype(np.float32)

    @jax.jit
    def draw(x, kernel):
        return fast_dropout(key, x, rate=0.5, kernel=kernel)

    u, pull = jax.vjp(draw, jnp.asarray(x), jnp.asarray(KERNEL))
    scale = np.sqrt(x**2 @ KERNEL**2)
    noise = (np.asarray(u) - x @ KERNEL) / scale
    dx, dkernel = pull(jnp.ones_like(u))
    np.testing.assert_allclose(
        dx, KERNEL.sum(1) + x * ((noise / scale) @ KERNEL.T**2), rtol=1e-4, atol=1e-4
    )
    by_hand = x.sum(0)[:, None] + KERNEL * ((x**2).T @ (noise / scale))
    np.testing.assert_allclose(dkernel, by_hand, rtol=1e-4, atol=1e-4)


def test_moments_of_gaussian_inputs_are_those_of_samples(rng):
    mean, variance = rng.normal(size=6), rng.uniform(0.1, 2, 6)
    u = linear_moments(gaussian(mean, variance), rate=0.3, kernel=jnp.asarray(KERNEL))
    inputs = rng.normal(mean, np.sqrt(variance), (N, 6))
    samples = inputs * (rng.random((N, 6)) < 0.7) / 0.7 @ KERNEL
    assert_moments(samples, np.asarray(u.mean), np.asarray(u.variance))


def test_moments_of_known_inputs_are_those_of_gaussians_without_variance(rng):
    x, weights = rng.normal(size=(2, 6)), {"kernel": jnp.asarray(KERNEL), "bias": jnp.asarray(BIAS)}
    known = linear_moments(jnp.asarray(x, jnp.float32), rate=0.4, **weights)
    for ours, theirs in zip(
        linear_moments(gaussian(x, 0 * x), rate=0.4, **weights), known, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


GRID = np.meshgrid([-30.0, -5, -1, -0.1, 0, 0.1, 1, 5, 30, 1000], [0.01, 0.3, 1, 4, 50])


def test_relu_moments_are_the_integrals():
    means, scales = GRID
    y = relu_moments(gaussian(means, scales**2))
    z = means / scales
    with np.errstate(under="ignore"):
        density, above = (
            np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi),
            special.ndtr(z),
        )
    first = scales * (z * above + density)
    second = scales**2 * ((z**2 + 1) * above + z * density)
    np.testing.assert_allclose(y.mean, first, rtol=2e-5, atol=1e-6)
    # The reference's own difference of squares is good to 1e-16 of the larger.
    np.testing.assert_allclose(y.variance, second - first**2, rtol=1e-4, atol=1e-6)
    near = np.abs(z) < 5
    for ours, integral in zip(
        y, true_moments(lambda u: np.maximum(u, 0), means, scales), strict=True
    ):
        np.testing.assert_allclose(np.asarray(ours)[near], integral[near], rtol=1e-3, atol=1e-5)
    assert (np.asarray(y.variance) >= 0).all()


def test_relu_moments_of_no_variance_are_relu():
    x = jnp.array([-2.0, 0.0, 3.0])
    y = relu_moments(Gaussian(x, jnp.zeros(3)))
    np.testing.assert_array_equal(y.mean, [0, 0, 3])
    np.testing.assert_array_equal(y.variance, 0)


def test_gradients_of_relu_moments():
    @jax.jit
    @jax.vmap
    def slopes(m, v):
        first = jax.grad(lambda m, v: relu_moments(Gaussian(m, v)).mean, (0, 1))(m, v)
        return first, jax.grad(lambda m, v: relu_moments(Gaussian(m, v)).variance, (0, 1))(m, v)

    means, scales = (array.ravel() for array in GRID)
    moderate = np.abs(means / scales) < 5
    z = (means / scales)[moderate]
    (by_mean, by_variance), _ = slopes(jnp.float32(means), jnp.float32(scales**2))
    np.testing.assert_allclose(by_mean[moderate], special.ndtr(z), rtol=1e-4)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(by_variance[moderate], density / scales[moderate] / 2, rtol=1e-3)
    everywhere = jnp.float32([*means, 0, 1, -1, 1e-20]), jnp.float32([*scales**2, 0, 0, 0, 1e-38])
    for leaf in jax.tree.leaves(slopes(*everywhere)):
        assert np.isfinite(leaf).all()


@pytest.mark.parametrize(
    ("ours", "theirs", "scales", "error"),
    [
        (jax.nn.sigmoid, special.expit, [0, 0.1, 1, 2], 1e-4),
        (jax.nn.sigmoid, special.expit, [3, 4], 6e-3),
        (jnp.tanh, np.tanh, [0, 0.1, 0.5, 1], 4e-4),
        (jnp.tanh, np.tanh, [2], 2.5e-2),
        (lambda x: x, lambda x: x, [0, 1, 4], 2e-5),
    ],
)
def test_activation_moments_are_the_integrals(ours, theirs, scales, error):
    means, scales = np.meshgrid(np.linspace(-3, 3, 13), scales)
    y = jax.jit(lambda g: activation_moments(g, ours))(gaussian(means, scales**2))
    for moment, integral in zip(y, true_moments(theirs, means, scales), strict=True):
        np.testing.assert_allclose(moment, integral, rtol=0, atol=error)


def test_gradients_of_activation_moments_are_finite_where_there_is_no_variance():
    def both(m, v):
        return sum(activation_moments(Gaussian(m, v), jnp.tanh))

    by_mean, by_variance = jax.grad(both, (0, 1))(jnp.float32(0.5), jnp.float32(0))
    np.testing.assert_allclose(by_mean, 1 - np.tanh(0.5) ** 2, rtol=1e-5)
    assert np.isfinite(by_variance)


def test_expected_logits_give_about_the_expected_logistic_function():
    means, scales = np.meshgrid(np.linspace(-6, 6, 25), [0, 0.5, 1, 2, 4, 8])
    probability = special.expit(np.asarray(expected_logits(gaussian(means, scales**2))))
    integral, _ = true_moments(special.expit, means, scales)
    np.testing.assert_allclose(probability, integral, rtol=0, atol=0.02)


def test_expected_logits_are_nearer_the_expected_softmax_than_the_mean_is(rng):
    means, scales = 2 * rng.normal(size=(50, 5)), rng.uniform(1, 3, (50, 5))
    samples = special.softmax(rng.normal(means, scales, (2000, 50, 5)), axis=-1).mean(0)
    ours = special.softmax(np.asarray(expected_logits(gaussian(means, scales**2))), axis=-1)
    error, plain = (np.abs(p - samples).mean() for p in (ours, special.softmax(means, axis=-1)))
    assert error < 0.6 * plain


def test_means_keep_the_type_of_the_input_and_variances_are_float32():
    g = Gaussian(jnp.ones(6, jnp.bfloat16), jnp.ones(6, jnp.bfloat16))
    kernel = jnp.asarray(KERNEL)
    results = [
        linear_moments(g, rate=0.5, kernel=kernel, bias=jnp.asarray(BIAS)),
        relu_moments(g),
        activation_moments(g, jnp.tanh),
    ]
    means = {moments.mean.dtype for moments in results} | {expected_logits(g).dtype}
    assert means == {jnp.dtype(jnp.bfloat16)}
    assert {moments.variance.dtype for moments in results} == {jnp.dtype(jnp.float32)}


def test_bad_arguments_are_errors():
    kernel, integers = jnp.asarray(KERNEL), Gaussian(jnp.ones(6, int), jnp.ones(6, int))
    with pytest.raises(ValueError, match=r"^linear_moments: rate is 1; allowed: \[0, 1\), "):
        linear_moments(jnp.ones(6), rate=1, kernel=kernel)
    with pytest.raises(
        ValueError, match=r"^linear_moments: x has shape \(5,\) and kernel \(6, 4\)"
    ):
        linear_moments(gaussian(np.ones(5), np.ones(5)), rate=0.5, kernel=kernel)
    functions = {
        "relu_moments": relu_moments,
        "activation_moments": lambda g: activation_moments(g, jnp.tanh),
        "expected_logits": expected_logits,
    }
    for name, function in functions.items():
        with pytest.raises(TypeError, match=rf"^{name}: mean has dtype int32; allowed: floating"):
            function(integers)
