"""Reproduction of papers' tables and figures: experiments as data, statistics, reports."""

from dropout_lab.reproduce.claim import Above, Alike, Below, Better, CellMetric, Ordered
from dropout_lab.reproduce.experiment import (
    Amendment,
    Cell,
    Curves,
    EnsembleVote,
    Experiment,
    InferenceRule,
    MonteCarloPasses,
    Protocol,
    Published,
    Table,
)

__all__ = [
    "Above",
    "Alike",
    "Amendment",
    "Below",
    "Better",
    "Cell",
    "CellMetric",
    "Curves",
    "EnsembleVote",
    "Experiment",
    "InferenceRule",
    "MonteCarloPasses",
    "Ordered",
    "Protocol",
    "Published",
    "Table",
]
