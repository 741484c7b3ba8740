"""Experiments: cells, the paper's numbers, its claims, and the protocols for running them.

A file ``experiments/NAME.py`` holds one, as ``EXPERIMENT``, and nothing else.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from dropout_lab.config import KEYS
from dropout_lab.errors import InputError, unknown
from dropout_lab.reproduce.claim import CellMetric, Claim
from dropout_lab.sweeps.grid import Grid, Overrides


@dataclasses.dataclass(frozen=True)
class Published:
    """A number of a paper.

    Attributes:
      value: The number.
      std: Its standard deviation over ``n`` networks; None where the paper gives none.
      n: Networks averaged; None where the paper does not say.
    """

    value: float
    std: float | None = None
    n: int | None = None


@dataclasses.dataclass(frozen=True)
class Cell:
    """A setting of a paper; with a ``grid``, the best of several on validation data.

    Attributes:
      fixed: Values by configuration key.
      grid: The values to choose among, by key; empty if nothing is tuned.
      paper: The paper's numbers, by metric.
    """

    fixed: Overrides
    grid: Grid = dataclasses.field(default_factory=dict)
    paper: Mapping[str, Published] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table's layout.

    Attributes:
      columns: The columns' titles.
      rows: The values of a row, one per column, by its title; None where the paper has none.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[CellMetric | None, ...]]


@dataclasses.dataclass(frozen=True)
class Curves:
    """A figure's layout.

    Attributes:
      x: Label of the x axis.
      y: Label of the y axis.
      lines: A curve's values by x, by the curve's title.
    """

    x: str
    y: str
    lines: Mapping[str, Mapping[float, CellMetric]]


@dataclasses.dataclass(frozen=True)
class EnsembleVote:
    """Measures the error of the mean prediction of a cell's networks, as ``vote_error``."""

    metrics: ClassVar = ("vote_error",)

    def __str__(self) -> str:
        return "a vote of the networks"


@dataclasses.dataclass(frozen=True)
class MonteCarloPasses:
    """Measures the error of the mean of k noisy passes of a network, as ``passes_K_error``.

    Attributes:
      counts: The numbers k of passes.
      pool: Passes from which they are drawn with replacement.
    """

    counts: tuple[int, ...]
    pool: int
    rule: ClassVar = "mc"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return tuple(f"passes_{count}_error" for count in self.counts)

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.counts))} passes of a pool of {self.pool}"


@dataclasses.dataclass(frozen=True)
class InferenceRule:
    """Measures the error under another inference rule than the variant's, as ``RULE_error``.

    Attributes:
      rule: A key of ``places.INFERENCE_RULES`` that every cell's variant has.
    """

    rule: str

    @property
    def metrics(self) -> tuple[str, ...]:
        """The name of what is measured."""
        return (f"{self.rule}_error",)

    def __str__(self) -> str:
        return f"rule of inference {self.rule!r}"


Evaluation = EnsembleVote | MonteCarloPasses | InferenceRule


