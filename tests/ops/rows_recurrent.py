"""The contract's row for zoneout, with old values that every type holds exactly."""

import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row


def old_values(shape):
    return np.broadcast_to(np.arange(shape[-1]) % 3 - 1, shape) / 4


def _zoneout(key, x, rate, **changes):
    # From x, so that symbolic shapes and shardings are those of x.
    last = jnp.asarray(old_values((1,) * (x.ndim - 1) + x.shape[-1:]), jnp.result_type(x))
    old = jnp.zeros_like(x) + last
    return ops.zoneout(key, x, rate=rate, **{"old": old} | changes)


ROWS = (
    Row(
        name="zoneout",
        kind="rated",
        call=_zoneout,
        mean=lambda x, rate: rate * old_values(x.shape) + (1 - rate) * x,
        variance=lambda x, rate: rate * (1 - rate) * (x - old_values(x.shape)) ** 2,
        errors=(
            (
                lambda key: _zoneout(key, jnp.ones((4, 6)), 0.5, old=jnp.ones(6)),
                ValueError,
                r"old has shape \(6,\); allowed: that of x, \(4, 6\)",
            ),
            (
                lambda key: _zoneout(key, jnp.ones(6), 0.5, old=jnp.ones(6, jnp.bfloat16)),
                TypeError,
                "old has dtype bfloat16; allowed: that of x, float32",
            ),
        ),
    ),
)
