"""Test images as ``eval.shift`` and ``eval.ood`` ask for them."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from ml_collections import FrozenConfigDict

from dropout_lab.data import Split, load
from dropout_lab.data.shifts import OUTLIERS, outliers, shifted
from dropout_lab.training.arrays import Scaling, by_lane, to_device
from dropout_lab.training.detection import detection
from dropout_lab.training.network import Hparams, Weights
from dropout_lab.training.vmapped import VmappedProgram


def measure(
    program: VmappedProgram,
    weights: Weights,
    hparams: Hparams,
    scaling: Scaling,
    test: Split,
    configs: Sequence[FrozenConfigDict],
) -> Iterator[tuple[tuple[str, str], dict[str, list[float | None]]]]:
    """Yields the metrics on what any of the configurations asks for, of all lanes.

    Args:
      program: The program.
      weights: Weights of all lanes.
      hparams: Hyper-parameters of all lanes.
      scaling: Scaling of the inputs.
      test: The test set.
      configs: Configurations of a trial or of several, alike in all but numbers.

    Yields:
      The option of ``eval`` with the name in it, and columns by metric.
    """
    if not configs:
        return
    rule = {"inference": configs[0].eval.inference, "passes": configs[0].eval.passes or 1}

    def of(function: Callable[..., Any], split: Split) -> Any:
        return function(weights, hparams, program.replicate(to_device(split)), scaling, **rule)

    for shift in _asked(configs, "shift"):
        columns = of(program.evaluate, shifted_split(test, shift))
        named = {f"test_{shift}_{name}": by_lane(values) for name, values in columns.items()}
        yield ("shift", shift), named
    inside: Any = None
    for name in _asked(configs, "ood"):
        if inside is None:
            inside = np.asarray(of(program.entropy, test))
        outside = np.asarray(of(program.entropy, outlier_split(test, name, configs[0].data.dir)))
        pairs = zip(inside, outside, strict=True)
        yield ("ood", name), {f"test_ood_{name}_auroc": [_auroc(*pair) for pair in pairs]}


def _asked(configs: Iterable[FrozenConfigDict], option: str) -> list[str]:
    """Returns what any of the configurations has in ``eval.OPTION``, each once, in order."""
    return list(dict.fromkeys(name for config in configs for name in config.eval[option]))


def _auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Returns how well entropy tells outliers: the area under the curve."""
    score = np.concatenate([inside, outside])
    return detection(score, np.arange(len(score)) >= len(inside))["auroc"]


def shifted_split(split: Split, shift: str) -> Split:
    """Returns a split with shifted images.

    Raises:
      InputError: If its examples are no images of bytes.
    """
    return Split(shifted(split.images, shift), split.labels)


def outlier_split(split: Split, name: str, data_dir: str | None) -> Split:
    """Returns as many outliers as a split has examples, labelled like these.

    Raises:
      InputError: If the other data set is missing.
    """
    other = None if name in OUTLIERS else _test_images(name, data_dir)
    strange = outliers(split.images, other, name)
    return Split(strange, split.labels[: len(strange)])


_test_images = functools.lru_cache(maxsize=2)(
    lambda name, data_dir: load(name, data_dir=data_dir).test.images
)


def check_robustness(config: FrozenConfigDict, test: Split) -> None:
    """Raises InputError unless the shifts and outliers can be made of the test set."""
    for shift in config.eval.shift:
        shifted_split(test[:1], shift)
    for name in config.eval.ood:
        shifted_split(test[:1], "noise:1")  # outliers are of images too
        outlier_split(test[:1], name, config.data.dir)
