"""Table of a report."""

from collections.abc import Mapping
from typing import Any

import tabulate

_HEADER = ("case", "ours", "floor", "naive", "flax", "torch", "target", "here", "met")
SIDES = _HEADER[1:6]


def table(report: Mapping[str, Any]) -> str:
    """Returns a report as text: medians, in brackets over ours, and targets.

    A case with several targets has a line for each.
    """
    present = {side for case in report["cases"] for side in case["sides"]}
    lines = []
    for case in report["cases"]:
        cells = [case["case"], *(_cell(case, side) for side in SIDES if side in present)]
        targets = [target for target in report["targets"] if target["case"] == case["case"]]
        if not targets:
            lines.append([*cells, "", "", ""])
        for target in targets:
            met = "yes" if target["met"] else "NO"
            lines.append([*cells, target["text"], f"{target['value']:.3g}", met])
            cells = [""] * len(cells)
    header = [name for name in _HEADER if name not in SIDES or name in present]
    return tabulate.tabulate(lines, header, tablefmt="pipe", disable_numparse=True)


def caption(report: Mapping[str, Any]) -> str:
    """Returns one line on what was measured, where, and how many targets are met."""
    met = sum(target["met"] for target in report["targets"])
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    machine = report["machine"]
    return (
        f"Medians of at most {report['repeats']} repeats in turns, in brackets over ours; {met} of "
        f"{len(report['targets'])} targets met. {machine['cpu']}, {report['device']['cpus']} "
        f"cores, load {machine['load_before']:.2f} before; {versions}."
    )


def _cell(case: Mapping[str, Any], side: str) -> str:
    if side not in case["sides"]:
        return ""
    median, ours = case["sides"][side]["median"], case["sides"]["ours"]["median"]
    text = quantity(median, case["unit"])
    return text if side == "ours" else f"{text} ({median / ours:.3g})"


def quantity(value: float, unit: str) -> str:
    """Returns a number with its unit, three digits of it.

    >>> quantity(0.00123, "s"), quantity(2.5e6, "B"), quantity(0, "B")
    ('1.23 ms', '2.5 MB', '0 B')
    """
    for prefix, factor in (("M", 1e6), ("k", 1e3), ("", 1), ("m", 1e-3), ("µ", 1e-6)):
        if value >= factor and (unit == "B" or factor <= 1):
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
