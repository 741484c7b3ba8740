"""Fast dropout's layers: one that samples, and two that propagate means and variances."""

from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.linear import Activation, Initializer, affine, identity
from dropout_lab.nn.noisy import LayerOptions, NoisyDense
from dropout_lab.nn.stochastic import DropRate, Stochastic, Streams
from dropout_lab.ops import Gaussian, Rate


class FastDropout(NoisyDense):
    """A dense layer whose inputs are dropped, by :func:`dropout_lab.ops.fast_dropout`.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping an input.
      **options: As for :class:`NoisyLayer`.
    """

    max_rate = ops.MAX_RATES["fast_dropout"]

    def __init__(
        self, in_features: int, out_features: int, *, rate: Rate, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.rate = DropRate(self.checked_rate(rate))

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns pre-activations with their moments under dropout of ``x``."""
        return ops.fast_dropout(
            key, x, rate=self.rate[...], kernel=self.kernel[...], bias=self.bias[...]
        )


class MomentLayer(Stochastic):
    """A dense layer that propagates the moments of dropout of its inputs; it needs no key.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping an input.
      kernel_init: Initialiser of the kernel.
      deterministic: If True, this is the plain dense layer of the mean network.
      rngs: Streams with the key for the kernel.
    """

    max_rate = ops.MAX_RATES["linear_moments"]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(deterministic=deterministic)
        # The parameters and initial values of a plain layer.
        dense = NoisyDense(in_features, out_features, kernel_init=kernel_init, rngs=rngs)
        self.kernel, self.bias = dense.kernel, dense.bias
        self.rate = DropRate(self.checked_rate(rate))

    def moments(self, inputs: Gaussian | Float[Array, "*batch inputs"]) -> Gaussian:
        """Returns the moments of the pre-activations."""
        return ops.linear_moments(
            inputs, rate=self.rate[...], kernel=self.kernel[...], bias=self.bias[...]
        )

    def infer(
        self, inputs: Gaussian | Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the plain layer's pre-activations, of the means if given Gaussians."""
        x = inputs.mean if isinstance(inputs, Gaussian) else inputs
        return affine(x, self.kernel[...], self.bias[...])


class MomentDense(MomentLayer):
    """A hidden layer of a network that propagates means and variances to the next layer.

    The activation's moments are exact for ``jax.nn.relu`` and by quadrature for anything else. An
    activation with attributes ``norm`` and ``function``, as ``models.blocks.Activation`` has, is
    batch normalisation and then a function: see :func:`normalised`.
    """

    def __call__(
        self,
        inputs: Gaussian | Float[Array, "*batch inputs"],
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Gaussian | Float[Array, "*batch outputs"]:
        """Returns the moments of the activations or, if deterministic, the mean network's.

        Args:
          inputs: Moments or known activations of the layer below.
          activation: The function of the pre-activations.
          deterministic: Overrides the layer's flag.
          rngs: Not used.
        """
        del rngs
        if self._is_deterministic(deterministic):
            return activation(self.infer(inputs))
        u = self.moments(inputs)
        norm = getattr(activation, "norm", None)
        if norm is not None:
            u = normalised(u, norm)
        function = getattr(activation, "function", activation)
        if function is jax.nn.relu:
            return ops.relu_moments(u)
        return ops.activation_moments(u, function)


class MomentOutput(MomentLayer):
    """The output layer of a network that propagates means and variances."""

    def __call__(
        self,
        inputs: Gaussian | Float[Array, "*batch inputs"],
        *,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns logits whose softmax approximates the expected one; if deterministic, plain ones.

        Args:
          inputs: Moments or known activations of the layer below.
          deterministic: Overrides the layer's flag.
          rngs: Not used.
        """
        del rngs
        if self._is_deterministic(deterministic):
            return self.infer(inputs)
        return ops.expected_logits(self.moments(inputs))


def normalised(g: Gaussian, norm: Activation) -> Gaussian:
    """Returns the moments after batch normalisation, with statistics over examples and draws.

    The layer is called once, on two points per Gaussian with its mean and variance. These have the
    statistics of the Gaussians, and the layer is then affine in each unit, so the moments of its
    outputs follow from the two points.

    Args:
      g: Gaussians, examples first.
      norm: The layer.
    """
    mean, scale = ops.wide(g.mean), ops.safe_sqrt(g.variance)
    low, high = norm(jnp.stack([mean - scale, mean + scale]))
    return Gaussian(((low + high) / 2).astype(g.mean.dtype), ((high - low) / 2) ** 2)
