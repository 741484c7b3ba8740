"""Variational dropout's divergence, and the gradient of its noise, on units and on weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import variational_dropout, variational_kl, variational_weights
from tests.ops.quadrature import assert_moments, true_kl

pytestmark = pytest.mark.slow

ALPHAS = [0.001, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0]


def test_kl_is_the_integral_up_to_a_constant():
    approximate = np.asarray(variational_kl(jnp.array(ALPHAS, jnp.float32)), np.float64)
    exact = np.array([true_kl(alpha) for alpha in ALPHAS])
    # The paper's cubic is within 0.04 nats of a divergence that runs from 0 to 3.7.
    np.testing.assert_allclose(approximate, exact - exact[-1], rtol=0, atol=0.04)
    assert exact[0] - exact[-1] > 3.5


def test_kl_falls_to_zero_at_1():
    alphas = np.linspace(0.001, 1, 1000, dtype=np.float32)
    kl = np.asarray(variational_kl(jnp.asarray(alphas)))
    assert abs(kl[-1]) < 1e-6
    assert (np.diff(kl) < 0).all()


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (4, 1), (4, 3)])
def test_gradient_of_the_noise_reaches_alpha(shape, key, array):
    x = array((4, 3))
    alpha = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.8, shape).astype(np.float32))

    @jax.jit
    def loss(alpha):
        return (variational_dropout(key, x, alpha=alpha) * x[::-1]).sum()

    gradient = np.asarray(jax.grad(loss)(alpha))
    assert gradient.shape == shape
    for place in np.ndindex(*shape):
        step = np.zeros(shape, np.float32)
        step[place] = 1e-2
        slope = (loss(alpha + step) - loss(alpha - step)) / 2e-2
        # The third derivative of sqrt(alpha) times step**2 / 6 is below 1 % here.
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-2, atol=1e-2)


def test_each_unit_has_its_own_variance(key):
    alpha = jnp.array([0.04, 0.25, 1.0])
    y = np.asarray(variational_dropout(key, jnp.ones((2**16, 3)), alpha=alpha))
    # Variance of a variance: 2 alpha**2 / n.
    np.testing.assert_allclose(y.var(axis=0), alpha, rtol=4 * np.sqrt(2 / 2**16))


def test_draws_are_independent_whatever_alphas_shape(key):
    y = np.asarray(variational_dropout(key, jnp.ones((64, 64)), alpha=jnp.float32(0.5)))
    assert len(np.unique(y)) > 4000


KERNEL = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)


def test_weights_of_each_output_have_their_own_variance(key):
    x = np.array([1.0, -2.0, 0.5, 1.5], np.float32)
    alpha = np.random.default_rng(4).uniform(0.1, 0.9, KERNEL.shape).astype(np.float32)
    many = jnp.broadcast_to(jnp.asarray(x), (2**15, 4))
    draw = jax.jit(variational_weights)
    u = np.asarray(draw(key, many, alpha=jnp.asarray(alpha), kernel=jnp.asarray(KERNEL)))
    # As if every example had drawn all its weights.
    weights = np.random.default_rng(5).normal(
        KERNEL, np.sqrt(alpha) * np.abs(KERNEL), (2**15, 4, 3)
    )
    for samples in (u, np.einsum("i,nio->no", x, weights)):
        assert_moments(samples, x @ KERNEL, x**2 @ (alpha * KERNEL**2))
    # No two outputs share a draw: of 3 correlations of n samples, each is below 4 / sqrt(n).
    assert np.abs(np.corrcoef(u.T) - np.eye(3)).max() < 4 / np.sqrt(2**15)


@pytest.mark.parametrize("shape", [(), (3,), (4, 1), (1, 3), (4, 3)])
def test_gradients_of_noisy_weights_are_finite_differences(shape, key, array):
    x, kernel = array((5, 4)), jnp.asarray(KERNEL)
    alpha = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.8, shape).astype(np.float32))

    @jax.jit
    def loss(x, alpha, kernel):
        return (variational_weights(key, x, alpha=alpha, kernel=kernel) ** 2).sum()

    gradients = jax.jit(jax.grad(loss, (0, 1, 2)))(x, alpha, kernel)
    assert gradients[1].shape == shape
    for number, gradient in enumerate(gradients):
        direction = np.random.default_rng(number).normal(size=gradient.shape).astype(np.float32)
        values = []
        for step in (1e-2, -1e-2):
            moved = [x, alpha, kernel]
            moved[number] = moved[number] + step * direction
            values.append(float(loss(*moved)))
        slope, expected = (values[0] - values[1]) / 2e-2, float((gradient * direction).sum())
        np.testing.assert_allclose(slope, expected, rtol=2e-2)


def test_no_noise_has_finite_gradients(key):
    x, kernel = jnp.ones((2, 4)), jnp.asarray(KERNEL)

    @jax.grad
    def gradient(alpha):
        return variational_weights(key, x, alpha=alpha, kernel=kernel).sum()

    assert gradient(jnp.float32(0)) == 0
    assert gradient(jnp.float32(1e-6)) != 0
