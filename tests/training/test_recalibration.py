"""Batch statistics re-estimated without noise, against NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.config import resolve
from dropout_lab.models import MLP
from dropout_lab.training.recalibration import recalibrate_batch_stats
from dropout_lab.training.trainer import Trainer
from dropout_lab.variants import LayerFactory

pytestmark = pytest.mark.slow

BATCHES = jax.random.normal(jax.random.key(0), (5, 64, 12)) + 0.5


@pytest.fixture
def model():
    factory = LayerFactory("dropout", rate=0.5, input_rate=0.5)
    return MLP((12,), 3, widths=(8, 8), batch_norm=True, factory=factory, rngs=nnx.Rngs(0))


def norms(model: Any) -> Any:
    return [layer.activation.norm for layer in model.classifier.layers]


def test_first_layers_statistics_are_those_of_the_noiseless_data(model):
    recalibrated: Any = jax.jit(recalibrate_batch_stats)(model, BATCHES)
    layer = recalibrated.classifier.layers[0]
    sums = np.asarray(BATCHES).reshape(-1, 12) @ np.asarray(layer.linear.kernel[...])
    np.testing.assert_allclose(norms(recalibrated)[0].mean[...], sums.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norms(recalibrated)[0].var[...], sums.var(0), rtol=1e-4)


def test_second_layer_sees_normalised_batches(model):
    recalibrated: Any = recalibrate_batch_stats(model, BATCHES)
    second = recalibrated.classifier.layers[1]
    sums = []
    for batch in np.asarray(BATCHES):
        u = batch @ np.asarray(model.classifier.layers[0].linear.kernel[...])
        h = np.maximum((u - u.mean(0)) / np.sqrt(u.var(0) + 1e-5), 0)
        sums.append(h @ np.asarray(second.linear.kernel[...]))
    total = np.concatenate(sums)
    np.testing.assert_allclose(
        norms(recalibrated)[1].mean[...], total.mean(0), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(norms(recalibrated)[1].var[...], total.var(0), rtol=1e-3)


def test_too_large_variances_of_training_are_corrected(model):
    """Input dropout at 0.5 doubles the second moment of a centred input, so it must be halved."""
    model.train()
    rngs = nnx.Rngs(dropout=1)
    for _ in range(60):
        model(jax.random.normal(rngs.dropout(), (512, 12)), rngs=rngs)
    quiet = recalibrate_batch_stats(model, jax.random.normal(jax.random.key(3), (8, 512, 12)))
    ratio = np.asarray(norms(quiet)[0].var[...] / norms(model)[0].var[...])
    # 4096 examples: a variance is known to 2 %.
    np.testing.assert_allclose(ratio, 0.5, atol=0.08)


def test_nothing_else_changes(model):
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(model)))
    recalibrated: Any = recalibrate_batch_stats(model, BATCHES, prepare=lambda x: x * 2)
    after = nnx.to_pure_dict(nnx.state(model))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    for kind in (nnx.Param,):
        ours, theirs = (nnx.to_pure_dict(nnx.state(m, kind)) for m in (recalibrated, model))
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    assert not np.allclose(norms(recalibrated)[0].mean[...], norms(model)[0].mean[...])
    assert recalibrated.input_noise.deterministic == model.input_noise.deterministic
    assert recalibrated.classifier.layers[0].activation.norm.momentum == 0.9


def test_prepared_batches_are_what_the_network_sees(model):
    recalibrated = recalibrate_batch_stats(model, BATCHES, prepare=lambda x: 2 * x)
    expected = recalibrate_batch_stats(model, 2 * BATCHES)
    for ours, theirs in zip(norms(recalibrated), norms(expected), strict=True):
        np.testing.assert_allclose(ours.var[...], theirs.var[...], rtol=1e-5)


def test_a_network_without_batch_norm_stays_as_it_is():
    plain = MLP((12,), 3, widths=(8,), factory=LayerFactory("dropout"), rngs=nnx.Rngs(0))
    recalibrated: Any = recalibrate_batch_stats(plain, BATCHES)
    plain.eval()
    recalibrated.eval()
    np.testing.assert_array_equal(recalibrated(jnp.ones((2, 12))), plain(jnp.ones((2, 12))))


def test_a_trial_has_test_metrics_before_and_after(new_config, vmapped_of, tiny_dataset):
    metrics = {}
    for name, recalibrate in (("as trained", False), ("both", True)):
        changes = {"model.batch_norm": True, "train.epochs": 2, "eval.recalibrate": recalibrate}
        config = resolve(new_config("dropout", changes))
        [result] = Trainer(vmapped_of(config), [config], tiny_dataset).run()
        metrics[name] = result.progress.metrics
    before, after = metrics["as trained"], metrics["both"]
    assert after["test_raw_nll"] == pytest.approx(before["test_nll"], rel=1e-5)
    assert after["test_raw_nll"] != pytest.approx(after["test_nll"], rel=1e-3)
    assert "test_raw_nll" not in before


@pytest.mark.parametrize("changes", [{"eval.test": False}, {"train.refit": True}])
def test_the_test_set_is_read_for_the_last_network_only(
    monkeypatch, new_config, vmapped_of, tiny_dataset, changes
):
    whole = {"model.batch_norm": True, "train.epochs": 2, "eval.recalibrate": True}
    config = resolve(new_config("dropout", whole | changes))
    trainer = Trainer(vmapped_of(config), [config], tiny_dataset)
    read: list[tuple[str, str]] = []
    measure = trainer._measure

    def recording(name, weights, split, phase, trials):
        read.extend((name, phase.name) for _ in trials)
        measure(name, weights, split, phase, trials)

    monkeypatch.setattr(trainer, "_measure", recording)
    trainer.run()
    of_test = [(name, phase) for name, phase in read if name.startswith("test")]
    refit = [("test_raw", "refit"), ("test", "refit")]
    assert of_test == (refit if changes.get("train.refit") else [])