@dataclasses.dataclass(frozen=True)
class Amendment:
    """A change of an experiment's claims, cells or choices after a run of it began.

    Attributes:
      change: What was changed, a sentence.
      reason: Why, and whether test errors were known then, a sentence.
      fingerprint: The first 12 digits of the changed commitment's fingerprint; empty if the run is
        older than the recording of commitments.
    """

    change: str
    reason: str
    fingerprint: str = ""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """One way to run an experiment.

    Attributes:
      seeds: Seeds of the final networks.
      cost: How long it takes on which machine, and whether that was measured or estimated.
      search_seeds: Seeds of the networks by whose validation errors settings are chosen.
      base: Values by key that override the experiment's ``base``.
      cells: By cell, values by key that override the cell's ``fixed``.
      grid: By key, values to choose among that replace those of the cells' ``grid``.
      evaluations: Evaluations of the final networks besides the one in their records.
      claims: Claims that only a protocol of this length can test, besides the experiment's.
      excluded_cells: Cells that it leaves out; claims about them are not judged.
      shortened: What is smaller or shorter than in the paper (after no paper, than in ``full``),
        one sentence each; ``short`` only.
      departures: What differs from the paper because this code cannot do it, one sentence each.
      assumed: Choices where the paper is silent, with reasons, one sentence each.
      remarks: Comments on the results, such as the likeliest reason why a claim failed.
      title: Replaces the experiment's title if this protocol's task differs.
      incomparable: Why the paper's numbers are of another task, so that differences from them are
        not shown; empty if the task is the same.
      exploratory: What was changed after test errors were seen, which makes the results
        exploratory; empty if nothing.
      amendments: What was changed after the run began.
    """

    seeds: tuple[int, ...]
    cost: str
    search_seeds: tuple[int, ...] = (1000,)
    base: Overrides = dataclasses.field(default_factory=dict)
    cells: Mapping[str, Overrides] = dataclasses.field(default_factory=dict)
    grid: Grid = dataclasses.field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    claims: tuple[Claim, ...] = ()
    excluded_cells: tuple[str, ...] = ()
    shortened: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    title: str = ""
    incomparable: str = ""
    exploratory: str = ""
    amendments: tuple[Amendment, ...] = ()


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or figure of a paper, or of a question of one's own.

    Attributes:
      title: What it shows.
      citation: Authors, title, venue, year; empty if it is after no paper.
      source: Where in the paper the numbers are, and how they were read; or whose question it is.
      base: Values by key that all cells share.
      cells: The settings compared, by label.
      headline: The value that stands for the experiment in one line.
      claims: What the paper concludes, or what is expected, as comparisons.
      protocols: ``paper``, and ``full``, ``short`` or both; after no paper, ``full`` and ``short``.
      table: The table's layout; None for a row per cell.
      curves: The figure's layout; None to draw the table.
    """

    title: str
    citation: str
    source: str
    base: Overrides
    cells: Mapping[str, Cell]
    headline: CellMetric
    claims: tuple[Claim, ...]
    protocols: Mapping[str, Protocol]
    table: Table | None = None
    curves: Curves | None = None

    @property
    def layout(self) -> Table:
        """The layout of the table; by default, a row per cell."""
        metric = self.headline.metric
        rows = {label: (CellMetric(label, metric),) for label in self.cells}
        return self.table or Table(columns=("",), rows=rows)

    @property
    def reference(self) -> str:
        """The protocol that the others are compared with."""
        return "paper" if self.citation else "full"

    @property
    def numbered(self) -> bool:
        """Whether the paper gives numbers, not only a drawing."""
        return any(cell.paper for cell in self.cells.values())

    def check(self, name: str) -> None:
        """Raises InputError, naming the experiment and the key, if something does not fit."""
        names = set(self.protocols)
        if self.citation and not {"paper"} < names <= {"paper", "full", "short"}:
            raise InputError(
                f"experiment {name}: protocols are {', '.join(self.protocols)}; allowed: paper, "
                "with full, short or both"
            )
        if not self.citation and names != {"full", "short"}:
            raise InputError(
                f"experiment {name}: protocols are {', '.join(self.protocols)}; allowed, as it has "
                "no citation: full and short"
            )
        for where, key in self._keys():
            if key not in KEYS:
                raise InputError(f"experiment {name}, {where}: {unknown('key', key, KEYS)}")
        for where, label in self._labels():
            if label not in self.cells:
                raise InputError(
                    f"experiment {name}, {where}: {unknown('cell', label, self.cells)}"
                )
        for row, values in self.layout.rows.items():
            if len(values) != len(self.layout.columns):
                raise InputError(
                    f"experiment {name}, table: row {row!r} has {len(values)} values; allowed: "
                    f"{len(self.layout.columns)}, one for each column"
                )

    def _keys(self) -> Iterator[tuple[str, str]]:
        """Yields every configuration key, after the place where it is used."""
        parts: list[tuple[str, Mapping[str, Any]]] = [("base", self.base)]
        for label, cell in self.cells.items():
            parts += [(f"cell {label!r}", cell.fixed), (f"grid of {label!r}", cell.grid)]
        for kind, protocol in self.protocols.items():
            parts += [(f"{kind}.base", protocol.base), (f"{kind}.grid", protocol.grid)]
            parts += [(f"{kind}.cells {label!r}", cell) for label, cell in protocol.cells.items()]
        for where, overrides in parts:
            for key in overrides:
                yield where, key

    def _labels(self) -> Iterator[tuple[str, str]]:
        """Yields every mention of a cell, after the place where it is used."""
        yield "headline", self.headline.cell
        extra = [claim for protocol in self.protocols.values() for claim in protocol.claims]
        for claim in (*self.claims, *extra):
            for value in claim.values:
                yield f"claim {str(claim)!r}", value.cell
        for kind, protocol in self.protocols.items():
            for label in protocol.cells:
                yield f"{kind}.cells", label
            for label in protocol.excluded_cells:
                yield f"{kind}.excluded_cells", label
        values = [value for row in self.layout.rows.values() for value in row if value]
        for line in self.curves.lines.values() if self.curves else ():
            values += line.values()
        for value in values:
            yield "layout", value.cell
