"""Sequences in training: padding changes nothing, and neither does what is under it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.config import default_config, flatten, hparams_of, resolve
from dropout_lab.data import load
from dropout_lab.errors import InputError
from dropout_lab.training import prediction
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.inputs import Inputs
from dropout_lab.training.loss import cross_entropy
from dropout_lab.training.preparation import check_data
from dropout_lab.training.program import _EVALUATION, Program, _key, as_arrays
from dropout_lab.training.run import train
from dropout_lab.training.trained import load_run

N, STEPS, FEATURES, TYPES = 40, 5, 3, 7


def arrays(kind, more=0):
    """Returns the arrays of an npz file, padded by ``more`` steps, with rubbish under padding."""
    rng, rubbish = np.random.default_rng(0), np.random.default_rng(more)
    made: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        shape = (N, STEPS, FEATURES) if kind == "features" else (N, STEPS)
        draw = rng.normal if kind == "features" else lambda size: rng.integers(0, TYPES, size)
        x, lengths = draw(size=shape), rng.integers(1, STEPS + 1, N)
        x = np.concatenate([x, np.zeros((N, more, *shape[2:]), x.dtype)], axis=1)
        hidden = np.arange(STEPS + more) >= lengths[:, None]
        x[hidden] = rubbish.integers(0, TYPES, x[hidden].shape)
        made |= {f"x_{part}": x, f"lengths_{part}": lengths, f"y_{part}": rng.integers(0, 3, N)}
    return made


def dataset_of(folder, kind, more=0):
    np.savez(folder / f"{kind}{more}.npz", **arrays(kind, more))
    return load("npz", path=str(folder / f"{kind}{more}.npz"))


def config_of(model="rnn", variant="none", **changes):
    config = default_config()
    sizes = {"model.units": 4, "model.embedding": 3, "model.widths": (4,), "train.batch_size": 8}
    changes = {"data.name": "npz", "data.path": "-", "model.name": model} | sizes | changes
    config.update_from_flattened_dict({"variant": variant, **changes})
    return resolve(config)


def trained(config, dataset):
    """Returns weights after an epoch, its loss, and metrics of the test part."""
    check_data(config, dataset)
    shape = dataset.train.images.shape[1:]
    program = Program(config, shape, dataset.classes, dataset.vocabulary)
    hparams = as_arrays(hparams_of(config))
    scaling = fit_scaling(config.data.scaling, dataset.train)
    data = to_device(dataset.train)
    state, loss = program.train_epoch(program.init(hparams), hparams, data, scaling, steps=3)
    test = to_device(dataset.test)
    metrics = program.evaluate(state.weights, hparams, test, scaling, inference="mean")
    return state.weights, loss, metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("features", {"data.scaling": "channel", "model.cell": "gru", "variant": "zoneout"}),
        ("tokens", {"variant": "variational_rnn"}),
        ("tokens", {"model.name": "mlp"}),
    ],
    ids=["gru", "lstm", "mlp"],
)
def test_more_padding_changes_nothing(tmp_path, kind, changes):
    """Neither the order of examples, nor scaling, weights, loss and metrics, exactly."""
    short, long = (
        trained(config_of(**changes), dataset_of(tmp_path, kind, more)) for more in (0, 3)
    )
    for ours, theirs in zip(jax.tree.leaves(short), jax.tree.leaves(long), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("scaling", ["channel", "feature"])
def test_padding_is_no_part_of_means_and_deviations(tmp_path, scaling):
    x = arrays("features")
    kept = np.arange(STEPS) < x["lengths_train"][:, None]
    values = np.where(kept[..., None], x["x_train"], np.nan).astype(np.float32)
    np.savez(tmp_path / "own.npz", **x)
    fitted = fit_scaling(scaling, load("npz", path=str(tmp_path / "own.npz"), val_size=0).train)
    axes = (0, 1) if scaling == "channel" else (0,)
    np.testing.assert_allclose(
        np.broadcast_to(fitted.shift, (STEPS, FEATURES)),
        np.broadcast_to(np.nanmean(values, axes), (STEPS, FEATURES)),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        np.broadcast_to(1 / fitted.scale, (STEPS, FEATURES)),
        np.broadcast_to(np.nanstd(values, axes), (STEPS, FEATURES)),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("tokens", {"model.name": "cnn"}, "model 'cnn' reads no tokens.*; allowed: mlp, rnn"),
        ("tokens", {"data.scaling": "channel"}, "scaling is 'channel' with tokens; allowed: 'unit"),
        ("features", {"model.name": "mlp"}, "model 'mlp' reads no sequences with lengths.*rnn"),
    ],
)
def test_networks_that_cannot_read_them_are_refused(tmp_path, kind, changes, message):
    with pytest.raises(InputError, match=message):
        check_data(config_of(**changes), dataset_of(tmp_path, kind))


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """Returns a tiny text of random letters, in windows, and its configuration."""
    folder = tmp_path_factory.mktemp("text")
    letters = np.random.default_rng(0).choice(list("abcde"), 400)
    for name, part in (("train", letters[:300]), ("valid", letters[300:350]), ("test", letters)):
        (folder / f"{name}.txt").write_text("".join(part))
    config = config_of(
        **{"data.name": "text", "data.path": str(folder), "model.head": "token"},
        **{"data.tokens": "characters", "data.window": 7, "model.widths": ()},
        variant="dropout",
    )
    return config, load("text", path=str(folder), tokens="characters", window=7)


@pytest.mark.slow
def test_metrics_of_next_tokens_are_those_of_their_probabilities(language, monkeypatch):
    config, dataset = language
    monkeypatch.setattr(prediction, "_CHUNK", 50)  # so that there are several, the last one partial
    program = Program(config, (7,), dataset.classes, dataset.vocabulary)
    hparams, scaling = as_arrays(hparams_of(config)), fit_scaling("unit", dataset.train)
    weights, test = program.init(hparams).weights, to_device(dataset.test)
    metrics = program.evaluate(weights, hparams, test, scaling, inference="mc", passes=2)
    key = _key(hparams, _EVALUATION)
    log_probs = np.asarray(
        program.predict(weights, key, test.images, scaling, inference="mc", passes=2).log_probs
    )
    there = dataset.test.labels >= 0
    assert 0 < there.mean() < 1
    log_probs, labels = log_probs[there], dataset.test.labels[there]
    nll = -log_probs[np.arange(len(labels)), labels].mean()
    wrong = 100 * (log_probs.argmax(-1) != labels).mean()
    expected = {
        "error": wrong,
        "accuracy": 100 - wrong,
        "nll": nll,
        "perplexity": np.exp(nll),
        "bits_per_character": nll / np.log(2),
        "entropy": -(np.exp(log_probs) * log_probs).sum(-1).mean(),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.slow
def test_steps_without_a_next_token_are_no_part_of_the_loss():
    """Whatever their logits are; and the mean is over the other steps."""
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32))
    target = jax.nn.one_hot(jnp.array([[1, 2, -1], [4, -1, -1]]), 5)

    def loss_of(logits):
        return cross_entropy(lambda x, rngs: logits, logits, target, jax.random.key(0))

    log_probs = jax.nn.log_softmax(logits)
    expected = -(log_probs[0, 0, 1] + log_probs[0, 1, 2] + log_probs[1, 0, 4]) / 3
    np.testing.assert_allclose(loss_of(logits), expected, rtol=1e-6)
    gradient = np.asarray(jax.grad(loss_of)(logits))
    assert (gradient[target.sum(-1) == 0] == 0).all()
    assert (gradient[target.sum(-1) == 1] != 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"variant": "variational_rnn"}, {"loss.name": "multi_sample"}],
    ids=lambda changes: str(*changes.values()),
)
def test_a_network_learns_the_next_token(language, changes, tmp_path):
    """A run with everything: selection by validation nll, a saved network, predictions."""
    config = default_config()
    flat = flatten(language[0].to_dict()) | {"train.epochs": 2, "train.select": "best_val"}
    for key, value in (flat | changes).items():
        if value is not None:
            config.update_from_flattened_dict({key: value})
    record = train(config, tmp_path)
    assert record["metrics"]["test_perplexity"] < 7
    rows = [row["val_nll"] for row in record["history"]]
    assert record["epoch"] == 1 + int(np.argmin(rows))
    probabilities = load_run(tmp_path).predict(language[1].test.images[:2])
    assert probabilities.shape == (2, 7, 7)
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("changes", [{"model.head": "class"}, {"model.name": "mlp"}])
def test_text_needs_the_head_of_tokens(changes):
    changes = {"data.name": "text", "model.head": "token"} | changes
    with pytest.raises(InputError, match=r"head is 'class' with data 'text' and model '(rnn|mlp)'"):
        config_of(**changes)


def test_examples_to_predict_from_are_checked():
    tokens = Inputs.of({"shape": [3], "name": "npz", "vocabulary": 5}, 1.0)
    assert tokens.checked(np.array([[0, 4, -1]])).dtype == np.int32
    with pytest.raises(InputError, match=r"x is int64 in -1..5; allowed: tokens, whole numbers in"):
        tokens.checked(np.array([[0, 5, -1]]))
    features = Inputs.of({"shape": [2, 1], "name": "npz", "range": [0.0, 1.0]}, 1.0)
    x = np.array([[[0.5], [np.nan]]])
    np.testing.assert_array_equal(features.checked(x), x.astype(np.float32))
    with pytest.raises(InputError, match="values that are not finite"):
        features.checked(np.array([[[0.5], [np.inf]]]))
