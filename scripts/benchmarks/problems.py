"""Problems that every side solves: shapes, and the weights and data that all sides start from.

NumPy only, so that a peer's process imports none of our computing code.
"""

import dataclasses
import itertools
import math

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

Weights = list[Float32[np.ndarray, "..."]]
"""A network's kernels and biases from the input up: (..., in, out) and (out,) in turns."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the problems.

    Attributes:
      array: Shape of the array that ops run on.
      images: Shape of the images that ops run on; as many elements.
      product: Examples, inputs and outputs of the products with noise.
      connect: Likewise for DropConnect with a mask per example.
      widths: Hidden units of the MLP.
      stages: Channels of the CNN.
      units: Units of the LSTM.
      sequence: Examples, steps and features that attention runs on.
      heads: Attention heads.
      patch_size: Side of the patches that the transformer reads.
      steps: Updates in an epoch.
      variants: Of the sweep; none is hard to write in another framework.
      rates: Rates of each variant.
      seeds: Seeds of each rate.
      epochs: Epochs of each trial.
      lanes: Numbers of trials side by side.
      lane_widths: Hidden units of their networks.
      shortest: Shortest duration of a repeat in seconds, so that neither clock nor dispatch is
        measured; repeats of the sweep and of memory have none.
    """

    array: tuple[int, int] = (2048, 2048)
    images: tuple[int, int, int, int] = (64, 32, 32, 64)
    product: tuple[int, int, int] = (128, 1024, 1024)
    connect: tuple[int, int, int] = (128, 800, 800)
    widths: tuple[int, ...] = (1024, 1024, 1024)
    stages: tuple[int, ...] = (32, 64, 128)
    units: int = 128
    sequence: tuple[int, int, int] = (128, 64, 128)
    heads: int = 4
    patch_size: int = 4
    steps: int = 20
    variants: tuple[str, ...] = (
        *("dropout", "classic_dropout", "alpha_dropout"),
        *("gaussian_dropout", "uniform_dropout"),
    )
    rates: int = 10
    seeds: int = 4
    epochs: int = 60
    lanes: tuple[int, ...] = (1, 4, 16, 64, 256)
    lane_widths: tuple[int, ...] = (100, 100)
    shortest: float = 0.1

    @property
    def trials(self) -> int:
        """Trials of the sweep."""
        return len(self.variants) * self.rates * self.seeds


TINY = Sizes(
    array=(64, 64),
    images=(4, 8, 8, 16),
    product=(4, 8, 8),
    connect=(4, 8, 8),
    widths=(32, 32),
    stages=(4, 4),
    units=8,
    sequence=(2, 4, 8),
    heads=2,
    patch_size=14,
    steps=8,
    variants=("dropout",),
    rates=2,
    seeds=1,
    epochs=10,
    lanes=(1, 2),
    lane_widths=(8,),
    shortest=0.005,
)
"""For tests."""


def swept_rates(sizes: Sizes) -> list[float]:
    """Returns the rates of the sweep, all allowed with every variant."""
    return [round(0.025 * (index + 1), 3) for index in range(sizes.rates)]


CLASSES = 10
LR, MOMENTUM = 0.05, 0.9


