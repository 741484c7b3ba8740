"""Mixup and CutMix against NumPy, alone and in a training step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.config import hparams_of, resolve
from dropout_lab.errors import InputError
from dropout_lab.training import program as programs
from dropout_lab.training.mixing import box, cutmix, mixed, mixup
from dropout_lab.training.preparation import check_data
from dropout_lab.training.program import as_arrays

pytestmark = pytest.mark.usefixtures("quick_compile")

WHOLE = {"train.batch_size": 40, "train.epochs": 1}
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(5, 6, 4, 2)).astype(np.float32)
TARGET = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
BATCH = jnp.asarray(IMAGES), jnp.asarray(TARGET)


def test_mixup_matches_numpy():
    inputs, target = mixup(jnp.float32(0.7), *BATCH)
    for row in range(5):
        expected = 0.7 * IMAGES[row] + 0.3 * IMAGES[row - 1]
        np.testing.assert_allclose(inputs[row], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(target[row], 0.7 * TARGET[row] + 0.3 * TARGET[row - 1])


def test_mixup_keeps_the_steps_that_only_one_sequence_has():
    steps = RNG.normal(size=(5, 4, 2)).astype(np.float32)
    lengths = [4, 1, 2, 4, 3]
    for row, length in enumerate(lengths):
        steps[row, length:] = np.nan
    inputs, _ = mixup(jnp.float32(0.7), jnp.asarray(steps), BATCH[1])
    for row in range(5):
        mine, others = lengths[row], lengths[row - 1]
        for step in range(4):
            expected = 0.7 * steps[row, step] + 0.3 * steps[row - 1, step]
            if step >= mine or step >= others:
                expected = steps[row if step < mine else row - 1, step]
            np.testing.assert_allclose(inputs[row, step], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("share", "centre", "rows", "columns"),
    [
        (0.75, (3, 2), range(2, 5), range(1, 3)),
        (0.75, (0, 3), range(2), range(2, 4)),
        (0.0, (3, 2), range(6), range(4)),
        (1.0, (3, 2), (), ()),
    ],
)
def test_cutmix_matches_numpy(share, centre, rows, columns):
    inside = box(jnp.float32(share), jnp.array(centre), 6, 4)
    inputs, target = cutmix(inside, *BATCH)
    kept = 1 - len(rows) * len(columns) / 24
    for row in range(5):
        expected = IMAGES[row].copy()
        for i in rows:
            expected[i, list(columns)] = IMAGES[row - 1, i, list(columns)]
        np.testing.assert_array_equal(inputs[row], expected)
        mixture = kept * TARGET[row] + (1 - kept) * TARGET[row - 1]
        np.testing.assert_allclose(target[row], mixture, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_of_the_beta_distribution(alpha):
    def share(key):
        return mixed({"data.mixup": jnp.float32(alpha)}, key, *BATCH)[1][1, 1]

    shares = np.asarray(jax.vmap(share)(jax.random.split(jax.random.key(0), 4000)), np.float64)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(shares.mean() - 0.5) < 4 * np.sqrt(variance / 4000)
    assert shares.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("alpha", [1e-30, 1e30])
def test_shares_of_extreme_alphas_are_finite(key, alpha):
    for name in ("data.mixup", "data.cutmix"):
        inputs, target = mixed({name: jnp.float32(alpha)}, key, *BATCH)
        assert np.isfinite(inputs).all()
        np.testing.assert_allclose(target.sum(1), 1, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data.mixup", "data.cutmix"])
def test_a_step_trains_on_the_mixed_batch(runs, new_config, tiny_dataset, name):
    config = new_config(changes={**WHOLE, name: 2.0, "train.label_smoothing": 0.1})
    hparams = as_arrays(hparams_of(resolve(config)))
    order = jax.random.permutation(programs._key(hparams, programs._ORDER), 40)
    images = jnp.asarray(tiny_dataset.train.images)[order] / 255
    target = jnp.eye(3)[tiny_dataset.train.labels[order]] * 0.9 + 0.1 / 3
    inputs, target = mixed(hparams, programs._key(hparams, programs._MIX), images, target)
    assert not np.allclose(target, target.round(1), atol=1e-3)

    before, _, loss = runs.train(config)
    lower, upper = before.params["classifier"]["layers"][0]["linear"], before.params["classifier"]
    hidden = np.maximum(inputs.reshape(40, -1) @ lower["kernel"] + lower["bias"], 0)
    logits = hidden @ upper["output"]["kernel"] + upper["output"]["bias"]
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert loss == pytest.approx(float(-(target * log_probs).sum(1).mean()), rel=1e-5)


def test_both_kinds_of_mixing_are_refused(new_config):
    with pytest.raises(InputError, match=r"mixup is 0\.2 and cutmix is 1; allowed: one of them"):
        resolve(new_config("none", {"data.mixup": 0.2, "data.cutmix": 1.0}))


def test_tokens_are_not_mixed_and_only_images_are_cut(new_config, with_tokens, flat_images):
    config = resolve(new_config("none", {"data.mixup": 0.2}))
    check_data(config, flat_images)
    with pytest.raises(InputError, match=r"data\.mixup is 0\.2 with tokens, as 'digits' has"):
        check_data(config, with_tokens)
    config = resolve(new_config("none", {"data.cutmix": 1.0}))
    with pytest.raises(InputError, match=r"data\.cutmix is 1 with examples of shape \(16,\)"):
        check_data(config, flat_images)
