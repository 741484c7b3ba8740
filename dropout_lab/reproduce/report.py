"""The files written about an experiment, computed from its records."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dropout_lab.analysis.markup import escape_markdown, markdown_table
from dropout_lab.analysis.statistics import significant
from dropout_lab.config import flatten
from dropout_lab.reproduce import table
from dropout_lab.reproduce.commitment import short_fingerprint
from dropout_lab.reproduce.figure import figure_data
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.verdicts import LEVEL, Verdict, judge
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.sweeps.status import duration
from dropout_lab.tuning.choice import Choice


def texts(results: Results) -> dict[str, str]:
    """Returns the text of each file, by name; equal records give equal texts."""
    verdicts = judge(results)
    claims = _claims_table(verdicts)
    return {
        "table.md": table.markdown(results),
        "table.tex": table.latex(results),
        "table.csv": table.csv_table(results),
        "figure.json": _json(figure_data(results)),
        "claims.md": claims,
        "claims.json": _json([_claim_data(verdict) for verdict in verdicts]),
        "README.md": _page(results, claims),
    }


def _claims_table(verdicts: Sequence[Verdict]) -> str:
    caption = (
        "Claims: difference of means with an interval, the same in standard deviations, and "
        "one-sided p-values of the claim and of its contrary. P-values are after Holm's correction "
        "over the claims of this page, for the claims and for their contraries apart; nothing "
        "corrects for other pages. Each end of an interval is a one-sided bound at the level at "
        f"which that correction stops. Reproduced or contradicted: p below {LEVEL:g}."
    )
    header = ["claim", "verdict", "difference", "in std", "p for", "p against"]
    return markdown_table(caption, header, [_claim_line(verdict) for verdict in verdicts])


def _claim_line(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    difference = "–"
    if verdict.effect is not None and verdict.interval is not None:
        interval = table.interval_text(*verdict.interval, verdict.decimals)
        difference = f"{table.signed(verdict.effect.estimate, verdict.decimals)} {interval}"
        if len(claim.values) > 2:
            difference += f" ({' − '.join(map(str, verdict.values))})"
    difference = verdict.reason or difference
    if verdict.diverged:
        difference += f"; without {verdict.diverged} that diverged"
    line = [
        f"{claim} ({claim.test})",
        verdict.verdict,
        difference,
        "–" if verdict.standardised is None else table.signed(verdict.standardised, 1),
        *("–" if p is None else f"{p:.2g}" for p in (verdict.p_for, verdict.p_against)),
    ]
    return [escape_markdown(text) for text in line]


def _claim_data(verdict: Verdict) -> dict[str, Any]:
    effect = verdict.effect
    numbers = {
        "difference": effect.estimate if effect else None,
        "low": verdict.interval[0] if verdict.interval else None,
        "high": verdict.interval[1] if verdict.interval else None,
        "standardised": verdict.standardised,
        "p_for": verdict.p_for,
        "p_against": verdict.p_against,
    }
    return {
        "claim": str(verdict.claim),
        "test": verdict.claim.test,
        "values": list(map(str, verdict.values)),
        "verdict": verdict.verdict,
        **{name: significant(number) for name, number in numbers.items()},
        "diverged": verdict.diverged,
        "reason": verdict.reason,
    }


def _page(results: Results, claims: str) -> str:
    experiment, protocol, run = results.experiment, results.design.protocol, results.run
    parts = [
        f"# {protocol.title or experiment.title}",
        f"{experiment.citation or 'No paper'}. {experiment.source}.",
    ]
    if protocol.exploratory:
        parts.append(
            f"**Exploratory: {protocol.exploratory}** No claim counts as reproduced by such a run."
        )
    reference = f"protocol `{experiment.reference}`"
    if experiment.citation:
        original, chosen, drawn = "the paper", "Where the paper is silent", "Ours and the paper's"
    else:
        original, chosen, drawn = reference, "Chosen without a search", "Means and deviations"
    for title, sentences in (
        (f"Protocol `{run['protocol']}`. Less than in {original}:", protocol.shortened),
        ("Otherwise than in the paper:", protocol.departures),
        (f"{chosen}:", protocol.assumed),
        (f"Otherwise than in {reference}, by configuration:", results.design.departures),
    ):
        if sentences:
            parts.append("\n".join([title, "", *(f"- {sentence}" for sentence in sentences)]))
    parts += [table.markdown(results).strip(), f"![{drawn}](figure.svg)"]
    if results.not_run:
        parts.append(
            f"Not run yet: {'; '.join(results.not_run)}. Claims about these are open, and counted "
            "in Holm's correction."
        )
    parts += ["## Claims", claims.strip(), *_commitment(results), *protocol.remarks]
    searched = {label: choice for label, choice in results.choices.items() if choice.searched}
    parts += ["## How", f"```sh\n{run['command']}\n```", _how(results, searched=bool(searched))]
    if searched:
        parts.append(_settings_table(searched).strip())
    return "\n\n".join(parts) + "\n"


def _commitment(results: Results) -> list[str]:
    """Returns when claims, cells and choices were fixed, and what was changed after that."""
    run = results.run
    if "commitment" in run:
        fixed = (
            "Claims, cells and choices were fixed when the run began (`run.json`, fingerprint "
            f"{short_fingerprint(run['commitment'])}, code {run['began']['git_revision']})."
        )
    else:
        fixed = (
            "This run is from before claims, cells and choices were fixed in `run.json` when a run "
            "began: nothing there shows that they are older than its results."
        )
    amendments = results.design.protocol.amendments
    return [fixed, *(f"Changed since: {change.change} {change.reason}" for change in amendments)]


def _how(results: Results, *, searched: bool) -> str:
    records = list(results.records.values())
    devices = {_machine(record["device"]) for record in records}
    versions = {
        f"jax {record['versions']['jax']}, flax {record['versions']['flax']}" for record in records
    }
    revisions = {str(record["git_revision"]) for record in records}
    protocol = results.design.protocol
    chosen = (
        f"Settings were chosen by validation error (seeds {_numbers(protocol.search_seeds)})."
        if searched
        else "There were no settings to choose from."
    )
    return (
        f"Time: {duration(results.run['seconds'])}; each network on "
        f"{' or '.join(sorted(devices))}. Versions: {', '.join(sorted(versions))}; code "
        f"{', '.join(sorted(revisions))}. Seeds: {_numbers(protocol.seeds)}. {chosen} The test "
        "set was evaluated once for each network."
    )


def _machine(device: Mapping[str, Any]) -> str:
    if device["platform"] == "cpu":
        cores = "core" if device["cpus"] == 1 else "cores"
        return f"{device['cpus']} CPU {cores} ({device['machine']})"
    return f"{device['count']} {device['kind']}"


def _settings_table(choices: Mapping[str, Choice]) -> str:
    body = []
    for label, choice in choices.items():
        for number, setting in enumerate(choice.tried):
            varied = _varied(choice)
            values = flatten(dict(setting.overrides))
            body.append(
                [
                    "" if number else label,
                    ", ".join(f"{key}={values[key]}" for key in varied),
                    str(setting.stats("val_error")),
                    "yes" if number == choice.chosen else "",
                ]
            )
    escaped = [[escape_markdown(text) for text in line] for line in body]
    header = ["cell", "setting tried", "validation error (%)", "chosen"]
    return markdown_table("Settings tried, with the error on validation data.", header, escaped)


def _varied(choice: Choice) -> list[str]:
    """Returns the keys in which a cell's settings differ."""
    settings: list[Overrides] = [setting.overrides for setting in choice.tried]
    first, *others = settings
    return [key for key in first if any(setting[key] != first[key] for setting in others)]


def _numbers(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
