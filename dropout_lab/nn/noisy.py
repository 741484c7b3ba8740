"""Layers with weights and noise, for use in place of ``Linear`` and ``Conv``."""

from typing import Required, TypedDict, Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.conv import Edges, conv
from dropout_lab.nn.linear import Activation, Initializer, affine, identity
from dropout_lab.nn.stochastic import DropRate, Stochastic, Streams
from dropout_lab.ops import Rate


class LayerOptions(TypedDict, total=False):
    """The keywords of :class:`NoisyLayer`, for subclasses to pass on."""

    kernel_init: Required[Initializer]
    deterministic: bool | None
    rng_collection: str
    rngs: Required[nnx.Rngs]


class ConvOptions(LayerOptions, total=False):
    """The keywords of :class:`NoisyConv`, for subclasses to pass on."""

    padding: Edges


class NoisyLayer(Stochastic):
    """A layer with weights and noise: subclasses define :meth:`product` and :meth:`sample`.

    Args:
      shape: Shape of the kernel, outputs last.
      kernel_init: Initialiser of the kernel.
      deterministic: Whether to apply the inference rule instead of noise; None: the call decides.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(deterministic=deterministic, rng_collection=rng_collection)
        # One key, as in a plain layer, so that a seed gives all variants the same kernels.
        key = rngs.params()
        self.kernel = nnx.Param(kernel_init(key, shape))
        self.bias = nnx.Param(jnp.zeros(shape[-1]))
        self.more_params(jax.random.fold_in(key, 1))

    def more_params(self, key: Key[Array, ""]) -> None:
        """Adds the parameters of a subclass besides kernel and bias."""

    def product(
        self,
        x: Float[Array, "*batch inputs"],
        kernel: Float[Array, "*size inputs outputs"],
        bias: Float[Array, " outputs"],
    ) -> Float[Array, "*batch outputs"]:
        """Returns the output of a plain layer with these weights."""
        raise NotImplementedError

    def __call__(
        self,
        inputs: Float[Array, "*batch inputs"],
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations, with noise unless deterministic.

        Args:
          inputs: Activations of the layer below.
          activation: The function of the pre-activations.
          deterministic: Overrides the layer's flag.
          rngs: Streams to draw the noise's key from.
        """
        key = None if self._is_deterministic(deterministic) else self.make_key(rngs)
        return self.activations(key, inputs, activation)

    def activations(
        self, key: Key[Array, ""] | None, x: Float[Array, "*batch inputs"], activation: Activation
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations with noise drawn from ``key``, or at inference if it is None."""
        return activation(self.infer(x) if key is None else self.sample(key, x))

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with noise drawn from ``key``."""
        raise NotImplementedError

    def infer(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations at inference, usually the mean over the noise."""
        return self.product(x, self.kernel[...], self.bias[...])


class NoisyDense(NoisyLayer):
    """A dense layer with noise; at inference a plain one.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self, in_features: int, out_features: int, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__((in_features, out_features), **options)

    def product(
        self,
        x: Float[Array, "*batch inputs"],
        kernel: Float[Array, "inputs outputs"],
        bias: Float[Array, " outputs"],
    ) -> Float[Array, "*batch outputs"]:
        """Returns ``x @ kernel + bias``."""
        return affine(x, kernel, bias)


class NoisyConv(NoisyLayer):
    """A 2-D convolution with noise; at inference a plain one.

    Args:
      in_features: Channels in.
      out_features: Channels out.
      size: Height and width of the kernel, whose shape is (size, size, in, out), in pixels.
      padding: "same", with zeros, or "valid", none.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        size: int,
        *,
        padding: Edges = "same",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__((size, size, in_features, out_features), **options)
        self.padding: Edges = padding

    def product(
        self,
        x: Float[Array, "n h w inputs"],
        kernel: Float[Array, "size size inputs outputs"],
        bias: Float[Array, " outputs"],
    ) -> Float[Array, "n p q outputs"]:
        """Returns the convolution and ``bias``."""
        return conv(x, kernel, padding=self.padding) + bias.reshape(1, 1, 1, -1)


class DropConnect(NoisyDense):
    """A dense layer with dropout of weights and biases, :func:`dropout_lab.ops.drop_connect`.

    At inference this is a plain dense layer. With a number in :attr:`draws`, inference is the
    paper's and needs a key: the mean of the activations over that many draws of pre-activations
    with the moments :func:`dropout_lab.ops.drop_connect_moments`. To set it for all layers of a
    model, call ``model.set_attributes(DropConnect, draws=1000)``.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a weight.
      per_example: Whether each example has its own masks, or the batch shares one.
      **options: As for :class:`NoisyLayer`.

    Attributes:
      draws: Number of draws that inference averages; None for a plain dense layer.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        per_example: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.rate = DropRate(self.checked_rate(rate))
        self.per_example = per_example
        self.draws: int | None = None

    def __call__(
        self,
        inputs: Float[Array, "*batch inputs"],
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations, with noise unless deterministic.

        Args:
          inputs: Activations of the layer below.
          activation: The function of the pre-activations.
          deterministic: Overrides the layer's flag.
          rngs: Streams for the key, in training and, with ``draws``, at inference.
        """
        if self.draws is None or not self._is_deterministic(deterministic):
            return super().__call__(
                inputs, activation=activation, deterministic=deterministic, rngs=rngs
            )
        arguments = {"rate": self.rate[...], "kernel": self.kernel[...], "bias": self.bias[...]}
        u = ops.drop_connect_moments(inputs, **arguments)

        def draw(key: Key[Array, ""]) -> Float[Array, "*batch outputs"]:
            # A sum of hundreds of terms in bfloat16 would stop growing.
            return ops.wide(activation(ops.gaussian_sample(key, u.mean, u.variance)))

        # Sequentially, so that memory holds one draw.
        keys = jax.random.split(self.make_key(rngs), self.draws)
        total, _ = lax.scan(lambda total, key: (total + draw(key), None), draw(keys[0]), keys[1:])
        return (total / self.draws).astype(inputs.dtype)

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with weights dropped and the rest scaled up."""
        return ops.drop_connect(
            key,
            x,
            rate=self.rate[...],
            kernel=self.kernel[...],
            bias=self.bias[...],
            per_example=self.per_example,
        )
