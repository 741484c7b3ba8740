"""The contract's rows for the first ops: noise on units, DropConnect, variational dropout."""

import jax
import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row

_RNG = np.random.default_rng(0)
KERNEL = _RNG.normal(size=(6, 5)).astype(np.float32)
BIAS = _RNG.normal(size=5).astype(np.float32)


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


def _batchwise(key, x, rate):
    """Draws for each row where statistics are wanted, as the op has one mask for all."""
    floating = hasattr(x, "shape") and jnp.issubdtype(x.dtype, jnp.floating)
    if not floating or len(x.shape) != 2 or not isinstance(x.shape[0], int) or x.shape[0] == 0:
        return ops.batchwise_dropout(key, x, rate=rate)
    keys = jax.random.split(key, len(x))
    return jax.vmap(lambda key, x: ops.batchwise_dropout(key, x, rate=rate))(keys, x)


def _kept(rate, units=6):
    return round((1 - rate) * units) / units


ROWS = (
    Row(
        name="batchwise_dropout",
        kind="rated",
        call=_batchwise,
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * (1 / _kept(rate) - 1),
        many=(4096, 6),
        draws=np.s_[:, 0],
        errors=(
            (
                lambda key: ops.batchwise_dropout(key, jnp.ones(()), rate=0.5),
                ValueError,
                r"x has shape \(\); allowed: \(\.\.\., units\)",
            ),
        ),
    ),
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
        max_rate=ops.BELOW_ONE,
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
