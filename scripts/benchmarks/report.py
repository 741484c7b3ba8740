"""Table of a report."""

from collections.abc import Mapping
from typing import Any

import tabulate

SIDES = ("ours", "floor", "naive", "flax", "torch", "rbg", "deterministic")
_JUDGED = ("target", "here", "met")


def table(report: Mapping[str, Any]) -> str:
    """Returns a report as text: medians, in brackets over ours, and targets, if there are any.

    A case with several targets has a line for each.
    """
    present = {side for case in report["cases"] for side in case["sides"]}
    sides = [side for side in SIDES if side in present]
    lines = []
    for case in report["cases"]:
        cells = [case["case"], *(_cell(case, side) for side in sides)]
        targets = [target for target in report["targets"] if target["case"] == case["case"]]
        if not targets:
            lines.append([*cells, "", "", ""])
        for target in targets:
            met = "yes" if target["met"] else "NO"
            lines.append([*cells, target["text"], f"{target['value']:.3g}", met])
            cells = [""] * len(cells)
    header = ["case", *sides, *(_JUDGED if report["targets"] else ())]
    lines = [line[: len(header)] for line in lines]
    return tabulate.tabulate(lines, header, tablefmt="pipe", disable_numparse=True)


def caption(report: Mapping[str, Any]) -> str:
    """Returns one line on what was measured, where, and how many targets are met."""
    targets, device, machine = report["targets"], report["device"], report["machine"]
    met = f"; {sum(target['met'] for target in targets)} of {len(targets)} targets met"
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    accelerator = "" if device["platform"] == "cpu" else f"{device['kind']} beside "
    return (
        f"Medians of at most {report['repeats']} repeats in turns, in brackets over ours"
        f"{met if targets else ''}. {accelerator}{machine['cpu']}, {device['cpus']} cores, load "
        f"{machine['load_before']:.2f} before; {versions}."
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
