"""Layers with weights. All take ``rngs`` at call, so that one with noise can stand in for any."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import ops
from dropout_lab.nn.conv import conv
from dropout_lab.nn.stochastic import DropRate, Stochastic, Streams
from dropout_lab.ops import Rate, checked_rate

Initializer = nnx.Initializer


class Linear(nnx.Module):
    """A dense layer.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      kernel_init: Initialiser of the kernel, of shape (in, out).
      rngs: Streams with the key for the kernel.
    """

    def __init__(
        self, in_features: int, out_features: int, *, kernel_init: Initializer, rngs: nnx.Rngs
    ) -> None:
        self.kernel = nnx.Param(kernel_init(rngs.params(), (in_features, out_features)))
        self.bias = nnx.Param(jnp.zeros(out_features))

    def __call__(
        self, inputs: Float[Array, "*batch inputs"], *, rngs: Streams | None = None
    ) -> Float[Array, "*batch outputs"]:
        """Returns ``inputs @ kernel + bias``; there is no noise, so ``rngs`` is not used."""
        del rngs
        return affine(inputs, self.kernel[...], self.bias[...])


def affine(
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "*batch outputs"]:
    """Returns ``x @ kernel + bias``."""
    return x @ kernel + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


class Conv(nnx.Module):
    """A 2-D convolution, zero-padded to keep the image size, by :func:`dropout_lab.nn.conv.conv`.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      kernel_init: Initialiser of the kernel, of shape (size, size, in, out).
      rngs: Streams with the key for the kernel.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        kernel_init: Initializer,
        rngs: nnx.Rngs,
    ) -> None:
        shape = (size, size, in_features, out_features)
        self.kernel = nnx.Param(kernel_init(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(out_features))

    def __call__(self, inputs: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
        """Returns the feature maps."""
        return conv(inputs, self.kernel[...]) + self.bias[...].reshape(1, 1, 1, -1)


class DropConnect(Stochastic):
    """A dense layer with dropout of weights and biases, :func:`dropout_lab.ops.drop_connect`.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a weight.
      per_example: Whether each example draws its own masks, or the batch shares one.
      kernel_init: Initialiser of the kernel.
      deterministic: If True, this is a plain dense layer.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        per_example: bool = True,
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(deterministic=deterministic, rng_collection=rng_collection, rngs=None)
        self.rate = DropRate(checked_rate("DropConnect", rate))
        self.per_example = per_example
        self.kernel = nnx.Param(kernel_init(rngs.params(), (in_features, out_features)))
        self.bias = nnx.Param(jnp.zeros(out_features))

    def __call__(
        self,
        inputs: Float[Array, "*batch inputs"],
        *,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations, with weights dropped unless deterministic.

        Args:
          inputs: Activations of the layer below.
          deterministic: Overrules the layer's flag.
          rngs: Streams to draw the masks' key from.
        """
        if self.is_deterministic(deterministic):
            return affine(inputs, self.kernel[...], self.bias[...])
        return ops.drop_connect(
            self.make_key(rngs),
            inputs,
            rate=self.rate[...],
            kernel=self.kernel[...],
            bias=self.bias[...],
            per_example=self.per_example,
        )
