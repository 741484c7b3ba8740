import functools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import nn, ops
from dropout_lab.config import hparams_of, resolve
from dropout_lab.training.program import Program, as_arrays

WHOLE = {"train.batch_size": 40, "train.epochs": 1}  # one step on all 40 examples, in any order
RATE_0 = {"dropout.rate": 0.0, "dropout.input_rate": 0.0}


def leaves(weights):
    """Returns the parameters that all variants have, kernels and biases, by path."""
    flat = jax.tree_util.tree_flatten_with_path(weights.params)[0]
    params = {jax.tree_util.keystr(path): leaf for path, leaf in flat}
    return {path: leaf for path, leaf in params.items() if "logit_alpha" not in path}


def assert_equal(actual, expected, **tolerance):
    assert actual.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], err_msg=name, **tolerance)


@pytest.fixture
def traces(monkeypatch):
    """Counts how often each of a program's functions is traced."""
    counts: Counter[str] = Counter()

    def counting(name):
        method = getattr(Program, name)

        @functools.wraps(method)
        def counted(*args, **kwargs):
            counts[name] += 1
            return method(*args, **kwargs)

        return counted

    for name in ("_init", "_train_epoch", "_evaluate"):
        monkeypatch.setattr(Program, name, counting(name))
    return counts


def test_dynamic_numbers_never_compile_again(runs, new_config, traces):
    first = resolve(new_config("dropout", {"optimizer.max_norm": 1.0}))
    program = Program(first, (4, 4, 1), 3)
    losses = set()
    for changes in (
        {},
        {"seed": 2**32 - 1},
        {"dropout.rate": 0.0, "dropout.input_rate": 1.0},
        {"optimizer.lr": 0.5, "optimizer.momentum": 0.0, "optimizer.weight_decay": 0.1},
        {"train.label_smoothing": 0.3, "optimizer.max_norm": 3.0},
    ):
        config = new_config("dropout", {"optimizer.max_norm": 1.0, **changes})
        hparams = as_arrays(hparams_of(resolve(config)))
        state = program.init(hparams)
        for _ in range(2):
            state, loss = runs.epoch(program, hparams, state)
            losses.add(float(loss))
        program.evaluate(state.weights, hparams, runs.data, runs.scaling, inference="mean")
    assert traces == {"_init": 1, "_train_epoch": 1, "_evaluate": 1}
    assert len(losses) == 10


@pytest.mark.parametrize("variant", ["dropout", "drop_connect", "variational_dropout"])
def test_a_seed_gives_every_variant_the_same_weights(runs, new_config, variant):
    plain = runs.init(new_config())[2]
    assert_equal(leaves(runs.init(new_config(variant))[2].weights), leaves(plain.weights), rtol=0)


