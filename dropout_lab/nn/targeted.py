"""Layers with targeted dropout; inference prunes the weights that it targets."""

from typing import Unpack

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from dropout_lab import ops
from dropout_lab.nn.noisy import ConvOptions, LayerOptions, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.nn.stochastic import DropRate
from dropout_lab.ops import Rate, Target


class _Targeted(NoisyLayer):
    """The common part of the layers with targeted dropout: the targets, and pruning."""

    def _aim(self, rate: Rate, fraction: float, target: Target) -> None:
        self.rate = DropRate(self.checked_rate(rate))
        self.fraction = fraction
        self.target = target

    @property
    def targets(self) -> Bool[Array, "*shape"]:
        """A mask of the weights that training can drop and inference prunes."""
        return ops.targets(self.kernel[...], fraction=self.fraction, target=self.target)

    @property
    def pruned_kernel(self) -> Float[Array, "*shape"]:
        """The kernel of inference, with 0 for the targets."""
        return jnp.where(self.targets, 0, self.kernel[...])

    def pruned(self) -> tuple[Float[Array, ""], int]:
        """Returns the number of weights that are 0 at inference, and that of all weights."""
        return self.targets.sum(dtype=jnp.float32), self.kernel[...].size

    def dropped_kernel(self, key: Key[Array, ""]) -> Float[Array, "*shape"]:
        """Returns the kernel of one step of training."""
        return ops.targeted_kernel(
            key, self.kernel[...], rate=self.rate[...], fraction=self.fraction, target=self.target
        )

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with some of the targets dropped."""
        return self.product(x, self.dropped_kernel(key), self.bias[...])

    def infer(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations without the targets."""
        return self.product(x, self.pruned_kernel, self.bias[...])


class TargetedDropout(_Targeted, NoisyDense):
    """A dense layer with :func:`dropout_lab.ops.targeted_dropout`; inference prunes its targets.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a target.
      fraction: Fraction of the weights of each output, or of the outputs, that are targets.
      target: "weight" or "unit", an output with all its weights (not its bias).
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        fraction: float = 0.5,
        target: Target = "weight",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self._aim(rate, fraction, target)


class TargetedConv(_Targeted, NoisyConv):
    """A 2-D convolution with targeted dropout, as :class:`TargetedDropout`.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      rate: Probability of dropping a target.
      fraction: Fraction of the weights of each channel out, or of those channels, that are targets.
      target: "weight" or "unit", a channel out with all its weights (not its bias).
      **options: As for :class:`NoisyConv`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        rate: Rate,
        fraction: float = 0.5,
        target: Target = "weight",
        **options: Unpack[ConvOptions],
    ) -> None:
        super().__init__(in_features, out_features, size, **options)
        self._aim(rate, fraction, target)
