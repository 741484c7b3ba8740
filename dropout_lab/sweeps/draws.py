"""Settings drawn from distributions: at random, or as a Sobol sequence."""

import ast
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dropout_lab.errors import InputError, unknown

Draw = Callable[[float], Any]
"""A distribution: its quantile function, from shares in [0, 1) to values."""

SEQUENCES = ("random", "sobol")
"""How shares are drawn."""


def sampled(
    draws: Mapping[str, Draw], count: int, seed: int = 0, sequence: str = "random"
) -> Iterator[dict[str, Any]]:
    """Yields overrides drawn from distributions.

    More draws do not change the first ones.

    >>> list(sampled({"dropout.rate": uniform(0, 0.8)}, count=2))
    [{'dropout.rate': 0.0415439}, {'dropout.rate': 0.0995202}]

    Args:
      draws: A distribution per configuration key, such as ``log_uniform(1e-3, 1)``.
      count: Number of overrides.
      seed: Seed of all keys' streams of random numbers, or of the sequence's scrambling.
      sequence: "random": each key has its own stream, which other keys do not change. "sobol": a
        scrambled Sobol sequence, which covers all keys' values together more evenly; powers of two
        are best (I. M. Sobol, 1967; A. B. Owen, 1998).

    Raises:
      InputError: If there is no such sequence.
    """
    if sequence not in SEQUENCES:
        raise unknown("draws", sequence, SEQUENCES)
    shares = _sobol if sequence == "sobol" else _random
    for row in shares(list(draws), count, seed):
        yield {key: draw(share) for (key, draw), share in zip(draws.items(), row, strict=True)}


def _random(keys: Sequence[str], count: int, seed: int) -> Iterator[tuple[float, ...]]:
    streams = [np.random.default_rng(_stream_seed(seed, key)) for key in keys]
    for _ in range(count):
        yield tuple(stream.random() for stream in streams)


def _sobol(keys: Sequence[str], count: int, seed: int) -> Iterator[tuple[float, ...]]:
    from scipy.stats import qmc  # type: ignore[import-untyped]  # a second to import

    sequence = qmc.Sobol(len(keys), scramble=True, seed=seed)
    points = sequence.random_base2(max(count - 1, 0).bit_length())
    yield from map(tuple, points[:count].tolist())


def _stream_seed(seed: int, key: str) -> list[int]:
    return [seed, int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")]


def uniform(low: float, high: float) -> Draw:
    """Returns the uniform distribution on an interval, rounded to six significant digits.

    Raises:
      InputError: Unless ``low <= high``.
    """
    _check("uniform", low, high)
    return lambda share: _rounded(low + (high - low) * share)


def log_uniform(low: float, high: float) -> Draw:
    """Returns the distribution whose logarithm is uniform, rounded to six significant digits.

    Raises:
      InputError: Unless ``0 < low <= high``.
    """
    if not 0 < low <= high:
        raise InputError(f"log_uniform from {low} to {high}; allowed: 0 < low <= high")
    first, last = math.log(low), math.log(high)
    return lambda share: _rounded(math.exp(first + (last - first) * share))


def integers(low: int, high: int) -> Draw:
    """Returns the uniform distribution on the integers from low to high, inclusive.

    Raises:
      InputError: Unless ``low <= high``.
    """
    _check("integers", low, high)
    return lambda share: min(low + int(share * (high - low + 1)), high)


def choice(options: Sequence[Any]) -> Draw:
    """Returns the uniform distribution on the options."""
    return lambda share: options[min(int(share * len(options)), len(options) - 1)]


_DISTRIBUTIONS: Mapping[str, tuple[Callable[..., Draw], tuple[type, ...]]] = {
    "uniform": (uniform, (int, float)),
    "log_uniform": (log_uniform, (int, float)),
    "integers": (integers, (int,)),
}


def draw_of(key: str, values: Sequence[Any]) -> Draw:
    """Returns the distribution that ``--vary=KEY=VALUES`` describes.

    That is ``uniform(LOW,HIGH)``, ``log_uniform(LOW,HIGH)`` or ``integers(LOW,HIGH)``; of several
    values, each is as likely.

    Raises:
      InputError: If its limits are not allowed.
    """
    match = re.fullmatch(r"(\w+)\((.*)\)", str(values[0])) if len(values) == 1 else None
    if match is None or match[1] not in _DISTRIBUTIONS or not isinstance(values[0], str):
        return choice(values)
    distribution, types = _DISTRIBUTIONS[match[1]]
    try:
        limits = ast.literal_eval(f"({match[2]},)")
    except (ValueError, SyntaxError):
        limits = ()
    if len(limits) != 2 or any(type(limit) not in types for limit in limits):
        numbers = "whole numbers" if types == (int,) else "numbers"
        raise InputError(f"--vary={key}={values[0]}; allowed: {match[1]}(LOW,HIGH), {numbers}")
    return distribution(*limits)


def _check(name: str, low: float, high: float) -> None:
    if not low <= high:
        raise InputError(f"{name} from {low} to {high}; allowed: low <= high")


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
