import shutil

import numpy as np
import pytest
from flax import nnx

import dropout_lab
from dropout_lab.config import resolve
from dropout_lab.errors import InputError
from dropout_lab.training.preparation import load_data
from dropout_lab.training.run import train
from dropout_lab.training.trained import load_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, new_config, own_data):
    directory = tmp_path_factory.mktemp("run")
    train(new_config("dropout", own_data), directory)
    return directory


@pytest.fixture(scope="module")
def trained(workdir):
    return load_run(workdir)


@pytest.fixture(scope="module")
def test_split(new_config, own_data):
    return load_data(resolve(new_config("dropout", own_data))).test


def error_of(probs, labels):
    return 100 * (probs.argmax(1) != labels).mean()


def test_predictions_have_the_recorded_error(trained, test_split):
    probs = trained.predict(test_split.images)
    assert probs.shape == (24, 3)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)
    metrics = trained.record["metrics"]
    np.testing.assert_allclose(error_of(probs, test_split.labels), metrics["test_error"], rtol=1e-5)
    nll = -np.log(probs[np.arange(24), test_split.labels]).mean()
    np.testing.assert_allclose(nll, metrics["test_nll"], rtol=1e-5)


def test_predictions_of_one_example_are_those_of_many(trained, test_split):
    alone = trained.predict(test_split.images[3:4])
    np.testing.assert_allclose(alone[0], trained.predict(test_split.images)[3], rtol=1e-5)


def test_uncertainty_goes_with_the_monte_carlo_predictions(trained, test_split):
    prediction = trained.uncertainty(test_split.images, passes=20)
    probs = trained.predict(test_split.images, inference="mc", passes=20)
    np.testing.assert_allclose(np.exp(prediction.log_probs), probs, rtol=1e-5)
    np.testing.assert_allclose(prediction.entropy, -(probs * np.log(probs)).sum(1), rtol=1e-4)
    assert (prediction.mutual_information > 0).all()
    assert (prediction.mutual_information < prediction.entropy).all()
    votes = prediction.variation_ratio * 20
    np.testing.assert_allclose(votes, np.round(votes), atol=1e-5)
    assert all(isinstance(values, np.ndarray) and len(values) == 24 for values in prediction)


def test_there_are_as_many_passes_as_it_was_tested_with(new_config, own_data, test_split, tmp_path):
    train(new_config("dropout", own_data | {"eval.inference": "mc", "eval.passes": 7}), tmp_path)
    network, images = load_run(tmp_path), test_split.images
    seven = network.predict(images, passes=7)
    np.testing.assert_array_equal(network.predict(images), seven)
    np.testing.assert_allclose(np.exp(network.uncertainty(images).log_probs), seven, rtol=1e-5)


def test_monte_carlo_differs_a_little_and_repeats(trained, test_split):
    images = test_split.images
    mean = trained.predict(images)
    sampled = trained.predict(images, inference="mc", passes=200)
    assert 1e-4 < np.abs(sampled - mean).max() < 0.2
    np.testing.assert_array_equal(sampled, trained.predict(images, inference="mc", passes=200))
    other = trained.predict(images, inference="mc", passes=200, seed=1)
    assert 1e-4 < np.abs(sampled - other).max() < 0.2


def test_the_module_is_an_ordinary_network(trained, test_split):
    network = trained.module()
    assert isinstance(network, nnx.Module)
    logits = np.asarray(network(test_split.images.astype(np.float32) / 255))
    np.testing.assert_array_equal(logits.argmax(1), trained.predict(test_split.images).argmax(1))


def test_passes_are_what_monte_carlo_averages(trained, test_split):
    images = trained.test_split().images
    np.testing.assert_array_equal(images, test_split.images)
    probs = trained.passes(images, count=200)
    assert probs.shape == (200, 24, 3)
    np.testing.assert_allclose(probs.sum(-1), 1, rtol=1e-5)
    assert (probs[0] != probs[1]).any()
    mean = trained.predict(images, inference="mc", passes=200)
    deviation = probs.std(0) * np.sqrt(2 / 200)
    assert (np.abs(probs.mean(0) - mean) < 5 * deviation).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"inference": "mcc"},
            r"unknown inference 'mcc'; did you mean 'mc'\? "
            r"Allowed: every_other, gaussian, masks, mc, mean, moments",
        ),
        ({"inference": "mc", "passes": 0}, r"passes is 0; allowed: a whole number from 1"),
        ({"x": np.zeros((2, 4, 4))}, r"x has shape \(2, 4, 4\); allowed: \(n, 4, 4, 1\)"),
        ({"x": np.zeros((4, 4, 1))}, r"x has shape \(4, 4, 1\); allowed: \(n, 4, 4, 1\)"),
        ({"x": np.zeros((0, 4, 4, 1))}, r"x has shape \(0, 4, 4, 1\); allowed"),
        ({"x": np.full((2, 4, 4, 1), -1.0)}, r"x has values from -1 to -1, .* allowed"),
        ({"passes": 2.5}, r"^passes is 2\.5; allowed: a whole number from 1"),
        ({"passes": "5"}, r"^passes is '5'; allowed: a whole number from 1"),
        ({"passes": True}, r"^passes is True; allowed"),
        ({"seed": None}, r"^seed is None; allowed: a whole number from 0 to"),
        ({"seed": 1.0}, r"^seed is 1\.0; allowed"),
    ],
)
def test_what_is_not_allowed_is_an_error(trained, arguments, message):
    with pytest.raises(InputError, match=message):
        trained.predict(**{"x": np.zeros((2, 4, 4, 1), np.uint8), **arguments})


def test_scaled_images_and_numbers_of_numpy_give_the_same_predictions(trained, test_split):
    images = test_split.images
    expected = trained.predict(images, inference="mc", passes=3, seed=2)
    given = trained.predict(images / 255, inference="mc", passes=np.int64(3), seed=np.int32(2))
    np.testing.assert_allclose(given, expected, rtol=1e-4)
    with pytest.raises(InputError, match=r"^count is 2\.0; allowed: a whole number from 1"):
        trained.passes(images, count=2.0)


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"absent' holds no finished run: no record\.json"):
        load_run(tmp_path / "absent")


def test_a_run_without_its_network_is_an_error(workdir, tmp_path):
    shutil.copy(workdir / "record.json", tmp_path)
    with pytest.raises(InputError, match=r"holds no network; allowed: .*run\.save_model True"):
        load_run(tmp_path)


def test_load_run_is_what_the_package_offers():
    assert dropout_lab.load_run is load_run
    with pytest.raises(AttributeError, match="no attribute 'load_runs'"):
        _ = dropout_lab.load_runs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "variant"),
    [
        # One of each kind of state: rates, learnt noise and rates, penalties, running statistics.
        ("mlp", "sparse_variational_dropout"),
        ("mlp", "concrete_dropout"),
        ("rnn", "zoneout"),
        ("resnet", "stochastic_depth"),
    ],
)
def test_what_was_trained_comes_back(new_config, own_data, tmp_path, test_split, model, variant):
    sizes = {"model.name": model, "model.stages": (4,), "model.depth": 10, "model.units": 8}
    config = new_config(variant, own_data | sizes | {"eval.inference": "mean"})
    config.train.epochs = 1
    record = train(config, tmp_path)
    probs = load_run(tmp_path).predict(test_split.images)
    nll = -np.log(probs[np.arange(24), test_split.labels]).mean()
    np.testing.assert_allclose(nll, record["metrics"]["test_nll"], rtol=1e-5)
