"""Dense and convolutional layers without noise; :mod:`dropout_lab.nn.noisy` can replace them."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab.nn.conv import Edges, conv
from dropout_lab.nn.stochastic import Streams

Initializer = nnx.Initializer
Activation = Callable[[Array], Array]


def identity(x: Array) -> Array:
    """Returns ``x``."""
    return x


class Linear(nnx.Module):
    """A dense layer with its activation.

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
        self,
        inputs: Float[Array, "*batch inputs"],
        *,
        activation: Activation = identity,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns ``activation(inputs @ kernel + bias)``; no noise, so ``rngs`` is not used."""
        del rngs
        return activation(affine(inputs, self.kernel[...], self.bias[...]))


def affine(
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"],
) -> Float[Array, "*batch outputs"]:
    """Returns ``x @ kernel + bias``."""
    return x @ kernel + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


class Conv(nnx.Module):
    """A 2-D convolution with its activation, by :func:`dropout_lab.nn.conv.conv`.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      stride: Step in both directions; "same" padding gives height and width over the stride.
      padding: "same", with zeros, or "valid", none.
      use_bias: Whether to add a bias.
      kernel_init: Initialiser of the kernel, of shape (size, size, in, out).
      rngs: Streams with the key for the kernel.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        stride: int = 1,
        padding: Edges = "same",
        use_bias: bool = True,
        kernel_init: Initializer,
        rngs: nnx.Rngs,
    ) -> None:
        shape = (size, size, in_features, out_features)
        self.kernel = nnx.Param(kernel_init(rngs.params(), shape))
        self.bias = nnx.data(nnx.Param(jnp.zeros(out_features)) if use_bias else None)
        self.stride = stride
        self.padding: Edges = padding

    def __call__(
        self,
        inputs: Float[Array, "n h w i"],
        *,
        activation: Activation = identity,
        rngs: Streams | None = None,
    ) -> Float[Array, "n h w o"]:
        """Returns the feature maps; there is no noise, so ``rngs`` is not used."""
        del rngs
        y = conv(inputs, self.kernel[...], stride=self.stride, padding=self.padding)
        return activation(y if self.bias is None else y + self.bias[...].reshape(1, 1, 1, -1))
