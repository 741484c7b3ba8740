"""The gallery: a page for every variant, from the tables of variants, records and measurements."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import experiments
from dropout_lab.analysis import masks
from dropout_lab.analysis.summary import Aggregate, summarise
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.sweeps import Store
from dropout_lab.variants import PLACES, VARIANTS, Variant
from dropout_lab.variants.prose import DESCRIPTIONS, Description

REPORT = experiments.RESULTS / "benchmark" / "benchmark.json"

_INDEX = """\
# Variants

Name one as `--config=FILE.py:VARIANT` or `--vary=variant=...`; `--vary=variant=all` is every
variant that fits the model. *inference*: its [rules of inference](../design.md#inference-rules),
the default first. KL: it adds a divergence to the loss. A variant of your own: [](../own_code.md).

"""

_RATE = 0.3  # of the noise in the pictures
_SYMBOLS = (
    r"Here $p$ is the rate of dropping, $\epsilon$ a standard normal variable, and $m$ or $M$ a "
    "mask: 1 with probability $1 - p$, else 0, unless its formula says otherwise."
)


def write(folder: Path) -> None:
    """Writes the index of the gallery and a page for every variant."""
    folder.mkdir()
    (folder / "index.md").write_text(_INDEX + table("") + _toctree(VARIANTS))
    for name in VARIANTS:
        (folder / f"{name}.md").write_text(_page(name))
    _draw(folder)


def _draw(folder: Path) -> None:
    """Writes a picture of every variant's noise, ``NAME.png``."""
    image = masks.photograph() * (1 - _RATE)  # room for what the noise scales up
    for name in VARIANTS:
        shown, _ = masks.noisy(name, image, rate=_RATE)
        pixels = (255 * np.clip(shown, 0, 1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")


def table(folder: str) -> str:
    """Returns the table of all variants, whose links lead to pages in a folder."""
    lines = ["| variant | what is noisy | inference | loss | networks | papers |"]
    lines.append("|:--|:--|:--|:--|:--|:--|")
    for name, variant in VARIANTS.items():
        about = DESCRIPTIONS[name]
        papers = ", ".join(paper.partition(", arXiv:")[0] for paper in about.papers)
        cells = [
            f"[{name}]({folder}{name}.md)",
            about.noisy,
            ", ".join(variant.inference),
            "" if variant.penalty_weight is None else "KL",
            _networks(variant),
            papers,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _toctree(names: Any) -> str:
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def _networks(variant: Variant) -> str:
    fitting = [name for name in MODELS if variant.fits(MODELS[name].places)]
    return "all" if fitting == list(MODELS) else ", ".join(fitting)


def _page(name: str) -> str:
    variant, about = VARIANTS[name], DESCRIPTIONS[name]
    alt = f"A photograph after one noisy pass at rate {_RATE:g}"
    parts = [f"# {name}", f"```{{image}} {name}.png\n:alt: {alt}\n:class: mask\n```"]
    parts += [f"$$\n{about.formula}\n$$"]
    parts += [_SYMBOLS] if about.op else []
    parts += [f"Noisy: {about.noisy}.", about.use]
    if about.papers:
        parts.append("Proposed by " + "; ".join(map(_linked, about.papers)) + ".")
    parts += ["\n".join(_facts(variant, about)), "## What it did here", _results(name)]
    return "\n\n".join(parts) + "\n"


def _linked(paper: str) -> str:
    return re.sub(r"arXiv:(\S+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)


def _facts(variant: Variant, about: Description) -> Iterator[str]:
    yield "| | |"
    yield "|:--|:--|"
    if about.op:
        yield f"| op | [ops.{about.op}](../reference/ops/{about.op}.md) |"
    layers = {
        f"{place}: [{choice.layer.__name__}](../reference/nn/{choice.layer.__name__}.md)": None
        for place, choice in variant.layers.items()
    }
    if layers:
        yield f"| layers, by [place](../design.md#places) | {', '.join(layers)} |"
    yield f"| networks | {_networks(variant)} |"
    keys = sorted(variant.reads(tuple(PLACES)))
    if keys:
        cells = ", ".join(f"`dropout.{key}`" for key in keys)
        yield f"| [keys](../configuration.md#dropout) | {cells} |"
    yield f"| inference | {', '.join(variant.inference)} |"
    if variant.penalty_weight is not None:
        yield f"| added to the loss | a KL divergence, weight {variant.penalty_weight:g} |"
    if cost := costs().get(about.op):
        yield f"| cost of the op | {cost} ([how it is measured](../performance.md)) |"


@functools.cache
def costs() -> dict[str, str]:
    """Returns the measured cost of ops, by name: the time of a call over that of its floor."""
    found = {}
    for case in json.loads(REPORT.read_text())["cases"]:
        name, _, kind = case["case"].replace(" 0.5 forward", "").partition(", ")
        if case["suite"] != "ops" or "floor" not in case["sides"] or kind not in ("", "a product"):
            continue
        ratio = case["sides"]["ours"]["median"] / case["sides"]["floor"]["median"]
        unit = "matrix products without noise" if kind else "copies of its input"
        found[name] = f"{ratio:.1f} {unit}"
    return found


@functools.cache
def _sweeps() -> dict[str, dict[str, Aggregate]]:
    """Returns the test errors of the committed sweeps over variants: sweep -> variant -> error."""
    found = {}
    for path in sorted(experiments.RESULTS.glob("*/sweep.json")):
        store = Store(path.parent)
        try:
            summary = summarise(store.records(), store.trials())
        except InputError:  # it varies other keys, or was never tested
            continue
        rows = {str(row): cell for (row, _), cell in summary.cells.items()}
        if len(rows) > 1:
            found[path.parent.name] = rows
    return found


@functools.cache
def _experiments() -> dict[str, set[str]]:
    """Returns the variants that each experiment uses."""
    found = {}
    for name in experiments.NAMES:
        experiment = experiments.load(name)
        values = [experiment.base.get("variant")]
        for cell in experiment.cells.values():
            values += [cell.fixed.get("variant"), *cell.grid.get("variant", ())]
        for protocol in experiment.protocols.values():
            values += [each.get("variant") for each in (protocol.base, *protocol.cells.values())]
        found[name] = {str(value) for value in values if value}
    return found


def _results(name: str) -> str:
    lines = []
    for sweep, rows in _sweeps().items():
        if name in rows:
            cells = f"{_error(rows[name])} | {_error(rows['none']) if 'none' in rows else ''}"
            own = (experiments.RESULTS / sweep / "README.md").is_file()
            page = f"{sweep}/README.md" if own else "sweeps.md"
            lines.append(f"| [{sweep}](../results/{page}) | {cells} |")
    head = f"| sweep | {name} | no dropout |\n|:--|:--|:--|\n"
    table = head + "\n".join(lines) if lines else "No committed sweep has it."
    published = dict(experiments.published())
    used = [each for each, variants in _experiments().items() if name in variants]
    papers = ", ".join(
        f"[{each}](../results/{each}/{published[each]}/README.md)"
        if each in published
        else f"{each} (not yet run)"
        for each in used
    )
    note = "Test error (%): mean ± sample standard deviation over seeds (their number)."
    if any("digits" in line for line in lines):
        note += " On digits all variants have their default rates; no rate was tuned."
    parts = [note, table] if lines else [table]
    return "\n\n".join([*parts, *([f"In papers' tables and figures: {papers}."] if papers else [])])


def _error(cell: Aggregate) -> str:
    if cell.mean is None:
        return "–"
    return (
        f"{cell.mean:.2f}" + (f" ± {cell.std:.2f}" if cell.std is not None else "") + f" ({cell.n})"
    )
