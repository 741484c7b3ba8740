"""The contract of every op under JAX's transformations; the table of ops is in conftest.py."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops


def assert_agree(op, actual, expected):
    """Masks agree to the bit; noise and products to the rounding of a fused multiply-add."""
    if op.kind == "mask":
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-6)


RATES = np.array([0, 0.1, 0.5, 0.9, 0.99], np.float32)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_jit_gives_what_eager_gives(op, dtype, key, array):
    x = array(op.shape, dtype)
    rate = min(0.3, op.max_rate)
    jitted, eager = jax.jit(op.call)(key, x, rate), op.call(key, x, rate)
    if op.kind == "mask":
        np.testing.assert_array_equal(jitted, eager)
    else:
        eps = float(jnp.finfo(dtype).eps)
        jitted, eager = (np.asarray(y).astype(np.float32) for y in (jitted, eager))
        np.testing.assert_allclose(jitted, eager, rtol=4 * eps, atol=4 * eps)


def test_vmap_and_scan_over_keys_are_a_loop(op, array):
    x, keys = array(op.shape), jax.random.split(jax.random.key(2), 3)
    one = jax.jit(op.call)
    loop = np.stack([one(key, x, 0.3) for key in keys])
    assert_agree(op, jax.jit(jax.vmap(op.call, (0, None, None)))(keys, x, 0.3), loop)
    scan = jax.jit(lambda keys, rate: jax.lax.map(lambda key: op.call(key, x, rate), keys))
    assert_agree(op, scan(keys, 0.3), loop)
    assert not np.array_equal(loop[0], loop[1])


def test_vmap_over_rates_is_a_loop(op, key, array):
    x = array(op.shape)
    rates = RATES * np.float32(op.max_rate)
    outputs = jax.jit(jax.vmap(op.call, (None, None, 0)))(key, x, rates)
    one = jax.jit(op.call)
    assert_agree(op, outputs, np.stack([one(key, x, rate) for rate in rates]))


def test_a_traced_rate_out_of_range_counts_as_the_nearest_one(clipping_op, key, array):
    x = array(clipping_op.shape)
    one = jax.jit(lambda rate: clipping_op.call(key, x, rate))
    for rate, nearest in (
        (-np.inf, 0),
        (-1e-9, 0),
        (2, clipping_op.max_rate),
        (np.inf, clipping_op.max_rate),
    ):
        y = one(np.float32(rate))
        assert not np.isnan(y).any()
        np.testing.assert_array_equal(y, one(np.float32(nearest)))


PLATFORMS = ("cpu", "cuda", "tpu")


def test_an_export_for_every_platform_takes_a_batch_of_any_size(op):
    """The exported function and its gradient have a symbolic number of examples."""
    (size,) = jax.export.symbolic_shape("b")

    @jax.jit
    def outputs(words, x):
        y, pull = jax.vjp(lambda x: op.call(jax.random.wrap_key_data(words), x, 0.2), x)
        return y, pull(jnp.ones_like(y))

    words = jax.random.key_data(jax.random.key(0))
    x = jax.ShapeDtypeStruct((size, *op.shape[1:]), jnp.float32)
    export = jax.export.export(outputs, platforms=PLATFORMS)
    exported = export(jax.ShapeDtypeStruct(words.shape, words.dtype), x)
    assert exported.platforms == PLATFORMS
    assert [str(leaf.shape[0]) for leaf in exported.out_avals] == ["b", "b"]


def test_an_export_draws_the_same_noise(key, array):
    x = array((4, 6))
    shape = jax.export.symbolic_shape("b, c")
    drop = jax.jit(lambda x: ops.dropout(key, x, rate=0.5))
    exported = jax.export.export(drop)(jax.ShapeDtypeStruct(shape, x.dtype))
    np.testing.assert_array_equal(exported.call(x), drop(x))


def test_a_rate_of_nan_shows_where_units_are_scaled(key):
    y = jax.jit(lambda rate: ops.dropout(key, jnp.ones(64), rate=rate))(np.float32(np.nan))
    assert np.isnan(y).all()


def test_five_traced_rates_trace_once(op, key, array):
    x = array(op.shape)
    traces = 0

    @jax.jit
    @jax.grad
    def gradient(x, rate):
        nonlocal traces
        traces += 1
        return op.call(key, x, rate).sum()

    for rate in RATES:
        gradient(x, rate * np.float32(op.max_rate))
    assert traces == 1


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_dropped_unit_that_is_not_finite_does_not_leak(mask_op, bad, key, array):
    x = np.asarray(array(mask_op.shape))
    dropped = np.asarray(mask_op.call(key, jnp.ones(mask_op.shape), 0.5)) == 0
    assert 0 < dropped.sum() < dropped.size

    @jax.jit
    def everything(x, tangent):
        loss = lambda x: (mask_op.call(key, x, 0.5) ** 2).sum()  # noqa: E731
        slope, curvature = jax.jvp(jax.grad(loss), (x,), (tangent,))
        return mask_op.call(key, x, 0.5), slope, curvature

    clean = everything(np.where(dropped, np.float32(0), x), np.where(dropped, np.float32(0), x))
    dirty = everything(np.where(dropped, np.float32(bad), x), np.where(dropped, np.float32(bad), x))
    for leaked, expected in zip(dirty, clean, strict=True):
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(leaked, expected)


def test_forward_and_reverse_and_second_derivatives(affine_op, key, array):
    """An op affine in x has closed forms."""
    op = affine_op
    x, t = array(op.shape), array(op.shape)[::-1]

    @jax.jit
    def derivatives(rate):
        def f(x):
            return op.call(key, x, rate)

        y, pull = jax.vjp(f, x)
        jt = jax.jvp(f, (x,), (t,))[1]
        gradient = jax.grad(lambda x: (f(x) ** 2).sum() / 2)
        slope, curvature = jax.jvp(gradient, (x,), (t,))
        reverse = jax.grad(lambda x: (gradient(x) * t).sum())(x)
        # The last pair is <y, J t> = <J^T y, t>: the two modes draw the same noise.
        return (
            (jt, f(t) - f(0 * t)),
            (slope, pull(y)[0]),
            (curvature, pull(jt)[0]),
            (reverse, pull(jt)[0]),
            ((y * jt).sum(), (slope * t).sum()),
        )

    for rate in (0.0, 0.5 * op.max_rate, 0.9 * op.max_rate):
        for actual, expected in derivatives(rate):
            np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-4)


def test_rate_has_no_derivative(rated_op, key, array):
    x = array(rated_op.shape)

    @jax.jit
    def slopes(rate):
        loss = lambda rate: rated_op.call(key, x, rate).sum()  # noqa: E731
        return jax.grad(loss)(rate), jax.jvp(loss, (rate,), (jnp.ones_like(rate),))[1]

    for rate in (0.0, 0.5, 0.9, 1.0) if rated_op.max_rate == 1 else (0.0, rated_op.max_rate / 2):
        assert slopes(jnp.float32(rate)) == (0, 0)
