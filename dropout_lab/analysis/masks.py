"""A gallery of the noise that each variant draws, on one image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn, ops
from dropout_lab.analysis.drawing import new_figure, subplots
from dropout_lab.variants import VARIANTS, LayerFactory
from dropout_lab.variants.lookup import variant_named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Image = Float[Array, "size size channels"]

# What a variant is shown by: its first layer among these places.
_PLACES = (
    *("recurrent", "branch", "layer", "pool", "stage", "input", "linear"),
    *("attention", "patch", "embedding"),
)
_HOW = {
    "recurrent": "rows in time",
    "branch": "patches as examples",
    "layer": "patches as passes; inverts",
    "attention": "patches as tokens",
    "patch": "patches as tokens",
    "embedding": "patches as words",
    "pool": "pooled",
    "linear": "through a dense layer",
}
_MEMORY = 0.6  # of the recurrent cell that shows noise inside cells
_ATTENTION = 6.0  # logit of a patch's own key; the others have 0
_WORDS = 12  # types of patches, by brightness
_COLUMNS = 8


def photograph(size: int = 72) -> np.ndarray:
    """Returns a square colour image in [0, 1] that scikit-learn ships: a flower."""
    from PIL import Image as Picture
    from sklearn.datasets import load_sample_image  # takes a second to import

    whole = load_sample_image("flower.jpg")[20:400, 150:530]
    picture = Picture.fromarray(whole).resize((size, size))
    return np.asarray(picture, np.float32) / 255


def noisy(variant: str, image: np.ndarray, *, rate: float, seed: int = 0) -> tuple[np.ndarray, str]:
    """Returns an image after one noisy pass through a layer of a variant, and how it is shown.

    Pixels are the units, colours the channels. A dense layer has weights of 1 from each pixel to
    itself, so that its output without noise is the image; a recurrent layer reads rows as time
    steps, and its state fades to 0.6 of itself at each.

    Args:
      variant: A name as :func:`dropout_lab.variants.variant_named` takes it.
      image: Values in [0, 1], (size, size, channels).
      rate: Rate of dropping; a variant's highest if that is lower.
      seed: Seed of the noise.
    """
    chosen = variant_named(variant)
    places = [place for place in _PLACES if place in chosen.layers]
    if not places:
        return image, ""
    place = places[0]
    rate = min(rate, float(chosen.max_rate))
    size = image.shape[0]
    factory = LayerFactory(
        variant,
        rate=rate,
        input_rate=rate,
        stage_rates=rate,
        branch_rate=rate,
        state_rate=rate,
        cell_rate=rate,
        attention_rate=rate,
        patch_rate=rate,
        embedding_rate=rate,
        block_size=size // (3 if variant == "cutout" else 7),
        target="unit",
    )

    @jax.jit  # one program instead of one for each operation
    def shown(x: Image) -> Image:
        streams = nnx.Rngs(dropout=seed)
        if place == "recurrent":
            return _read_rows(factory.noise(place), x, streams)
        if place in ("branch", "layer", "attention", "patch", "embedding"):
            patches = _patches(x, size // 6)
            return _joined(_on_patches(factory.noise(place), place, patches, streams), size)
        if place == "linear":
            return _through_dense(factory, x, streams)
        return factory.noise(place, image.shape)(x[None], rngs=streams)[0]

    how = "its standard deviation" if "moments" in chosen.inference else _HOW.get(place, "")
    return np.asarray(shown(jnp.asarray(image, jnp.float32))), how


def gallery(
    image: np.ndarray,
    *,
    variants: Iterable[str] = tuple(VARIANTS),
    rate: float = 0.3,
    seed: int = 0,
) -> Figure:
    """Returns a figure with the image after each variant's noise.

    Args:
      image: A square image in [0, 1], with colours.
      variants: Names of the variants.
      rate: Rate of dropping, see :func:`noisy`.
      seed: Seed of the noise.
    """
    names = list(variants)
    rows = -(-len(names) // _COLUMNS)
    figure = new_figure(1.25 * rows, 1.05 * _COLUMNS)
    grid = [axes for line in subplots(figure, rows, _COLUMNS) for axes in line]
    dimmed = image * (1 - rate)  # leaves room for what the noise scales up
    for axes in grid:
        axes.set_axis_off()
    for name, axes in zip(names, grid, strict=False):
        shown, how = noisy(name, dimmed, rate=rate, seed=seed)
        axes.imshow(np.clip(shown, 0, 1), interpolation="nearest")
        axes.set_title(f"{name}\n{how}", fontsize=5.5, pad=2)
    return figure


def _on_patches(noise: Any, place: str, patches: Array, streams: nnx.Rngs) -> Array:
    """Returns patches, (n, side, side, channels), after noise on examples, layers or tokens."""
    count, side, _, channels = patches.shape
    if place == "branch":
        return jnp.asarray(noise(patches, rngs=streams))
    if place == "layer":
        keys = jax.random.split(streams.dropout(), count)
        choose = jax.vmap(lambda key, x: noise.choose(x.max() - x, x, key))
        return jnp.asarray(choose(keys, patches))
    tokens = patches.reshape(1, count, -1)
    if place == "patch":
        _, seen = noise.choose(tokens, None, streams)
        return patches * seen.reshape(-1, 1, 1, 1)
    if place == "embedding":
        brightness = patches.mean((1, 2, 3))
        types = jnp.argsort(jnp.argsort(brightness)) * _WORDS // count
        out = noise.sample(streams.dropout(), tokens, types[None], _WORDS, None)
        return jnp.asarray(out).reshape(patches.shape)
    # Colours as heads; each patch attends mostly to itself.
    heads = patches.reshape(1, count, side * side, channels).swapaxes(2, 3)
    place_of = jnp.eye(count) * (_ATTENTION * count**0.5) ** 0.5
    asked = jnp.broadcast_to(place_of[None, :, None], (1, count, channels, count))
    found = nn.attend(asked, asked, heads, noise=noise, rngs=streams)
    return jnp.asarray(found.swapaxes(2, 3).reshape(patches.shape))


def _through_dense(factory: LayerFactory, x: Image, streams: nnx.Rngs) -> Array:
    size = x.shape[0]
    # Weights grow to the right, for noise that depends on them; the output is divided by them.
    weights = jnp.linspace(0.5, 1.5, size)
    layer = factory.dense(
        "linear",
        size,
        size,
        kernel_init=lambda key, shape, *_: jnp.diag(weights),
        rngs=nnx.Rngs(0),
    )
    if hasattr(layer, "log_variance"):  # learnt from a tiny one: shown at a variance of alpha = 0.4
        off = jnp.full((size, size), -20.0)
        layer.log_variance[...] = jnp.where(jnp.eye(size) > 0, jnp.log(0.4 * weights**2), off)
    out: Any = layer(x.swapaxes(1, 2).reshape(-1, size), activation=jax.nn.relu, rngs=streams)
    if isinstance(out, ops.Gaussian):
        out = jnp.sqrt(out.variance)
    if isinstance(out, ops.Kept):
        out = out.whole(size)
    return (out / weights).reshape(size, -1, size).swapaxes(1, 2)


def _read_rows(noise: nn.CellNoise, x: Image, streams: nnx.Rngs) -> Array:
    size = x.shape[0]
    layer = nn.GRU(size, size, noise=noise, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0))
    one, none = jnp.eye(size), jnp.zeros((size, size))
    tiny = 0.1  # where tanh is the identity
    # The reset gate is open, the update gate shut: h' = tanh(x + memory * h).
    layer.kernel[...] = jnp.concatenate([none, none, (1 - _MEMORY) * tiny * one], axis=1)
    layer.recurrent_kernel[...] = jnp.concatenate([none, none, _MEMORY * one], axis=1)
    layer.bias[...] = jnp.repeat(jnp.array([20.0, -20.0, 0.0]), size)
    states = layer(x.transpose(2, 0, 1), sequence=True, rngs=streams)
    return states.transpose(1, 2, 0) / tiny


def _patches(x: Image, side: int) -> Array:
    count = x.shape[0] // side
    grid = x.reshape(count, side, count, side, -1).swapaxes(1, 2)
    return grid.reshape(count * count, side, side, -1)


def _joined(patches: Array, size: int) -> Array:
    side = patches.shape[1]
    count = size // side
    return patches.reshape(count, count, side, side, -1).swapaxes(1, 2).reshape(size, size, -1)
