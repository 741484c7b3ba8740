"""README.md's steps for adding a variant, with a toy: a unit's sign flips."""

import inspect
import json
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, Key

from configs import digits_cnn, digits_mlp
from dropout_lab import load_run
from dropout_lab.config import hparams_of, resolve
from dropout_lab.errors import InputError
from dropout_lab.nn import RatedNoise
from dropout_lab.ops import Rate
from dropout_lab.sweeps.grid import parse, product
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.preparation import prepare
from dropout_lab.training.program import as_arrays
from dropout_lab.training.run import train
from dropout_lab.variants import VARIANTS, LayerChoice, Variant
from tests.source_copy import SourceCopy

pytestmark = pytest.mark.usefixtures("quick_compile")


def sign_flip(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Rate
) -> Float[Array, "*shape"]:
    """Flips the signs of units with probability ``rate``."""
    return jnp.where(jax.random.bernoulli(key, rate, x.shape), -x, x)


class SignFlip(RatedNoise):
    """Noise that flips signs; at inference units are multiplied by its mean."""

    max_rate = 0.5

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with some of its signs flipped."""
        return sign_flip(key, x, rate=self.rate[...])

    def infer(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns the mean."""
        return (1 - 2 * self.rate[...]) * x


@pytest.fixture
def added(monkeypatch):
    """Adds the variant."""
    layers = dict.fromkeys(("input", "stage", "hidden"), LayerChoice(SignFlip))
    monkeypatch.setitem(VARIANTS, "sign_flip", Variant(layers, defaults={"rate": 0.1}))


def config_of(changes=(), module=digits_mlp):
    """Returns what ``--config=configs/digits_mlp.py:sign_flip,smoke`` and more flags mean."""
    config = module.get_config("sign_flip,smoke")
    small = {"model.widths": (16,), "run.save_model": True}
    config.update_from_flattened_dict(small | dict(changes))
    return config


def test_without_its_line_there_is_no_such_variant():
    with pytest.raises(InputError, match=r"^unknown variant 'sign_flip'"):
        resolve(config_of())


@pytest.mark.slow
@pytest.mark.usefixtures("added")
def test_it_trains_from_a_configuration(tmp_path):
    record = train(config_of({"train.epochs": 8}), tmp_path)
    assert record["status"] == "ok"
    assert record["config"]["variant"] == "sign_flip"
    assert record["config"]["dropout"]["rate"] == 0.1
    losses = [row["train_loss"] for row in record["history"]]
    assert losses[-1] < 0.5 * losses[0]
    assert record["metrics"]["val_error"] < 30
    run = load_run(tmp_path)
    images = np.zeros((2, 8, 8, 1), np.uint8)
    assert run.predict(images, inference="mc", passes=3).shape == (2, 10)


@pytest.mark.usefixtures("added")
def test_rates_are_resolved_and_checked():
    resolved = resolve(config_of(module=digits_cnn)).dropout
    # The variant's own, that of all variants, and what the configuration says.
    assert resolved.rate == 0.1
    assert resolved.stage_rates == (0.1, 0.1)
    assert resolved.input_rate == 0.0
    assert resolve(config_of({"dropout.rate": 0.3})).dropout.rate == 0.3
    with pytest.raises(
        InputError, match=r"dropout\.rate is 0\.6; allowed with this variant: \[0, "
    ):
        resolve(config_of({"dropout.rate": 0.6}))
    with pytest.raises(InputError, match="did you mean 'sign_flip'"):
        resolve(config_of({"variant": "sign_flop"}))


