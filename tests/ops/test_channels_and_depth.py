"""Weighted channel dropout and stochastic depth.

Statistics are bounded by 4 standard errors over n independent draws.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import stochastic_depth, survival_ramp, weighted_channel_dropout

pytestmark = pytest.mark.slow

SCORES = np.array([0.5, 1, 2, 4], np.float32)
call = jax.jit(weighted_channel_dropout)


@jax.jit
def output_and_gradient(key, x, rate):
    y, pull = jax.vjp(lambda x: weighted_channel_dropout(key, x, rate=rate), x)
    return y, pull(jnp.ones_like(y))[0]


def images(n):
    """Returns n images whose channels have the scores, one half of the pixels being 0."""
    x = np.zeros((n, 2, 1, 4), np.float32)
    x[:, 0, 0] = 2 * SCORES
    return jnp.asarray(x)


def kept(y):
    return np.asarray(y).reshape(len(y), -1, y.shape[-1]).any(axis=1)


@pytest.mark.parametrize("rate", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96, 1])
def test_every_example_keeps_the_same_number_of_channels(rate, key, array):
    x = abs(array((50, 2, 3, 10)))
    expected = 0 if rate == 1 else max(round((1 - rate) * 10), 1)
    np.testing.assert_array_equal(kept(call(key, x, rate=rate)).sum(axis=1), expected)


def test_the_total_score_stays_what_it_was(key, array):
    x = abs(array((50, 2, 3, 10)))
    y = call(key, x, rate=0.7)
    np.testing.assert_allclose(y.sum(axis=(1, 2, 3)), x.sum(axis=(1, 2, 3)), rtol=1e-5)
    # One factor for an example, and none for what is dropped.
    ratio = np.asarray(y / x)
    assert all(len(np.unique(one.round(4))) == 2 for one in ratio)


def test_one_channel_is_kept_in_proportion_to_its_score(key):
    n = 2**14
    frequency = kept(call(key, images(n), rate=0.75)).mean(axis=0)
    p = SCORES / SCORES.sum()
    assert (abs(frequency - p) < 4 * np.sqrt(p * (1 - p) / n)).all(), n


def test_two_channels_are_kept_as_drawn_one_after_the_other(key):
    n = 2**14
    both = kept(call(key, images(n), rate=0.5))
    p = SCORES / SCORES.sum()
    for i, j in np.argwhere(np.triu(np.ones((4, 4)), 1)):
        chance = p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j])
        frequency = (both[:, i] & both[:, j]).mean()
        assert abs(frequency - chance) < 4 * math.sqrt(chance * (1 - chance) / n), (i, j, n)


def test_dense_activations_are_channels_too(key):
    x = images(64)[:, 0, 0]
    np.testing.assert_array_equal(
        call(key, x, rate=0.5), call(key, x[:, None, None], rate=0.5)[:, 0, 0]
    )


def test_the_scale_of_the_activations_is_of_no_matter(key):
    x = images(64)
    y = np.asarray(call(key, x, rate=0.5))
    for factor in (1e-20, 1e20):
        scaled = np.asarray(call(key, x * jnp.float32(factor), rate=0.5))
        np.testing.assert_allclose(scaled / np.float32(factor), y, rtol=1e-5)


def test_channels_without_a_score_go_first(key):
    x = images(500).at[..., 0].set(0).at[..., 2].set(-5)
    y = np.asarray(call(key, x, rate=0.5))
    assert (y[..., [0, 2]] == 0).all()
    np.testing.assert_array_equal(y[..., [1, 3]], x[..., [1, 3]])


def test_without_any_score_the_draw_is_uniform_and_nothing_is_scaled(key):
    n = 4000
    x = -images(n)
    y, slope = output_and_gradient(key, x, 0.75)
    frequency = kept(y).mean(axis=0)
    assert (abs(frequency - 0.25) < 4 * np.sqrt(0.25 * 0.75 / n)).all(), n
    np.testing.assert_array_equal(y, np.where(y != 0, x, 0))
    np.testing.assert_array_equal(slope, kept(y)[:, None, None] * np.ones((2, 1, 1), np.float32))


def test_gradient_is_the_factor_alone(key, array):
    x = abs(array((8, 2, 3, 6)))
    y, slope = output_and_gradient(key, x, 0.5)
    np.testing.assert_allclose(slope, y / x, rtol=1e-6)


def test_second_stage_drops_and_scales_what_the_first_kept(key, array):
    n = 4000
    x = jnp.ones((n, 1, 1, 8))
    y = np.asarray(call(key, x, rate=0.5, extra_rate=0.2))
    dropped = (4 - (y != 0).sum(axis=(1, 2, 3))) / 4
    assert abs(dropped.mean() - 0.2) < 4 * dropped.std() / math.sqrt(n), n
    np.testing.assert_allclose(y[y != 0], 2 / 0.8, rtol=1e-5)
    first = np.asarray(call(key, x, rate=0.5))
    assert (first[y != 0] != 0).all()
    np.testing.assert_array_equal(call(key, x, rate=0.5, extra_rate=1.0), 0)


def test_extra_rate_is_checked(key):
    message = r"^weighted_channel_dropout, extra_rate: rate is 1.5; allowed: \[0, 1\]"
    with pytest.raises(ValueError, match=message):
        weighted_channel_dropout(key, jnp.ones((2, 4)), rate=0.5, extra_rate=1.5)


def test_stochastic_depth_drops_whole_examples(key, array):
    x = array((200, 3, 2, 4))
    y = np.asarray(jax.jit(stochastic_depth)(key, x, rate=0.3))
    gone = (y == 0).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(y[gone], 0)
    np.testing.assert_allclose(y[~gone], np.asarray(x)[~gone] / np.float32(0.7), rtol=1e-6)
    assert 0.15 < gone.mean() < 0.45


def test_stochastic_depth_can_drop_the_whole_batch(key):
    draw = jax.jit(
        jax.vmap(lambda key: stochastic_depth(key, jnp.ones((3, 2)), rate=0.3, per_example=False))
    )
    n = 4000
    y = np.asarray(draw(jax.random.split(key, n)))
    assert (y == y[:, :1, :1]).all()
    dropped = (y[:, 0, 0] == 0).mean()
    assert abs(dropped - 0.3) < 4 * math.sqrt(0.3 * 0.7 / n), n


def test_examples_are_dropped_independently(key):
    n = 4000
    y = np.asarray(jax.jit(stochastic_depth)(key, jnp.ones((2 * n, 2)), rate=0.5))[:, 0] == 0
    both = (y[:n] & y[n:]).mean()
    assert abs(both - 0.25) < 4 * math.sqrt(0.25 * 0.75 / n), n


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_ramp_starts_at_the_first_block_and_ends_at_the_rate(depth):
    expected = 0.5 * np.arange(1, depth + 1) / depth
    for ramp in (survival_ramp(0.5, depth), jax.jit(survival_ramp, static_argnums=1)(0.5, depth)):
        assert ramp.dtype == jnp.float32
        np.testing.assert_allclose(ramp, expected, rtol=1e-6)
        assert ramp[-1] == 0.5
        # The paper's survival probabilities.
        blocks = np.arange(1, depth + 1)
        np.testing.assert_allclose(1 - ramp, 1 - blocks / depth * (1 - 0.5), rtol=1e-6)


@pytest.mark.parametrize("rate", [0, 0.3, 0.9, 1])
def test_the_ramps_last_rate_is_exact(rate):
    assert survival_ramp(rate, 3)[-1] == np.float32(rate)


def test_ramp_checks_its_arguments():
    with pytest.raises(ValueError, match=r"^survival_ramp: rate is 1.5; allowed: \[0, 1\]"):
        survival_ramp(1.5, 3)
    with pytest.raises(ValueError, match=r"^survival_ramp: depth is 0; allowed: 1 or more"):
        survival_ramp(0.5, 0)
    with pytest.raises(TypeError, match=r"^survival_ramp: depth is 2.5; allowed: an integer"):
        survival_ramp(0.5, 2.5)  # type: ignore[arg-type]
