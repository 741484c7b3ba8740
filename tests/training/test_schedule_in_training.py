"""Rates and penalties that change from step to step, and losses, inside the compiled program."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.config import hparams_of, resolve
from dropout_lab.training import loss, program
from dropout_lab.training.network import layers_with
from dropout_lab.training.program import Program, as_arrays

pytestmark = pytest.mark.slow

RATES = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}
# 40 examples: one step an epoch, so that every step can be looked at.
STEPS = {"train.batch_size": 40, "train.epochs": 6}


@pytest.fixture
def traces(monkeypatch):
    """Returns a list that grows whenever the training step is traced."""
    calls = []
    method = Program._train_epoch

    @functools.wraps(method)
    def counted(*args, **kwargs):
        calls.append(1)
        return method(*args, **kwargs)

    monkeypatch.setattr(Program, "_train_epoch", counted)
    return calls


def start(config, made=None):
    """Returns a program, by default a new one, and the hyper-parameters and state of a trial."""
    resolved = resolve(config)
    made = made or Program(resolved, (4, 4, 1), 3)
    hparams = as_arrays(hparams_of(resolved))
    return made, hparams, made.init(hparams)


def copied(state):
    """Returns a copy: training donates its buffers."""
    return jax.tree.map(jnp.copy, state)


def assert_equal(actual, expected, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), actual, expected)


def differ(first, second):
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)


# With one step an epoch and 6 in all: the factor on the rates at steps 0 to 5.
# Schedules with each kind of parameter, left out and given; tests/test_schedules.py has them all.
FACTORS = [
    ({"name": "linear"}, np.arange(6) / 6),
    ({"name": "late_linear", "epochs": 2.0}, [0, 0, 0, 1 / 4, 2 / 4, 3 / 4]),
    ({"name": "curriculum", "gamma": 0.3}, 1 - np.exp(-0.3 * np.arange(6))),
    ({"name": "step", "boundaries": (1, 4), "factors": (1.0, 0.4, 0.1)}, [1, *[0.4] * 3, 0.1, 0.1]),
]


@pytest.mark.parametrize(("schedule", "factors"), FACTORS)
def test_rates_are_written_at_every_step_without_compiling_again(
    runs, new_config, traces, schedule, factors
):
    """After k steps they are what step k - 1 trained with, for any rates to reach."""
    changes = STEPS | {f"rate_schedule.{key}": value for key, value in schedule.items()}
    made = None
    for rate, input_rate in ((0.5, 0.2), (0.8, 0.0)):
        final = {"dropout.rate": rate, "dropout.input_rate": input_rate}
        made, hparams, state = start(new_config("dropout", changes | final), made)
        for factor in factors:
            state, _ = runs.epoch(made, hparams, state)
            rates = state.weights.rates
            layers = rates["classifier"]["layers"]
            np.testing.assert_allclose(rates["input_noise"]["rate"], input_rate * factor, rtol=1e-5)
            np.testing.assert_allclose(layers[0]["noise"]["rate"], rate * factor, rtol=1e-5)
    assert len(traces) == 1


def test_epochs_of_a_schedule_are_counted_in_updates(runs, new_config):
    """5 updates an epoch: at the end of each, the factor of its last step."""
    changes = RATES | {"rate_schedule.name": "linear", "rate_schedule.epochs": 2.0}
    made, hparams, state = start(new_config("dropout", changes))
    for factor in (0.4, 0.9, 1.0):
        state, _ = runs.epoch(made, hparams, state)
        rate = state.weights.rates["input_noise"]["rate"]
        np.testing.assert_allclose(rate, 0.2 * factor, rtol=1e-5)


def test_the_noise_has_the_scheduled_rate(runs, new_config):
    """Late dropout trains a plain network first, step by step the same, and then does not."""
    late = {"rate_schedule.name": "late_constant", "rate_schedule.epochs": 1.0}
    made, hparams, state = start(new_config("dropout", RATES | late))
    plain, plain_hparams, plain_state = start(new_config())
    params = []
    for _ in range(2):
        state, _ = runs.epoch(made, hparams, state)
        plain_state, _ = runs.epoch(plain, plain_hparams, plain_state)
        params.append((copied(state.weights.params), copied(plain_state.weights.params)))
    assert_equal(*params[0], rtol=1e-4, atol=1e-6)
    with pytest.raises(AssertionError):
        assert_equal(*params[1], rtol=1e-2, atol=1e-3)


def test_weight_scaling_follows_the_current_rate(runs, new_config):
    """After early dropout, inference of the classic form scales nothing any more."""
    early = {"rate_schedule.name": "early_constant", "rate_schedule.epochs": 1.0}
    config = new_config("classic_dropout", {"dropout.rate": 0.5, "dropout.input_rate": 0.0} | early)
    made, hparams, state = start(config)
    plain = start(new_config())[0]

    def nll(which, weights):
        metrics = which.evaluate(weights, hparams, runs.data, runs.scaling, inference="mean")
        return float(metrics["nll"])

    def unscaled(weights):
        return nll(plain, weights._replace(rates={}))

    def scaled(weights):
        halved = jax.tree.map(lambda leaf: leaf, weights.params)
        halved["classifier"]["output"]["kernel"] = halved["classifier"]["output"]["kernel"] / 2
        return unscaled(weights._replace(params=halved))

    state, _ = runs.epoch(made, hparams, state)
    during = nll(made, state.weights)
    np.testing.assert_allclose(during, scaled(state.weights), rtol=1e-5)
    assert abs(during - unscaled(state.weights)) > 1e-3
    state, _ = runs.epoch(made, hparams, state)
    after = nll(made, state.weights)
    np.testing.assert_allclose(after, unscaled(state.weights), rtol=1e-5)
    assert abs(after - scaled(state.weights)) > 1e-3


WARMUP = {"dropout.penalty_warmup": (1, 3)}


def warming(new_config, weight, **changes):
    return new_config("variational_dropout", WARMUP | changes | {"dropout.penalty_weight": weight})


def test_the_penalty_grows_during_its_warm_up(runs, new_config):
    """The loss has 0, 0, 1/2 and then all of it, at the first steps of epochs 0 to 4."""
    steps = STEPS | {"optimizer.lr": 1e-9}  # too small to move the penalty
    made, hparams, state = start(warming(new_config, 40.0, **steps))
    penalty = sum(
        layer.penalty()
        for layer in layers_with(made.network.module(state.weights, "train"), "penalty")
    )
    none = hparams | {"dropout.penalty_weight": jnp.float32(0)}
    factors = []
    for _ in range(5):
        _, without = runs.epoch(made, none, copied(state))
        state, with_penalty = runs.epoch(made, hparams, state)
        factors.append(float((with_penalty - without) / penalty))
    # The penalty is divided by the 40 training examples; the weight of 40 cancels that.
    np.testing.assert_allclose(factors, [0, 0, 0.5, 1, 1], rtol=1e-4, atol=1e-6)


def test_the_penalty_moves_nothing_before_its_warm_up_and_everything_after(runs, new_config):
    """Each epoch is compared with one without the penalty and one with all of it."""
    made, hparams, state = start(warming(new_config, 5.0, **{"train.epochs": 5}))
    none = hparams | {"dropout.penalty_weight": jnp.float32(0)}
    at_once, _, _ = start(
        new_config("variational_dropout", {"dropout.penalty_warmup": (0, 0), "train.epochs": 5})
    )
    alike, all_of_it = [], []
    for _ in range(5):
        after, without, with_all = (
            runs.epoch(which, values, copied(state))[0]
            for which, values in ((made, hparams), (made, none), (at_once, hparams))
        )
        alike.append(not differ(after.weights.params, without.weights.params))
        gap = jax.tree.map(
            lambda a, b: float(jnp.abs(a - b).max()), after.weights.params, with_all.weights.params
        )
        all_of_it.append(max(jax.tree.leaves(gap)) < 1e-6)
        state = after
    assert alike == [True, False, False, False, False]
    assert all_of_it == [False, False, False, True, True]


@pytest.mark.parametrize("name", ["r_drop", "multi_sample"])
def test_the_programs_loss_is_the_losses(runs, new_config, name):
    """On all examples, in the order and with the key that a seed gives the first step."""
    changes = RATES | STEPS | {"loss.name": name, "train.label_smoothing": 0.1, "seed": 3}
    changes |= {"loss.weight": 0.7} if name == "r_drop" else {"loss.samples": 3}
    made, hparams, state = start(new_config("dropout", changes))
    order = jax.random.permutation(program._key(hparams, program._ORDER), 40)
    target = jax.nn.one_hot(jnp.asarray(runs.labels), 3) * 0.9 + 0.1 / 3
    options = {"weight": jnp.float32(0.7)} if name == "r_drop" else {"samples": 3}
    model = made.network.module(state.weights, "train")
    images = runs.inputs[order].reshape(40, 4, 4, 1)
    key = program._key(hparams, program._NOISE)
    expected = getattr(loss, name)(model, images, target[order], key, **options)
    first = nnx.Rngs(dropout=jax.random.split(key)[0])
    plain = -(target[order] * jax.nn.log_softmax(model(images, rngs=first))).sum(1).mean()
    _, actual = runs.epoch(made, hparams, state)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    assert abs(actual - plain) > 1e-3


def test_weights_of_losses_and_penalties_never_compile_again(runs, new_config, traces):
    made, losses = None, set()
    for weight, penalty_weight in ((0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (5.0, 0.3)):
        weights = {"loss.weight": weight, "dropout.penalty_weight": penalty_weight}
        config = new_config("variational_dropout", {"loss.name": "r_drop"} | weights)
        made, hparams, state = start(config, made)
        for _ in range(2):
            state, mean_loss = runs.epoch(made, hparams, state)
            losses.add(float(mean_loss))
    assert len(traces) == 1
    assert len(losses) == 8
