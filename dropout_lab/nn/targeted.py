"""Layers with targeted dropout, which inference prunes."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Key

from dropout_lab import ops
from dropout_lab.nn.conv import conv
from dropout_lab.nn.linear import Initializer, affine
from dropout_lab.nn.noisy import NoisyConv, NoisyDense
from dropout_lab.nn.stochastic import DropRate
from dropout_lab.ops import Rate, Target, checked_rate


class _Targeted(nnx.Module):
    """What the layers of targeted dropout share: which weights are dropped, and pruned."""

    kernel: nnx.Param[Array]
    rate: DropRate
    share: float
    target: Target

    @property
    def targets(self) -> Bool[Array, "*shape"]:
        """A mask of the weights that may be dropped, and that inference prunes."""
        return ops.targets(self.kernel[...], share=self.share, target=self.target)

    @property
    def pruned_kernel(self) -> Float[Array, "*shape"]:
        """The kernel of inference, with 0 for the targets."""
        return jnp.where(self.targets, 0, self.kernel[...])

    def pruned(self) -> tuple[Float[Array, ""], int]:
        """Returns how many weights inference takes for 0, and of how many."""
        return self.targets.sum(dtype=jnp.float32), self.kernel[...].size

    def dropped_kernel(self, key: Key[Array, ""]) -> Float[Array, "*shape"]:
        """Returns the kernel of one step of training."""
        return ops.targeted_kernel(
            key, self.kernel[...], rate=self.rate[...], share=self.share, target=self.target
        )


class TargetedDropout(_Targeted, NoisyDense):
    """A dense layer by :func:`dropout_lab.ops.targeted_dropout`; at inference without its targets.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a target.
      share: Share of the weights of each output, or of the outputs, that are targets.
      target: "weight" or "unit", an output with all its weights (not its bias).
      kernel_init: Initialiser of the kernel.
      deterministic: If True, this is a plain dense layer without its targets.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        share: float = 0.5,
        target: Target = "weight",
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            kernel_init=kernel_init,
            deterministic=deterministic,
            rng_collection=rng_collection,
            rngs=rngs,
        )
        self.rate = DropRate(checked_rate("TargetedDropout", rate))
        self.share = share
        self.target = target

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with some of the targets dropped."""
        return affine(x, self.dropped_kernel(key), self.bias[...])

    def infer(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns ``x @ kernel + bias`` without the targets."""
        return affine(x, self.pruned_kernel, self.bias[...])


class TargetedConv(_Targeted, NoisyConv):
    """A 2-D convolution with targeted dropout, as :class:`TargetedDropout`.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      rate: Probability of dropping a target.
      share: Share of the weights of each channel out, or of those channels, that are targets.
      target: "weight" or "unit", a channel out with all its weights (not its bias).
      kernel_init: Initialiser of the kernel, of shape (size, size, in, out).
      deterministic: If True, this is a plain convolution without its targets.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        rate: Rate,
        share: float = 0.5,
        target: Target = "weight",
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            size,
            kernel_init=kernel_init,
            deterministic=deterministic,
            rng_collection=rng_collection,
            rngs=rngs,
        )
        self.rate = DropRate(checked_rate("TargetedConv", rate))
        self.share = share
        self.target = target

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
        """Returns the feature maps with some of the targets dropped."""
        return self._convolve(x, self.dropped_kernel(key))

    def infer(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
        """Returns the convolution without the targets."""
        return self._convolve(x, self.pruned_kernel)

    def _convolve(self, x: Array, kernel: Array) -> Array:
        return conv(x, kernel) + self.bias[...].reshape(1, 1, 1, -1)
