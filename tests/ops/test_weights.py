"""drop_connect's weights, which the contract's calls do not see, and its moments."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import drop_connect, drop_connect_moments
from tests.ops.quadrature import assert_moments

pytestmark = pytest.mark.slow

RATE = 0.5
KERNEL = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
BIAS = np.random.default_rng(1).normal(size=4).astype(np.float32)


@jax.jit
def masks(key, ones):
    """Recovers every example's masks: ``ones`` has the shape of the inputs."""
    kernel, bias = jnp.ones(KERNEL.shape), jnp.zeros(BIAS.shape)

    def row(index):
        x = ones * jax.nn.one_hot(index, 3)[None]
        return drop_connect(key, x, rate=RATE, kernel=kernel, bias=bias) != 0

    none = drop_connect(key, 0 * ones, rate=RATE, kernel=kernel, bias=bias + 1) != 0
    return jnp.stack([row(index) for index in range(3)], axis=-2), none


def test_product_is_numpys_given_the_masks(key):
    x = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    weights, biases = map(np.asarray, masks(key, jnp.ones(x.shape)))
    expected = (np.einsum("ni,nio->no", x, weights * KERNEL) + biases * BIAS) / (1 - RATE)
    kernel, bias = jnp.asarray(KERNEL), jnp.asarray(BIAS)
    u = drop_connect(key, jnp.asarray(x), rate=RATE, kernel=kernel, bias=bias)
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-6)
    assert {False, True} == set(biases.ravel().tolist())


def test_each_example_draws_its_own_mask(key):
    weights, biases = map(np.asarray, masks(key, jnp.ones((64, 3))))
    flat = np.concatenate([weights.reshape(64, -1), biases], axis=1)
    # 16 bits: two of 64 examples agree in all with probability 0.03.
    assert len(np.unique(flat, axis=0)) >= 62


def test_leading_axes_are_all_examples(key):
    x = jnp.ones((2, 4, 3))
    product = jax.jit(lambda x: drop_connect(key, x, rate=RATE, kernel=jnp.asarray(KERNEL)))
    np.testing.assert_array_equal(product(x).reshape(8, 4), product(x.reshape(8, 3)))
    assert len(np.unique(product(x).reshape(8, 4), axis=0)) > 4
    assert drop_connect(key, jnp.ones(3), rate=RATE, kernel=jnp.asarray(KERNEL)).shape == (4,)


def test_a_layer_may_have_no_inputs(key):
    u = drop_connect(key, jnp.ones((5, 0)), rate=RATE, kernel=jnp.ones((0, 4)))
    np.testing.assert_array_equal(u, jnp.zeros((5, 4)))


