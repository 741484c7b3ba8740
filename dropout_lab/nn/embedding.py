"""Embedding of tokens, and noise on embeddings that knows their types; each kind calls one op."""

from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import NoiseOptions, Rated, Streams
from dropout_lab.ops import Rate


class EmbeddingNoise(Rated):
    """Noise on the embeddings of a sequence: subclasses define :meth:`sample`.

    Args:
      rate: Probability of dropping.
      **options: As for :class:`Stochastic`.
    """

    def __call__(
        self,
        inputs: Float[Array, "n steps features"],
        *,
        types: Int[Array, "n steps"],
        vocabulary: int,
        present: Bool[Array, "n steps"] | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "n steps features"]:
        """Returns the embeddings with noise; unchanged at inference.

        Args:
          inputs: Embeddings.
          types: The type of each, such as its token; from 0 to ``vocabulary - 1``.
          vocabulary: Number of types.
          present: Which steps are not padding; None if all are.
          rngs: Overrides the layer's streams.
        """
        if self._is_deterministic(None):
            return inputs
        return self.sample(self.make_key(rngs), inputs, types, vocabulary, present)

    def sample(
        self,
        key: Key[Array, ""],
        x: Float[Array, "n steps features"],
        types: Int[Array, "n steps"],
        vocabulary: int,
        present: Bool[Array, "n steps"] | None,
    ) -> Float[Array, "n steps features"]:
        """Returns the embeddings with noise drawn from ``key``."""
        raise NotImplementedError


class EmbeddingDropout(EmbeddingNoise):
    """Dropout of word types, :func:`dropout_lab.ops.embedding_dropout`.

    Args:
      rate: Probability of dropping.
      per_example: Whether each sequence drops its own types, or the whole batch the same.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self, rate: Rate, *, per_example: bool = True, **options: Unpack[NoiseOptions]
    ) -> None:
        super().__init__(rate, **options)
        self.per_example = per_example

    def sample(
        self,
        key: Key[Array, ""],
        x: Float[Array, "n steps features"],
        types: Int[Array, "n steps"],
        vocabulary: int,
        present: Bool[Array, "n steps"] | None,
    ) -> Float[Array, "n steps features"]:
        """Returns the embeddings, those of some types dropped."""
        del present
        return ops.embedding_dropout(
            key,
            x,
            rate=self.rate[...],
            types=types,
            vocabulary=vocabulary,
            per_example=self.per_example,
        )


class WordDropout(EmbeddingNoise):
    """Dropout of words, :func:`dropout_lab.ops.word_dropout`."""

    def sample(
        self,
        key: Key[Array, ""],
        x: Float[Array, "n steps features"],
        types: Int[Array, "n steps"],
        vocabulary: int,
        present: Bool[Array, "n steps"] | None,
    ) -> Float[Array, "n steps features"]:
        """Returns the embeddings, some words dropped."""
        del types, vocabulary
        return ops.word_dropout(key, x, rate=self.rate[...], present=present)


class Embedding(nnx.Module):
    """A learnt vector for each token, with noise.

    Args:
      vocabulary: Number of tokens.
      features: Length of the vectors; initially each has a mean squared norm of 1.
      noise: Noise on the vectors, if any.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        noise: EmbeddingNoise | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        shape = (vocabulary, features)
        self.table = nnx.Param(jax.random.normal(rngs.params(), shape) * features**-0.5)
        self.noise = nnx.data(noise)

    def __call__(
        self,
        tokens: Int[Array, "n steps"],
        present: Bool[Array, "n steps"] | None = None,
        *,
        rngs: Streams | None = None,
    ) -> Float[Array, "n steps features"]:
        """Returns the tokens' vectors; those of padding are 0.

        Args:
          tokens: From 0 to ``vocabulary - 1``, also where they are padding.
          present: Which steps are not padding; None if all are.
          rngs: Overrides the noise's streams.
        """
        table = self.table[...]
        x = jnp.take(table, tokens, axis=0)
        if self.noise is not None:
            x = self.noise(x, types=tokens, vocabulary=table.shape[0], present=present, rngs=rngs)
        return x if present is None else jnp.where(present[..., None], x, 0)
