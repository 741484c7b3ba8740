"""What a network's first layer has learnt, and how many of its units are active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dropout_lab import ops
from dropout_lab.analysis.drawing import COLOURS, new_figure, open_frame, subplots
from dropout_lab.errors import InputError
from dropout_lab.training.trained import Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS, _COLUMNS = 8, 8
_EXAMPLES = 1000


class FirstLayer(NamedTuple):
    """The first layer of a trained network.

    Attributes:
      features: The weights of each unit as an image, (units, height, width).
      means: Each unit's mean activation over test examples.
      share: The share of positive activations, over units and examples.
    """

    features: np.ndarray
    means: np.ndarray
    share: float


def first_layer(trained: Trained) -> FirstLayer:
    """Returns the first layer's features and activations on test examples.

    Raises:
      InputError: If the network has another kind of first layer, or reads no images.
    """
    config = trained.record["config"]
    if config["model"]["name"] not in ("mlp", "cnn"):
        raise InputError(f"config.model.name is {config['model']['name']!r}; allowed: mlp, cnn")
    shape: Sequence[int] = trained.record["data"]["shape"]
    if len(shape) != 3:
        raise InputError(f"examples have the shape {tuple(shape)}; allowed: images")
    module: Any = trained.module()
    x = trained.scaled(trained.test_split().images[:_EXAMPLES])
    if config["model"]["name"] == "mlp":
        first = module.classifier.layers[0]
        features = np.asarray(first.linear.kernel[...]).T.reshape(-1, *shape)
        units = first.features(x.reshape(len(x), -1), None)
    else:
        first = module.stages[0]
        features = np.moveaxis(np.asarray(first.conv.kernel[...]), 3, 0)
        units = first.conv(x, activation=first.activation)
    units = np.asarray(units.mean if isinstance(units, ops.Gaussian) else units)
    flat = units.reshape(-1, units.shape[-1])
    return FirstLayer(features.mean(-1), flat.mean(0), float((flat > 0).mean()))


def draw(layers: Mapping[str, FirstLayer]) -> Figure:
    """Returns a figure: for each network its features, and a histogram of mean activations.

    Args:
      layers: First layers by the networks' names.
    """
    figure = new_figure(3.0, 2.2 * len(layers))
    grid = subplots(figure, 2, len(layers), height_ratios=(2.2, 1.0), sharey="row")
    top = max(float(layer.means.max()) for layer in layers.values())
    bins = np.linspace(0, top if top > 0 else 1, 25).tolist()
    for column, (name, layer) in enumerate(layers.items()):
        axes, below = grid[0][column], grid[1][column]
        axes.imshow(_tiles(layer.features), cmap="gray", interpolation="nearest")
        axes.set_title(name, fontsize=8)
        axes.set_axis_off()
        below.hist(layer.means, bins=bins, color=COLOURS[0])
        below.set_title(f"{100 * layer.share:.0f} % active", loc="left", fontsize=7)
        below.set(xlabel="mean activation of a unit", ylabel="" if column else "units")
        open_frame(below)
    return figure


def _tiles(features: np.ndarray) -> np.ndarray:
    """Returns features side by side, each scaled to [0, 1], those of the largest norm first."""
    norms = np.square(features).sum((1, 2))
    chosen = features[np.argsort(-norms, kind="stable")[: _ROWS * _COLUMNS]]
    _, height, width = chosen.shape
    sheet = np.ones((_ROWS * (height + 1) - 1, _COLUMNS * (width + 1) - 1))
    for index, feature in enumerate(chosen):
        y, x = (index // _COLUMNS) * (height + 1), (index % _COLUMNS) * (width + 1)
        bound = float(np.abs(feature).max()) or 1.0
        sheet[y : y + height, x : x + width] = (feature / bound + 1) / 2
    return sheet
