"""Information dropout's divergence, its noise and the gradient of its width."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats  # type: ignore[import-untyped]

from dropout_lab.ops import information_dropout, information_kl

pytestmark = pytest.mark.slow

N = 2**16


@jax.jit
def draw(key, x, alpha):
    return information_dropout(key, x, alpha=alpha)


def true_kl(alpha):
    """Returns KL(log-normal(0, alpha) || log-uniform) up to a constant, by quadrature.

    The prior's density is proportional to 1 / z, which is flat in log z.
    """
    density = stats.lognorm(alpha).pdf

    def integrand(z):
        p = density(z)
        return p * np.log(p * z) if p > 0 else 0.0

    ends = np.exp(alpha * np.array([-8, -4, 0, 4, 8]))
    parts = itertools.pairwise(ends)
    return sum(integrate.quad(integrand, low, high)[0] for low, high in parts)


def test_kl_is_the_integral_less_its_value_at_the_largest_alpha():
    alphas = np.array([0.02, 0.1, 0.35, 0.7], np.float32)
    exact = np.array([true_kl(float(alpha)) for alpha in alphas])
    kl = information_kl(jnp.asarray(alphas), max_alpha=0.7)
    np.testing.assert_allclose(kl, exact - exact[-1], rtol=1e-4, atol=1e-5)
    assert kl[-1] == 0


def test_kl_checks_its_arguments():
    for largest in (0, -1, np.nan):
        message = rf"^information_kl: max_alpha is {largest}; allowed: above 0"
        with pytest.raises(ValueError, match=message):
            information_kl(jnp.ones(2), max_alpha=largest)
    with pytest.raises(TypeError, match=r"^information_kl: alpha has dtype int32"):
        information_kl(jnp.ones(2, int), max_alpha=1)


def test_noise_is_log_normal_of_each_units_width(key):
    alpha = jnp.array([0.05, 0.3, 0.7])
    y = np.asarray(draw(key, jnp.ones((N, 3)), alpha), np.float64)
    for column, width in zip(y.T, alpha, strict=True):
        assert stats.kstest(column, stats.lognorm(float(width)).cdf).pvalue > 1e-4
        mean = np.exp(float(width) ** 2 / 2)
        bound = 4 * mean * np.sqrt(np.expm1(float(width) ** 2) / N)
        # The mean of a log-normal, which is not 1.
        assert abs(column.mean() - mean) < bound < mean - 1


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (4, 1), (4, 3)])
def test_gradient_of_the_noise_reaches_alpha(shape, key, array):
    x = array((4, 3))
    alpha = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.7, shape).astype(np.float32))

    @jax.jit
    def loss(alpha):
        return (information_dropout(key, x, alpha=alpha) * x[::-1]).sum()

    gradient = np.asarray(jax.jit(jax.grad(loss))(alpha))
    assert gradient.shape == shape
    for place in np.ndindex(*shape):
        step = np.zeros(shape, np.float32)
        step[place] = 1e-2
        slope = (loss(alpha + step) - loss(alpha - step)) / 2e-2
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-2, atol=1e-2)


def test_gradient_of_the_input_is_the_noise(key):
    alpha = jnp.array([0.1, 0.5, 0.7])
    noise = draw(key, jnp.ones((4, 3)), alpha)
    gradient = jax.grad(lambda x: draw(key, x, alpha).sum())(-2 * jnp.ones((4, 3)))
    np.testing.assert_allclose(gradient, noise, rtol=1e-6)


def test_draws_are_independent_whatever_alphas_shape(key):
    y = np.asarray(draw(key, jnp.ones((64, 64)), jnp.float32(0.5)))
    assert len(np.unique(y)) > 4000


def test_alpha_may_be_of_another_type(key, array):
    x, alpha = array((4, 3), jnp.bfloat16), jnp.array([0.1, 0.2, 0.3])
    y = draw(key, x, alpha)
    assert y.dtype == jnp.bfloat16
    wide = draw(key, x.astype(jnp.float32), alpha)
    np.testing.assert_array_equal(y, wide.astype(jnp.bfloat16))
