"""A layer of a transformer: attention and a feed-forward network, each on a residual branch."""

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn
from dropout_lab.models.blocks import Activation, kernel_init, with_noise
from dropout_lab.nn.attention import Mask
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory


class Branch(nnx.Module):
    """What both residual branches of a layer have: normalisation before, and noise behind.

    Args:
      shape: Steps and units.
      index: Index of the layer, from 0.
      layers: Number of layers.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        index: int,
        layers: int,
        *,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nn.LayerNorm(shape[1], rngs=rngs)
        self.projection = nnx.data(factory.noise("projection", shape))
        self.noise = nnx.data(factory.branch(index, layers))

    def add(
        self,
        x: Float[Array, "n steps width"],
        y: Float[Array, "n steps width"],
        rngs: Streams | None,
    ) -> Float[Array, "n steps width"]:
        """Returns ``x`` plus the branch's output ``y`` with noise."""
        return x + with_noise(self.noise, with_noise(self.projection, y, rngs), rngs)


class EncoderLayer(nnx.Module):
    """Attention, then a feed-forward network, each normalised first and added to its input.

    Args:
      shape: Steps and units of the input.
      index: Index of the layer, from 0.
      layers: Number of layers.
      heads: Attention heads.
      ff_width: Units of the feed-forward network.
      activation: A name in ``ACTIVATIONS``.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.

    Attributes:
      drop: What decides whether the layer is skipped, if anything does.

    References:
      A. Vaswani et al., *Attention is all you need*, NIPS 2017, arXiv:1706.03762.
      There normalisation follows the sum; here it comes first, as in their later code.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        index: int,
        layers: int,
        *,
        heads: int,
        ff_width: int,
        activation: str,
        pieces: int,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        steps, width = shape
        linear = kernel_init("identity")
        self.attention_branch = Branch(shape, index, layers, factory=factory, rngs=rngs)
        self.attention = nn.Attention(
            width, heads, noise=factory.noise("attention"), kernel_init=linear, rngs=rngs
        )
        self.ff_branch = Branch(shape, index, layers, factory=factory, rngs=rngs)
        units = Activation(activation, ff_width, batch_norm=False, pieces=pieces, rngs=rngs)
        init = kernel_init(activation)
        self.hidden = nn.Linear(width, units.inputs, kernel_init=init, rngs=rngs)
        self.activation = units
        self.ff_noise = nnx.data(factory.noise("feedforward", (steps, ff_width)))
        self.output = nn.Linear(ff_width, width, kernel_init=linear, rngs=rngs)
        self.drop = nnx.data(factory.noise("layer"))

    def __call__(
        self, x: Float[Array, "n steps width"], mask: Mask | None, rngs: Streams | None
    ) -> Float[Array, "n steps width"]:
        """Returns the layer's output, or its input if it is skipped."""
        y = self.attention(self.attention_branch.norm(x), mask, rngs=rngs)
        between = self.attention_branch.add(x, y, rngs)
        y = self.hidden(self.ff_branch.norm(between), activation=self.activation)
        y = self.output(with_noise(self.ff_noise, y, rngs))
        out = self.ff_branch.add(between, y, rngs)
        return out if self.drop is None else self.drop.choose(out, x, rngs)
