"""Dropout of a sequence's elements: word types, words, and patches of an image."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw, select
from dropout_lab.ops._counted import drop_groups


def embedding_dropout(
    key: Key[Array, ""],
    x: Float[Array, "batch steps features"],
    *,
    rate: Rate,
    types: Int[Array, "batch steps"],
    vocabulary: int,
    per_example: bool = True,
) -> Float[Array, "batch steps features"]:
    """Drops word types with probability ``rate``, all their occurrences at once, and scales up.

    ``y[b, t] = m[b, types[b, t]] * x[b, t] / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``, so
    ``E[y] = x`` and ``Var[y] = x**2 * rate / (1 - rate)``. It is dropout of the rows of the
    embedding's matrix. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: The embeddings of the words.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      types: Each word's type, from 0 to ``vocabulary - 1``.
      vocabulary: Number of types.
      per_example: Whether each sequence drops its own types, or the whole batch the same.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``types`` does not have the first two
        of the three axes of ``x``.
      TypeError: If ``x`` is not floating point, or ``types`` are not integers.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> types = jnp.array([[0, 1, 2, 3, 0, 1, 2, 3]])
      >>> y = embedding_dropout(
      ...     jax.random.key(0), jnp.ones((1, 8, 1)), rate=0.5, types=types, vocabulary=4
      ... )
      >>> y[0, :, 0].tolist()
      [0.0, 2.0, 2.0, 2.0, 0.0, 2.0, 2.0, 2.0]

    References:
      Y. Gal, Z. Ghahramani, *A theoretically grounded application of dropout in recurrent neural
      networks*, NIPS 2016, arXiv:1512.05287 (a mask for each sequence).
      S. Merity, N. S. Keskar, R. Socher, *Regularizing and optimizing LSTM language models*, ICLR
      2018, arXiv:1708.02182 (a mask for the batch).
      No departure: both papers' code scales up in training.
    """
    x = floating("embedding_dropout", "x", x)
    if x.ndim != 3 or types.shape != x.shape[:2]:
        raise ValueError(
            f"embedding_dropout: x has shape {x.shape} and types {types.shape}; allowed: (batch, "
            "steps, features) and (batch, steps)"
        )
    if not jnp.issubdtype(types.dtype, jnp.integer):
        raise TypeError(f"embedding_dropout: types has dtype {types.dtype}; allowed: integers")
    rate = checked_rate("embedding_dropout", rate)
    rows = jnp.arange(x.shape[0], dtype=jnp.uint32)[:, None] * jnp.uint32(vocabulary)
    index = types.astype(jnp.uint32) + (rows if per_example else jnp.zeros_like(rows))
    return _embedding_dropout(key, x, index[..., None], rate)


@redraw
def _embedding_dropout(
    key: Key[Array, ""],
    x: Float[Array, "batch steps features"],
    index: Int[Array, "batch steps 1"],
    rate: Float[Array, ""],
) -> Float[Array, "batch steps features"]:
    return select(_noise.keep_mask(key, rate, index.shape, index=index), x, rate)


def word_dropout(
    key: Key[Array, ""],
    x: Float[Array, "batch steps features"],
    *,
    rate: Rate,
    present: Bool[Array, "batch steps"] | None = None,
) -> Float[Array, "batch steps features"]:
    """Drops words with probability ``rate`` and scales the rest, so that a mean is over these.

    ``y[b, t] = m[b, t] * x[b, t] * T / sum_t m[b, t]`` with ``m ~ Bernoulli(1 - rate)`` and 0 if
    all ``T`` words are dropped, so the mean over ``T`` words is the mean over the words left,
    ``E[y] = (1 - rate**T) * x`` and ``Var[y]`` is that of :func:`drop_head` for ``T`` heads. At
    inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: The embeddings of the words.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      present: Which steps are words, not padding; None if all are. Padding becomes 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``present`` does not have the first
        two of the three axes of ``x``.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.full((1, 4, 1), 3.0)
      >>> word_dropout(jax.random.key(0), x, rate=0.5)[0, :, 0].tolist()
      [0.0, 4.0, 4.0, 4.0]

    References:
      M. Iyyer, V. Manjunatha, J. Boyd-Graber, H. Daumé III, *Deep unordered composition rivals
      syntactic methods for text classification*, ACL 2015.
      Checked against the authors' code, which keeps all words of an example that would lose all.
      Their network averages embeddings; in others a dropped word is a vector of zeros.
    """
    x = floating("word_dropout", "x", x)
    if x.ndim != 3 or (present is not None and present.shape != x.shape[:2]):
        found = "" if present is None else f" and present {present.shape}"
        raise ValueError(
            f"word_dropout: x has shape {x.shape}{found}; allowed: (batch, steps, features) and "
            "(batch, steps)"
        )
    rate = checked_rate("word_dropout", rate)
    words = None if present is None else present[..., None]
    return drop_groups(key, x, words, rate, (*x.shape[:2], 1), 1)


def patch_dropout(
    key: Key[Array, ""], x: Float[Array, "batch patches features"], *, rate: Rate
) -> Float[Array, "batch patches features"]:
    """Drops a fixed number of an example's patches, and changes nothing in the rest.

    Each example keeps ``K = round((1 - rate) * P)`` of its ``P`` patches, but at least 1, drawn
    uniformly without replacement: ``E[y] = x * K / P``, ``Var[y] = x**2 * K / P * (1 - K / P)``.
    A network leaves the dropped patches out instead of setting them to 0, as
    ``nn.PatchDropout`` does; then nothing needs a scale. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: The patches' embeddings.
      rate: Fraction of the patches to drop, in [0, 1]: a number, or a scalar array, which may be
        traced. At 1 one patch is left. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` does not have 3 axes.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> patch_dropout(jax.random.key(0), jnp.ones((2, 4, 1)), rate=0.5)[..., 0].tolist()
      [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]

    References:
      Y. Liu, C. Matsoukas, F. Strand, H. Azizpour, K. Smith, *PatchDropout: economizing vision
      transformers using patch dropout*, WACV 2023, arXiv:2208.07220.
      The authors' code rounds the number of patches down.
    """
    x = floating("patch_dropout", "x", x)
    if x.ndim != 3:
        raise ValueError(
            f"patch_dropout: x has shape {x.shape}; allowed: (batch, patches, features)"
        )
    return _patch_dropout(key, x, checked_rate("patch_dropout", rate))


@redraw
def _patch_dropout(
    key: Key[Array, ""], x: Float[Array, "batch patches features"], rate: Float[Array, ""]
) -> Float[Array, "batch patches features"]:
    ranks = patch_ranks(key, x.shape[:2])
    return select((ranks < patches_left(rate, x.shape[1]))[..., None], x)


def patch_ranks(
    key: Key[Array, ""], shape: tuple[int, ...], present: Bool[Array, "batch patches"] | None = None
) -> Int[Array, "batch patches"]:
    """Returns each patch's place in a random order of an example's patches; padding comes last.

    Args:
      key: PRNG key.
      shape: Examples and patches of each.
      present: Which patches are not padding; None if all are.
    """
    times = _noise.uniform(key, shape)
    if present is not None:
        times = jnp.where(present, times, 1)
    return jnp.argsort(jnp.argsort(times, axis=-1), axis=-1).astype(jnp.int32)


def patches_left(rate: Rate, patches: int | Int[Array, "..."]) -> Int[Array, "..."]:
    """Returns the number of patches that patch dropout keeps, at least 1."""
    rate = checked_rate("patches_left", rate)
    return jnp.maximum(jnp.round((1 - rate) * jnp.float32(patches)), 1).astype(jnp.int32)
