"""Which values each configuration key may take."""

import dataclasses
import math
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.data import DATASETS
from dropout_lab.errors import InputError, unknown
from dropout_lab.models import ACTIVATIONS, CELLS, MODELS, SEQUENCES
from dropout_lab.schedules import SCHEDULES
from dropout_lab.variants import RATES, RULES_OF_INFERENCE, VARIANTS


@dataclasses.dataclass(frozen=True)
class Rule:
    """A test of a value, and its words.

    Attributes:
      allowed: What is allowed, for the error message.
      test: Whether a value is.
      names: The allowed names, where that is what they are.
    """

    allowed: str
    test: Callable[[Any], bool]
    names: Collection[str] = ()

    def check(self, key: str, value: Any) -> None:
        """Raises InputError unless ``value`` is allowed for ``config.key``."""
        if self.test(value):
            return
        if self.names and isinstance(value, str):
            raise unknown(key, value, self.names)
        raise InputError(f"config.{key} is {value!r}; allowed: {self.allowed}")

    def __or__(self, other: "Rule") -> "Rule":
        """Returns the rule that allows what either does."""
        allowed = f"{self.allowed}, or {other.allowed}"
        names = self.names or other.names
        return Rule(allowed, lambda value: self.test(value) or other.test(value), names)


def _number(low: float, high: float = math.inf, *, above: bool = False) -> Rule:
    bound = f"{'above' if above else 'from'} {low:g}" + (f" to {high:g}" if high < math.inf else "")

    def test(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        # Not math.isfinite, which a whole number too large for a float makes raise.
        finite = abs(value) <= sys.float_info.max
        return finite and low <= value <= high and not (above and value == low)

    return Rule(f"a number {bound}", test)


def _whole(low: int) -> Rule:
    return Rule(
        f"a whole number from {low}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low,
    )


def _names(names: Collection[str]) -> Rule:
    return Rule(" | ".join(names), lambda v: isinstance(v, str) and v in names, names)


def _tuple(item: Rule) -> Rule:
    return Rule(
        f"a tuple, each {item.allowed}",
        lambda value: isinstance(value, tuple | list) and all(map(item.test, value)),
    )


_FLAG = Rule("True or False", lambda value: isinstance(value, bool))
_TEXT = Rule("a string", lambda value: isinstance(value, str))
_NONE = Rule("None", lambda value: value is None)
_RATE = _number(0, 1)

RULES: dict[str, Rule] = {
    "seed": Rule("a whole number from 0 to 2**32 - 1", lambda v: _whole(0).test(v) and v < 2**32),
    "variant": _names(VARIANTS),
    "dropout.rate": _RATE | _NONE,
    "dropout.input_rate": _RATE | _NONE,
    "dropout.stage_rates": _RATE | _tuple(_RATE) | _NONE,
    "dropout.branch_rate": _RATE | _NONE,
    "dropout.state_rate": _RATE | _NONE,
    "dropout.cell_rate": _RATE | _NONE,
    "dropout.per_example": _FLAG,
    "dropout.per_channel": _FLAG,
    "dropout.per_step": _FLAG,
    "dropout.share_mask": _FLAG,
    "dropout.per": _names(("layer", "unit", "weight")),
    "dropout.block_size": _whole(1),
    "dropout.strength": _number(0) | _NONE,
    "dropout.share": _number(0, 1),
    "dropout.target": _names(("weight", "unit")),
    "dropout.max_alpha": _number(0, 1, above=True),
    "dropout.length_scale": _number(0),
    "dropout.penalty_weight": _number(0) | _NONE,
    "dropout.penalty_warmup": _tuple(_number(0)) | _NONE,
    "rate_schedule.name": _names(SCHEDULES),
    "rate_schedule.epochs": _number(0, above=True) | _NONE,
    "rate_schedule.gamma": _number(0, above=True) | _NONE,
    "rate_schedule.boundaries": _tuple(_number(0, above=True)),
    "rate_schedule.factors": _tuple(_RATE),
    "model.name": _names(MODELS),
    "model.stages": _tuple(_whole(1)),
    "model.kernel_size": _whole(1),
    "model.padding": _names(("same", "valid")),
    "model.stage_activation": _names(ACTIVATIONS) | _NONE,
    "model.noise_before_pool": _FLAG,
    "model.noise_before_norm": _FLAG,
    "model.widths": _tuple(_whole(1)),
    "model.depth": _whole(10),
    "model.widening": _whole(1),
    "model.cell": _names(CELLS),
    "model.units": _whole(1),
    "model.sequence": _names(SEQUENCES),
    "model.permutation": _whole(0) | _NONE,
    "model.activation": _names(ACTIVATIONS),
    "model.pieces": _whole(2),
    "model.batch_norm": _FLAG,
    "data.name": _names(DATASETS),
    "data.dir": _TEXT | _NONE,
    "data.path": _TEXT | _NONE,
    "data.arrays": _TEXT | _NONE,
    "data.label": _TEXT | _NONE,
    "data.train_size": _whole(1) | _NONE,
    "data.val_size": _whole(0) | _NONE,
    "data.folds": _whole(2) | _NONE,
    "data.fold": _whole(0) | _NONE,
    "data.scaling": _names(("unit", "channel", "feature")),
    "data.augment": _names(("none", "crop_flip")),
    "train.batch_size": _whole(1),
    "train.epochs": _whole(1),
    "train.updates": _whole(1) | _NONE,
    "train.init_std": _number(0, above=True) | _NONE,
    "train.label_smoothing": _number(0, 1),
    "train.select": _names(("last", "best_val")),
    "train.refit": _FLAG,
    "train.patience": _whole(1) | _NONE,
    "loss.name": _names(("cross_entropy", "r_drop", "multi_sample")),
    "loss.weight": _number(0),
    "loss.samples": _whole(2),
    "loss.l1": _number(0) | _NONE,
    "loss.l1_start": _number(0),
    "loss.sparsity": _number(0) | _NONE,
    "loss.sparsity_target": _number(0, above=True),
    "optimizer.name": _names(("sgd", "adam", "rmsprop")),
    "optimizer.lr": _number(0, above=True),
    "optimizer.momentum": _number(0, 1),
    "optimizer.momentum_start": _number(0, 1) | _NONE,
    "optimizer.momentum_epochs": _number(0, above=True) | _NONE,
    "optimizer.nesterov": _FLAG,
    "optimizer.dampening": _FLAG,
    "optimizer.rms_decay": _number(0, 1),
    "optimizer.clip_norm": _number(0, above=True) | _NONE,
    "optimizer.weight_decay": _number(0),
    "optimizer.max_norm": _number(0, above=True) | _NONE,
    "optimizer.bias_lr_factor": _number(0),
    "schedule.name": _names(("constant", "exponential", "cosine", "linear", "inverse", "step")),
    "schedule.decay_rate": _number(0, 1, above=True),
    "schedule.boundaries": _tuple(_whole(1)),
    "schedule.factors": _tuple(_number(0)),
    "schedule.start": _number(0),
    "schedule.gamma": _number(0),
    "schedule.power": _number(0),
    "eval.inference": _names(RULES_OF_INFERENCE) | _NONE,
    "eval.passes": _whole(1),
    "eval.samples": _whole(1),
    "eval.recalibrate": _FLAG,
    "eval.test": _FLAG,
    "compute.dtype": _names(("float32", "bfloat16")),
    "compute.precision": _names(("default", "high", "highest")),
    "mesh.data": _whole(1),
    "run.checkpoint_seconds": _number(0),
    "run.save_model": _FLAG | _NONE,
}

DYNAMIC = (
    "seed",
    *(f"dropout.{rate}" for rate in RATES),
    "dropout.penalty_weight",
    "train.epochs",
    "train.init_std",
    "train.label_smoothing",
    "loss.weight",
    "loss.l1",
    "loss.l1_start",
    "loss.sparsity",
    "loss.sparsity_target",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.momentum_start",
    "optimizer.momentum_epochs",
    "optimizer.rms_decay",
    "optimizer.clip_norm",
    "optimizer.weight_decay",
    "optimizer.max_norm",
)
"""Keys that are numbers inside the program; trials that differ only in these share one compile."""

HOST = ("train.select", "train.refit", "train.patience", "eval.test", "data.fold")
"""Keys that are read outside the program: they cannot change what it is."""

HOW = ("data.dir", "mesh.data", "run.checkpoint_seconds", "run.save_model")
"""Keys that say where and how to run, and cannot change a result by more than rounding."""

ADDED: Mapping[str, Any] = {
    "dropout.branch_rate": 0.0,
    "dropout.state_rate": 0.0,
    "dropout.cell_rate": 0.0,
    **{
        f"dropout.{key}": None
        for key in (
            *("per", "per_channel", "per_step", "share_mask", "block_size", "strength", "share"),
            *("target", "max_alpha", "length_scale", "penalty_weight", "penalty_warmup"),
        )
    },
    "rate_schedule.name": "constant",
    "rate_schedule.epochs": None,
    "rate_schedule.gamma": None,
    "rate_schedule.boundaries": (),
    "rate_schedule.factors": (),
    "model.noise_before_pool": None,
    "model.noise_before_norm": None,
    "model.padding": None,
    "model.stage_activation": None,
    "model.depth": None,
    "model.widening": None,
    "model.pieces": None,
    "model.cell": None,
    "model.units": None,
    "model.sequence": None,
    "model.permutation": None,
    "data.arrays": None,
    "data.label": None,
    "data.folds": None,
    "data.fold": None,
    "loss.name": "cross_entropy",
    "loss.weight": None,
    "loss.samples": None,
    "loss.l1": None,
    "loss.l1_start": None,
    "loss.sparsity": None,
    "loss.sparsity_target": None,
    "optimizer.momentum_start": None,
    "optimizer.momentum_epochs": None,
    "optimizer.rms_decay": None,
    "optimizer.clip_norm": None,
    "schedule.factors": (),
    "schedule.start": None,
    "schedule.gamma": None,
    "schedule.power": None,
    "train.init_std": None,
    "eval.recalibrate": False,
    "train.patience": None,
    "eval.test": True,
    "compute.dtype": "float32",
    "compute.precision": "default",
    "mesh.data": 1,
}
"""Keys added since the first records were written, and what older code did in their place.

A trial's identity leaves them out when they have that value, so old records stay valid.
"""


def check(config: ConfigDict, *, cleared: bool = False) -> None:
    """Raises InputError for the first key that is unknown or whose value is not allowed.

    Args:
      config: To be checked.
      cleared: Whether any key may be None, as those are which a resolved one does not read.
    """
    flat = flatten(config.to_dict())
    for key in flat:
        if key not in RULES:
            raise unknown("configuration key", key, RULES)
    for key in RULES:
        if key not in flat:
            raise InputError(f"config.{key} is missing; declare it, as configs/base.py does")
        if not (cleared and flat[key] is None):
            RULES[key].check(key, flat[key])


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns a nested dictionary's leaves under dotted keys.

    >>> flatten({"seed": 0, "model": {"name": "mlp"}})
    {'seed': 0, 'model.name': 'mlp'}
    """
    flat = {}
    for key, value in tree.items():
        inner = flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else None
        flat.update({f"{prefix}{key}": value} if inner is None else inner)
    return flat
