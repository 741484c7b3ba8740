"""Layers with information dropout: a second map of the input gives the width of the noise."""

import math
from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.linear import Activation
from dropout_lab.nn.noisy import ConvOptions, LayerOptions, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.nn.stochastic import BatchPenalty

_FLOOR = 0.001

_noise_init = nnx.initializers.glorot_uniform()


class _Informed(NoisyLayer):
    """The common part of both layers: noise after the activation, and its divergence.

    Attributes:
      noise_kernel: Weights of the map that gives the noise's width.
      noise_bias: Its biases.
      max_alpha: Largest width of the noise, minus its smallest, 0.001.
      divergence: KL divergence from the prior in the last noisy call.
    """

    def more_params(self, key: Key[Array, ""]) -> None:
        """Adds the parameters of the noise's map."""
        self.noise_kernel = nnx.Param(_noise_init(key, self.kernel.shape))
        self.noise_bias = nnx.Param(jnp.zeros(self.kernel.shape[-1]))
        self.divergence = BatchPenalty(jnp.zeros(()))

    def _set_max_alpha(self, max_alpha: float) -> None:
        if not 0 < max_alpha < math.inf:
            raise ValueError(
                f"{type(self).__name__}: max_alpha is {max_alpha}; allowed: finite, above 0"
            )
        self.max_alpha = max_alpha

    def noise_map(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns the map whose sigmoid gives the noise's width: of the same kind as the layer."""
        return self.product(x, self.noise_kernel[...], self.noise_bias[...])

    def count(self, x: Float[Array, "*batch inputs"]) -> int:
        """Returns the number of examples."""
        return x.shape[0]

    def alpha(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns the width of every output's noise, given the layer's inputs."""
        return _FLOOR + self.max_alpha * jax.nn.sigmoid(self.noise_map(x))

    def activations(
        self, key: Key[Array, ""] | None, x: Float[Array, "*batch inputs"], activation: Activation
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations, times noise if there is a key; the prior assumes ReLU."""
        units = activation(self.infer(x))
        if key is None:
            return units
        alpha = self.alpha(x)
        kl = ops.information_kl(alpha, max_alpha=_FLOOR + self.max_alpha)
        self.divergence[...] = kl.sum(dtype=jnp.float32) / self.count(x)
        return ops.information_dropout(key, units, alpha=alpha)

    def penalty(self) -> Float[Array, ""]:
        """Returns the KL divergence of the last noisy call, in nats: its mean over the examples.

        The sum is over all outputs of an example. 0 before the first call.
        """
        return self.divergence[...]


class InformationDropout(_Informed, NoisyDense):
    """A dense layer with information dropout, :func:`dropout_lab.ops.information_dropout`.

    The noise's width is ``alpha = 0.001 + max_alpha * sigmoid(x @ noise_kernel + noise_bias)``, the
    output ``activation(x @ kernel + bias) * exp(alpha * e)``; ``noise_kernel`` starts from Glorot's
    uniform initialiser. :meth:`penalty` is the KL divergence to add to the loss; at inference this
    is a plain dense layer.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      max_alpha: Largest width of the noise, minus 0.001.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        max_alpha: float = 0.7,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self._set_max_alpha(max_alpha)

    def count(self, x: Float[Array, "*batch inputs"]) -> int:
        """Returns the number of inputs, over all batch axes."""
        return math.prod(x.shape[:-1])


class InformationConv(_Informed, NoisyConv):
    """A 2-D convolution with information dropout.

    As :class:`InformationDropout`, with convolutions of one size for both maps.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of both kernels, in pixels.
      max_alpha: Largest width of the noise, minus 0.001.
      **options: As for :class:`NoisyConv`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        max_alpha: float = 0.7,
        **options: Unpack[ConvOptions],
    ) -> None:
        super().__init__(in_features, out_features, size, **options)
        self._set_max_alpha(max_alpha)
