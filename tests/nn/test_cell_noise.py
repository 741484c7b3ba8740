"""Each kind of noise in a recurrent cell, in networks whose states show the masks."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.nn import GRU, LSTM, DropRate
from dropout_lab.nn.cell_noise import StepKeys

pytestmark = pytest.mark.slow

BATCH, STEPS, WIDE = 8, 5, 64


def copying(noise, key):
    """Returns the factors by which a GRU's units copy their last state: 1 without noise.

    With the gates fixed, ``h_t = tanh(0.1 + h_{t-1} / 2 @ I)``.
    """
    layer = GRU(1, WIDE, noise=noise, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
    blocks = [np.zeros((WIDE, WIDE)), np.zeros((WIDE, WIDE)), np.eye(WIDE) / 2]
    layer.recurrent_kernel[...] = jnp.asarray(np.hstack(blocks).astype(np.float32))
    layer.bias[...] = jnp.repeat(jnp.array([40.0, -40.0, 0.1]), WIDE)
    h = np.asarray(layer(jnp.ones((BATCH, STEPS, 1)), sequence=True, rngs=key), np.float64)
    return (np.arctanh(h[:, 1:]) - 0.1) / (h[:, :-1] / 2)


def adding(noise, key):
    """Returns what an LSTM's cells add at each step: 0.3 without noise.

    With the gates open, ``c_t = c_{t-1} + 0.3`` and ``h_t = tanh(c_t)``.
    """
    layer = LSTM(1, WIDE, noise=noise, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
    layer.recurrent_kernel[...] = jnp.zeros((WIDE, 4 * WIDE))
    layer.bias[...] = jnp.repeat(jnp.array([40.0, 40.0, np.arctanh(0.3), 40.0]), WIDE)
    h = np.asarray(layer(jnp.ones((BATCH, STEPS, 1)), sequence=True, rngs=key), np.float64)
    return np.diff(np.arctanh(h), axis=1, prepend=0)


def assert_mask(values, kept, rate=0.5):
    """Asserts that values are 0 or ``kept``, the first at ``rate``; returns the mask."""
    mask = values > kept / 2
    np.testing.assert_allclose(values, mask * kept, atol=2e-3)
    bound = 4 * np.sqrt(rate * (1 - rate) / mask[:, 0].size)
    assert abs(1 - mask[:, 0].mean() - rate) < bound
    return mask


def agreement(mask, other):
    return (mask == other).mean()


def test_noiseless_networks_show_no_masks(key):
    np.testing.assert_allclose(copying(None, key), 1, atol=1e-4)
    np.testing.assert_allclose(adding(None, key), 0.3, atol=1e-4)


def test_variational_mask_is_one_for_all_steps_and_differs_between_examples(key):
    mask = assert_mask(copying(nn.VariationalState(0.5), key), 2)
    assert (mask == mask[:, :1]).all()
    for one in range(BATCH):
        others = [agreement(mask[one, 0], mask[two, 0]) for two in range(one)]
        # Of 64 bits, half agree, with a standard error of 1/16.
        assert all(abs(fraction - 0.5) < 0.3 for fraction in others)


@pytest.mark.parametrize("per_step", [True, False])
def test_recurrent_dropout_draws_per_step_or_per_sequence(per_step, key):
    mask = assert_mask(adding(nn.RecurrentDropout(0.5, per_step=per_step), key), 0.6)
    agreements = [agreement(mask[:, t], mask[:, t - 1]) for t in range(1, STEPS)]
    if per_step:
        assert all(abs(fraction - 0.5) < 4 * 0.5 / np.sqrt(BATCH * WIDE) for fraction in agreements)
    else:
        assert agreements == [1] * (STEPS - 1)
    assert 0.2 < agreement(mask[0], mask[1]) < 0.8


def test_naive_dropout_draws_per_step_and_drops_what_is_carried_on(key):
    # The GRU keeps its state as it is, from a first step that writes 0.5 everywhere.
    layer = GRU(
        1, WIDE, noise=nn.NaiveState(0.5), kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0)
    )
    layer.recurrent_kernel[...] = jnp.zeros((WIDE, 3 * WIDE))
    layer.kernel[...] = jnp.repeat(jnp.array([[0.0, -80.0, 0.0]]), WIDE, axis=1)
    layer.bias[...] = jnp.repeat(jnp.array([0.0, 40.0, np.arctanh(0.5)]), WIDE)
    first = jnp.zeros((BATCH, STEPS, 1)).at[:, 0].set(1)
    h = np.asarray(layer(first, sequence=True, rngs=key))
    alive = h > 0
    # Once dropped, a memory stays dropped; those alive after t steps are 0.5 * 2**t.
    np.testing.assert_allclose(h, alive * 0.5 * 2.0 ** np.arange(1, STEPS + 1)[:, None], rtol=1e-4)
    for t in range(STEPS):
        p = 0.5 ** (t + 1)
        assert abs(alive[:, t].mean() - p) < 4 * np.sqrt(p * (1 - p) / (BATCH * WIDE))
    assert not (alive[:, 1:] & ~alive[:, :-1]).any()


def test_weight_drops_mask_is_one_for_the_batch_and_all_steps(key):
    mask = assert_mask(copying(nn.WeightDrop(0.5), key)[:1], 2)
    everyone = copying(nn.WeightDrop(0.5), key) > 1
    assert (everyone == mask[:1, :1]).all()
    assert not np.array_equal(mask, copying(nn.WeightDrop(0.5), jax.random.key(1))[:1] > 1)


def test_zoneouts_hidden_state_comes_from_the_cell_state_before_zoneout(key):
    # The cell never leaves 0, yet every hidden state is that of a cell one step on.
    added = adding(nn.Zoneout(0, cell_rate=1), key)
    np.testing.assert_allclose(added.cumsum(axis=1), 0.3, atol=1e-5)


def test_zoneouts_cell_adds_per_step(key):
    # h_t shows c_{t-1} + 0.3, so its steps are those of the zoned cell, one late.
    mask = assert_mask(adding(nn.Zoneout(0, cell_rate=0.5), key)[:, 1:], 0.3)
    assert abs(agreement(mask[:, 0], mask[:, 1]) - 0.5) < 4 * 0.5 / np.sqrt(BATCH * WIDE)


@pytest.mark.parametrize("shared", [True, False])
def test_zoneout_can_share_the_draw_of_both_states(shared, key):
    noise = nn.Zoneout(0.5, cell_rate=0.5, share_mask=shared)
    keys: Any = noise._keys(key, STEPS)[1]
    new, old = jnp.ones((BATCH, WIDE)), jnp.zeros((BATCH, WIDE))
    agreements = [
        agreement(noise._update(keys.update[t], new, old), noise._update_cell(other, new, old))
        for t, other in enumerate(keys.update_cell)
    ]
    assert np.ptp(agreements) == 0 and agreements[0] == 1 if shared else max(agreements) < 0.7


def test_zoneout_has_two_rates():
    noise = nn.Zoneout(0.05, cell_rate=0.5)
    rates = [float(rate) for rate in jax.tree.leaves(nnx.state(noise, DropRate))]
    np.testing.assert_allclose(sorted(rates), [0.05, 0.5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(nn.VariationalState, 1.5), "VariationalState: rate is 1.5"),
        (partial(nn.RecurrentDropout, -1), "RecurrentDropout: rate is -1"),
        (partial(nn.Zoneout, 0.1, cell_rate=2), "Zoneout: cell_rate: rate is 2"),
    ],
)
def test_rates_are_checked(make, message):
    with pytest.raises(ValueError, match=rf"^{message}; allowed: \[0, 1\]"):
        make()


def test_keys_of_hooks_and_steps_are_all_different(key):
    def data(keys):
        return set(map(tuple, jax.random.key_data(jnp.stack(keys)).reshape(-1, 2).tolist()))

    kernel, hooks = nn.CellNoise(0.5)._keys(key, STEPS)
    assert len(data(list(hooks)) | data([kernel])) == len(StepKeys._fields) * STEPS + 1
    kernel, hooks = nn.VariationalState(0.5)._keys(key, STEPS)
    assert len(data(list(hooks)) | data([kernel])) == len(StepKeys._fields) + 1
