"""Convolution and pooling with gradients written out, against JAX's own."""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dropout_lab.nn import conv, max_pool
from dropout_lab.nn.conv import _plain_gradients, _same_padding, plain_conv, plain_max_pool

pytestmark = pytest.mark.slow

# Image height and width, kernel height and width, stride.
CASES = [
    ((5, 7), (3, 3), 1),
    ((6, 5), (1, 1), 1),
    ((5, 6), (2, 2), 1),
    ((7, 5), (4, 2), 1),
    ((2, 3), (5, 5), 1),
    ((1, 1), (3, 3), 1),
    ((6, 6), (3, 3), 2),
    ((7, 6), (3, 3), 2),
    ((8, 7), (4, 3), 3),
    ((5, 6), (1, 1), 2),
    ((9, 4), (5, 1), 2),
    ((3, 3), (2, 2), 5),
]


def random(*shape, dtype=np.float32):
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype(dtype))


def value_and_gradients(functions, *arguments):
    """Returns, for each function, its value and the gradients of its product with fixed numbers."""

    @jax.jit
    def each(*arguments):
        results = []
        for function in functions:
            y, pull = jax.vjp(function, *arguments)
            results.append((y, *pull(random(*y.shape, dtype=y.dtype))))
        return results

    return each(*arguments)


def reference(stride, padding="SAME"):
    return lambda x, kernel: lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@pytest.mark.parametrize(("image", "size", "stride"), CASES)
def test_conv_is_jaxs_with_same_padding(image, size, stride):
    x, kernel = random(2, *image, 3), random(*size, 3, 4)
    functions = partial(conv, stride=stride), reference(stride)
    for actual, expected in zip(*value_and_gradients(functions, x, kernel), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("image", "size", "stride"), [((7, 6), (3, 2), 1), ((9, 8), (5, 5), 2)])
