"""Draws the records of sweeps, and what variants and networks look like.

dropout-lab plot --kind=curves --workdir=DIR --value=val_error --rows=variant --output=curves.svg

Kinds: lines, a value against --cols, a line per row; curves, a value against the epoch; heatmap,
a value by --rows and --cols; pairs, differences from --against, paired by seed, with a table;
features, the first layers of saved networks and their activity, a network per --rows; masks, the
noise of every variant on an image, without --workdir.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from dropout_lab.cli.path_flag import define_path, define_paths
from dropout_lab.errors import InputError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("lines", "curves", "heatmap", "pairs", "features", "masks")


class Command:
    """Flags and execution of ``dropout-lab plot``."""

    def __init__(self) -> None:
        self._kind = flags.DEFINE_string("kind", "lines", f"{', '.join(KINDS)}.")
        self._workdir = define_paths(
            "workdir", "Directory of a sweep; repeatable, told apart by the key sweep."
        )
        self._output = define_path(
            "output", "File of the figure: .svg, .png or .pdf.", required=True
        )
        self._value = flags.DEFINE_string(
            "value",
            None,
            "A metric, a gap such as gap_error, wall_seconds; with curves a value of the "
            "histories. Default: test_error, with curves val_error.",
        )
        self._rows = flags.DEFINE_string(
            "rows", "variant", "Configuration key of the rows; empty for one row."
        )
        self._cols = flags.DEFINE_string("cols", None, "Configuration key of the columns.")
        self._where = flags.DEFINE_multi_string(
            "where", [], "Keep trials with KEY=VALUE; repeatable."
        )
        self._against = flags.DEFINE_multi_string(
            "against", [], "With pairs: KEY=VALUE of the baseline; repeatable."
        )
        self._rate = flags.DEFINE_float("rate", 0.3, "With masks: the rate of dropping.", 0.0, 0.99)
        self._seed = flags.DEFINE_integer("seed", 4, "With masks: seed of the noise.", 0)

    def run(self) -> None:
        """Draws the figure; a wrong flag leaves no file behind."""
        from dropout_lab.analysis.drawing import check_format, save

        if self._kind.value not in KINDS:
            raise unknown("kind of figure", self._kind.value, KINDS)
        if self._against.value and self._kind.value != "pairs":
            raise InputError(f"--against with --kind={self._kind.value}; allowed: --kind=pairs")
        path = Path(self._output.value)
        check_format(path)
        draw: Callable[[], Figure] = getattr(self, f"_{self._kind.value}")
        save(draw(), path)

    def _lines(self) -> Figure:
        from dropout_lab.analysis import plot

        return plot.draw(self._summary())

    def _curves(self) -> Figure:
        from dropout_lab.analysis import curves

        options = self._cells("val_error")
        return curves.draw(curves.learning_curves(*self._sweeps(), **options), options["value"])

    def _heatmap(self) -> Figure:
        from dropout_lab.analysis import heat_map

        return heat_map.draw(self._summary())

    def _pairs(self) -> Figure:
        from dropout_lab.analysis import pairs

        compared = pairs.compare(
            *self._sweeps(), against=self._against.value, **self._cells("test_error")
        )
        print(pairs.table(compared), end="")
        return pairs.draw(compared)

    def _features(self) -> Figure:
        from dropout_lab.analysis import features
        from dropout_lab.analysis.observations import join, label
        from dropout_lab.analysis.summary import cells
        from dropout_lab.sweeps.frame import load_networks

        records, planned = self._sweeps()
        rows = self._rows.value or None
        groups = cells(join(records, planned), rows=rows, where=self._where.value)
        if len(self._workdir.value) != 1:
            raise InputError("--kind=features; allowed: one --workdir")
        first = {}
        for (row, _), trials in groups.items():
            done = [trial.record["id"] for trial in trials if trial.record and not trial.diverged]
            for trained in load_networks(self._workdir.value[0], done[:1]).values():
                first[label(row) if rows else "network"] = features.first_layer(trained)
        if not first:
            raise InputError(f"{self._workdir.value[0]!r} holds no finished trial to draw")
        return features.draw(first)

    def _masks(self) -> Figure:
        from dropout_lab.analysis import masks

        return masks.gallery(masks.photograph(), rate=self._rate.value, seed=self._seed.value)

    def _summary(self) -> Any:
        from dropout_lab.analysis.summary import summarise

        return summarise(*self._sweeps(), **self._cells("test_error"))

    def _cells(self, value: str) -> dict[str, Any]:
        return {
            "value": self._value.value or value,
            "rows": self._rows.value or None,
            "cols": self._cols.value,
            "where": self._where.value,
        }

    def _sweeps(self) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        from dropout_lab.sweeps.gather import gather, sweeps_in

        if not self._workdir.value:
            raise InputError(f"--kind={self._kind.value} needs --workdir=DIR, a sweep's directory")
        return gather(sweeps_in(self._workdir.value))
