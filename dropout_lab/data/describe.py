"""Descriptions of data sets: in words, as a picture, and whether a scaling suits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dropout_lab.data.dataset import Dataset, Split, steps_present
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LARGEST = 100  # networks diverge on larger inputs at the usual learning rates
_CLASSES_SHOWN = 20
_ROWS, _COLUMNS = 10, 8


def check_scaling(dataset: Dataset, scaling: str) -> None:
    """Raises InputError if "unit" scaling leaves values too large to train on.

    Tokens are never scaled, so only "unit" suits them.
    """
    images = dataset.train.images
    if dataset.vocabulary is not None:
        if scaling != "unit":
            raise InputError(
                f"config.data.scaling is {scaling!r} with tokens; allowed: 'unit', which leaves "
                "them as they are"
            )
        return
    if scaling != "unit" or images.dtype == np.uint8:
        return
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    if max(-low, high) > _LARGEST:
        raise InputError(
            f"config.data.scaling is 'unit', which leaves floating-point values as they are, here "
            f"{low:g}..{high:g}; allowed: 'feature' or 'channel', or data within "
            f"-{_LARGEST}..{_LARGEST}"
        )


def describe(dataset: Dataset) -> str:
    """Returns a description of a data set: sizes, types, ranges, classes, conversions."""
    parts = {"train": dataset.train, "val": dataset.val, "test": dataset.test}
    shape = tuple(dataset.train.images.shape[1:])
    lines = [
        f"{dataset.name}: examples of shape {shape} ({_meaning(dataset)}), {dataset.classes} "
        + ("classes" if dataset.train.labels.ndim == 1 else "tokens to predict at each step"),
        *(f"  {name:5} {_part(split)}" for name, split in parts.items()),
        *(_class_table(dataset, parts) if dataset.train.labels.ndim == 1 else []),
        *([f"  first example: {_text(dataset, dataset.train.images[0])}"] if dataset.words else []),
    ]
    lines += [f"  {note}" for note in dataset.notes]
    return "\n".join([*lines, f"  fingerprint {dataset.fingerprint[:16]}"])


def _class_table(dataset: Dataset, parts: dict[str, Split]) -> list[str]:
    lines = [f"  {'class':20} {'train':>7} {'val':>7} {'test':>7}"]
    counts = [
        np.bincount(split.labels, minlength=dataset.classes).tolist() for split in parts.values()
    ]
    for label, row in enumerate(zip(*counts, strict=True)):
        if label == _CLASSES_SHOWN:
            return [*lines, f"  and {dataset.classes - label} more"]
        lines.append(f"  {class_name(dataset, label):20} {row[0]:7} {row[1]:7} {row[2]:7}")
    return lines


def _text(dataset: Dataset, tokens: np.ndarray) -> str:
    """Returns the text of an example, its first 20 tokens, for a description."""
    shown = [dataset.words[token] for token in tokens[tokens >= 0].tolist()[:20]]
    gap = "" if all(len(word) == 1 for word in dataset.words[1:]) else " "
    return repr(gap.join(shown))


def class_name(dataset: Dataset, label: int) -> str:
    """Returns a class's number, followed by its name in own data if it has one."""
    return f"{label} {dataset.class_names[label]}" if dataset.class_names else str(label)


def _meaning(dataset: Dataset) -> str:
    shape = dataset.train.images.shape[1:]
    if dataset.vocabulary is not None:
        return f"steps; {dataset.vocabulary} token types"
    if steps_present(dataset.train.images) is not None:
        return "steps, features"
    if len(shape) == 3:
        return "height, width, channels"
    return "features" if len(shape) == 1 else "features of any layout"


def _part(split: Split) -> str:
    if not len(split):
        return "no examples"
    images, steps = split.images, ""
    if (present := steps_present(images)) is not None:
        images = images[present]
        steps = f", {np.count_nonzero(present):,} steps"
    low, high, mean = float(images.min()), float(images.max()), float(images.mean(dtype=np.float64))
    return f"{len(split):,} examples{steps}, {images.dtype} in {low:g}..{high:g}, mean {mean:.4g}"


def draw_samples(dataset: Dataset) -> Figure:
    """Draws training examples, a row per class: images, or features and tokens as curves."""
    from matplotlib.figure import Figure  # a second to import

    by_class = dataset.train.labels.ndim == 1
    rows = min(dataset.classes, _ROWS) if by_class else 1
    figure = Figure(figsize=(1 + _COLUMNS * 0.8, 0.9 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    images = dataset.train.images
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    for label, axes_of_row in enumerate(grid):
        chosen = images[dataset.train.labels == label if by_class else slice(None)][:_COLUMNS]
        for column, axes in enumerate(axes_of_row):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if column < len(chosen):
                _draw(axes, chosen[column], low, max(high, low + 1e-9))
        axes_of_row[0].set_ylabel(
            class_name(dataset, label) if by_class else "windows",
            rotation=0,
            ha="right",
            va="center",
            fontsize=8,
        )
    return figure


def _draw(axes: Axes, example: np.ndarray, low: float, high: float) -> None:
    if example.ndim == 3 and example.shape[2] in (1, 3):
        scaled = (example.astype(np.float64) - low) / (high - low)
        axes.imshow(scaled.squeeze(), cmap="gray", vmin=0, vmax=1)
    elif example.ndim == 2:  # a curve for each feature of a sequence
        axes.plot(example, linewidth=0.8)
        axes.set_ylim(low, high)
    else:
        axes.plot(example.reshape(-1), linewidth=0.8)
        axes.set_ylim(low, high)
