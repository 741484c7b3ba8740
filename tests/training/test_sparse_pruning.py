"""Sparse variational dropout prunes a LeNet-300-100 on digits at no loss of accuracy.

D. Molchanov, A. Ashukha, D. Vetrov, *Variational dropout sparsifies deep neural networks*, ICML
2017, on scikit-learn's digits in place of MNIST: 64 inputs, 1,197 training images.
"""

import numpy as np
import pytest

from dropout_lab.config import default_config, resolve
from dropout_lab.training.preparation import prepare
from dropout_lab.training.trainer import Trainer

pytestmark = pytest.mark.slow

# Chosen by validation NLL, with the weight of the divergence at 0.02, 0.05, 0.1, 0.2, 0.4 and 1: on
# so few images the whole of it (1) prunes 98 % and triples the validation error.
CHANGES = {
    "model.widths": (300, 100),
    "train.batch_size": 64,
    "train.epochs": 60,
    "optimizer.name": "adam",
    "optimizer.lr": 1e-3,
}
SPARSE = {"dropout.penalty_weight": 0.02, "dropout.penalty_warmup": (5, 30)}
SEEDS = (0, 1)
PATHS = ("layers.0.linear", "layers.1.linear", "output")
WEIGHTS = (64 * 300, 300 * 100, 100 * 10)


def metrics_of(variant, changes):
    """Returns the metrics of a trial for each seed; they share one program."""
    program, metrics = None, []
    for seed in SEEDS:
        config = default_config()
        config.update_from_flattened_dict({"variant": variant, "seed": seed, **CHANGES, **changes})
        resolved = resolve(config)
        if program is None:
            program, dataset = prepare(resolved)
        [result] = Trainer(program, [resolved], dataset).run()
        metrics.append(result.progress.metrics)
    return metrics


def mean(metrics, name):
    return np.mean([trial[name] for trial in metrics])


def test_most_weights_go_and_the_error_stays():
    """Test errors are multiples of 1/3 % (300 images), their means over 2 seeds of 1/6 %."""
    sparse = metrics_of("sparse_variational_dropout", SPARSE)
    dense = metrics_of("none", {})
    assert mean(sparse, "test_error") <= mean(dense, "test_error") + 1
    assert mean(sparse, "val_error") <= mean(dense, "val_error") + 1
    for trial in sparse:
        assert trial["sparsity"] > 50
        # Both are of the same count.
        assert trial["compression"] == pytest.approx(1 / (1 - trial["sparsity"] / 100), rel=1e-4)
        layers = [trial[f"sparsity.classifier.{path}"] for path in PATHS]
        assert len(layers) == sum(name.startswith("sparsity.") for name in trial)
        assert trial["sparsity"] == pytest.approx(np.average(layers, weights=WEIGHTS), rel=1e-4)
    assert all("sparsity" not in trial for trial in dense)
