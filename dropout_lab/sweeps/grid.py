"""What to try: sweeps as iterables of overrides, and how to combine and draw them."""

import ast
import hashlib
import itertools
import json
import math
import runpy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dropout_lab.config import KEYS
from dropout_lab.errors import InputError, describe_error, unknown

Overrides = Mapping[str, Any]
"""What one trial differs in: values by configuration key."""

Grid = Mapping[str, Sequence[Any]]
"""The values to try, by configuration key."""

Draw = Callable[[np.random.Generator], Any]
"""A distribution: from a source of randomness to a value."""


def parse(specs: Iterable[str]) -> dict[str, list[Any]]:
    """Returns the values to try for each key.

    >>> parse(["dropout.rate=0,0.5", "variant=none,dropout", "model.widths=(32,),(64,64)"])
    {'dropout.rate': [0, 0.5], 'variant': ['none', 'dropout'], 'model.widths': [(32,), (64, 64)]}

    Raises:
      InputError: If a specification has no value, or names an unknown key, or a key twice.
    """
    grid: dict[str, list[Any]] = {}
    for spec in specs:
        key, equals, text = spec.partition("=")
        if not equals or not text.strip(","):
            raise InputError(f"--vary={spec}; allowed: --vary=KEY=VALUE,VALUE,...")
        if key not in KEYS:
            raise unknown("configuration key", key, KEYS)
        if key in grid:
            raise InputError(
                f"--vary={spec}: {key} is varied twice; allowed: once, with all values"
            )
        grid[key] = _values(text)
    return grid


def _values(text: str) -> list[Any]:
    try:
        return list(ast.literal_eval(f"[{text}]"))
    except (ValueError, SyntaxError):
        return [_value(item) for item in text.split(",")]


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def product(*factors: Grid | Iterable[Overrides]) -> Iterator[dict[str, Any]]:
    """Yields every combination; what comes last varies fastest.

    >>> list(product({"seed": [0, 1]}, zipped({"variant": ["a", "b"], "dropout.rate": [0.1, 0.2]})))
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'seed': 0, 'variant': 'a', 'dropout.rate': 0.1},
     {'seed': 0, 'variant': 'b', 'dropout.rate': 0.2},
     {'seed': 1, 'variant': 'a', 'dropout.rate': 0.1},
     {'seed': 1, 'variant': 'b', 'dropout.rate': 0.2}]

    Args:
      *factors: Grids, each of which stands for all its combinations, or sweeps.

    Raises:
      InputError: If two factors vary one key, or a key has a single value and no list.
    """
    sweeps = [_combinations(part) if isinstance(part, Mapping) else part for part in factors]
    for parts in itertools.product(*sweeps):
        merged = {key: value for part in parts for key, value in part.items()}
        if len(merged) < sum(map(len, parts)):
            keys = [key for part in parts for key in part]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{twice} is varied by two factors of a product; allowed: by one")
        yield merged


def _combinations(grid: Grid) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*_listed(grid).values()):
        yield dict(zip(grid, values, strict=True))


