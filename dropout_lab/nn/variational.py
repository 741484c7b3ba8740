"""Layers with Gaussian weights, whose variances are learnt."""

from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.conv import conv
from dropout_lab.nn.noise import alpha_logit
from dropout_lab.nn.noisy import ConvOptions, LayerOptions, NoisyConv, NoisyDense, NoisyLayer
from dropout_lab.ops import Rate

_FIRST_LOG_VARIANCE = -10.0


class VariationalDense(NoisyDense):
    """A dense layer with Gaussian weights (type B), :func:`dropout_lab.ops.variational_weights`.

    The variances are ``alpha * kernel**2``; ``alpha`` stays in (0, 1) as its logit is learnt.
    :meth:`penalty` is the KL divergence to add to the loss of the whole training set.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Sets the initial variance, ``rate / (1 - rate)``, clipped to [0.0001, 0.95] so that
        learning can move it in both directions.
      per: What has its own ``alpha``: "layer", "unit" (an input) or "weight".
      **options: As for :class:`NoisyLayer`.
    """

    max_rate = ops.BELOW_ONE

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        per: str = "layer",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        shapes = {"layer": (), "unit": (in_features, 1), "weight": (in_features, out_features)}
        self.logit_alpha = alpha_logit(self, rate, per, shapes)

    @property
    def alpha(self) -> Float[Array, "..."]:
        """The learnt variances, in units of the weights' squares."""
        return jax.nn.sigmoid(self.logit_alpha[...])

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations, with separately drawn weights for each example."""
        return ops.variational_weights(
            key, x, alpha=self.alpha, kernel=self.kernel[...], bias=self.bias[...]
        )

    def penalty(self) -> Float[Array, ""]:
        """Returns the KL divergence from the prior, in nats, summed over weights."""
        return self.kernel[...].size * ops.variational_kl(self.alpha).mean()


class _Sparse(NoisyLayer):
    """The common part of the layers of sparse variational dropout: variances, and pruning."""

    prune_in_training: bool

    def more_params(self, key: Key[Array, ""]) -> None:
        """Adds the variances, all with the same initial value."""
        del key
        self.log_variance = nnx.Param(jnp.full_like(self.kernel[...], _FIRST_LOG_VARIANCE))

    @property
    def log_alpha(self) -> Float[Array, "*shape"]:
        """The logs of the weights' variances in units of their squares."""
        return ops.log_alpha(self.log_variance[...], self.kernel[...])

    @property
    def sparse_kernel(self) -> Float[Array, "*shape"]:
        """The kernel of inference, with 0 for the weights that are only noise."""
        return jnp.where(self.log_alpha > ops.SPARSE_THRESHOLD, 0, self.kernel[...])

    @property
    def mean_kernel(self) -> Float[Array, "*shape"]:
        """The means of the weights in training; 0 for pruned weights, if training prunes."""
        return self.sparse_kernel if self.prune_in_training else self.kernel[...]

    def infer(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations without the noisiest weights."""
        return self.product(x, self.sparse_kernel, self.bias[...])

    def penalty(self) -> Float[Array, ""]:
        """Returns the KL divergence from the prior, in nats, summed over weights."""
        return ops.sparse_kl(self.log_alpha).sum()

    def pruned(self) -> tuple[Float[Array, ""], int]:
        """Returns the number of weights that are 0 at inference, and that of all weights."""
        zeroed = (self.log_alpha > ops.SPARSE_THRESHOLD).sum(dtype=jnp.float32)
        return zeroed, self.kernel[...].size


class SparseDense(_Sparse, NoisyDense):
    """A dense layer with :func:`dropout_lab.ops.sparse_variational_dropout`; pruned at inference.

    :meth:`penalty` is the KL divergence to add to the loss of the whole training set.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      prune_in_training: Whether weights that inference would prune have mean 0 in training too, as
        in the authors' experiments; None means False. Their noise stays.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        prune_in_training: bool | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.prune_in_training = bool(prune_in_training)

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations, with separately drawn weights for each example."""
        return ops.sparse_variational_dropout(
            key,
            x,
            log_variance=self.log_variance[...],
            kernel=self.mean_kernel,
            bias=self.bias[...],
        )


class SparseConv(_Sparse, NoisyConv):
    """A 2-D convolution with Gaussian weights, as :class:`SparseDense`; pruned at inference.

    Outputs are drawn independently, as if every pixel of an image had its own weights.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, in pixels.
      prune_in_training: As for :class:`SparseDense`.
      **options: As for :class:`NoisyConv`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        prune_in_training: bool | None = None,
        **options: Unpack[ConvOptions],
    ) -> None:
        super().__init__(in_features, out_features, size, **options)
        self.prune_in_training = bool(prune_in_training)

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w i"]) -> Float[Array, "n p q o"]:
        """Returns feature maps drawn from their mean and variance under the weights."""
        mean = self.product(x, self.mean_kernel, self.bias[...])
        squares = ops.wide(x) ** 2
        variance = conv(squares, jnp.exp(ops.wide(self.log_variance[...])), padding=self.padding)
        return ops.gaussian_sample(key, mean, variance)