@dataclasses.dataclass(frozen=True)
class Net:
    """A training problem.

    Attributes:
      name: "mlp", "cnn" or "rnn".
      shape: Shape of one example.
      batch: Examples in a batch.
      rate: Of dropout: after every ReLU, before any pooling, or on the LSTM's last state.
    """

    name: str
    shape: tuple[int, int, int]
    batch: int
    rate: float

    def products(self, sizes: Sizes) -> list[tuple[int, int, int, int]]:
        """Returns the forward pass as matrix products: count, rows, inputs, outputs."""
        rows, cols, channels = self.shape
        n = self.batch
        if self.name == "mlp":
            widths = (math.prod(self.shape), *sizes.widths, CLASSES)
            return [(1, n, i, o) for i, o in itertools.pairwise(widths)]
        if self.name == "rnn":
            gates = 4 * sizes.units
            return [
                (1, rows * n, cols * channels, gates),
                (rows, n, sizes.units, gates),
                (1, n, sizes.units, CLASSES),
            ]
        products = []
        for features in sizes.stages:
            products.append((1, n * rows * cols, 9 * channels, features))
            rows, cols, channels = rows // 2, cols // 2, features
        return [*products, (1, n, rows * cols * channels, CLASSES)]

    def weights(self, sizes: Sizes) -> Weights:
        """Returns the weights that training starts from; of an LSTM (i, f, g, o) side by side."""
        rng = np.random.default_rng(0)
        weights: Weights = []

        def draw(*shape: int) -> None:
            scale = math.sqrt(2 / math.prod(shape[:-1]))
            weights.append(rng.normal(scale=scale, size=shape).astype(np.float32))

        products = self.products(sizes)
        if self.name == "rnn":
            (_, _, inputs, gates), (_, _, units, _), _ = products
            draw(inputs, gates)
            draw(units, gates)
            weights.append(np.zeros(gates, np.float32))
            products = products[2:]
        for index, (_, _, inputs, outputs) in enumerate(products):
            is_conv = self.name == "cnn" and index < len(sizes.stages)
            draw(*((3, 3, inputs // 9) if is_conv else (inputs,)), outputs)
            weights.append(np.zeros(outputs, np.float32))
        return weights

    def data(self, batches: int) -> tuple[UInt8[np.ndarray, "n h w c"], Int32[np.ndarray, " n"]]:
        """Returns images and labels for this many batches."""
        rng = np.random.default_rng(1)
        n = batches * self.batch
        images = rng.integers(0, 256, (n, *self.shape), np.uint8)
        return images, rng.integers(0, CLASSES, n).astype(np.int32)


MLP, CNN, RNN = NETS = (
    Net("mlp", (28, 28, 1), 128, 0.5),
    Net("cnn", (32, 32, 3), 64, 0.5),
    Net("rnn", (28, 28, 1), 128, 0.5),
)
RATES = (0.5, 0.1)


def unit(images: UInt8[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w c"]:
    """Returns bytes as numbers in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def training_case(net: Net, noisy: bool) -> str:
    """Returns the name of a training case."""
    return f"{net.name} step, {'dropout' if noisy else 'no dropout'}"


def bfloat16_case(net: str) -> str:
    """Returns the name of a training case with dropout, computed in bfloat16."""
    return f"{net} step, dropout in bfloat16"


def forward_case(rate: float) -> str:
    """Returns the name of a case: dropout forward."""
    return f"dropout {rate} forward"


def backward_case(rate: float) -> str:
    """Returns the name of a case: dropout forward and backward."""
    return f"dropout {rate} forward + backward"


ATTENTION_RATE = 0.1


def attention_case(noisy: bool) -> str:
    """Returns the name of a case: one layer, forward and backward."""
    return f"attention, {'dropout' if noisy else 'no dropout'}, forward + backward"


def transformer_case(noisy: bool) -> str:
    """Returns the name of a case: a training step."""
    return f"transformer step, {'attention dropout' if noisy else 'no dropout'}"


def attention_weights(sizes: Sizes) -> Weights:
    """Returns the kernels of query, key, value and output that all sides start from."""
    features = sizes.sequence[-1]
    rng = np.random.default_rng(0)
    shape = (4, features, features)
    return list(rng.normal(scale=features**-0.5, size=shape).astype(np.float32))


def lanes_case(lanes: int) -> str:
    """Returns the name of a case: a step of one of some trials side by side."""
    return f"step of a trial in lanes, {lanes} of them"


def attention_arrays(sizes: Sizes) -> Float32[np.ndarray, "2 n t f"]:
    """Returns attention's input, and the gradient by its output."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(2, *sizes.sequence)).astype(np.float32)


BATCHWISE = "mlp step, batchwise dropout"


CONNECT = "drop_connect per example, forward + backward"


SWEEP = "sweep of 200 trials of 60 epochs on digits"
