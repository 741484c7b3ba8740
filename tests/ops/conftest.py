"""The contract's table: a row per op. A new op needs one line here; a test fails without it."""

import dataclasses
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops

Function = Callable[..., Any]

_RNG = np.random.default_rng(0)
KERNEL = _RNG.normal(size=(6, 5)).astype(np.float32)
BIAS = _RNG.normal(size=5).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Row:
    """What the contract has to know about an op.

    Attributes:
      name: Its name in OPS.
      kind: "mask", "noise" (multiplicative, with a rate), "weight" or "learnt" (no rate).
      call: From a key, an input and a rate to the output; a learnt op has the rate as its variance.
      mean: E[y] from x and the rate, in NumPy.
      variance: Var[y], likewise.
      noiseless: What the op does at rate 0.
      shape: A small input's shape.
      many: The shape of an input with thousands of independent draws.
      draws: An index of places of an output that share no draw.
      errors: Calls with a bad argument, each with the exception and its message.
    """

    name: str
    kind: str
    call: Function
    mean: Function
    variance: Function
    noiseless: Function = lambda x: x
    shape: tuple[int, ...] = (4, 6)
    many: tuple[int, ...] = (256, 256)
    draws: EllipsisType | tuple[slice | int, ...] = ...
    errors: tuple[tuple[Function, type[Exception], str], ...] = ()


def _bad_dims(op):
    return (
        (lambda key: op(key, jnp.ones((4, 6)), rate=0.5, broadcast_dims=(2,)), ValueError, "has 2"),
        (lambda key: op(key, jnp.ones(4), rate=0.5, broadcast_dims=(-2,)), ValueError, "-1 to 0 "),
    )


def _connect(key, x, rate, **changes):
    kernel, bias = (jnp.asarray(array, jnp.result_type(x)) for array in (KERNEL, BIAS))
    return ops.drop_connect(key, x, rate=rate, **{"kernel": kernel, "bias": bias} | changes)


def _vary(key, x, alpha):
    return ops.variational_dropout(key, x, alpha=jnp.asarray(alpha, jnp.float32))


ROWS = (
    Row(
        name="dropout",
        kind="mask",
        call=lambda key, x, rate: ops.dropout(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
        errors=_bad_dims(ops.dropout),
    ),
    Row(
        name="classic_dropout",
        kind="mask",
        call=lambda key, x, rate: ops.classic_dropout(key, x, rate=rate),
        mean=lambda x, rate: x * (1 - rate),
        variance=lambda x, rate: x**2 * rate * (1 - rate),
        errors=_bad_dims(ops.classic_dropout),
    ),
    Row(
        name="spatial_dropout",
        kind="mask",
        call=lambda key, x, rate: ops.spatial_dropout(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
        shape=(4, 2, 3, 6),
        many=(256, 1, 2, 256),
        draws=np.s_[:, 0, 0],
        errors=tuple(
            (
                lambda key, shape=shape: ops.spatial_dropout(key, jnp.ones(shape), rate=0.5),
                ValueError,
                r"3 or more axes, \(batch, \.\.\., channels\)",
            )
            for shape in [(), (6,), (4, 6)]
        ),
    ),
    Row(
        name="gaussian_dropout",
        kind="noise",
        call=lambda key, x, rate: ops.gaussian_dropout(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
    ),
    Row(
        name="drop_connect",
        kind="weight",
        call=_connect,
        mean=lambda x, rate: x @ KERNEL + BIAS,
        variance=lambda x, rate: (x**2 @ KERNEL**2 + BIAS**2) * rate / (1 - rate),
        noiseless=lambda x: x @ KERNEL + BIAS,
        many=(4096, 6),
        errors=(
            (lambda key: _connect(key, jnp.ones(()), 0.5), ValueError, r"x has shape \(\) and"),
            (lambda key: _connect(key, jnp.ones((4, 5)), 0.5), ValueError, r"x has shape \(4, 5\)"),
            (
                lambda key: _connect(key, jnp.ones(6), 0.5, kernel=jnp.ones(6)),
                ValueError,
                r"kernel \(6,\); allowed: \(\.\.\., inputs\) and \(inputs, outputs\)",
            ),
            (
                lambda key: _connect(key, jnp.ones(6), 0.5, bias=jnp.ones(6)),
                ValueError,
                r"bias has shape \(6,\); allowed: \(5,\)",
            ),
            (
                lambda key: _connect(key, jnp.ones(6), 0.5, kernel=jnp.ones((6, 5), int)),
                TypeError,
                "kernel has dtype int32; allowed: floating point",
            ),
            (
                lambda key: _connect(key, jnp.ones(6), 0.5, bias=jnp.ones(5, int)),
                TypeError,
                "bias has dtype int32; allowed: floating point",
            ),
        ),
    ),
    Row(
        name="variational_dropout",
        kind="learnt",
        call=_vary,
        mean=lambda x, alpha: x,
        variance=lambda x, alpha: alpha * x**2,
        errors=(
            (
                lambda key: _vary(key, jnp.ones((4, 6)), jnp.ones(5)),
                ValueError,
                r"alpha has shape \(5,\); allowed: one that broadcasts to that of x, \(4, 6\)",
            ),
            (
                lambda key: _vary(key, jnp.ones(6), jnp.ones((4, 6))),
                ValueError,
                r"alpha has shape \(4, 6\)",
            ),
            (
                lambda key: ops.variational_dropout(key, jnp.ones(6), alpha=jnp.ones(6, int)),
                TypeError,
                "alpha has dtype int32; allowed: floating point",
            ),
        ),
    ),
)

# A test that takes an argument of one of these names runs for every row of these kinds.
KINDS = {
    "op": ("mask", "noise", "weight", "learnt"),
    "mask_op": ("mask",),
    "rated_op": ("mask", "noise", "weight"),
    "dropping_op": ("mask", "weight"),
    "noise_op": ("noise", "learnt"),
}


def pytest_generate_tests(metafunc):
    for argument, kinds in KINDS.items():
        if argument in metafunc.fixturenames:
            rows = [row for row in ROWS if row.kind in kinds]
            metafunc.parametrize(argument, rows, ids=[row.name for row in rows])


@pytest.fixture
def rows():
    return ROWS


@pytest.fixture
def array():
    """Returns a function from a shape and a type to a random array without tiny values."""

    def draw(shape, dtype=jnp.float32):
        rng = np.random.default_rng(1)
        size = rng.uniform(0.5, 2, shape)
        return jnp.asarray(np.where(rng.random(shape) < 0.5, size, -size).astype(dtype))

    return draw
