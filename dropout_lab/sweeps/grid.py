"""Sweeps as iterables of overrides: grids, and combinations."""

import itertools
import json
import math
import runpy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.config import flatten, key_named, present_places
from dropout_lab.config.keys.values import plain
from dropout_lab.config.resolve import resolve_flat
from dropout_lab.config.texts import values_of
from dropout_lab.errors import InputError, describe_error, shown
from dropout_lab.variants import VARIANTS

Overrides = Mapping[str, Any]
"""The values that a trial sets, by configuration key."""

Grid = Mapping[str, Sequence[Any]]
"""The values to try, by configuration key."""

MAX_TRIALS = 100_000
"""Most trials of a sweep; a generator without an end is told by it."""


def parse(specs: Iterable[str]) -> dict[str, list[Any]]:
    """Returns the values to try for each key, from texts ``KEY=VALUE,VALUE,...``.

    The grammar is that of :func:`dropout_lab.config.texts.values_of`.

    >>> parse(["dropout.rate=0,0.5", "variant=none,dropout", "model.widths=(32,),(64,64)"])
    {'dropout.rate': [0, 0.5], 'variant': ['none', 'dropout'], 'model.widths': [(32,), (64, 64)]}

    Raises:
      InputError: If a text has no value, or a key is unknown or given twice.
    """
    grid: dict[str, list[Any]] = {}
    for spec in specs:
        key, equals, text = spec.partition("=")
        if not equals or not text.strip(","):
            raise InputError(f"--vary={spec}; allowed: --vary=KEY=VALUE,VALUE,...")
        values = values_of(key, text)
        if key in grid:
            raise InputError(
                f"--vary={spec}: {key} is varied twice; allowed: once, with all values"
            )
        grid[key] = values
    return grid


def with_all_variants(grid: Grid, config: ConfigDict) -> Grid:
    """Returns a grid in which ``variant=all`` is every variant that a configuration's model fits.

    >>> from dropout_lab.config import default_config
    >>> grid = with_all_variants({"variant": ["all"]}, default_config())
    >>> "dropout" in grid["variant"], "spatial_dropout" in grid["variant"]
    (True, False)
    """
    if list(grid.get("variant", ())) != ["all"]:
        return grid
    places = present_places(resolve_flat({**flatten(config.to_dict()), "variant": "none"}))
    fitting = [name for name, variant in VARIANTS.items() if variant.fits(places)]
    return {**grid, "variant": fitting}


def product(*factors: Grid | Iterable[Overrides]) -> Iterator[dict[str, Any]]:
    """Yields every combination; the last factor varies fastest.

    >>> list(product({"seed": [0, 1]}, zipped({"variant": ["a", "b"], "dropout.rate": [0.1, 0.2]})))
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'seed': 0, 'variant': 'a', 'dropout.rate': 0.1},
     {'seed': 0, 'variant': 'b', 'dropout.rate': 0.2},
     {'seed': 1, 'variant': 'a', 'dropout.rate': 0.1},
     {'seed': 1, 'variant': 'b', 'dropout.rate': 0.2}]

    Args:
      *factors: Sweeps, or grids, which stand for all combinations of their values.

    Raises:
      InputError: If two factors vary the same key, the values of a key are not a list, or there
        are more than ``MAX_TRIALS`` combinations.
    """
    sweeps = [
        _bounded(_combinations(part) if isinstance(part, Mapping) else part) for part in factors
    ]
    if math.prod(map(len, sweeps)) > MAX_TRIALS:
        raise _too_many()
    for parts in itertools.product(*sweeps):
        merged = {key: plain(value) for part in parts for key, value in part.items()}
        if len(merged) < sum(map(len, parts)):
            keys = [key for part in parts for key in part]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{repeated} is varied by two factors of a product; allowed: by one")
        yield merged


def _bounded(items: Iterable[Any]) -> list[Any]:
    listed = list(itertools.islice(items, MAX_TRIALS + 1))
    if len(listed) > MAX_TRIALS:
        raise _too_many()
    return listed