@pytest.mark.parametrize("variant", ["dropout", "drop_connect"])
def test_a_seed_gives_every_variant_the_same_batches(runs, new_config, variant):
    """At rate 0 a variant is the plain network, so other batches alone would end elsewhere."""
    plain = runs.train(new_config())
    noisy = runs.train(new_config(variant, RATE_0))
    assert_equal(leaves(noisy[1]), leaves(plain[1]), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(noisy[2], plain[2], rtol=1e-5)


def test_seeds_differ_in_weights_and_batches(runs, new_config):
    program, hparams, state = runs.init(new_config())
    other = runs.init(new_config(changes={"seed": 1}))[1]
    kernels = [leaf for path, leaf in leaves(state.weights).items() if "kernel" in path]
    others = [
        leaf for path, leaf in leaves(program.init(other).weights).items() if "kernel" in path
    ]
    assert all((np.asarray(a) != np.asarray(b)).any() for a, b in zip(kernels, others, strict=True))
    same_start = runs.init(new_config())[2]
    first = runs.epoch(program, hparams, state)[0]
    second = runs.epoch(program, other, same_start)[0]
    assert_differ(leaves(first.weights), leaves(second.weights))


def assert_differ(first, second):
    assert all((np.asarray(first[name]) != np.asarray(second[name])).any() for name in first)


def reference_step(weights, x, labels, *, lr, decay, smoothing, max_norm):
    """Returns the loss and weights after one step of plain gradient descent, in NumPy."""
    lower, upper = weights.params["classifier"]["layers"][0]["linear"], weights.params["classifier"]
    w1, b1 = np.float64(lower["kernel"]), np.float64(lower["bias"])
    w2, b2 = np.float64(upper["output"]["kernel"]), np.float64(upper["output"]["bias"])
    hidden = np.maximum(x @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    target = np.eye(3)[labels] * (1 - smoothing) + smoothing / 3
    d_logits = (np.exp(log_probs) - target) / len(x)
    d_hidden = (d_logits @ w2.T) * (hidden > 0)
    w2 = w2 - lr * (hidden.T @ d_logits + decay * w2)
    w1 = w1 - lr * (x.T @ d_hidden + decay * w1)
    kernels = [w * np.minimum(1, max_norm / np.sqrt((w**2).sum(0))) for w in (w1, w2)]
    biases = [b1 - lr * d_hidden.sum(0), b2 - lr * d_logits.sum(0)]
    return -(target * log_probs).sum(1).mean(), [*kernels, *biases]


@pytest.mark.parametrize(
    ("decay", "smoothing", "max_norm"), [(0.0, 0.0, 100.0), (0.1, 0.0, 1.0), (0.0, 0.3, 100.0)]
)
def test_a_step_matches_numpy(runs, new_config, decay, smoothing, max_norm):
    changes = {
        "optimizer.lr": 0.5,
        "optimizer.weight_decay": decay,
        "train.label_smoothing": smoothing,
        "optimizer.max_norm": max_norm,
    }
    before, after, loss = runs.train(new_config(changes=WHOLE | changes))
    expected_loss, expected = reference_step(
        before,
        runs.inputs,
        runs.labels,
        lr=0.5,
        decay=decay,
        smoothing=smoothing,
        max_norm=max_norm,
    )
    lower, upper = after.params["classifier"]["layers"][0]["linear"], after.params["classifier"]
    updated = [layer[name] for name in ("kernel", "bias") for layer in (lower, upper["output"])]
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    for part, value in zip(updated, expected, strict=True):
        np.testing.assert_allclose(part, value, rtol=1e-4, atol=1e-6)


def test_an_epoch_takes_every_example_once(runs, new_config):
    """With a step too small to matter, the mean loss of 5 batches of 8 is that of all 40."""
    tiny = {"optimizer.lr": 1e-9}
    whole = runs.train(new_config(changes=WHOLE | tiny | {"optimizer.max_norm": 100.0}))[2]
    np.testing.assert_allclose(runs.train(new_config(changes=tiny))[2], whole, rtol=1e-5)


@pytest.mark.slow
def test_the_penalty_is_shared_out_over_the_training_set(runs, new_config, monkeypatch):
    config = new_config("variational_dropout", WHOLE)
    before, _, with_penalty = runs.train(config)
    monkeypatch.setattr(nn.VariationalDropout, "penalty", lambda self: jnp.float32(0))
    plain = Program(resolve(config), (4, 4, 1), 3)
    hparams = as_arrays(hparams_of(resolve(config)))
    state = plain.init(hparams)
    _, without = runs.epoch(plain, hparams, state)
    noise = [before.params["input_noise"], before.params["classifier"]["layers"][0]["noise"]]
    alphas = [jax.nn.sigmoid(layer["logit_alpha"]) for layer in noise]
    units = [16, 8]
    kl = sum(n * ops.variational_kl(alpha) for n, alpha in zip(units, alphas, strict=True))
    np.testing.assert_allclose(with_penalty - float(without), kl / 40, rtol=1e-4)


def test_lengths_count_whole_batches(new_program, new_config):
    config, program = new_program(new_config())
    by_epochs = program.lengths(hparams_of(config), 43)
    assert (by_epochs.steps_per_epoch, by_epochs.total_steps, by_epochs.epochs) == (5, 15, 3)
    config, program = new_program(new_config(changes={"train.updates": 11}))
    by_updates = program.lengths(hparams_of(config), 43)
    assert (by_updates.steps_per_epoch, by_updates.total_steps, by_updates.epochs) == (5, 11, 3)
