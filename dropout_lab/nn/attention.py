"""Multi-head attention, and noise on its logits, weights or heads; each kind calls one op."""

from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from dropout_lab import ops
from dropout_lab.nn.cell_noise import MaybeKey
from dropout_lab.nn.linear import Initializer, Linear
from dropout_lab.nn.stochastic import NoiseOptions, Rated, Streams
from dropout_lab.ops import Rate

Logits = Float[Array, "n heads queries keys"]
Mask = Bool[Array, "n heads queries keys"]
"""Which keys a query may attend to; each of the first three axes may be 1."""


class AttentionNoise(Rated):
    """Noise inside attention: subclasses override one hook; the others are the identity.

    :func:`attend` calls each hook with a key of its own, or, at inference, with None.

    Args:
      rate: Probability of dropping.
      **options: As for :class:`Stochastic`.
    """

    def _keys(self, rngs: Streams | None) -> tuple[MaybeKey, MaybeKey, MaybeKey]:
        """Returns the keys of :meth:`_logits`, :meth:`_weights` and :meth:`_heads`.

        Args:
          rngs: Overrides the noise's streams.
        """
        if self._is_deterministic(None):
            return None, None, None
        logits, weights, heads = jax.random.split(self.make_key(rngs), 3)
        return logits, weights, heads

    def _logits(self, key: MaybeKey, x: Logits) -> Logits:
        """Returns the logits; those of ``-inf`` are masked and stay so."""
        del key
        return x

    def _weights(self, key: MaybeKey, x: Logits) -> Logits:
        """Returns the weights after the softmax."""
        del key
        return x

    def _heads(
        self, key: MaybeKey, x: Float[Array, "n queries heads units"]
    ) -> Float[Array, "n queries heads units"]:
        """Returns what each head found, before the projection that mixes heads."""
        del key
        return x


class AttentionDropout(AttentionNoise):
    """Dropout of attention weights, :func:`dropout_lab.ops.attention_dropout`.

    Args:
      rate: Probability of dropping.
      columns: Whether all queries of an example and head drop the same keys.
      normalised: Whether the weights left are divided by their sum.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        columns: bool = False,
        normalised: bool = False,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(rate, **options)
        self.columns = columns
        self.normalised = normalised

    def _weights(self, key: MaybeKey, x: Logits) -> Logits:
        """Returns the weights, some dropped."""
        if key is None:
            return x
        return ops.attention_dropout(
            key, x, rate=self.rate[...], columns=self.columns, normalised=self.normalised
        )


class DropKey(AttentionNoise):
    """Dropout of keys before the softmax, :func:`dropout_lab.ops.drop_key`."""

    def _logits(self, key: MaybeKey, x: Logits) -> Logits:
        """Returns the logits, some ``-inf``."""
        return x if key is None else ops.drop_key(key, x, rate=self.rate[...])


class DropHead(AttentionNoise):
    """Dropout of whole heads, :func:`dropout_lab.ops.drop_head`."""

    def _heads(
        self, key: MaybeKey, x: Float[Array, "n queries heads units"]
    ) -> Float[Array, "n queries heads units"]:
        """Returns the heads, some 0."""
        return x if key is None else ops.drop_head(key, x, rate=self.rate[...])


def attend(
    queries: Float[Array, "n queries heads units"],
    keys: Float[Array, "n keys heads units"],
    values: Float[Array, "n keys heads units"],
    mask: Mask | None = None,
    *,
    noise: AttentionNoise | None = None,
    rngs: Streams | None = None,
) -> Float[Array, "n queries heads units"]:
    """Returns scaled dot-product attention, ``softmax(queries keys^T / sqrt(units)) values``.

    The softmax is computed in float32 or more. A masked key has no influence and no gradient; a
    query that may attend to none gets zeros.

    Args:
      queries: What each step asks for.
      keys: What each step is found by.
      values: What each step returns.
      mask: Which keys a query may attend to; None for all.
      noise: Noise on logits, weights or heads, if any.
      rngs: Overrides the noise's streams.
    """
    on_logits, on_weights, on_heads = (None,) * 3 if noise is None else noise._keys(rngs)
    logits = ops.wide(jnp.einsum("nqhu,nkhu->nhqk", queries * queries.shape[-1] ** -0.5, keys))
    if mask is not None:
        logits = jnp.where(mask, logits, -jnp.inf)
    weights = _softmax(logits if noise is None else noise._logits(on_logits, logits))
    weights = weights if noise is None else noise._weights(on_weights, weights)
    found = jnp.einsum("nhqk,nkhu->nqhu", weights.astype(values.dtype), values)
    return found if noise is None else noise._heads(on_heads, found)


def _softmax(logits: Logits) -> Logits:
    """Returns the softmax over keys; zeros, with finite gradients, where all are ``-inf``."""
    most = jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    weights = jnp.exp(logits - jnp.where(most == -jnp.inf, 0, most))
    total = weights.sum(-1, keepdims=True)
    return weights / jnp.where(total == 0, 1, total)


class Attention(nnx.Module):
    """Multi-head self-attention, with the projections before and after it.

    Reference: A. Vaswani et al., *Attention is all you need*, NIPS 2017, arXiv:1706.03762.

    Args:
      features: Units of a step; a multiple of ``heads``.
      heads: Number of heads.
      noise: Noise on logits, weights or heads, if any.
      kernel_init: Initialiser of the projections.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        noise: AttentionNoise | None = None,
        kernel_init: Initializer,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = heads
        self.noise = nnx.data(noise)
        self.projections = Linear(features, 3 * features, kernel_init=kernel_init, rngs=rngs)
        self.output = Linear(features, features, kernel_init=kernel_init, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "n steps features"],
        mask: Mask | None = None,
        *,
        rngs: Streams | None = None,
    ) -> Float[Array, "n steps features"]:
        """Returns what each step gathered from all steps that ``mask`` lets it attend to."""
        projected = self.projections(x).reshape(*x.shape[:2], 3, self.num_heads, -1)
        queries, keys, values = (projected[:, :, part] for part in range(3))
        found = attend(queries, keys, values, mask, noise=self.noise, rngs=rngs)
        return self.output(found.reshape(x.shape))
