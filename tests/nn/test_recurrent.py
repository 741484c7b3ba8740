"""The recurrent layers against loops in NumPy, and what each kind of noise does inside them."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.nn import GRU, LSTM, DropRate

pytestmark = pytest.mark.slow

INIT = nnx.initializers.lecun_normal()
N, STEPS, FEATURES, UNITS = 4, 5, 3, 8
RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(N, STEPS, FEATURES)).astype(np.float32))

CELLS: dict[str, Any] = {"lstm": LSTM, "gru": GRU}
NOISES: dict[str, Callable[[float], nn.CellNoise]] = {
    "variational": nn.VariationalState,
    "naive": nn.NaiveState,
    "recurrent": nn.RecurrentDropout,
    "zoneout": lambda rate: nn.Zoneout(rate, cell_rate=rate),
    "weights": nn.WeightDrop,
}
PAIRS = [
    *(("lstm", noise) for noise in ("variational", "recurrent", "zoneout", "weights")),
    *(("gru", noise) for noise in ("variational", "recurrent", "naive")),
]
each_cell = pytest.mark.parametrize("cell", CELLS)
each_pair = pytest.mark.parametrize(("cell", "noise"), PAIRS)


def make(cell, noise=None, *, features=FEATURES, units=UNITS):
    layer = CELLS[cell](features, units, noise=noise, kernel_init=INIT, rngs=nnx.Rngs(0))
    # Biases that are all different, so that an exchanged gate shows.
    layer.bias[...] += jnp.linspace(-1, 1, layer.bias[...].size)
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loop(layer, x, noise=None, key=None):
    """Returns all hidden states by a loop in NumPy that calls the noise's hooks one by one."""
    noise = nn.CellNoise(0.0, deterministic=True) if noise is None else noise
    kernel_key, keys = noise._keys(key, x.shape[1])

    def call(name, t, *arrays):
        method, key = getattr(noise, f"_{name}"), getattr(keys, name)
        states = (jnp.asarray(array, jnp.float32) for array in arrays)
        return np.asarray(method(None if key is None else key[t], *states), np.float64)

    w, b = (np.asarray(p[...], np.float64) for p in (layer.kernel, layer.bias))
    u = np.asarray(noise._kernel(kernel_key, layer.recurrent_kernel[...]), np.float64)
    h, c = np.zeros((2, x.shape[0], layer.units))
    outputs = []
    for t in range(x.shape[1]):
        p = np.asarray(x, np.float64)[:, t] @ w + b
        q = call("state", t, h) @ u
        if isinstance(layer, LSTM):
            i, f, g, o = np.split(p + q, 4, axis=1)
            new_c = sigmoid(f) * c + sigmoid(i) * call("candidate", t, np.tanh(g))
            new_h = sigmoid(o) * np.tanh(new_c)
            c = call("update_cell", t, new_c, c)
        else:
            (p_r, p_z, p_n), (q_r, q_z, q_n) = (np.split(a, 3, axis=1) for a in (p, q))
            z = sigmoid(p_z + q_z)
            n = np.tanh(p_n + sigmoid(p_r + q_r) * q_n)
            new_h = (1 - z) * call("candidate", t, n) + z * h
        h = call("update", t, new_h, h)
        outputs.append(h)
    return np.stack(outputs, axis=1)


@each_cell
def test_states_are_numpys(cell):
    layer = make(cell)
    expected = loop(layer, X)
    np.testing.assert_allclose(layer(X, sequence=True), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(X), expected[:, -1], rtol=1e-5, atol=1e-6)


def test_lstm_is_flaxs():
    ours = make("lstm")
    theirs = nnx.LSTMCell(FEATURES, UNITS, rngs=nnx.Rngs(1))
    parts = (ours.kernel, ours.recurrent_kernel, ours.bias)
    for gate, *arrays in zip(
        ("i", "f", "g", "o"),
        *(np.split(np.asarray(p[...]), 4, axis=-1) for p in parts),
        strict=True,
    ):
        kernel, recurrent, bias = map(jnp.asarray, arrays)
        getattr(theirs, "if_" if gate == "f" else f"i{gate}").kernel[...] = kernel
        getattr(theirs, f"h{gate}").kernel[...] = recurrent
        getattr(theirs, f"h{gate}").bias[...] = bias
    carry = (jnp.zeros((N, UNITS)), jnp.zeros((N, UNITS)))
    for t in range(STEPS):
        carry, h = theirs(carry, X[:, t])
    np.testing.assert_allclose(ours(X), h, rtol=1e-5, atol=1e-6)


