"""What a transformer reads: images, feature sequences or tokens, as a sequence of vectors."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from dropout_lab import nn
from dropout_lab.errors import InputError, unknown
from dropout_lab.models.blocks import kernel_init
from dropout_lab.models.rnn import SEQUENCES
from dropout_lab.models.sequences import split_padding
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

POSITIONS = ("learned", "sinusoidal")


class Reader(nnx.Module):
    """Embeds the steps of a sequence: patches, rows or pixels of an image, features, or tokens.

    Args:
      shape: Shape of one example: (height, width, channels) of an image, (steps, features), or
        (steps,) of tokens.
      width: Units of an embedded step.
      vocabulary: Number of tokens; None if examples are numbers.
      sequence: "rows", from the top down, or "pixels", row by row, of an image.
      patch_size: Side of an image's square patches, which then are the steps; None for
        ``sequence``.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.

    Attributes:
      steps: Length of the sequence.

    Raises:
      InputError: If the shape is none of these, or patches do not tile the image.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int,
        *,
        vocabulary: int | None,
        sequence: str,
        patch_size: int | None,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        if sequence not in SEQUENCES:
            raise unknown("sequence", sequence, SEQUENCES)
        self.scale = width**0.5
        noise = factory.noise("embedding")
        if vocabulary is not None:
            (self.steps,) = shape
            self.embed: nn.Embedding | nn.Linear = nn.Embedding(
                vocabulary, width, noise=noise, rngs=rngs
            )
            return
        self.patch = _patch(shape, sequence, patch_size)
        height, side, channels = (*shape, 1)[:3]
        self.steps = height // self.patch[0] * (side // self.patch[1])
        features = self.patch[0] * self.patch[1] * channels
        init = kernel_init("identity")
        self.embed = nn.Linear(features, width, kernel_init=init, rngs=rngs)
        self.noise = nnx.data(noise)

    def __call__(
        self, x: Float[Array, "n *shape"] | Int[Array, "n steps"], rngs: Streams | None
    ) -> tuple[Float[Array, "n steps width"], Bool[Array, "n steps"] | None]:
        """Returns the embedded steps, and which are not padding; None if all are."""
        if isinstance(self.embed, nn.Embedding):
            tokens, present = split_padding(x)
            return self.embed(tokens, present, rngs=rngs) * self.scale, present
        steps, seen = split_padding(x) if x.ndim == 3 else (x, None)
        if seen is None:
            (down, across), (n, height, side, channels) = self.patch, x.shape
            tiles = x.reshape(n, height // down, down, side // across, across, channels)
            steps = tiles.swapaxes(2, 3).reshape(n, self.steps, -1)
        embedded = self.embed(steps)
        if self.noise is not None:
            types = jnp.broadcast_to(jnp.arange(self.steps), embedded.shape[:2])
            embedded = self.noise(
                embedded, types=types, vocabulary=self.steps, present=seen, rngs=rngs
            )
        return embedded, seen


def _patch(shape: Sequence[int], sequence: str, patch_size: int | None) -> tuple[int, int]:
    """Returns height and width of the part of an example that is a step."""
    if len(shape) not in (2, 3):
        raise InputError(
            f"model transformer: examples have shape {tuple(shape)}; allowed: (height, width, "
            "channels), (steps, features), or (steps,) of tokens"
        )
    if len(shape) == 2 and (patch_size is not None or sequence != "rows"):
        raise InputError(
            f"config.model: examples of shape {tuple(shape)} with patch_size {patch_size} and "
            f"sequence {sequence!r}; allowed: (height, width, channels), or patch_size None and "
            "sequence 'rows'"
        )
    if patch_size is None and sequence == "rows":
        return 1, shape[1]
    side = 1 if patch_size is None else patch_size
    if shape[0] % side or shape[1] % side:
        raise InputError(
            f"config.model.patch_size is {patch_size} with images of {shape[0]} x {shape[1]} "
            "pixels; allowed: common divisors of height and width"
        )
    return side, side


class Positions(nnx.Module):
    """Adds a vector for its position to each step.

    Args:
      kind: "learned", or "sinusoidal" as in Vaswani et al. 2017.
      steps: Length of the sequence.
      width: Units of a step; even, if sinusoidal.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the kind is unknown, or the width is odd.
    """

    def __init__(self, kind: str, steps: int, width: int, *, rngs: nnx.Rngs) -> None:
        if kind not in POSITIONS:
            raise unknown("positions", kind, POSITIONS)
        if kind == "sinusoidal" and width % 2:
            raise InputError(
                f"config.model.width is {width} with sinusoidal positions; allowed: even numbers"
            )
        draw = nnx.initializers.normal(0.02)
        learned = kind == "learned"
        self.vectors = nnx.data(nnx.Param(draw(rngs.params(), (steps, width))) if learned else None)

    def __call__(self, x: Float[Array, "n steps width"]) -> Float[Array, "n steps width"]:
        """Returns the steps with their positions added."""
        if self.vectors is not None:
            return x + self.vectors[...][None]
        return x + sinusoids(*x.shape[1:]).astype(x.dtype)[None]


def sinusoids(steps: int, width: int) -> Float[Array, "steps width"]:
    """Returns sines and cosines of each position, in wavelengths from 2 pi to 20,000 pi.

    ``sin(t / 10000**(2 i / width))`` in the even columns and the cosine in the odd ones.

    Example:
      >>> sinusoids(2, 4).round(2).tolist()[0]
      [0.0, 1.0, 0.0, 1.0]
    """
    angles = np.arange(steps)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(steps, width)
    return jnp.asarray(waves, jnp.float32)
