"""The rows of the contract's table: facts about an op, and the kinds of op that tests run for."""

import dataclasses
from collections.abc import Callable
from types import EllipsisType
from typing import Any

Function = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Row:
    """One op of the contract's table.

    Attributes:
      name: Its name in OPS.
      kind: "mask" (y is m * x, scaled or not), "noise" (multiplicative, with a rate), "learnt"
        (multiplicative, no rate), "weight" (a product with dropped weights), "logits" (-inf where
        dropped, and one of each row is left), "rated" or "free" (any other op, with or without a
        rate: statistics of its own are in a test of its own).
      call: From a key, an input and a rate to the output; an op with no rate reads it as its
        variance, or ignores it.
      mean: E[y] from x and the rate, in NumPy; None where a test of its own has the moments.
      variance: Var[y], likewise.
      noiseless: What the op does at rate 0; None if there is no such thing.
      affine: Whether y is affine in x, given the noise.
      shape: A small input's shape.
      many: The shape of an input with thousands of independent draws.
      draws: An index of places of an output that share no draw.
      max_rate: The highest rate allowed; a rate of 1 gives zeros, if it is allowed.
      errors: Calls with a bad argument, each with the exception and its message.
    """

    name: str
    kind: str
    call: Function
    mean: Function | None = None
    variance: Function | None = None
    noiseless: Function | None = lambda x: x
    affine: bool = True
    shape: tuple[int, ...] = (4, 6)
    many: tuple[int, ...] = (256, 256)
    draws: EllipsisType | tuple[slice | int, ...] = ...
    max_rate: float = 1
    errors: tuple[tuple[Function, type[Exception], str], ...] = ()


# A test that takes an argument of one of these names runs for every row that passes.
KINDS: dict[str, Callable[[Row], bool]] = {
    "op": lambda row: True,
    "mask_op": lambda row: row.kind == "mask",
    "rated_op": lambda row: row.kind in ("mask", "noise", "weight", "logits", "rated"),
    "clipping_op": lambda row: (
        row.kind in ("mask", "noise", "weight", "logits", "rated") or row.name == "concrete_dropout"
    ),
    "image_op": lambda row: row.shape in ((4, 6, 5, 3), (4, 2, 3, 6)),
    "dropping_op": lambda row: row.kind in ("mask", "weight"),
    "noise_op": lambda row: row.kind in ("noise", "learnt"),
    "logits_op": lambda row: row.kind == "logits",
    "moment_op": lambda row: row.mean is not None,
    "affine_op": lambda row: row.affine,
    "quiet_op": lambda row: row.noiseless is not None,
}
