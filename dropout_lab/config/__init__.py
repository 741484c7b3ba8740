"""Configurations: the table of their keys, resolved forms, and identities."""

from dropout_lab.config.identity import from_dict, hparams_of, static_key, tree_id, trial_id
from dropout_lab.config.keys import (
    ADDED,
    DYNAMIC,
    EXECUTION,
    HOST,
    KEYS,
    key_named,
    present_places,
)
from dropout_lab.config.resolve import check_inference, resolve
from dropout_lab.config.tree import check, default_config, flatten, variant_config

__all__ = [
    "ADDED",
    "DYNAMIC",
    "EXECUTION",
    "HOST",
    "KEYS",
    "check",
    "check_inference",
    "default_config",
    "flatten",
    "from_dict",
    "hparams_of",
    "key_named",
    "present_places",
    "resolve",
    "static_key",
    "tree_id",
    "trial_id",
    "variant_config",
]
