"""Layers with concrete dropout of their inputs, at a learnt rate."""

from typing import ClassVar, Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.noisy import ConvOptions, LayerOptions, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.ops import Rate

_LENGTH_SCALE = 1e-2
_LOWEST = 1e-4


class _Concrete(NoisyLayer):
    """The common part of the layers with concrete dropout: the learnt rate and the divergence.

    Attributes:
      shared: Axes of the inputs along which all elements share one draw.
    """

    max_rate = ops.MAX_RATES["concrete_dropout"]
    shared: ClassVar[tuple[int, ...]] = ()

    def _start(self, rate: Rate, length_scale: float, temperature: float) -> None:
        self.logit_rate = nnx.Param(self._logit(rate))
        self.length_scale = length_scale
        self.temperature = temperature

    @property
    def rate(self) -> Float[Array, ""]:
        """The learnt probability of dropping."""
        return jax.nn.sigmoid(self.logit_rate[...])

    @rate.setter
    def rate(self, rate: Rate) -> None:
        self.logit_rate[...] = self._logit(rate)

    def _logit(self, rate: Rate) -> Float[Array, ""]:
        rate = jnp.clip(self.checked_rate(rate), _LOWEST, 1 - _LOWEST)
        return jnp.log(rate) - jnp.log1p(-rate)

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with inputs times a soft mask."""
        dropped = ops.concrete_dropout(
            key, x, rate=self.rate, temperature=self.temperature, broadcast_dims=self.shared
        )
        return self.infer(dropped)

    def penalty(self) -> Float[Array, ""]:
        """Returns the KL divergence from the prior, in nats, up to a constant.

        ``length_scale**2 / 2 * |kernel|**2 / (1 - rate) - K * H(rate)`` with ``K`` inputs and ``H``
        the entropy of a Bernoulli variable. It replaces weight decay of the kernel.
        """
        kernel = self.kernel[...]
        decay = self.length_scale**2 / 2 * (kernel**2).sum() / (1 - self.rate)
        return decay - kernel.shape[-2] * ops.bernoulli_entropy(self.rate)


class ConcreteDense(_Concrete, NoisyDense):
    """A dense layer behind :func:`dropout_lab.ops.concrete_dropout` of its inputs.

    :meth:`penalty` is the KL divergence to add to the loss of the whole training set.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Initial probability of dropping an input, clipped to [0.0001, 0.9999].
      length_scale: The prior's length scale.
      temperature: Softness of the mask.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        length_scale: float = _LENGTH_SCALE,
        temperature: float = 0.1,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self._start(rate, length_scale, temperature)


class ConcreteConv(_Concrete, NoisyConv):
    """A 2-D convolution behind concrete dropout of whole input channels.

    :meth:`penalty` is the KL divergence to add to the loss of the whole training set, with ``K``
    the channels in.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      rate: Initial probability of dropping a channel, clipped to [0.0001, 0.9999].
      length_scale: The prior's length scale.
      temperature: Softness of the mask.
      **options: As for :class:`NoisyConv`.
    """

    shared = (1, 2)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        rate: Rate,
        length_scale: float = _LENGTH_SCALE,
        temperature: float = 2 / 3,
        **options: Unpack[ConvOptions],
    ) -> None:
        super().__init__(in_features, out_features, size, **options)
        self._start(rate, length_scale, temperature)