@pytest.mark.slow
@pytest.mark.usefixtures("added")
def test_rates_and_schedules_reach_its_noise():
    """Late dropout: an epoch with no flips, then one at the whole rate; both from one program."""
    late = {"rate_schedule.name": "late_constant", "rate_schedule.epochs": 1.0}
    config = resolve(config_of({"dropout.rate": 0.3, **late}))
    vmapped, dataset = prepare(config)
    program = vmapped.program
    data, scaling = to_device(dataset.train), fit_scaling("unit", dataset.train)
    numbers = as_arrays(hparams_of(config))
    lengths, state = program.lengths(numbers, len(dataset.train)), program.init(numbers)
    rates = []
    for _ in range(2):
        state, _ = program.train_epoch(state, numbers, data, scaling, steps=lengths.steps_per_epoch)
        rates.append(float(state.weights.rates["classifier"]["layers"][0]["noise"]["rate"]))
        before = state.weights._replace(rates=jax.tree.map(jnp.zeros_like, state.weights.rates))
        at_rest, unscaled = (
            program.predict(weights, jax.random.key(0), data.images, scaling, inference="mean")
            for weights in (state.weights, before)
        )
        same = np.allclose(at_rest.log_probs, unscaled.log_probs, atol=1e-5)
        assert same == (rates[-1] == 0)
    np.testing.assert_allclose(rates, [0, 0.3], rtol=1e-6)


@pytest.mark.usefixtures("added")
def test_trials_of_its_rates_share_a_program():
    grid = parse(["variant=none,sign_flip", "dropout.rate=0.05,0.2"])
    trials = make_trials(config_of(), product(grid))
    assert [(trial.config.variant, trial.config.dropout.rate) for trial in trials] == [
        ("none", 0.0),
        ("sign_flip", 0.05),
        ("sign_flip", 0.2),
    ]
    assert [len(group.trials) for group in groups(trials)] == [1, 2]


IMPORTS = """
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import Rate
"""


@pytest.mark.slow
def test_the_scripts_know_it_from_its_source_alone(tmp_path):
    """In a copy: an op, a layer, and where they are listed; nothing else is touched."""
    copy = SourceCopy(tmp_path)
    op = IMPORTS.replace("dropout_lab.ops", "dropout_lab.ops._common")
    copy.write("dropout_lab/ops/sign_flip.py", op + inspect.getsource(sign_flip))
    layer = (
        f"{IMPORTS}from dropout_lab.ops import sign_flip\n"
        f"from dropout_lab.nn.stochastic import RatedNoise\n\n\n{inspect.getsource(SignFlip)}"
    )
    copy.write("dropout_lab/nn/sign_flip.py", layer)
    exports = "dropout_lab/ops/__init__.py"
    copy.insert(exports, "from dropout_lab.ops.sign_flip import sign_flip\n")
    copy.insert(exports, '    "sign_flip",\n', after="__all__ = [\n")
    copy.insert("dropout_lab/nn/__init__.py", "from dropout_lab.nn.sign_flip import SignFlip\n")
    row = '    "sign_flip": _everywhere(LayerChoice(nn.SignFlip), defaults={"rate": 0.1}),\n'
    table = "VARIANTS: dict[str, Variant] = {\n"
    copy.insert("dropout_lab/variants/variants.py", row, after=table)
    assert "sign_flip" in copy.run("-c", "from dropout_lab.ops import OPS; print(*OPS)").split()

    workdir = f"--workdir={tmp_path / 'many'}"
    flags = (
        *("--config=configs/digits_mlp.py:none,smoke", "--config.rate_schedule.name=linear"),
        *("--config.model.widths=(16,)", "--config.train.epochs=1"),
        *("--vary=variant=none,sign_flip", "--vary=dropout.rate=0.05,0.2"),
    )
    copy.run("scripts/sweep.py", workdir, *flags)
    records = [json.loads(path.read_text()) for path in tmp_path.glob("many/trials/*.json")]
    assert Counter(record["config"]["variant"] for record in records) == {"none": 1, "sign_flip": 2}
    assert len({record["metrics"]["val_nll"] for record in records}) == 3
    assert "| sign_flip " in copy.run("scripts/table.py", workdir, "--cols=dropout.rate")