def _too_many() -> InputError:
    return InputError(
        f"a sweep of more than {MAX_TRIALS} trials or values; allowed: fewer, in sweeps of their "
        "own directories"
    )


def _combinations(grid: Grid) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*_listed(grid).values()):
        yield dict(zip(grid, values, strict=True))


def zipped(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yields the first values of all keys together, then the second, and so on.

    Raises:
      InputError: If the keys have different numbers of values, or the values of a key are not a
        list.
    """
    listed = _listed(grid)
    if len({len(values) for values in listed.values()}) > 1:
        counts = ", ".join(f"{len(values)} of {key}" for key, values in listed.items())
        raise InputError(f"values zipped: {counts}; allowed: the same number of each")
    for values in zip(*listed.values(), strict=True):
        yield dict(zip(grid, values, strict=True))


def _listed(grid: Grid) -> dict[str, list[Any]]:
    """Returns a list of values by key; raises InputError if the values of a key are not a list."""
    for key, values in grid.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise InputError(f"{key} is varied over {shown(values)}; allowed: a list of values")
    return {key: _bounded(values) for key, values in grid.items()}


def chain(*sweeps: Iterable[Overrides]) -> Iterator[Overrides]:
    """Yields the overrides of one sweep after another."""
    return itertools.chain(*sweeps)


def settings_and_seeds(
    sweep: Iterable[Overrides], default: int
) -> tuple[list[Overrides], list[int]]:
    """Returns the distinct settings of a sweep, and the seeds that all of them are tried with.

    >>> settings_and_seeds(product({"dropout.rate": [0.2, 0.5], "seed": [0, 1]}), default=0)
    ([{'dropout.rate': 0.2}, {'dropout.rate': 0.5}], [0, 1])

    Args:
      sweep: Overrides of each trial.
      default: Seed of trials that set none.

    Raises:
      InputError: If a seed is not allowed, or two settings have different seeds.
    """
    by_setting: dict[str, tuple[Overrides, set[int]]] = {}
    for overrides in sweep:
        values = {key: plain(value) for key, value in overrides.items()}
        for key, value in values.items():
            key_named(key).check(value)
        seed = values.get("seed", default)
        key_named("seed").check(seed)
        setting = {key: value for key, value in overrides.items() if key != "seed"}
        text = json.dumps(setting, sort_keys=True, default=repr)
        by_setting.setdefault(text, (setting, set()))[1].add(seed)
    settings = [setting for setting, _ in by_setting.values()]
    seeds = [sorted(seeds) for _, seeds in by_setting.values()]
    if any(other != seeds[0] for other in seeds):
        raise InputError(
            f"seeds {seeds[0]} for one setting and others for another; allowed: the same for all "
            "settings, so that their means can be compared"
        )
    return settings, seeds[0] if seeds else [default]


def read_sweep(path: str | Path) -> list[Overrides]:
    """Returns the overrides that the ``get_sweep()`` of a Python file yields.

    Raises:
      InputError: If there is no such file or function, or the function raises or yields something
        else.
    """
    if not Path(path).is_file():
        raise InputError(f"--sweep={path}: no such file; allowed: a Python file with get_sweep()")
    try:
        get_sweep = runpy.run_path(str(path)).get("get_sweep")
        if not callable(get_sweep):
            raise InputError(f"--sweep={path} has no get_sweep(); allowed: a file that defines it")
        sweep = get_sweep()
        if not isinstance(sweep, Iterable):
            raise InputError(
                f"--sweep={path}: get_sweep() returns {shown(sweep)}; allowed: values by "
                "configuration key, a mapping per trial"
            )
        sweep = _bounded(sweep)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a user's file can raise anything
        raise InputError(f"--sweep={path}: {describe_error(error, str(path))}") from error
    for overrides in sweep:
        if not isinstance(overrides, Mapping):
            raise InputError(
                f"--sweep={path}: get_sweep() yields {shown(overrides)}; allowed: values by "
                "configuration key, such as {'dropout.rate': 0.5}"
            )
    return sweep
