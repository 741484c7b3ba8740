"""Configurations: the table of their keys, resolved forms, and identities."""

from dropout_lab.config.code import by_content, code_of, pinned, with_code
from dropout_lab.config.identity import (
    flat_from_dict,
    from_dict,
    hparams_of,
    static_key,
    trial_id,
)
from dropout_lab.config.keys import (
    ADDED,
    DYNAMIC,
    EXECUTION,
    HOST,
    KEYS,
    Flat,
    key_named,
    present_places,
)
from dropout_lab.config.resolve import check_inference, resolve, resolve_flat
from dropout_lab.config.tree import check, default_config, flatten, from_tree, nest, variant_config

__all__ = [
    "ADDED",
    "DYNAMIC",
    "EXECUTION",
    "HOST",
    "KEYS",
    "Flat",
    "by_content",
    "check",
    "check_inference",
    "code_of",
    "default_config",
    "flat_from_dict",
    "flatten",
    "from_dict",
    "from_tree",
    "hparams_of",
    "key_named",
    "nest",
    "pinned",
    "present_places",
    "resolve",
    "resolve_flat",
    "static_key",
    "trial_id",
    "variant_config",
    "with_code",
]
