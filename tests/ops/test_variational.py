"""Variational dropout's divergence and the gradient of its noise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate  # type: ignore[import-untyped]

from dropout_lab.ops import variational_dropout, variational_kl

ALPHAS = [0.001, 0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0]


def true_kl(alpha):
    """Returns KL(N(1, alpha) || log-uniform) up to a constant, by quadrature.

    With p(w) proportional to 1 / |w|, minus KL is the entropy, 0.5 log(alpha) + constant, plus
    E[log p] = -E[log |w|].
    """
    sigma = np.sqrt(alpha)

    def integrand(w):
        density = np.exp(-((w - 1) ** 2) / (2 * alpha)) / (sigma * np.sqrt(2 * np.pi))
        return np.log(np.abs(w)) * density

    low, high = 1 - 12 * sigma, 1 + 12 * sigma
    cuts = [low, *(cut for cut in (0, 1) if low < cut < high), high]
    parts = [integrate.quad(integrand, *ends)[0] for ends in itertools.pairwise(cuts)]
    return sum(parts) - 0.5 * np.log(alpha)


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
