"""Moving averages and label noise in training, and all recipes in lanes."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dropout_lab.config import resolve
from dropout_lab.data import label_noise
from dropout_lab.errors import InputError
from dropout_lab.training.network import Weights
from dropout_lab.training.preparation import check_data
from dropout_lab.training.state import moving_average
from dropout_lab.training.trainer import Trainer
from tests.training.spy import Spy

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.fixture
def run(new_config, vmapped_of, tiny_dataset):
    """Returns a function that runs tiny trials side by side; it gives back results and the spy."""

    def call(*trials, variant="none", dataset=tiny_dataset):
        configs = [resolve(new_config(variant, changes)) for changes in trials]
        program: Any = vmapped_of(configs[0], len(configs))
        if len(configs) == 1:
            program = Spy(program, dataset)
        return Trainer(program, configs, dataset).run(), program

    return call


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.9999])
def test_the_moving_average_is_that_of_optax(decay):
    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    reference = optax.ema(decay, debias=True)
    state = reference.init(values[0])
    average = Weights(jnp.zeros(3), (), jnp.zeros(3))
    for step, value in enumerate(values):
        average = moving_average(
            average, Weights(value, (), 2 * value), jnp.float32(decay), jnp.int32(step)
        )
        expected, state = reference.update(value, state)
        # optax divides by 1 - decay ** t, whose rounding is 1e-7 of 1.
        np.testing.assert_allclose(average.params, expected, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(average.stats, 2 * average.params, rtol=1e-6)


@pytest.mark.parametrize("decay", [1.0, 0.99999994])
def test_a_decay_of_one_gives_the_mean(decay):
    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    average: Any = Weights(jnp.zeros(3), (), ())
    for step, value in enumerate(values):
        average = moving_average(
            average, Weights(value, (), ()), jnp.float32(decay), jnp.int32(step)
        )
    np.testing.assert_allclose(average.params, values.mean(0), rtol=1e-5)


@pytest.mark.slow
def test_the_average_is_evaluated_and_the_weights_are_trained(run):
    """With an update an epoch, the weights of each epoch are those after each update."""
    changes = {"train.batch_size": 40, "model.batch_norm": True, "train.epochs": 3}
    [plain], raw = run(changes)
    [result], spy = run({**changes, "train.ema": 0.5})
    after = [weights for name, weights, *_ in raw.evaluated if name == "sample"][:3]
    averages = [weights for name, weights, *_ in spy.evaluated if name == "sample"][:3]
    shares = np.array([1, 2, 4]) / 7
    expected = jax.tree.map(lambda *leaves: np.tensordot(shares, leaves, 1), *after)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)  # noqa: E731
    jax.tree.map(close, averages[-1], expected)
    jax.tree.map(close, result.weights, expected)
    first, second = (
        [row["train_loss"] for row in each.progress.history] for each in (plain, result)
    )
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_label_noise_is_that_of_the_example(tiny_dataset):
    split = tiny_dataset.train
    noise = label_noise(split, 3)
    some = np.array([7, 3, 31])
    for whole, part in zip(noise, label_noise(split[some], 3), strict=True):
        np.testing.assert_array_equal(whole[some], part)
    assert (noise.wrong != split.labels).all()
    assert set(noise.wrong) == {0, 1, 2}


def test_label_noise_has_its_rate_at_any_place_of_the_order(real_digits):
    noise = label_noise(real_digits, 10)
    uniform = noise.threshold.astype(np.float64)
    assert 0 <= uniform.min() < uniform.max() < 1
    for half in (uniform[:700], uniform[700:1400]):
        assert abs((half < 0.3).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 700)
    steps = np.bincount((noise.wrong - real_digits.labels) % 10, minlength=10)
    assert steps[0] == 0
    assert (abs(steps[1:] - len(real_digits) / 9) < 4 * np.sqrt(len(real_digits) / 9)).all()


@pytest.mark.slow
def test_training_labels_are_noisy_and_others_are_not(run, tiny_dataset):
    noise = label_noise(tiny_dataset.train, 3)
    rate = float(np.median(noise.threshold))
    labels = np.where(noise.threshold < np.float32(rate), noise.wrong, tiny_dataset.train.labels)
    changed = dataclasses.replace(
        tiny_dataset, train=dataclasses.replace(tiny_dataset.train, labels=labels)
    )
    [noisy], spy = run({"data.label_noise": rate})
    [replaced], _ = run({}, dataset=changed)
    assert noisy.progress.history == replaced.progress.history
    assert noisy.progress.metrics == replaced.progress.metrics
    assert {name for name, *_ in spy.trained} == {"train"}


def test_label_noise_at_rate_zero_is_none(new_config):
    zero = resolve(new_config("none", {"data.label_noise": 0.0}))
    assert zero == resolve(new_config("none"))


def test_next_tokens_have_no_label_noise(new_config, tiny_dataset):
    labels = np.zeros((40, 5), np.int32)
    train = dataclasses.replace(tiny_dataset.train, labels=labels)
    config = resolve(new_config("none", {"data.label_noise": 0.5}))
    with pytest.raises(InputError, match=r"label_noise is 0\.5 with next tokens as labels"):
        check_data(config, dataclasses.replace(tiny_dataset, train=train))


RECIPES = [
    {
        "seed": seed,
        "train.ema": ema,
        "schedule.warmup": warmup,
        "data.mixup": alpha,
        "data.label_noise": rate,
        "schedule.name": "cosine",
        "optimizer.name": "adamw",
        "optimizer.lr": 0.01,
    }
    for seed, ema, warmup, alpha, rate in ((1, 0.5, 0.5, 0.2, 0.1), (2, 0.9, 2.0, 1.0, 0.6))
]


@pytest.mark.slow
def test_recipes_in_lanes_are_those_of_trials_alone(run):
    together, _ = run(*RECIPES, variant="dropout")
    for changes, result in zip(RECIPES, together, strict=True):
        [alone], _ = run(changes, variant="dropout")
        for row, expected in zip(result.progress.history, alone.progress.history, strict=True):
            assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-4)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
            result.weights,
            alone.weights,
        )