def test_gru_is_flaxs():
    ours = make("gru")
    theirs: Any = nnx.GRUCell(FEATURES, UNITS, rngs=nnx.Rngs(1))
    theirs.dense_i.kernel[...] = ours.kernel[...]
    theirs.dense_i.bias[...] = ours.bias[...]
    theirs.dense_h.kernel[...] = ours.recurrent_kernel[...]
    h = jnp.zeros((N, UNITS))
    for t in range(STEPS):
        h, _ = theirs(h, X[:, t])
    np.testing.assert_allclose(ours(X), h, rtol=1e-5, atol=1e-6)


@each_cell
def test_weights_start_orthogonal_gate_by_gate(cell):
    layer = CELLS[cell](FEATURES, UNITS, kernel_init=INIT, rngs=nnx.Rngs(0))
    blocks = np.split(np.asarray(layer.recurrent_kernel[...]), layer.gates, axis=1)
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(UNITS), atol=1e-5)
    assert not np.allclose(blocks[0], blocks[1])
    forget = np.arange(layer.gates * UNITS) // UNITS == 1
    np.testing.assert_array_equal(layer.bias[...], forget & (cell == "lstm"))


RATES = jnp.array([0, 0.4, 0.4, 0.4, 1], jnp.float32)
SHIFTS = jnp.array([0, 0, 1e-2, -1e-2, 0], jnp.float32)


@functools.cache
def program(cell, noise):
    """Runs a layer at all rates, its weights and inputs shifted along one direction.

    Returns:
      The layer, at rate 0.4; the loss, its slope along the direction by the gradient, the states
      with noise and those in evaluation, each for all ``RATES`` and ``SHIFTS``; and how often the
      function was traced for two such sweeps.
    """
    layer = make(cell, NOISES[noise](0.4))
    graph, *states = nnx.split(layer, nnx.Param, DropRate, ...)
    params, rates, rest = states
    rng = np.random.default_rng(1)
    draw = lambda p: jnp.asarray(rng.normal(size=p.shape).astype(np.float32))  # noqa: E731
    weights, direction = draw(jnp.ones((N, STEPS, UNITS))), jax.tree.map(draw, (params, X))
    traces = []

    @jax.jit
    @jax.vmap
    def run(rate, shift):
        traces.append(rate)

        def model(params):
            swept = jax.tree.map(lambda _: rate, rates)
            return nnx.merge(graph, params, swept, rest, copy=True)

        def loss(params, x):
            states = model(params)(x, sequence=True, rngs=jax.random.key(0))
            return (weights * states).sum(), states

        shifted = jax.tree.map(lambda p, d: p + shift * d, (params, X), direction)
        (value, states), gradients = jax.value_and_grad(loss, (0, 1), has_aux=True)(*shifted)
        slope = jax.tree.map(lambda g, d: (g * d).sum(), gradients, direction)
        quiet = model(params)
        quiet.eval()
        return value, sum(jax.tree.leaves(slope)), states, quiet(X, sequence=True)

    results = run(RATES, SHIFTS)
    run(RATES / 2, SHIFTS)
    return layer, [np.asarray(result) for result in results], len(traces)


@each_pair
def test_one_trace_serves_all_rates(cell, noise):
    layer, results, traces = program(cell, noise)
    _, slopes, states, _ = results
    assert traces == 1
    np.testing.assert_allclose(states[0], loop(layer, X), rtol=1e-5, atol=1e-5)
    assert np.isfinite(slopes).all()
    assert np.isfinite(states).all()


