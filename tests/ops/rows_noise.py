"""The contract's rows for noise on units beyond the first ops, and for Shakeout."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row
from tests.ops.rows_basic import BIAS, KERNEL

STRENGTH = 0.25
SHAKEN = KERNEL + STRENGTH * np.sign(KERNEL)


def _stand_out(key, x, rate, **changes):
    drive = jnp.zeros(x.shape, jnp.result_type(jnp.float32))
    return ops.standout(key, x, rate=rate, **{"drive": drive} | changes)


def _shake(key, x, rate, **changes):
    kernel, bias = (jnp.asarray(array, jnp.result_type(x)) for array in (KERNEL, BIAS))
    arguments: dict[str, Any] = {"kernel": kernel, "bias": bias, "strength": STRENGTH} | changes
    return ops.shakeout(key, x, rate=rate, **arguments)


def _inform(key, x, alpha):
    return ops.information_dropout(key, x, alpha=jnp.asarray(alpha, jnp.float32))


def _bad_strengths(call):
    """A strength of a row's call is a finite scalar that is not negative."""
    return (
        (lambda key: call(-0.5), ValueError, "strength is -0.5; allowed: finite numbers from 0 up"),
        (lambda key: call(np.inf), ValueError, "strength is inf"),
        (lambda key: call(np.nan), ValueError, "strength is nan"),
        (lambda key: call(jnp.ones(2)), ValueError, r"strength has shape \(2,\); allowed: a sc"),
    )


ROWS = (
    Row(
        name="uniform_dropout",
        kind="noise",
        max_rate=0.25,
        call=lambda key, x, rate: ops.uniform_dropout(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
    ),
    Row(
        # Where x is near the value of dropped units there is no variance to standardise by, so its
        # moments are in test_alpha.py.
        name="alpha_dropout",
        kind="rated",
        max_rate=ops.BELOW_ONE,
        call=lambda key, x, rate: ops.alpha_dropout(key, x, rate=rate),
    ),
    Row(
        name="feature_alpha_dropout",
        kind="rated",
        max_rate=ops.BELOW_ONE,
        call=lambda key, x, rate: ops.feature_alpha_dropout(key, x, rate=rate),
        shape=(4, 2, 3, 6),
        many=(256, 1, 2, 256),
        draws=np.s_[:, 0, 0],
        errors=tuple(
            (
                lambda key, shape=shape: ops.feature_alpha_dropout(key, jnp.ones(shape), rate=0.5),
                ValueError,
                r"3 or more axes, \(batch, \.\.\., channels\)",
            )
            for shape in [(), (6,), (4, 6)]
        ),
    ),
    Row(
        name="standout",
        kind="mask",
        call=_stand_out,
        mean=lambda x, rate: x * (1 - rate),
        variance=lambda x, rate: x**2 * rate * (1 - rate),
        errors=(
            (
                lambda key: _stand_out(key, jnp.ones((4, 6)), 0.5, drive=jnp.ones(5)),
                ValueError,
                r"drive has shape \(5,\); allowed: one that broadcasts to that of x, \(4, 6\)",
            ),
            (
                lambda key: _stand_out(key, jnp.ones(6), 0.5, drive=jnp.ones((4, 6))),
                ValueError,
                r"drive has shape \(4, 6\)",
            ),
            (
                lambda key: _stand_out(key, jnp.ones(6), 0.5, drive=jnp.ones(6, int)),
                TypeError,
                "drive has dtype int32; allowed: floating point",
            ),
            *_bad_strengths(lambda strength: _stand_out(None, jnp.ones(6), 0.5, strength=strength)),
        ),
    ),
    Row(
        name="shakeout",
        kind="rated",
        max_rate=ops.BELOW_ONE,
        call=_shake,
        mean=lambda x, rate: x @ KERNEL + BIAS,
        variance=lambda x, rate: x**2 @ SHAKEN**2 * rate / (1 - rate),
        noiseless=lambda x: x @ KERNEL + BIAS,
        many=(4096, 6),
        # The outputs of one example share its draws.
        draws=np.s_[:, 0],
        errors=(
            (lambda key: _shake(key, jnp.ones(()), 0.5), ValueError, r"x has shape \(\) and"),
            (lambda key: _shake(key, jnp.ones((4, 5)), 0.5), ValueError, r"x has shape \(4, 5\)"),
            (
                lambda key: _shake(key, jnp.ones(6), 0.5, kernel=jnp.ones(6)),
                ValueError,
                r"kernel \(6,\); allowed: \(\.\.\., inputs\) and \(inputs, outputs\)",
            ),
            (
                lambda key: _shake(key, jnp.ones(6), 0.5, bias=jnp.ones(6)),
                ValueError,
                r"bias has shape \(6,\); allowed: \(5,\)",
            ),
            (
                lambda key: _shake(key, jnp.ones(6), 0.5, kernel=jnp.ones((6, 5), int)),
                TypeError,
                "kernel has dtype int32; allowed: floating point",
            ),
            (
                lambda key: _shake(key, jnp.ones(6), 0.5, bias=jnp.ones(5, int)),
                TypeError,
                "bias has dtype int32; allowed: floating point",
            ),
            *_bad_strengths(lambda strength: _shake(None, jnp.ones(6), 0.5, strength=strength)),
        ),
    ),
    Row(
        name="information_dropout",
        kind="learnt",
        call=_inform,
        mean=lambda x, alpha: x * np.exp(alpha**2 / 2),
        variance=lambda x, alpha: x**2 * np.exp(alpha**2) * np.expm1(alpha**2),
        errors=(
            (
                lambda key: _inform(key, jnp.ones((4, 6)), jnp.ones(5)),
                ValueError,
                r"alpha has shape \(5,\); allowed: one that broadcasts to that of x, \(4, 6\)",
            ),
            (
                lambda key: _inform(key, jnp.ones(6), jnp.ones((4, 6))),
                ValueError,
                r"alpha has shape \(4, 6\)",
            ),
            (
                lambda key: ops.information_dropout(key, jnp.ones(6), alpha=jnp.ones(6, int)),
                TypeError,
                "alpha has dtype int32; allowed: floating point",
            ),
        ),
    ),
)