def test_a_batch_can_share_one_mask(key):
    x = jnp.asarray(np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32))

    @jax.jit
    def product(x, kernel):
        return drop_connect(key, x, rate=RATE, kernel=kernel, per_example=False)

    kept = np.asarray(product(jnp.eye(3), jnp.ones(KERNEL.shape))) != 0
    expected = np.asarray(x) @ np.where(kept, KERNEL, 0) / (1 - RATE)
    np.testing.assert_allclose(product(x, jnp.asarray(KERNEL)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("per_example", [True, False])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_dropped_weight_that_is_not_finite_does_not_leak(per_example, bad, key):
    x = jnp.ones((1, 3))

    def product(kernel):
        return drop_connect(key, x, rate=RATE, kernel=kernel, per_example=per_example)

    value_and_grad = jax.jit(jax.value_and_grad(lambda kernel: (product(kernel) ** 2).sum()))
    dropped = np.asarray(value_and_grad(jnp.asarray(KERNEL))[1]) == 0
    assert 0 < dropped.sum() < KERNEL.size
    clean, dirty = (
        value_and_grad(jnp.where(dropped, jnp.float32(fill), KERNEL)) for fill in (0, bad)
    )
    np.testing.assert_array_equal(dirty[0], clean[0])
    np.testing.assert_array_equal(dirty[1], clean[1])
    assert np.isfinite(dirty[0])
    assert np.isfinite(dirty[1]).all()


def test_rate_1_gives_weights_zero_gradients(key):
    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def gradients(kernel, bias):
        return drop_connect(key, jnp.ones((2, 3)), rate=1.0, kernel=kernel, bias=bias).sum()

    for gradient in gradients(jnp.asarray(KERNEL), jnp.asarray(BIAS)):
        np.testing.assert_array_equal(gradient, 0)


def test_gradient_of_many_examples_adds_up_in_bfloat16(key):
    """A sum in steps of 1 stops at 256 there."""

    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def gradients(kernel, x):
        return drop_connect(key, x, rate=RATE, kernel=kernel).astype(jnp.float32).sum()

    kernel, x = jnp.ones((2, 2)), jnp.ones((1024, 2))
    expected = gradients(kernel, x)
    actual = gradients(kernel.astype(jnp.bfloat16), x.astype(jnp.bfloat16))
    for ours, exact in zip(actual, expected, strict=True):
        assert ours.dtype == jnp.bfloat16
        np.testing.assert_allclose(ours.astype(jnp.float32), exact, rtol=2**-8)


def test_output_has_the_type_of_the_input(key):
    x, kernel = jnp.ones((2, 3), jnp.bfloat16), jnp.ones((3, 4), jnp.float32)
    product = partial(drop_connect, rate=RATE)
    assert jax.eval_shape(product, key, x, kernel=kernel, bias=kernel[0]).dtype == jnp.bfloat16


@pytest.mark.parametrize("bias", [None, BIAS])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_moments_are_those_of_sampled_masks(rate, bias, key):
    x = np.array([1.0, -0.5, 2.0], np.float32)
    weights: dict[str, Any] = {
        "kernel": jnp.asarray(KERNEL),
        "bias": None if bias is None else jnp.asarray(bias),
    }
    mean, variance = drop_connect_moments(jnp.asarray(x), rate=rate, **weights)
    many = jnp.broadcast_to(jnp.asarray(x), (2**14, 3))
    samples = np.asarray(jax.jit(partial(drop_connect, rate=rate))(key, many, **weights))
    assert_moments(samples, np.asarray(mean), np.asarray(variance))
    offset = 0 if bias is None else bias
    np.testing.assert_allclose(mean, x @ KERNEL + offset, rtol=1e-5, atol=1e-6)
    expected = (x**2 @ KERNEL**2 + offset**2) * rate / (1 - rate)
    np.testing.assert_allclose(variance, expected, rtol=1e-5)


def test_moments_at_the_ends_of_the_rate():
    x, kernel = jnp.ones((2, 3)), jnp.asarray(KERNEL)
    moments = jax.jit(partial(drop_connect_moments, x, kernel=kernel))
    np.testing.assert_array_equal(moments(rate=0.0).variance, 0)
    for leaf in moments(rate=1.0):
        np.testing.assert_array_equal(leaf, 0)
    with pytest.raises(ValueError, match=r"^drop_connect_moments: rate is 2; allowed: \[0, 1\]"):
        drop_connect_moments(x, rate=2, kernel=kernel)
    with pytest.raises(ValueError, match=r"^drop_connect_moments: x has shape \(3, 2\)"):
        drop_connect_moments(x.T, rate=0.5, kernel=kernel)


def test_means_keep_the_type_of_the_input_and_variances_do_not_overflow():
    x, kernel = jnp.full((2, 3), 300.0, jnp.float16), jnp.asarray(KERNEL, jnp.float16) / 8
    mean, variance = drop_connect_moments(x, rate=0.1, kernel=kernel)
    assert (mean.dtype, variance.dtype) == (jnp.float16, jnp.float32)  # 300 squared is too large
    assert np.isfinite(np.asarray(variance)).all()
