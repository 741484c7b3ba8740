"""The commitment of a run: claims, cells and choices, in text, fixed before anything is trained."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.reproduce.claim import Claim
from dropout_lab.reproduce.design import Design
from dropout_lab.reproduce.experiment import MonteCarloPasses

_DIGITS = 12  # of a fingerprint, where people read it


def make_commitment(design: Design) -> dict[str, Any]:
    """Returns what a run commits to when it starts, ready for JSON.

    Its fields: claims (text and parts of each), base and cells (values by configuration key),
    seeds, search_seeds, measured (what is measured of the final networks besides their records'
    metrics), and fingerprint, a sha256 of all these except the claims' texts.
    """
    content: dict[str, Any] = {
        "claims": [
            {"text": f"{claim} ({claim.test})", "kind": type(claim).__name__, **_parts(claim)}
            for claim in design.claims
        ],
        "base": dict(design.base),
        "cells": {label: list(settings) for label, settings in design.candidates.items()},
        "seeds": design.protocol.seeds,
        "search_seeds": design.protocol.search_seeds,
        "measured": [
            [
                *evaluation.metrics,
                *([evaluation.pool] if isinstance(evaluation, MonteCarloPasses) else []),
            ]
            for evaluation in design.protocol.evaluations
        ],
    }
    content = json.loads(json.dumps(content))  # JSON has no tuples
    return {"fingerprint": _fingerprint(content), **content}


def check_commitment(design: Design, run: Mapping[str, Any], directory: Path) -> None:
    """Raises InputError if a run started with other claims, cells or choices than it has now.

    Changes that the protocol lists as an amendment are allowed. Runs older than the recording of
    commitments are not checked.

    Args:
      design: What the experiment says now.
      run: The content of run.json.
      directory: Where that is, for the message.
    """
    if "commitment" not in run:
        return
    then, now = run["commitment"], make_commitment(design)
    if _fingerprint(then) != then["fingerprint"]:
        raise InputError(f"{directory / 'run.json'}: the commitment was edited after the run began")
    fingerprint = short_fingerprint(now)
    amended = any(amendment.fingerprint == fingerprint for amendment in design.protocol.amendments)
    if now["fingerprint"] != then["fingerprint"] and not amended:
        raise InputError(
            f"{str(directory)!r}: {'; '.join(_changes(then, now))} since its run began; allowed: "
            f"what it began with, or an amendment with the fingerprint {fingerprint!r} that states "
            "the change and the reason"
        )


def short_fingerprint(commitment: Mapping[str, Any]) -> str:
    """Returns the first digits of a commitment's fingerprint, for people to read."""
    return str(commitment["fingerprint"])[:_DIGITS]


def _parts(claim: Claim) -> dict[str, Any]:
    """Returns the values that a claim is about, and its numbers."""
    numbers = ("paired", "by", "within", "bound")
    return {
        "values": [[value.cell, value.metric] for value in claim.values],
        **{name: value for name, value in vars(claim).items() if name in numbers},
    }


def _fingerprint(content: Mapping[str, Any]) -> str:
    hashed = {key: value for key, value in content.items() if key != "fingerprint"}
    hashed["claims"] = [
        {key: value for key, value in claim.items() if key != "text"} for claim in hashed["claims"]
    ]
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns what has changed, in words."""
    before = {claim["text"] for claim in then["claims"]}
    after = {claim["text"] for claim in now["claims"]}
    changes = [f"claim {text!r} was removed" for text in sorted(before - after)]
    changes += [f"claim {text!r} was added" for text in sorted(after - before)]
    changes += [
        f"{key} changed"
        for key in then
        if key not in ("claims", "fingerprint") and then[key] != now[key]
    ]
    return changes or ["claims changed"]
