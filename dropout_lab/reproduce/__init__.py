"""Reproduction of papers' tables and figures: experiments as data, statistics, reports."""

from dropout_lab.reproduce.claim import Above, Alike, Below, Better, Ordered, Value
from dropout_lab.reproduce.experiment import (
    Amendment,
    Cell,
    Curves,
    Experiment,
    Inference,
    Passes,
    Protocol,
    Published,
    Table,
    Vote,
)

__all__ = [
    "Above",
    "Alike",
    "Amendment",
    "Below",
    "Better",
    "Cell",
    "Curves",
    "Experiment",
    "Inference",
    "Ordered",
    "Passes",
    "Protocol",
    "Published",
    "Table",
    "Value",
    "Vote",
]
