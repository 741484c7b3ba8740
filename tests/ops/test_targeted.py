"""Targeted dropout: which weights it drops, and how often."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_lab.ops import targeted_dropout, targeted_kernel, targets

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

KERNEL = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
FILTERS = np.random.default_rng(1).normal(size=(3, 3, 2, 5)).astype(np.float32)


def by_sorting(kernel, count, target):
    """Returns the mask of targets, written with a threshold as the authors do."""
    flat = np.abs(kernel.reshape(-1, kernel.shape[-1]))
    size = flat if target == "weight" else np.sqrt((flat**2).sum(0, keepdims=True))
    axis = 0 if target == "weight" else 1
    limit = np.append(np.sort(size, axis), np.full_like(size.take([0], axis), np.inf), axis)
    chosen = size < limit.take([count], axis)
    return np.broadcast_to(chosen, flat.shape).reshape(kernel.shape)


@pytest.mark.parametrize("kernel", [KERNEL, FILTERS], ids=["dense", "conv"])
@pytest.mark.parametrize("fraction", [0, 0.25, 0.5, 0.99, 1])
def test_targets_are_the_smallest(kernel, fraction):
    inputs, outputs = kernel.size // kernel.shape[-1], kernel.shape[-1]
    cases: Any = (("weight", int(fraction * inputs)), ("unit", int(fraction * outputs)))
    for target, count in cases:
        expected = by_sorting(kernel, count, target)
        ours = targets(jnp.asarray(kernel), fraction=fraction, target=target)
        np.testing.assert_array_equal(ours, expected)
        traced = jax.jit(targets, static_argnames="target")
        np.testing.assert_array_equal(
            traced(jnp.asarray(kernel), fraction=jnp.float32(fraction), target=target), expected
        )


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 200))
def test_a_fraction_of_hundredths_is_counted_as_written(count):
    """0.29 * 100 is below 29 in floating point."""
    targeted = int(targets(jnp.arange(200.0).reshape(200, 1), fraction=count / 200).sum())
    assert targeted == count


def test_columns_may_be_shared_out_among_devices():
    split = jax.shard_map(
        lambda kernel: targets(kernel, fraction=0.5),
        mesh=jax.sharding.Mesh(np.array(jax.devices()[:1]), ("columns",)),
        in_specs=jax.P(None, "columns"),
        out_specs=jax.P(None, "columns"),
    )
    kernel = jnp.asarray(KERNEL)
    np.testing.assert_array_equal(jax.jit(split)(kernel), targets(kernel, fraction=0.5))


def test_a_layer_may_have_no_outputs():
    assert targets(jnp.ones((3, 0)), fraction=0.5).shape == (3, 0)


def test_weights_equal_to_the_smallest_one_spared_are_spared():
    kernel = jnp.array([[1.0, 2.0, 2.0, 2.0, 3.0, 0.0, 4.0, 5.0]]).T
    smallest = targets(kernel, fraction=0.5)[:, 0]
    assert smallest.tolist() == [True, False, False, False, False, True, False, False]
    assert targets(kernel, fraction=1).all()


@pytest.mark.parametrize("target", ["weight", "unit"])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_targets_are_dropped_at_the_rate_and_others_never(rate, target):
    n = 4096
    kernel, keys = jnp.asarray(KERNEL), jax.random.split(jax.random.key(3), n)
    draw = jax.jit(jax.vmap(lambda key: targeted_kernel(key, kernel, rate=rate, target=target)))
    drawn = np.asarray(draw(keys))
    dropped, chosen = drawn == 0, np.asarray(targets(kernel, fraction=0.5, target=target))
    np.testing.assert_array_equal(drawn, np.where(dropped, 0, KERNEL))
    assert not dropped[:, ~chosen].any()
    often = dropped[:, chosen].mean(0)
    assert (np.abs(often - rate) < 4 * np.sqrt(rate * (1 - rate) / n)).all()
    columns = dropped.reshape(n, *KERNEL.shape)
    if target == "unit":
        assert (columns == columns[:, :1]).all()
        columns = columns[:, 0][:, chosen[0]]
    else:
        columns = dropped[:, chosen]
    correlation = np.corrcoef(columns.T) - np.eye(columns.shape[1])
    # The largest of 435 correlations of independent draws is below 4.5 standard errors.
    assert np.abs(correlation).max() < 4.5 / np.sqrt(n)


def test_a_batch_shares_its_mask_and_nothing_is_scaled(key):
    x = np.random.default_rng(2).normal(size=(5, 10)).astype(np.float32)
    kernel, bias = jnp.asarray(KERNEL), jnp.arange(6.0)
    dropped = np.asarray(targeted_kernel(key, kernel, rate=0.5))
    assert 0 < (dropped == 0).sum() < KERNEL.size / 2
    u = targeted_dropout(key, jnp.asarray(x), rate=0.5, kernel=kernel, bias=bias)
    np.testing.assert_allclose(u, x @ dropped + np.arange(6), rtol=1e-5, atol=1e-5)


def test_rate_1_prunes(key):
    x, kernel = jnp.ones((2, 10)), jnp.asarray(KERNEL)
    for target in ("weight", "unit"):
        chosen = targets(kernel, fraction=0.5, target=target)
        u = targeted_dropout(key, x, rate=1.0, kernel=kernel, target=target)
        np.testing.assert_allclose(u, x @ jnp.where(chosen, 0, kernel), rtol=1e-6)


def test_share_1_is_dropout_of_all_weights_and_share_0_of_none(key):
    x, kernel = jnp.ones((2, 10)), jnp.asarray(KERNEL)
    none = targeted_dropout(key, x, rate=1.0, kernel=kernel, fraction=0)
    np.testing.assert_allclose(none, x @ kernel, rtol=1e-6)
    np.testing.assert_array_equal(targeted_dropout(key, x, rate=1.0, kernel=kernel, fraction=1), 0)


@pytest.mark.parametrize("target", ["weight", "unit"])
def test_gradient_is_the_mask_even_for_an_empty_unit(target, key):
    kernel = jnp.asarray(KERNEL).at[:, 2].set(0)

    def product(kernel):
        return targeted_dropout(
            key, jnp.ones((1, 10)), rate=0.5, kernel=kernel, target=target
        ).sum()

    gradient = np.asarray(jax.jit(jax.grad(product))(kernel))
    assert set(np.unique(gradient)) == {0, 1}
    kept = np.asarray(targeted_kernel(key, kernel, rate=0.5, target=target)) != 0
    filled = np.asarray(kernel) != 0
    np.testing.assert_array_equal(gradient[filled] == 1, kept[filled])