def test_conv_is_jaxs_with_valid_padding(image, size, stride):
    x, kernel = random(2, *image, 3), random(*size, 3, 4)
    functions = partial(conv, stride=stride, padding="valid"), reference(stride, "VALID")
    for actual, expected in zip(*value_and_gradients(functions, x, kernel), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("image", [(5, 8), (6, 7)])
def test_plain_conv_is_the_reference_on_our_padding(image):
    x, kernel = random(2, *image, 3), random(3, 2, 3, 4)
    padding = _same_padding(image, (3, 2), 2)
    np.testing.assert_allclose(
        plain_conv(x, kernel, 2, padding), reference(2)(x, kernel), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("image", "size", "stride"), CASES)
def test_gradients_on_other_backends_are_jaxs(image, size, stride):
    x, kernel = random(2, *image, 3), random(*size, 3, 4)
    y, pull = jax.vjp(reference(stride), x, kernel)
    g = random(*y.shape)
    padding = _same_padding(image, size, stride)
    actual = _plain_gradients(x, kernel, g, stride=stride, padding=padding)
    for ours, theirs in zip(actual, pull(g), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("numbers", [1, 3 * 30 * 9, 10**6])
def test_conv_is_the_same_however_few_images_it_takes_at_once(numbers, monkeypatch):
    """One image at a time; three, which is half of them; all of them."""
    monkeypatch.setattr(sys.modules[conv.__module__], "_CACHED", numbers)
    functions = conv, reference(1)
    computed = value_and_gradients(functions, random(6, 5, 6, 1), random(3, 3, 1, 4))
    for actual, expected in zip(*computed, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_conv_inside_scan_has_the_same_gradients():
    x, kernel = random(2, 6, 5, 3), random(3, 3, 3, 3)

    def in_scan(x, kernel):
        return lax.scan(lambda x, _: (conv(x, kernel), None), x, length=2)[0]

    def plain(x, kernel):
        return reference(1)(reference(1)(x, kernel), kernel)

    for actual, expected in zip(*value_and_gradients((in_scan, plain), x, kernel), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-3)


def test_conv_under_vmap_is_a_loop():
    x, kernels = random(2, 6, 5, 3), random(3, 3, 3, 3, 2)
    gradient = jax.grad(lambda kernel: (conv(x, kernel) ** 2).sum())
    many = jax.jit(jax.vmap(gradient))(kernels)
    one = jax.jit(gradient)
    np.testing.assert_allclose(many, [one(kernel) for kernel in kernels], rtol=1e-4, atol=1e-4)


def test_conv_keeps_bfloat16():
    x, kernel = random(2, 6, 6, 3, dtype=jnp.bfloat16), random(3, 3, 3, 4, dtype=jnp.bfloat16)
    (ours,) = value_and_gradients((conv,), x, kernel)
    wide = (array.astype(np.float32) for array in (x, kernel))
    (exact,) = value_and_gradients((reference(1),), *wide)
    for actual, expected in zip(ours, exact, strict=True):
        assert actual.dtype == jnp.bfloat16
        # Sums of up to 72 products of about 1, each rounded to 1 part in 256.
        np.testing.assert_allclose(actual.astype(np.float32), expected, rtol=0.02, atol=0.15)


@partial(jax.jit, static_argnums=1)
def both_pools(x, window):
    """Returns the value and a gradient of our max-pooling and of JAX's."""
    results = []
    for pool in (max_pool, plain_max_pool):
        y, pull = jax.vjp(lambda x, pool=pool: pool(x, window), x)
        results.append((y, *pull(random(*y.shape, dtype=y.dtype))))
    return results


def assert_same_pools(x, window):
    """Asserts that values are equal to the bit, and gradients: they only move numbers."""
    for actual, expected in zip(*both_pools(x, window), strict=True):
        assert actual.dtype == expected.dtype == x.dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(
    ("image", "window"), [((6, 6), 2), ((5, 7), 2), ((4, 4), 1), ((7, 9), 3), ((4, 4), 4)]
)
def test_max_pool_is_jaxs(image, window):
    assert_same_pools(random(2, *image, 3), window)


def test_max_pool_keeps_bfloat16():
    assert_same_pools(random(2, 5, 7, 3, dtype=jnp.bfloat16), 2)


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("values", [(0, 1), (0,), (-np.inf, 0), (-np.inf,), (-np.inf, np.inf)])
def test_ties_go_to_the_first_maximum_as_jaxs_do(values, window):
    x = np.random.default_rng(0).choice(np.array(values, np.float32), (2, 7, 6, 3))
    assert_same_pools(jnp.asarray(x), window)


def test_max_pool_is_numpys():
    x = np.asarray(random(2, 4, 6, 3))
    expected = x.reshape(2, 2, 2, 3, 2, 3).max(axis=(2, 4))
    np.testing.assert_array_equal(max_pool(jnp.asarray(x), 2), expected)


def test_max_pool_inside_scan_and_vmap_has_the_same_gradients():
    x = random(3, 2, 4, 4, 2)
    gradient = jax.grad(lambda x: (max_pool(x, 2) ** 2).sum())
    one = jax.jit(gradient)
    expected = np.stack([one(image) for image in x])
    np.testing.assert_array_equal(jax.jit(jax.vmap(gradient))(x), expected)
    np.testing.assert_array_equal(jax.jit(lambda x: lax.map(gradient, x))(x), expected)


def test_padding_in_anothers_spelling_is_an_error():
    with pytest.raises(ValueError, match=r"^conv: padding is 'VALID'; allowed: 'same', 'valid'"):
        conv(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1)), padding="VALID")  # type: ignore[arg-type]


def test_a_batch_may_be_empty():
    y, pull = jax.vjp(conv, jnp.ones((0, 4, 4, 2)), jnp.ones((3, 3, 2, 5)))
    assert y.shape == (0, 4, 4, 5)
    np.testing.assert_array_equal(pull(y)[1], 0)
