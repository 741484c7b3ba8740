"""Zoneout's two operands: which one is taken, and that the other one leaves no trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import zoneout, zoneout_mean

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
NEW, OLD = RNG.normal(size=(2, 64, 64)).astype(np.float32)


@jax.jit
def kept(key, rate):
    """Returns where the old values are kept, read off a call with old ones and new zeros."""
    return zoneout(key, jnp.zeros(NEW.shape), rate=rate, old=jnp.ones(NEW.shape)) == 1


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_each_unit_is_new_or_old_to_the_bit(dtype, key):
    new, old = jnp.asarray(NEW, dtype), jnp.asarray(OLD, dtype)
    for rate in (0.0, 0.3, 1.0):
        expected = np.where(kept(key, rate), old, new)
        np.testing.assert_array_equal(zoneout(key, new, rate=rate, old=old), expected)


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_old_values_are_kept_at_the_rate(rate, key):
    kept_old = np.asarray(kept(key, rate))
    bound = 4 * np.sqrt(rate * (1 - rate) / kept_old.size)  # n = 4096
    assert abs(kept_old.mean() - rate) < bound
    # And independently along both axes: sums over an axis of 64 are binomial.
    for axis in (0, 1):
        variance = kept_old.sum(axis).var(ddof=1) / (64 * rate * (1 - rate))
        # The kurtosis of these binomials adds at most 0.3 to that of a normal, 3.
        assert abs(variance - 1) < 4 * np.sqrt(2.3 / 63)


def test_a_unit_kept_at_one_rate_is_kept_at_any_higher_one(key):
    low, high = (np.asarray(kept(key, rate)) for rate in (0.2, 0.6))
    assert (high | ~low).all()
    assert low.sum() < high.sum()


def test_rate_1_keeps_everything_old(key):
    slopes = jax.grad(
        lambda new, old, rate: zoneout(key, new, rate=rate, old=old).sum(), argnums=(0, 1)
    )
    for rate in (1, jnp.float32(1)):
        y = zoneout(key, jnp.asarray(NEW), rate=rate, old=jnp.asarray(OLD))
        np.testing.assert_array_equal(y, OLD)
        to_new, to_old = slopes(jnp.asarray(NEW), jnp.asarray(OLD), rate)
        np.testing.assert_array_equal(to_new, 0)
        np.testing.assert_array_equal(to_old, 1)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_the_value_not_taken_does_not_leak(bad, key):
    mask = np.asarray(kept(key, 0.5))
    weights = jnp.asarray(RNG.normal(size=NEW.shape).astype(np.float32))

    @jax.jit
    def everything(new, old):
        def loss(new, old):
            return (weights * zoneout(key, new, rate=0.5, old=old) ** 2).sum()

        return zoneout(key, new, rate=0.5, old=old), *jax.grad(loss, (0, 1))(new, old)

    clean = everything(NEW, OLD)
    dirty = everything(np.where(mask, np.float32(bad), NEW), np.where(mask, OLD, np.float32(bad)))
    for ours, expected in zip(dirty, clean, strict=True):
        np.testing.assert_array_equal(ours, expected)
    # The gradient goes to the operand that is taken.
    taken = np.where(mask, OLD, NEW)
    for slope, place in zip(clean[1:], (~mask, mask), strict=True):
        np.testing.assert_allclose(slope, place * 2 * np.asarray(weights) * taken, rtol=1e-6)


def test_backward_pass_keeps_key_and_rate_only(key):
    def pullback(new, old):
        return jax.vjp(lambda *both: zoneout(key, both[0], rate=0.5, old=both[1]), new, old)[1]

    leaves = jax.tree.leaves(jax.eval_shape(pullback, NEW, OLD))
    assert {leaf.size for leaf in leaves} == {1}


@pytest.mark.parametrize("rate", [0, 0.3, 1, np.float32(0.3)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_mean_is_numpys(rate, dtype):
    new, old = jnp.asarray(NEW, dtype), jnp.asarray(OLD, dtype)
    y = zoneout_mean(new, rate=rate, old=old)
    assert y.dtype == dtype
    wide_new, wide_old = (np.asarray(array).astype(np.float32) for array in (new, old))
    expected = (np.float32(rate) * wide_old + np.float32(1 - rate) * wide_new).astype(dtype)
    bound = 4 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(
        np.asarray(y).astype(np.float32), expected.astype(np.float32), rtol=bound, atol=bound
    )


def test_mean_is_that_of_the_samples():
    n = 2**14
    keys = jax.random.split(jax.random.key(1), n)
    new, old = jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0])
    samples = jax.jit(jax.vmap(lambda key: zoneout(key, new, rate=0.3, old=old)))(keys)
    bound = 4 * np.abs(new - old) * np.sqrt(0.3 * 0.7 / n)
    error = np.abs(samples.mean(axis=0) - zoneout_mean(new, rate=0.3, old=old))
    assert (error < bound).all()


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_value_of_no_weight_does_not_leak_into_the_mean(rate, traced):
    good, bad = jnp.asarray(NEW), jnp.full(NEW.shape, jnp.nan)
    new, old = (good, bad) if rate == 0 else (bad, good)
    value = lambda new, old, rate: (zoneout_mean(new, rate=rate, old=old) ** 2).sum()  # noqa: E731
    slopes = jax.grad(value, (0, 1))(new, old, jnp.float32(rate) if traced else rate)
    used, unused = slopes if rate == 0 else slopes[::-1]
    np.testing.assert_allclose(used, 2 * NEW)
    np.testing.assert_array_equal(unused, 0)


@pytest.mark.parametrize(
    ("changes", "exception", "message"),
    [
        ({"rate": 1.5}, ValueError, r"rate is 1.5; allowed: \[0, 1\]"),
        ({"old": jnp.ones(3)}, ValueError, r"old has shape \(3,\); allowed: that of x, \(2,\)"),
        ({"old": jnp.ones(2, jnp.float16)}, TypeError, "old has dtype float16; allowed: that of"),
    ],
)
def test_bad_arguments_of_the_mean_are_errors(changes, exception, message):
    arguments = {"rate": 0.5, "old": jnp.ones(2)} | changes
    with pytest.raises(exception, match=f"^zoneout_mean: {message}"):
        zoneout_mean(jnp.ones(2), **arguments)
    with pytest.raises(TypeError, match=r"^zoneout_mean: x has dtype int32; allowed: floating"):
        zoneout_mean(jnp.ones(2, int), rate=0.5, old=jnp.ones(2, int))