def zipped(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yields the first values of all keys together, then the second, and so on.

    Raises:
      InputError: If the keys have unequally many values, or one has a single value and no list.
    """
    listed = _listed(grid)
    if len({len(values) for values in listed.values()}) > 1:
        counts = ", ".join(f"{len(values)} of {key}" for key, values in listed.items())
        raise InputError(f"values zipped: {counts}; allowed: equally many")
    for values in zip(*listed.values(), strict=True):
        yield dict(zip(grid, values, strict=True))


def _listed(grid: Grid) -> dict[str, list[Any]]:
    """Returns the values by key; InputError if a key has a single one and no list."""
    for key, values in grid.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputError(f"{key} is varied over {values!r}; allowed: a list of values")
    return {key: list(values) for key, values in grid.items()}


def chain(*sweeps: Iterable[Overrides]) -> Iterator[Overrides]:
    """Yields what each sweep yields, one sweep after another."""
    return itertools.chain(*sweeps)


def sampled(draws: Mapping[str, Draw], count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields overrides drawn at random.

    Each key has a stream of its own: more draws, or more keys, leave the first draws as they are.

    >>> [each["dropout.rate"] for each in sampled({"dropout.rate": uniform(0, 0.8)}, count=2)]
    [0.0415439, 0.0995202]

    Args:
      draws: A distribution per key, such as ``log_uniform(1e-3, 1)``.
      count: How many.
      seed: Of all streams.
    """
    streams = {key: np.random.default_rng(_stream(seed, key)) for key in draws}
    for _ in range(count):
        yield {key: draw(streams[key]) for key, draw in draws.items()}


def _stream(seed: int, key: str) -> list[int]:
    return [seed, int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")]


def uniform(low: float, high: float) -> Draw:
    """Returns the uniform distribution on an interval, to six digits."""
    return lambda random: _rounded(random.uniform(low, high))


def log_uniform(low: float, high: float) -> Draw:
    """Returns the distribution whose logarithm is uniform on an interval, to six digits.

    Raises:
      InputError: If the interval is not of positive numbers.
    """
    if not 0 < low <= high:
        raise InputError(f"log_uniform from {low} to {high}; allowed: 0 < low <= high")
    return lambda random: _rounded(math.exp(random.uniform(math.log(low), math.log(high))))


def integers(low: int, high: int) -> Draw:
    """Returns the uniform distribution on the whole numbers from low to high, both included."""
    return lambda random: int(random.integers(low, high, endpoint=True))


def choice(options: Sequence[Any]) -> Draw:
    """Returns the uniform distribution on the options."""
    return lambda random: options[int(random.integers(len(options)))]


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def settings_and_seeds(
    sweep: Iterable[Overrides], default: int
) -> tuple[list[Overrides], list[int]]:
    """Returns the settings of a sweep, each once, and the seeds that it tries all of them with.

    >>> settings_and_seeds(product({"dropout.rate": [0.2, 0.5], "seed": [0, 1]}), default=0)
    ([{'dropout.rate': 0.2}, {'dropout.rate': 0.5}], [0, 1])

    Args:
      sweep: Overrides by trial.
      default: The seed of a sweep without seeds.

    Raises:
      InputError: If a seed is not allowed, or a setting lacks one that another has.
    """
    found: dict[str, tuple[Overrides, list[int]]] = {}
    for overrides in sweep:
        KEYS["seed"].check(overrides.get("seed", default))
        setting = {key: value for key, value in overrides.items() if key != "seed"}
        _, seeds = found.setdefault(
            json.dumps(setting, sort_keys=True, default=repr), (setting, [])
        )
        seeds.append(overrides.get("seed", default))
    settings = [setting for setting, _ in found.values()]
    each = [sorted(set(seeds)) for _, seeds in found.values()]
    if any(seeds != each[0] for seeds in each):
        raise InputError(
            f"a sweep with seeds {each[0]} for one setting and others for another; allowed: the "
            "same for all, so that their means can be compared"
        )
    return settings, each[0] if each else [default]


def read_sweep(path: str | Path) -> list[Overrides]:
    """Returns what the ``get_sweep()`` of a Python file yields.

    Raises:
      InputError: If there is no such file or function, or it raises or yields something else.
    """
    if not Path(path).is_file():
        raise InputError(f"--sweep={path}: no such file; allowed: a Python file with get_sweep()")
    try:
        get_sweep = runpy.run_path(str(path)).get("get_sweep")
        if not callable(get_sweep):
            raise InputError(f"--sweep={path} has no get_sweep(); allowed: a file that defines it")
        found = get_sweep()
        if not isinstance(found, Iterable):
            raise InputError(
                f"--sweep={path}: get_sweep() returns {found!r}; allowed: values by configuration "
                "key, trial after trial"
            )
        sweep = list(found)
    except InputError:
        raise
    except Exception as error:  # the file may raise anything
        raise InputError(f"--sweep={path}: {describe_error(error, str(path))}") from error
    for overrides in sweep:
        if not isinstance(overrides, Mapping):
            raise InputError(
                f"--sweep={path}: get_sweep() yields {overrides!r}; allowed: values by "
                "configuration key, such as {'dropout.rate': 0.5}"
            )
    return sweep
