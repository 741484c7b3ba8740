"""``eval.shift`` and ``eval.ood``: metrics of shifted test images and of outliers in records."""

import numpy as np
import pytest
from sklearn import metrics

from configs.digits_mlp import get_config
from dropout_lab.config import resolve, trial_id
from dropout_lab.data import load
from dropout_lab.data.shifts import outliers, shifted
from dropout_lab.errors import InputError
from dropout_lab.training.preparation import check_data, load_data
from dropout_lab.training.run import train
from dropout_lab.training.trained import load_run

ASKED = {"eval.shift": ("rotation:3", "noise:5"), "eval.ood": ("noise", "permuted")}


def config_of(**changes):
    config = get_config("dropout")
    config.update_from_flattened_dict(
        {
            "model.widths": (16,),
            "train.epochs": 3,
            **{k.replace("__", "."): v for k, v in changes.items()},
        }
    )
    return config


def test_without_them_a_trial_is_the_one_it_was():
    plain, asked = config_of(), config_of()
    asked.update_from_flattened_dict(ASKED)
    assert trial_id(resolve(plain)) != trial_id(resolve(asked))
    asked.eval.test = False  # nothing is read
    plain.eval.test = False
    assert trial_id(resolve(plain)) == trial_id(resolve(asked))


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_record_has_the_scores_that_its_network_gets(tmp_path):
    config = config_of()
    config.update_from_flattened_dict(ASKED)
    found = train(config, tmp_path)["metrics"]
    network, test = load_run(tmp_path), load("digits").test

    def entropy(images):
        probs = network.predict(images).astype(np.float64)
        return -(probs * np.log(probs)).sum(1)

    for shift in ASKED["eval.shift"]:
        wrong = network.predict(shifted(test.images, shift)).argmax(1) != test.labels
        assert found[f"test_{shift}_error"] == pytest.approx(100 * wrong.mean())
    for name in ASKED["eval.ood"]:
        strange = entropy(outliers(test.images, None, name))
        scores = np.concatenate([entropy(test.images), strange])
        expected = metrics.roc_auc_score(np.arange(len(scores)) >= len(test), scores)
        assert found[f"test_ood_{name}_auroc"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eval__shift": ("rotation:0",)}, "config.eval.shift is .*; allowed: a tuple, each rota"),
        ({"eval__shift": ("rotatoin:1",)}, "config.eval.shift is .*; allowed: a tuple, each rota"),
        ({"eval__ood": ("mnits",)}, "config.eval.ood is .*; allowed: a tuple, each noise"),
    ],
)
def test_an_unknown_one_is_an_error(changes, message):
    with pytest.raises(InputError, match=message):
        resolve(config_of(**changes))


def test_data_that_cannot_be_shifted_is_an_error_before_training(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 5)).astype(np.float32), np.arange(200) % 2
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    config = config_of(eval__ood=("noise",), data__name="npz")
    config.data.path = str(tmp_path / "own.npz")
    config.data.val_size = 20
    resolved = resolve(config)
    with pytest.raises(InputError, match=r"examples have shape \(5,\) .*; allowed for a shift"):
        check_data(resolved, load_data(resolved))
