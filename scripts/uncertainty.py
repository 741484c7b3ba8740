r"""Scores noisy passes, Masksembles and ensembles of equal size, on shifted images and outliers.

python scripts/sweep.py --config=configs/mnist_uncertainty.py \
    --sweep=configs/mnist_uncertainty.py --workdir=DIR
python scripts/uncertainty.py DIR --shift=rotation:60,rotation:45,rotation:15,rotation:30 \
    --against=cifar10

Networks of the variant ``none`` are the members of ensembles, each used once for a number of
members. Writes scores.json, uncertainty.md and uncertainty.svg into DIR.
"""

import argparse
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

from dropout_lab.analysis.drawing import (
    COLOURS,
    MARKERS,
    label_ends,
    new_figure,
    open_frame,
    save,
    subplots,
)
from dropout_lab.analysis.evaluation import ENSEMBLE, Question, evaluate
from dropout_lab.analysis.markup import markdown_table
from dropout_lab.analysis.scores import entropy
from dropout_lab.sweeps import load_networks
from dropout_lab.system.files import write_bytes, write_json
from dropout_lab.training.trained import Trained

COUNTS = (1, 2, 5, 10, 30)
"""Numbers of passes, masks and members."""

Scores = dict[str, dict[str, dict[str, dict[str, list[float]]]]]
"""By method, number of passes, test set and score: a value of each network or ensemble."""


def main(args: Sequence[str] | None = None) -> None:
    """Scores the networks of a sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--shift", default="rotation:45", help="by commas; the last is drawn")
    parser.add_argument("--against", default="permuted", help="by commas; the last is drawn")
    given = parser.parse_args(args)
    shifts, against = given.shift.split(","), given.against.split(",")
    scores = measure([*load_networks(given.workdir).values()], shifts, against)
    write_json(given.workdir / "scores.json", scores)
    columns = table_columns(shifts, against)
    write_bytes(given.workdir / "uncertainty.md", table(scores, columns).encode())
    drawn = [("test", "nll"), (shifts[-1], "nll"), (shifts[-1], "ece"), columns[-1]]
    draw(scores, drawn, given.workdir / "uncertainty.svg")


def table_columns(shifts: Sequence[str], against: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the test set and the score of each column: of all shifts the last."""
    of_test = ("error", "nll", "ece", "diversity", "seconds")
    of_shift = ("error", "nll", "ece", "aurc")
    return [
        *(("test", name) for name in of_test),
        *((shifts[-1], name) for name in of_shift),
        *((f"test, {name}", "auroc") for name in against),
    ]


def measure(networks: Sequence[Trained], shifts: Sequence[str], against: Sequence[str]) -> Scores:
    """Returns the scores of all methods.

    Among them ``diversity``, the mutual information of passes, and the ``seconds`` that all passes
    over the test images take, compilation aside.
    """
    scores: Scores = {}
    for method, count, groups, question in _settings(networks, shifts, against):
        found = scores.setdefault(method, {}).setdefault(str(count), {})
        for group in groups:
            for answer in evaluate(group, question):
                values = found.setdefault(answer.test, {})
                for name, [value] in answer.values.items():
                    values.setdefault(name, []).append(value)
            diversity, seconds = _timed(functools.partial(_diversity, group, count))
            found["test"].setdefault("diversity", []).append(diversity)
            found["test"].setdefault("seconds", []).append(seconds)
    return json.loads(json.dumps(scores))


def _settings(
    networks: Sequence[Trained], shifts: Sequence[str], against: Sequence[str]
) -> Iterator[tuple[str, int, list[list[Trained]], Question]]:
    """Yields method, number of passes, the networks that predict together, and the question."""
    by_variant: dict[str, list[Trained]] = {}
    for network in networks:
        by_variant.setdefault(network.record["config"]["variant"], []).append(network)
    asked = functools.partial(Question, shifts=tuple(shifts), against=tuple(against))
    for count in COUNTS:
        alone = [[network] for network in by_variant["dropout"]]
        yield "Monte-Carlo dropout", count, alone, asked(inference="mc", passes=count)
        alone = [
            [network]
            for network in by_variant["masksembles"]
            if network.record["config"]["dropout"]["masks"] == count
        ]
        if alone:
            yield "Masksembles", count, alone, asked(inference="masks")
        members = by_variant["none"]
        groups = [members[i : i + count] for i in range(0, len(members) - count + 1, count)]
        if groups:
            yield "ensemble", count, groups, asked(inference=ENSEMBLE)


def _timed(function: Callable[[], float]) -> tuple[float, float]:
    """Returns what a function returns, and the seconds that a second call takes."""
    function()
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def _diversity(group: Sequence[Trained], count: int) -> float:
    """Returns the mean mutual information between label and pass over test examples, in nats."""
    images = group[0].test_split().images
    if group[0].record["config"]["variant"] != "none":
        return float(group[0].uncertainty(images, passes=count).mutual_information.mean())
    probs = np.stack([np.asarray(network.predict(images), np.float64) for network in group])
    return float((entropy(probs.mean(0)) - np.mean([*map(entropy, probs)], axis=0)).mean())


def table(scores: Scores, columns: Sequence[tuple[str, str]]) -> str:
    """Returns the scores as a Markdown table, a row for each method and number of passes."""
    caption = (
        "Mean ± sample standard deviation over networks, or over ensembles of different networks; "
        "n of them. networks: how many are trained for one prediction; seconds: of all passes over "
        "the test images. error and aurc in %, diversity in nats; auroc: outliers told by entropy."
    )
    body = []
    for method, counts in scores.items():
        for count, sets in counts.items():
            number = str(len(sets["test"]["error"]))
            trained = count if method == ENSEMBLE else "1"
            body.append(
                [method, count, trained, number, *(_cell(sets[test][s]) for test, s in columns)]
            )
    head = ["method", "passes", "networks", "n", *(f"{test}: {name}" for test, name in columns)]
    return markdown_table(caption, head, body)


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def draw(scores: Scores, panels: Sequence[tuple[str, str]], path: Path) -> None:
    """Draws means and ranges of scores against the number of passes."""
    figure = new_figure(2.3 * -(-len(panels) // 2), 6.4)
    grid = [axes for line in subplots(figure, -(-len(panels) // 2), 2) for axes in line]
    for (test, name), axes in zip(panels, grid, strict=False):
        ends = []
        for (method, counts), colour, marker in zip(
            scores.items(), cycle(COLOURS), cycle(MARKERS), strict=False
        ):
            values = [sets[test][name] for sets in counts.values()]
            x, y = [*map(int, counts)], [float(np.mean(each)) for each in values]
            axes.plot(x, y, color=colour, marker=marker, markersize=3.5, linewidth=1.2)
            axes.vlines(x, [*map(min, values)], [*map(max, values)], color=colour, linewidth=0.8)
            ends.append((y[-1], method, colour))
        axes.set(xscale="log", xlabel="passes", ylabel=name, xticks=COUNTS, xticklabels=COUNTS)
        axes.minorticks_off()
        axes.set_title(test, loc="left", fontsize=8)
        open_frame(axes)
        label_ends(axes, ends)
    save(figure, path)


if __name__ == "__main__":
    main()
