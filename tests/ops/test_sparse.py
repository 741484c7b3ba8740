"""Sparse variational dropout's divergence, and its noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import (
    SPARSE_THRESHOLD,
    log_alpha,
    sparse_kl,
    sparse_variational_dropout,
    variational_kl,
    variational_weights,
)
from tests.ops.quadrature import assert_moments, true_kl

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

KERNEL = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
LOGS = np.random.default_rng(1).uniform(-4, 1, (4, 3)).astype(np.float32)


def test_kl_is_the_integral_less_its_limit():
    logs = np.linspace(-8, 8, 17)
    approximate = np.asarray(sparse_kl(jnp.asarray(logs, jnp.float32)))
    # As alpha grows the integral tends to E[log |e|] of a standard normal, -(gamma + log 2) / 2.
    limit = -(np.euler_gamma + np.log(2)) / 2
    exact = np.array([true_kl(np.exp(log)) for log in logs]) - limit
    np.testing.assert_allclose(approximate, exact, rtol=0, atol=0.01)
    assert exact[0] > 4.5
    assert abs(exact[-1]) < 1e-3


def test_kl_is_the_average_over_samples():
    """At alpha = 1, by Monte-Carlo: E[log |w|] with its standard error."""
    n = 10**6
    samples = np.log(np.abs(np.random.default_rng(2).normal(1, 1, n)))
    exact = samples.mean() + (np.euler_gamma + np.log(2)) / 2
    assert abs(float(sparse_kl(jnp.float32(0))) - exact) < 4 * samples.std() / np.sqrt(n) + 0.01


def test_kl_falls_to_zero_and_is_never_negative():
    kl = np.asarray(sparse_kl(jnp.linspace(-8, 30, 1000)))
    assert (np.diff(kl) <= 0).all()
    assert (kl >= 0).all()
    assert kl[-1] < 1e-10


def test_kl_agrees_with_that_of_small_variances_up_to_a_constant():
    alpha = jnp.linspace(0.01, 1, 30)
    difference = sparse_kl(jnp.log(alpha)) - variational_kl(alpha)
    assert np.ptp(np.asarray(difference)) < 0.05


def test_log_alpha_is_clipped_and_finite_at_zero():
    logs, kernel = jnp.array([-10.0, 2.0, 0.0, -3.0]), jnp.array([1.0, 0.0, 1e-3, 0.5])
    expected = [-8, 8, 8, -3 - np.log(0.25)]
    np.testing.assert_allclose(log_alpha(logs, kernel), expected, rtol=1e-5)
    slopes = jax.grad(lambda logs, kernel: log_alpha(logs, kernel).sum(), (0, 1))(logs, kernel)
    for slope in slopes:
        assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slopes[0], [0, 0, 0, 1])


def test_the_threshold_is_a_dropout_rate_of_95_percent():
    alpha = np.exp(SPARSE_THRESHOLD)
    assert abs(alpha / (1 + alpha) - 0.95) < 0.01


def test_weights_have_their_own_variances(key):
    x = np.array([1.0, -2.0, 0.5, 1.5], np.float32)
    many = jnp.broadcast_to(jnp.asarray(x), (2**15, 4))
    weights = {"log_variance": jnp.asarray(LOGS), "kernel": jnp.asarray(KERNEL)}
    u = np.asarray(jax.jit(sparse_variational_dropout)(key, many, **weights))
    noise = np.random.default_rng(5).normal(size=(2**15, 4, 3)) * np.exp(LOGS / 2)
    for samples in (u, np.einsum("i,nio->no", x, KERNEL + noise)):
        assert_moments(samples, x @ KERNEL, x**2 @ np.exp(LOGS))
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 4 / np.sqrt(2**15)


def test_it_is_type_b_with_variances_of_their_own(key, array):
    x, kernel = array((5, 4)), jnp.asarray(KERNEL)
    logs = jnp.log(0.3 * kernel**2)
    ours = sparse_variational_dropout(key, x, log_variance=logs, kernel=kernel)
    theirs = variational_weights(key, x, alpha=jnp.float32(0.3), kernel=kernel)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_gradients_are_finite_differences(key, array):
    arguments = [array((5, 4)), jnp.asarray(LOGS), jnp.asarray(KERNEL)]

    @jax.jit
    def loss(x, logs, kernel):
        u = sparse_variational_dropout(key, x, log_variance=logs, kernel=kernel)
        return (u**2).sum()

    for number, gradient in enumerate(jax.jit(jax.grad(loss, (0, 1, 2)))(*arguments)):
        direction = np.random.default_rng(number).normal(size=gradient.shape).astype(np.float32)
        values = []
        for step in (1e-2, -1e-2):
            moved = list(arguments)
            moved[number] = moved[number] + step * direction
            values.append(float(loss(*moved)))
        expected = float((gradient * direction).sum())
        np.testing.assert_allclose((values[0] - values[1]) / 2e-2, expected, rtol=2e-2)
