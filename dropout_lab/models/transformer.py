"""The transformer: a pre-norm encoder of images, feature sequences or tokens."""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from dropout_lab import nn
from dropout_lab.errors import InputError, unknown
from dropout_lab.models.blocks import Network, kernel_init, with_noise
from dropout_lab.models.encoder import EncoderLayer
from dropout_lab.models.reading import Positions, Reader
from dropout_lab.nn.attention import Mask
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

POOLINGS = ("cls", "mean")


class Transformer(Network):
    """Layers of attention and feed-forward networks, then a linear output.

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("dropout", attention_rate=0.1)
      >>> def logits():
      ...     sizes = dict(layers=2, width=8, heads=2, ff_width=16, patch_size=4)
      ...     model = Transformer((8, 8, 1), 10, **sizes, factory=factory, rngs=nnx.Rngs(0))
      ...     return model(jnp.ones((2, 8, 8, 1)), rngs=nnx.Rngs(dropout=1))
      >>> nnx.eval_shape(logits).shape
      (2, 10)

    Args:
      shape: Shape of one example: (height, width, channels) of an image, (steps, features) of a
        sequence, of which padded steps are all NaN, or (steps,) of tokens, padded by -1.
      classes: Number of classes.
      layers: Number of layers.
      width: Units of a step; a multiple of ``heads``.
      heads: Attention heads.
      ff_width: Units of the feed-forward networks.
      pooling: What is classified: "cls", a learnt step put first, or "mean", the mean step.
      positions: "learned" or "sinusoidal".
      sequence: Steps of an image: "rows", from the top down, or "pixels", row by row.
      patch_size: Side of an image's square patches, which then are the steps.
      vocabulary: Number of tokens; None if examples are numbers.
      head: "class" for one label an example, or "token" for one at each step, which then sees only
        the steps up to its own.
      activation: A name in ``ACTIVATIONS``.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.

    Raises:
      InputError: If an argument is not allowed, or the variant leaves out steps that need a label.

    References:
      A. Vaswani et al., *Attention is all you need*, NIPS 2017, arXiv:1706.03762.
      A. Dosovitskiy et al., *An image is worth 16x16 words: transformers for image recognition at
      scale*, ICLR 2021, arXiv:2010.11929 (patches, the learnt first step).
    """

    places = (
        *("embedding", "position", "patch", "attention", "projection", "feedforward"),
        *("branch", "layer", "hidden", "output"),
    )

    padding = True

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        layers: int,
        width: int,
        heads: int,
        ff_width: int,
        pooling: str = "cls",
        positions: str = "learned",
        sequence: str = "rows",
        patch_size: int | None = None,
        vocabulary: int | None = None,
        head: str = "class",
        activation: str = "relu",
        pieces: int = 2,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        if pooling not in POOLINGS:
            raise unknown("pooling", pooling, POOLINGS)
        if width % heads:
            raise InputError(
                f"config.model.width is {width} with {heads} heads; allowed: multiples of the heads"
            )
        self.head_name = head
        self.pooling = pooling
        self.reader = Reader(
            shape,
            width,
            vocabulary=vocabulary,
            sequence=sequence,
            patch_size=patch_size,
            factory=factory,
            rngs=rngs,
        )
        steps = self.reader.steps
        self.positions = Positions(positions, steps, width, rngs=rngs)
        self.position_noise = nnx.data(factory.noise("position", (steps, width)))
        self.patch_noise = nnx.data(factory.noise("patch"))
        if head == "token" and self.patch_noise is not None:
            raise InputError(
                "config.model.head is 'token' with a variant that leaves out steps; allowed: "
                "'class', or another variant"
            )
        first = nnx.Param(jnp.zeros(width)) if self._has_first else None
        self.first = nnx.data(first)
        encoders = [
            EncoderLayer(
                (steps + self._has_first, width),
                index,
                layers,
                heads=heads,
                ff_width=ff_width,
                activation=activation,
                pieces=pieces,
                factory=factory,
                rngs=rngs,
            )
            for index in range(layers)
        ]
        self.layers = nnx.data(encoders)
        self.norm = nn.LayerNorm(width, rngs=rngs)
        last = (steps, width) if head == "token" else (width,)
        self.noise = nnx.data(factory.noise("hidden", last))
        init = kernel_init("identity")
        self.output = factory.dense("output", width, classes, kernel_init=init, rngs=rngs)

    @property
    def _has_first(self) -> bool:
        """Whether a learnt step comes first."""
        return self.pooling == "cls" and self.head_name == "class"

    def features(
        self, x: Float[Array, "n *shape"] | Int[Array, "n steps"], rngs: Streams | None
    ) -> Float[Array, "n *steps width"]:
        """Returns the normalised last features before their noise: pooled, or of each step."""
        x, present = self.reader(x, rngs)
        x = with_noise(self.position_noise, self.positions(x), rngs)
        if self.patch_noise is not None:
            x, present = self.patch_noise.choose(x, present, rngs)
        if self.first is not None:
            first = jnp.broadcast_to(self.first[...][None, None], (len(x), 1, x.shape[-1]))
            x = jnp.concatenate([first.astype(x.dtype), x], axis=1)
            if present is not None:
                present = jnp.pad(present, ((0, 0), (1, 0)), constant_values=True)
        mask = self._mask(present, x.shape[1])
        for index, layer in enumerate(self.layers):
            if layer.drop is None or not layer.drop._prunes(index):
                x = layer(x, mask, rngs)
        return self._pooled(self.norm(x), present)

    def _mask(self, present: Bool[Array, "n steps"] | None, steps: int) -> Mask | None:
        """Returns which steps each may attend to; None for all."""
        seen = None if present is None else present[:, None, None]
        if self.head_name != "token":
            return seen
        past = jnp.tri(steps, dtype=bool)[None, None]
        return past if seen is None else past & seen

    def _pooled(
        self, x: Float[Array, "n steps width"], present: Bool[Array, "n steps"] | None
    ) -> Float[Array, "n *steps width"]:
        if self.head_name == "token":
            return x
        if self.pooling == "cls":
            return x[:, 0]
        if present is None:
            return x.mean(1)
        count = jnp.maximum(present.sum(1, keepdims=True), 1).astype(x.dtype)
        return jnp.where(present[..., None], x, 0).sum(1) / count

    def head(
        self, x: Float[Array, "n *steps width"], rngs: Streams | None
    ) -> Float[Array, "n *steps classes"]:
        """Returns the logits from the last features, with noise on these."""
        return self.output(with_noise(self.noise, x, rngs), rngs=rngs)