@each_pair
def test_noise_acts_where_numpys_loop_puts_it(cell, noise, key):
    layer, (_, _, states, _), _ = program(cell, noise)
    np.testing.assert_allclose(states[1], loop(layer, X, layer.noise, key), rtol=1e-5, atol=1e-5)
    assert not np.allclose(states[1], states[0], atol=1e-2)


@each_pair
def test_gradients_are_finite_differences(cell, noise):
    _, (losses, slopes, _, _), _ = program(cell, noise)
    difference = (losses[2] - losses[3]) / (SHIFTS[2] - SHIFTS[3])
    # Float32 rounds losses of size 10 by 1e-6: 1e-4 in the difference.
    np.testing.assert_allclose(slopes[1], difference, rtol=1e-2, atol=5e-3)


@each_pair
def test_evaluation_is_the_plain_layer_or_zoneouts_mean(cell, noise):
    layer, (_, _, states, quiet), _ = program(cell, noise)
    layer.noise.deterministic = True
    np.testing.assert_allclose(quiet[1], loop(layer, X, layer.noise), rtol=1e-5, atol=1e-5)
    layer.noise.deterministic = False
    assert np.allclose(quiet[1], states[0], atol=1e-5) == (noise != "zoneout")


def test_zoneouts_mean_is_written_out():
    layer = make("lstm", nn.Zoneout(0.2, cell_rate=0.6))
    layer.eval()
    w, u, b = map(np.asarray, (layer.kernel[...], layer.recurrent_kernel[...], layer.bias[...]))
    h, c = np.zeros((2, N, UNITS))
    for t in range(STEPS):
        i, f, g, o = np.split(np.asarray(X)[:, t] @ w + h @ u + b, 4, axis=1)
        new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = 0.2 * h + 0.8 * sigmoid(o) * np.tanh(new_c)
        c = 0.6 * c + 0.4 * new_c
    np.testing.assert_allclose(layer(X), h, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_without_streams_is_an_error(noise):
    name = type(NOISES[noise](0.4)).__name__
    with pytest.raises(ValueError, match=f"no `rngs` argument was provided to {name} "):
        make("lstm", NOISES[noise](0.4))(X)


def kept(cell, noise, key):
    """Returns how many numbers the backward pass of a layer keeps."""
    graph, params, *rest = nnx.split(make(cell, noise), nnx.Param, ...)

    def pullback(params):
        return jax.vjp(lambda p: nnx.merge(graph, p, *rest)(X, rngs=key), params)[1]

    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(pullback, params)))


@pytest.mark.parametrize(("cell", "arrays"), [("lstm", 4 + 2), ("gru", 3 + 1 + 1)])
def test_backward_pass_keeps_gates_and_states(cell, arrays, key):
    # And of the GRU, the candidate's product that its reset gate scales.
    states = N * STEPS * arrays * UNITS
    parameters = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(make(cell), nnx.Param)))
    assert states <= kept(cell, None, key) <= states + X.size + parameters + STEPS


@each_pair
def test_backward_pass_keeps_no_masks(cell, noise, key):
    # A key for every step and hook, rates, step numbers; not an array of one step's units.
    assert 0 < kept(cell, NOISES[noise](0.4), key) - kept(cell, None, key) < N * UNITS


def test_streams_are_drawn_from_once_a_call():
    layer = make("lstm", nn.RecurrentDropout(0.4))
    rngs = nnx.Rngs(dropout=0)
    call = nnx.jit(lambda layer, rngs: layer(X, rngs=rngs))
    first, second = call(layer, rngs), call(layer, rngs)
    assert rngs.dropout.count[...] == 2
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, layer(X, rngs=nnx.Rngs(dropout=0)))


def test_a_legacy_key_serves_as_well():
    layer = make("gru", nn.NaiveState(0.4))
    assert np.isfinite(layer(X, rngs=jax.random.PRNGKey(0))).all()


@each_cell
def test_zoneout_at_rate_1_keeps_the_first_state(cell, key):
    layer = make(cell, nn.Zoneout(1, cell_rate=1))
    np.testing.assert_array_equal(layer(X, sequence=True, rngs=key), 0)
    layer.eval()
    np.testing.assert_array_equal(layer(X, sequence=True), 0)
