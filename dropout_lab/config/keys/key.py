"""A row of the table of configuration keys, and the conditions under which a key is read."""

import dataclasses
import enum
import functools
import inspect
from collections.abc import Callable
from typing import Any

from dropout_lab.config.keys.values import Values
from dropout_lab.data import TEXT_DATA
from dropout_lab.models import model_named
from dropout_lab.variants import variant_named

Flat = dict[str, Any]
"""A configuration as one dictionary, from dotted key names to values."""


class Role(enum.Enum):
    """What a key's value does to a trial's compiled program."""

    STATIC = "shapes the program"
    """Trials that differ in it are compiled apart."""
    DYNAMIC = "is an argument of the program"
    """A number, passed in at run time: trials that differ in it share one compile."""
    HOST = "is read between epochs"
    """Outside the program, which it cannot change, though it can change the result."""
    EXECUTION = "says where and how to run"
    """No effect on results beyond rounding, and no part of a trial's identity."""


class _Original:
    """The type of ``ORIGINAL``."""


ORIGINAL = _Original()
"""In place of ``Key.before``: the key is as old as the first committed records."""


@dataclasses.dataclass(frozen=True)
class When:
    """A condition under which a key is read.

    Attributes:
      words: The condition, to follow "read when"; empty if there is none.
      holds: Whether it holds, given a flat configuration and the last part of the key's name.
    """

    words: str
    holds: Callable[[Flat, str], bool]

    def __and__(self, other: "When") -> "When":
        """Returns the condition that both hold."""
        return When(
            f"{self.words} and {other.words}",
            lambda config, option: self.holds(config, option) and other.holds(config, option),
        )


@dataclasses.dataclass(frozen=True)
class Key:
    """A configuration key: everything about it, except the code that reads it.

    Attributes:
      name: Dotted name, such as "model.name".
      default: Its value in :func:`dropout_lab.config.default_config`.
      values: The allowed values.
      role: What its value does to the compiled program.
      meaning: A sentence for the reference page.
      when: When it is read. A key that is not read is set to ``unread`` as a configuration is
        resolved, so that configurations that mean the same are equal.
      before: The value that code without the key implied; at this value the key is left out of a
        trial's identity. ``ORIGINAL`` for keys that were always there.
      unread: The resolved value of a key that is not read.
      neutral: A value that means the same as ``unread``, and is resolved to it.
    """

    name: str
    default: Any
    values: Values
    role: Role
    meaning: str
    _: dataclasses.KW_ONLY
    when: When
    before: Any
    unread: Any = None
    neutral: Any = None

    @functools.cached_property
    def option(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def is_read(self, config: Flat) -> bool:
        """Returns whether the key is read in a configuration."""
        return self.when.holds(config, self.option)

    def check(self, value: Any, name: str = "") -> None:
        """Raises InputError, which names ``config.`` and the key or ``name``, unless allowed."""
        self.values.check(name or f"config.{self.name}", value)

    def cast(self, value: Any) -> Any:
        """Returns an allowed value in the type that a configuration gives it: 1 as 1.0."""
        kind = self.values.type
        return kind(value) if kind in (float, str) and value is not None else value


ALWAYS = When("", lambda config, option: True)


def equals(name: str, *values: str) -> When:
    """Returns the condition that the key ``name`` has one of ``values``."""
    return When(f"`{name}` is {' or '.join(values)}", lambda config, _: config[name] in values)


def given(name: str) -> When:
    """Returns the condition that a key is not None."""
    return When(f"`{name}` is given", lambda config, _: config[name] is not None)


def absent(name: str) -> When:
    """Returns the condition that a key is None."""
    return When(f"`{name}` is None", lambda config, _: config[name] is None)


def present_places(config: Flat) -> tuple[str, ...]:
    """Returns the places of a configuration's model where a variant can put layers."""
    tokens = config["data.name"] in TEXT_DATA or config["data.vocabulary"] is not None
    return _present_places(
        config["model.name"], bool(config["model.widths"]), bool(config["model.stages"]), tokens
    )


@functools.cache
def _present_places(name: str, dense: bool, stages: bool, tokens: bool) -> tuple[str, ...]:
    model = model_named(name)
    missing = {*(() if dense else model.dense_places), *(() if stages else model.stage_places)}
    places = (*model.places, *(model.token_places if tokens else ()))
    return tuple(place for place in places if place not in missing)


def variant_options(config: Flat) -> frozenset[str]:
    """Returns the keys of ``config.dropout`` that the variant reads in a configuration's model."""
    return _variant_options(
        config["variant"], present_places(config), config["model.cell"] == "gru"
    )


@functools.cache
def _variant_options(variant: str, places: tuple[str, ...], gru: bool) -> frozenset[str]:
    without_cell = {"cell_rate", "share_mask"} if gru else set()  # a GRU has no cell state
    return frozenset(variant_named(variant).reads(places) - without_cell)


@functools.cache
def model_options(name: str) -> frozenset[str]:
    """Returns the keys of ``config.model`` that a model takes."""
    return frozenset(inspect.signature(model_named(name).__init__).parameters)


MODEL = When(
    "the model takes it",
    lambda config, option: option in model_options(config["model.name"]),
)
STAGES = When("it has convolutional stages", lambda config, _: bool(config["model.stages"]))
VARIANT = When("the variant takes it", lambda config, option: option in variant_options(config))
PENALTY = When(
    "the variant adds a penalty to the loss",
    lambda config, _: variant_named(config["variant"]).penalty_weight is not None,
)
