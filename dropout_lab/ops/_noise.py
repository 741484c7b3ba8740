"""The random numbers of all ops: a counter hash that XLA fuses into the code that uses it.

``jax.random.bernoulli`` takes tens of times as long as a copy, because threefry runs twenty rounds
per word. Dropout does not need that: here one threefry block of the key gives two seed words, and
each element hashes its own index with them (three multiplies), so XLA computes the noise in
registers, inside the loop that uses it. The seed words come from ``jax.random.bits``, never from
the raw key: ``key(0)`` and ``key(1)`` differ in one bit, and so short a hash of them would be
correlated.

The index is built from one iota per dimension, so a sharded array's mask is computed shard by
shard, without collectives, and equals one device's.
"""

import math
from collections.abc import Sequence
from numbers import Integral

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Key, UInt32

BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
_MAX_SIZE = 2**32
_ODD = np.uint32(0x9E3779B1)

# The polynomial through cos(2 pi sqrt(s)) at the seven Chebyshev points of [0, 1/4]; its error is
# at most 1.1e-8, less than float32 resolves.
_COSINE = (1.0, -19.7392044, 64.9391174, -85.4501114, 60.1674309, -25.9668846, 6.52770615)

# The polynomial through (log(1 + f) - f) / f**2 at the eight Chebyshev points of the interval from
# sqrt(1/2) - 1 to sqrt(2) - 1; the logarithm's relative error is at most 5.5e-8.
_LOGARITHM = (
    *(-0.499999971, 0.333336706, -0.250011477, 0.199720497),
    *(-0.165884885, 0.148347868, -0.14159647, 0.0878726551),
)
_ROOT_HALF = np.float32(0.5**0.5).view(np.int32)
_FRACTION = np.int32(2**23 - 1)
_LOG_2 = np.float32(math.log(2))


def bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Returns 32 uniform random bits for every element of ``shape``."""
    return _bits_at(key, _index(shape))


def keep_mask(
    key: Key[Array, ""],
    rate: Float[Array, "..."],
    shape: tuple[int, ...],
    *,
    index: UInt32[Array, "..."] | None = None,
) -> Bool[Array, "..."]:
    """Returns a mask that is False with probability ``floor(rate * 2**32) / 2**32``.

    The rate is a scalar, or an array with as many axes as ``shape`` that broadcasts to it. Elements
    of equal ``index``, which is their position unless given, share a draw.
    The largest float32 below 1 still keeps 2**-24 of the units: only a rate of 1 drops them all. A
    rate of NaN drops nothing.
    """
    # 2**32 does not fit a uint32, and an out-of-range conversion depends on the hardware.
    fraction = jnp.where(rate > 0, jnp.minimum(rate, BELOW_ONE), 0)
    threshold = (fraction * jnp.float32(2**32)).astype(jnp.uint32)
    index = _index(shape) if index is None else index
    return (_bits_at(key, index) >= threshold) & ~(rate >= 1)


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Returns float32 samples of U(0, 1), end points excluded, on a grid of 2**-23."""
    return _inside(bits(key, shape))


def normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Returns float32 samples of N(0, 1), by Box and Muller's transform (``|z| < 5.8``).

    An element's word gives the radius, and the same word hashed once more gives the angle.
    """
    word = bits(key, shape)
    turns = _mixed(word + _ODD).astype(jnp.int32).astype(jnp.float32) * jnp.float32(2**-32)
    return lax.sqrt(-2 * logarithm(_inside(word))) * _cosine(turns)


def logarithm(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns ``log(x)`` as exactly as XLA does, in half its time on CPU.

    Args:
      x: float32, finite, at least 2**-126, and without a gradient: it would be 0.
    """
    # x = 2**e * (1 + f), with 1 + f from sqrt(1/2) to sqrt(2).
    steps = lax.bitcast_convert_type(x, jnp.int32) - _ROOT_HALF
    exponent = (steps >> 23).astype(jnp.float32)
    f = lax.bitcast_convert_type((steps & _FRACTION) + _ROOT_HALF, jnp.float32) - 1
    return exponent * _LOG_2 + (f * f * _polynomial(_LOGARITHM, f) + f)


def _bits_at(key: Key[Array, ""], index: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    seed = jax.random.bits(key, (2,), jnp.uint32)
    x = (index ^ seed[0]) * _ODD
    return _mixed((x ^ (x >> 15)) + seed[1])


def _inside(word: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """Returns the midpoint of one of 2**23 equal parts of (0, 1), given by the word's top bits."""
    # Built as a float in [1, 2), because few machines convert unsigned integers fast.
    above_one = lax.bitcast_convert_type((word >> 9) | jnp.uint32(0x3F800000), jnp.float32)
    return (above_one - 1) + jnp.float32(2**-24)


def _cosine(turns: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns ``cos(2 pi turns)`` for ``|turns| <= 1/2``, six times as fast as XLA's on CPU."""
    return _polynomial(_COSINE, turns * turns)


def _polynomial(coefficients: Sequence[float], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns a polynomial's values; coefficients are in ascending order."""
    total = jnp.float32(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + jnp.float32(coefficient)
    return total


def _mixed(x: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """Returns a bijective hash in which every output bit depends on every input bit."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _index(shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Returns each element's row-major position."""
    size = math.prod(shape)
    # A symbolic size, of jax.export, is known when the program is called.
    if isinstance(size, Integral) and size > _MAX_SIZE:
        raise ValueError(
            f"noise of shape {shape} has more than 2**32 elements, the range of its counter; "
            "split the array and give each part its own key"
        )
    index = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape)):
        inner = math.prod(shape[axis + 1 :])
        known = isinstance(inner, Integral)
        stride = jnp.uint32(inner % _MAX_SIZE) if known else jnp.asarray(inner).astype(jnp.uint32)
        index += lax.broadcasted_iota(jnp.uint32, shape, axis) * stride
    return index
