"""The counter hash: statistics of its bits, and independence of what different keys draw.

Seeds are fixed. Bounds: |z| < 4, or p > 1e-4 where a test gives a p-value.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from dropout_lab.ops import _noise, checked_rate
from dropout_lab.training import program

pytestmark = pytest.mark.slow

N = 2**20
RATES = [0.1, 0.5, 0.9]
SHAPE = (1024, 1024)
KEYS = [0, 1, 7]


@jax.jit
def agreements(ones, others, rate):
    """Counts, for each pair of keys, the places where their masks of N elements agree."""

    def pair(keys):
        masks = [_noise.keep_mask(key, rate, SHAPE) for key in keys]
        return (masks[0] == masks[1]).sum()

    return jax.lax.map(pair, (ones, others))


@pytest.fixture(scope="module", params=KEYS)
def words(request):
    return np.asarray(jax.jit(_noise.bits, static_argnums=1)(jax.random.key(request.param), SHAPE))


def neighbours():
    return jax.vmap(jax.random.key)(jnp.arange(33, dtype=jnp.uint32))


def one_bit_apart():
    data = jax.random.key_data(jax.random.key(2024))
    flips = [np.uint32(1) << np.uint32(bit) for bit in range(32)]
    flipped = [data ^ jnp.array(pair) for f in flips for pair in ((f, 0 * f), (0 * f, f))]
    return jax.random.wrap_key_data(jnp.stack([data, *flipped]))


def split():
    return jax.random.split(jax.random.key(7), 33)


def folded():
    key = jax.random.key(7)
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(33, dtype=jnp.uint32))


def steps_and_layers():
    """Returns the keys that three layers draw their masks with in eleven updates of training."""
    keys = []
    for step in range(11):
        rngs = nnx.Rngs(dropout=program._key({"seed": jnp.uint32(0)}, program._NOISE, step))
        keys += [rngs.dropout() for _ in range(3)]
    return jnp.stack(keys)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("family", [neighbours, one_bit_apart, split, folded, steps_and_layers])
def test_masks_of_different_keys_are_independent(family, rate):
    keys = family()
    # The first key against all others, and each against the next.
    first = jnp.broadcast_to(keys[:1], (len(keys) - 1,))
    expected = rate**2 + (1 - rate) ** 2
    for ones in (first, keys[:-1]):
        counts = np.asarray(agreements(ones, keys[1:], rate))
        z = (counts - N * expected) / math.sqrt(N * expected * (1 - expected))
        assert np.abs(z).max() < 4, z


def test_bits_are_the_same_under_vmap_and_scan(words):
    keys = jax.vmap(jax.random.key)(jnp.array(KEYS, jnp.uint32))
    for batched in (jax.vmap, lambda draw: partial(jax.lax.map, draw)):
        many = np.asarray(jax.jit(batched(lambda key: _noise.bits(key, SHAPE)))(keys))
        assert any(np.array_equal(words, one) for one in many)
        assert not np.array_equal(many[0], many[1])


def test_every_bit_is_balanced(words):
    ones = np.array([((words >> np.uint32(bit)) & 1).sum() for bit in range(32)])
    z = (ones - N / 2) / math.sqrt(N / 4)
    assert np.abs(z).max() < 4, z


def test_bits_of_a_word_are_uncorrelated(words):
    some = words.reshape(-1, 1)[: N // 32]
    signs = ((some >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float32) * 2 - 1
    z = signs.T @ signs / math.sqrt(len(some))
    assert np.abs(z[~np.eye(32, dtype=bool)]).max() < 4.5  # 496 pairs


def test_bytes_are_uniform(words):
    for column in words.view(np.uint8).reshape(-1, 4).T:
        assert stats.chisquare(np.bincount(column, minlength=256)).pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, SHAPE[1], SHAPE[1] + 1])
def test_neighbours_are_uncorrelated(words, lag):
    flat = words.ravel() / 2**32 - 0.5
    z = 12 * (flat[lag:] * flat[:-lag]).sum() / math.sqrt(N - lag)
    assert abs(z) < 4
    # The lowest bits must be as good as the highest: 8-bit lanes will be cut from them.
    low = (words.ravel() & 1).astype(np.float64) * 2 - 1
    assert abs((low[lag:] * low[:-lag]).sum()) / math.sqrt(N - lag) < 4


@pytest.mark.parametrize("rate", RATES)
def test_rows_and_columns_keep_as_many_as_coins_would(words, rate):
    mask = words >= rate * 2**32
    for axis in (0, 1):
        kept = mask.sum(axis)
        squares = (kept - 1024 * (1 - rate)) ** 2 / (1024 * rate * (1 - rate))
        # 1,024 squares of nearly normal numbers: a chi-square, of variance 2 x 1,024.
        assert abs(squares.sum() - 1024) < 4 * math.sqrt(2 * 1024)


def test_each_bit_of_the_index_changes_half_of_the_word():
    words = np.asarray(_noise.bits(jax.random.key(7), (N,)))
    for bit in range(20):
        pairs = words.reshape(-1, 2, 2**bit)
        changed = (pairs[:, 0] ^ pairs[:, 1]).ravel()
        flips = np.unpackbits(changed.view(np.uint8).reshape(-1, 4), axis=1).sum(axis=0)
        z = (flips - len(changed) / 2) / math.sqrt(len(changed) / 4)
        assert np.abs(z).max() < 4.5, bit  # 640 numbers in all


def test_two_keys_do_not_draw_one_sequence_in_two_orders():
    # The index is xored with the first seed word. Of these keys some pair differs there only in
    # bits that permute the first 2**20 places: the second seed word must tell them apart.
    keys = jax.vmap(jax.random.key)(jnp.arange(256, dtype=jnp.uint32))
    first = np.asarray(jax.vmap(lambda key: jax.random.bits(key, (2,), jnp.uint32))(keys))[:, 0]
    shifts = first[:, None] ^ first[None, :]
    one, other = np.argwhere((shifts < N) & (shifts > 0))[0]
    words, others = (np.asarray(_noise.bits(keys[which], (N,))) for which in (one, other))
    reordered = others[np.arange(N) ^ shifts[one, other]]
    agree = ((words ^ reordered) >> np.uint32(31) == 0).sum()
    assert abs(agree - N / 2) < 4 * math.sqrt(N / 4)


@pytest.mark.parametrize("rate", RATES)
def test_runs_of_a_mask_are_those_of_coin_tosses(words, rate):
    mask = (words >= rate * 2**32).ravel()
    kept = int(mask.sum())
    dropped = N - kept
    runs = 1 + (mask[1:] != mask[:-1]).sum()
    mean = 1 + 2 * kept * dropped / N
    variance = (mean - 1) * (mean - 2) / (N - 1)
    assert abs(runs - mean) < 4 * math.sqrt(variance)


def test_uniform_is_uniform(key):
    u = np.asarray(_noise.uniform(key, (N // 4,)))
    assert stats.kstest(u, "uniform").pvalue > 1e-4


def test_normal_is_normal(key):
    z = np.asarray(_noise.normal(key, (N // 4,)), np.float64)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    n = len(z)
    # Standard errors of the first four moments of N(0, 1).
    for power, moment, error in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - moment) < 4 * math.sqrt(error / n)


def test_logarithms_are_as_exact_as_float32():
    """Of all uniform samples, and of their odds, as concrete dropout takes them."""
    u = ((np.arange(2**23) + 0.5) / 2**23).astype(np.float32)
    for x in (u, u / (1 - u)):
        exact = np.log(x.astype(np.float64))
        errors = np.abs(jax.jit(_noise.logarithm)(x) - exact)
        assert (errors <= 1.3e-7 * np.abs(exact)).all()


def fixed_bits(monkeypatch, *values):
    words = jnp.array(values, jnp.uint32)
    monkeypatch.setattr(_noise, "bits", lambda key, shape: words)
    monkeypatch.setattr(_noise, "_bits_at", lambda key, index: words)


def test_samples_stay_inside_their_range_at_the_ends(monkeypatch, key):
    fixed_bits(monkeypatch, 0, 2**32 - 1)
    low, high = np.asarray(_noise.uniform(key, (2,)))
    assert 0 < low == 2**-24
    assert high == 1 - 2**-24
    far, near = np.abs(np.asarray(_noise.normal(key, (2,))))
    assert 5 < far < math.sqrt(-2 * math.log(2**-24))
    assert 0 < near < math.sqrt(-2 * math.log(1 - 2**-24))


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(0, 1, width=32))
@example(0.0)
@example(2.0**-32)
@example(1e-12)
@example(0.5)
@example(1 - 2**-24)
@example(1 - 1e-9)
@example(1.0)
def test_keep_probability_is_exact_and_zero_only_at_rate_1(rate):
    number = checked_rate("op", rate)
    # How many of the 2**32 words are dropped; above 0.5 float32 has steps of 256 words.
    dropped = 2**32 if rate == 1 else math.floor(float(number) * 2**32)
    assert (dropped == 2**32) == (rate == 1)
    assert abs(dropped - rate * 2**32) <= 256
    words = sorted({0, max(dropped - 1, 0), min(dropped, 2**32 - 1), 2**32 - 1})
    with pytest.MonkeyPatch.context() as monkeypatch:
        fixed_bits(monkeypatch, *words)
        kept = _noise.keep_mask(jax.random.key(0), number, (len(words),))
    assert kept.tolist() == [word >= dropped for word in words]


def test_rates_next_to_1_keep_their_fraction():
    for rate in (1 - 2**-24, 1 - 1e-9, np.nextafter(1, 0)):
        assert float(checked_rate("op", rate)) == 1 - 2**-24
    assert float(checked_rate("op", 1)) == 1
    # 2**-10, the smallest fraction that 2**20 words can show: 1,024 are kept, give or take 4 x 32.
    kept = int(_noise.keep_mask(jax.random.key(0), jnp.float32(1 - 2**-10), (N,)).sum())
    assert abs(kept - 1024) < 128


def test_noise_for_more_elements_than_the_counter_has_is_an_error(key):
    def draw(shape):
        return jax.eval_shape(lambda key: _noise.keep_mask(key, jnp.float32(0.5), shape), key)

    message = r"shape \(65536, 65537\) has more than 2\*\*32 elements.* its own key"
    with pytest.raises(ValueError, match=message):
        draw((2**16, 2**16 + 1))
    assert draw((2**16, 2**16)).shape == (2**16, 2**16)
