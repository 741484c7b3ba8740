"""Configurations: their keys, what a trial's complete description is, and its identity."""

from dropout_lab.config.identity import from_dict, hparams_of, static_key, trial_id
from dropout_lab.config.keys import ADDED, DYNAMIC, HOST, HOW, RULES, check, flatten
from dropout_lab.config.resolve import check_inference, resolve
from dropout_lab.config.resolve_network import present_places

__all__ = [
    "ADDED",
    "DYNAMIC",
    "HOST",
    "HOW",
    "RULES",
    "check",
    "check_inference",
    "flatten",
    "from_dict",
    "hparams_of",
    "present_places",
    "resolve",
    "static_key",
    "trial_id",
]
