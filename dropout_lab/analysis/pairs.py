"""Differences of settings from a baseline, seed by seed, with intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dropout_lab.analysis.drawing import COLOURS, new_figure, open_frame, subplots
from dropout_lab.analysis.markup import escape_markdown, markdown_table
from dropout_lab.analysis.observations import (
    Observation,
    Value,
    join,
    natural,
    select,
    values_of,
)
from dropout_lab.analysis.statistics import CONFIDENCE, Difference, Sample, difference, holm
from dropout_lab.analysis.summary import cells, describe, setting
from dropout_lab.errors import InputError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 32  # characters of a name in a figure


@dataclass(frozen=True)
class Pair:
    """A setting beside the baseline.

    Attributes:
      name: Row and column value of the setting.
      apart: For each seed that both have, the setting's value minus the baseline's.
      difference: Their mean with its uncertainty; None for fewer than two, or all equal.
      p_holm: The two-sided p-value of the paired t-test, by Holm for the number of settings.
    """

    name: str
    apart: Mapping[int, float]
    difference: Difference | None
    p_holm: float | None


@dataclass(frozen=True)
class Comparison:
    """Settings beside a baseline, and what of them is compared."""

    value: str
    baseline: str
    pairs: Sequence[Pair]


def compare(
    records: Sequence[Mapping[str, Any]],
    planned: Mapping[str, dict[str, Any]],
    *,
    against: Sequence[str],
    value: str = "test_error",
    rows: str | None = "variant",
    cols: str | None = None,
    where: Sequence[str] = (),
) -> Comparison:
    """Returns the differences of all settings from a baseline.

    A setting is a pair of a row and a column value. With several baselines, one for each column
    value, a setting is compared with that of its column.

    Args:
      records: Trial records.
      planned: Resolved configurations of all planned trials, by trial id.
      against: Filters ``"key=value"`` that select the baseline.
      value: What is compared, as of :func:`dropout_lab.analysis.summary.summarise`.
      rows: Dotted configuration key of the rows.
      cols: Dotted configuration key of the columns.
      where: Filters ``"key=value"``.

    Raises:
      InputError: If the baseline is no setting or not one for each column, if no setting is left
        to compare, if no record has the value, or as ``summary.cells``.
    """
    trials = join(records, planned)
    groups = cells(trials, rows=rows, cols=cols, where=where)
    if not against:
        raise InputError("a comparison needs a baseline, as --against=variant=none")
    chosen = {id(trial) for trial in select(trials, against)}
    baselines = {
        at: members for at, members in groups.items() if all(id(one) in chosen for one in members)
    }
    if not baselines:
        raise InputError(f"{', '.join(against)} is no setting among rows and columns")
    samples = {at: _sample(members, value) for at, members in groups.items()}
    if not any(sample.n for sample in samples.values()):
        names = {
            name
            for trial in trials
            if trial.record is not None
            for name, number in values_of(trial.record).items()
            if number is not None
        }
        raise unknown("value", value, names)
    others = [at for at in groups if at not in baselines]
    if not others:
        raise InputError(f"no setting besides {', '.join(against)} to compare with it")
    order = {value: place for place, value in enumerate(natural(at[1] for at in others))}
    found = []
    for at in sorted(others, key=lambda at: (list(groups).index(at), order[at[1]])):
        base = samples[_baseline(at, list(baselines), against)]
        seeds = sorted(samples[at].by_seed.keys() & base.by_seed.keys())
        apart = {seed: samples[at].by_seed[seed] - base.by_seed[seed] for seed in seeds}
        found.append((setting(at), apart, difference(samples[at], base, paired=True)))
    adjusted = iter(holm([known.p_value for _, _, known in found if known is not None]))
    pairs = [
        Pair(name, apart, known, None if known is None else next(adjusted))
        for name, apart, known in found
    ]
    return Comparison(value, ", ".join(against), pairs)


def table(comparison: Comparison) -> str:
    """Returns the comparison as a Markdown table with a caption."""
    title, decimals = describe(comparison.value)
    decimals += 1
    caption = (
        f"Difference in {title} from {comparison.baseline}, paired by seed (n pairs): mean with "
        f"its {100 * CONFIDENCE:g} % interval, p of the two-sided paired t-test, and Holm's p for "
        f"{len(comparison.pairs)} comparisons."
    )
    body = []
    for pair in comparison.pairs:
        known = pair.difference
        mean = sum(pair.apart.values()) / len(pair.apart) if pair.apart else None
        low, high = (None, None) if known is None else known.interval
        body.append(
            [
                escape_markdown(pair.name),
                str(len(pair.apart)),
                "–" if mean is None else f"{mean:+.{decimals}f}",
                "–" if low is None else f"[{low:+.{decimals}f}, {high:+.{decimals}f}]",
                _p(None if known is None else known.p_value),
                _p(pair.p_holm),
            ]
        )
    header = ["setting", "n", "difference", f"{100 * CONFIDENCE:g} % interval", "p", "p (Holm)"]
    return markdown_table(escape_markdown(caption), header, body)


def draw(comparison: Comparison) -> Figure:
    """Returns the figure: each setting's mean difference with its interval, and each seed's."""
    title, _ = describe(comparison.value)
    count = len(comparison.pairs)
    figure = new_figure(1.0 + 0.2 * count)
    [[axes]] = subplots(figure)
    for y, pair in enumerate(comparison.pairs):
        sure = pair.p_holm is not None and pair.p_holm < 1 - CONFIDENCE
        colour = COLOURS[0] if sure else "#666666"
        axes.plot(list(pair.apart.values()), [y] * len(pair.apart), "|", color="#aaaaaa", zorder=1)
        if pair.difference is not None:
            low, high = pair.difference.interval
            axes.plot([low, high], [y, y], color=colour, linewidth=1.4, zorder=2)
        if pair.apart:
            mean = sum(pair.apart.values()) / len(pair.apart)
            look: Any = {"color": colour, "markerfacecolor": colour if sure else "white"}
            axes.plot([mean], [y], "o", markersize=4, zorder=3, **look)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(
        range(count), [f"{_end(pair.name)} (n = {len(pair.apart)})" for pair in comparison.pairs]
    )
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlabel(f"difference in {title} from {_end(comparison.baseline)}")
    open_frame(axes)
    axes.grid(visible=False, axis="y")
    title = (
        f"mean with {100 * CONFIDENCE:g} % interval; ticks: seeds; filled: p (Holm) < "
        f"{1 - CONFIDENCE:.2g}"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=7)
    return figure


def _sample(trials: Sequence[Observation], value: str) -> Sample:
    by_seed: dict[int, float] = {}
    diverged = 0
    for trial in trials:
        number = trial.measured(value)
        if trial.diverged:
            diverged += 1
        elif number is not None and math.isfinite(number):
            by_seed[trial.config["seed"]] = number  # type: ignore[index]
    return Sample(by_seed, diverged)


def _baseline(
    at: tuple[Value, Value], baselines: Sequence[tuple[Value, Value]], against: Sequence[str]
) -> tuple[Value, Value]:
    beside = [base for base in baselines if base[1] == at[1]]
    found = beside or list(baselines)
    if len(found) != 1:
        raise InputError(
            f"{', '.join(against)} selects {len(found)} baselines for {setting(at)}: "
            f"{'; '.join(map(setting, found))}; allowed: one, or one for each column"
        )
    return found[0]


def _p(number: float | None) -> str:
    if number is None:
        return "–"
    return "< 0.001" if number < 0.001 else f"{number:.3f}"


def _end(name: str) -> str:
    """Returns the end of a long name, such as a path, so that the figure keeps its width."""
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
