"""The contract's rows for noise on weights, and for what learns its noise."""

import functools

import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row
from tests.ops.rows_basic import BIAS, KERNEL


def _dense(op, key, x, **changes):
    kernel, bias = (jnp.asarray(array, jnp.result_type(x)) for array in (KERNEL, BIAS))
    return op(key, x, **{"kernel": kernel, "bias": bias} | changes)


def _fast(key, x, rate, **changes):
    return _dense(ops.fast_dropout, key, x, rate=rate, **changes)


def _vary(key, x, alpha, **changes):
    if not isinstance(alpha, jnp.ndarray):
        alpha = jnp.float32(alpha)
    return _dense(ops.variational_weights, key, x, alpha=alpha, **changes)


def _sparse(key, x, variance, **changes):
    logs = jnp.log(jnp.broadcast_to(jnp.asarray(variance, jnp.float32), KERNEL.shape))
    return _dense(ops.sparse_variational_dropout, key, x, **{"log_variance": logs} | changes)


def _concrete(key, x, rate, **changes):
    return ops.concrete_dropout(key, x, rate=jnp.asarray(rate, jnp.float32), **changes)


def _target(key, x, rate, **changes):
    return _dense(ops.targeted_dropout, key, x, rate=rate, **changes)


@functools.cache
def _concrete_moment(rate, power, temperature=0.1):
    """Returns the mean of a power of the soft mask, by the midpoint rule over its uniform."""
    u = (np.arange(10**6) + 0.5) / 10**6
    z = 1 / (1 + (rate / (1 - rate) * u / (1 - u)) ** (-1 / temperature))
    return (((1 - z) / (1 - rate)) ** power).mean()


def _dense_errors(call):
    return (
        (lambda key: call(key, jnp.ones(()), 0.5), ValueError, r"x has shape \(\) and"),
        (lambda key: call(key, jnp.ones((4, 5)), 0.5), ValueError, r"x has shape \(4, 5\)"),
        (
            lambda key: call(key, jnp.ones(6), 0.5, kernel=jnp.ones(6)),
            ValueError,
            r"kernel \(6,\); allowed: \(\.\.\., inputs\) and \(inputs, outputs\)",
        ),
        (
            lambda key: call(key, jnp.ones(6), 0.5, bias=jnp.ones(6)),
            ValueError,
            r"bias has shape \(6,\); allowed: \(5,\)",
        ),
        (
            lambda key: call(key, jnp.ones(6), 0.5, kernel=jnp.ones((6, 5), int)),
            TypeError,
            "kernel has dtype int32; allowed: floating point",
        ),
        (
            lambda key: call(key, jnp.ones(6), 0.5, bias=jnp.ones(5, int)),
            TypeError,
            "bias has dtype int32; allowed: floating point",
        ),
    )


ROWS = (
    Row(
        name="fast_dropout",
        kind="rated",
        max_rate=ops.BELOW_ONE,
        call=_fast,
        mean=lambda x, rate: x @ KERNEL + BIAS,
        variance=lambda x, rate: (x**2 @ KERNEL**2) * rate / (1 - rate),
        noiseless=lambda x: x @ KERNEL + BIAS,
        affine=False,
        many=(4096, 6),
        errors=_dense_errors(_fast),
    ),
    Row(
        name="variational_weights",
        kind="free",
        call=_vary,
        mean=lambda x, alpha: x @ KERNEL + BIAS,
        variance=lambda x, alpha: alpha * (x**2 @ KERNEL**2),
        noiseless=lambda x: x @ KERNEL + BIAS,
        affine=False,
        many=(4096, 6),
        errors=(
            *_dense_errors(_vary),
            (
                lambda key: _vary(key, jnp.ones(6), jnp.ones(6)),
                ValueError,
                r"alpha has shape \(6,\); allowed: one that broadcasts to that of kernel, \(6, 5\)",
            ),
            (
                lambda key: _vary(key, jnp.ones(6), jnp.ones((), int)),
                TypeError,
                "alpha has dtype int32; allowed: floating point",
            ),
        ),
    ),
    Row(
        name="sparse_variational_dropout",
        kind="free",
        call=_sparse,
        mean=lambda x, variance: x @ KERNEL + BIAS,
        variance=lambda x, variance: variance * (x**2).sum(-1, keepdims=True),
        noiseless=lambda x: x @ KERNEL + BIAS,
        affine=False,
        many=(4096, 6),
        errors=(
            *_dense_errors(_sparse),
            (
                lambda key: _sparse(key, jnp.ones(6), 0.5, log_variance=jnp.ones(5)),
                ValueError,
                r"log_variance has shape \(5,\); allowed: that of kernel, \(6, 5\)",
            ),
            (
                lambda key: _sparse(key, jnp.ones(6), 0.5, log_variance=jnp.ones((6, 5), int)),
                TypeError,
                "log_variance has dtype int32; allowed: floating point",
            ),
        ),
    ),
    Row(
        name="concrete_dropout",
        kind="free",
        call=_concrete,
        mean=lambda x, rate: x * _concrete_moment(rate, 1),
        variance=lambda x, rate: (
            x**2 * (_concrete_moment(rate, 2) - _concrete_moment(rate, 1) ** 2)
        ),
        errors=(
            (
                lambda key: ops.concrete_dropout(key, jnp.ones(6), rate=1),
                ValueError,
                r"rate is 1; allowed: \[0, 1\)",
            ),
            (
                lambda key: _concrete(key, jnp.ones(6), np.ones(6)),
                ValueError,
                r"rate has shape \(6,\); allowed: a scalar",
            ),
            (
                lambda key: ops.concrete_dropout(key, jnp.ones(6), rate=jnp.ones((), int)),
                TypeError,
                "rate has dtype int32; allowed: floating point",
            ),
            (
                lambda key: _concrete(key, jnp.ones(6), 0.5, temperature=0.0),
                ValueError,
                "temperature is 0.0; allowed: a number above 0",
            ),
            (
                lambda key: _concrete(key, jnp.ones(6), 0.5, broadcast_dims=(1,)),
                ValueError,
                "broadcast_dims has 1; allowed: -1 to 0 ",
            ),
        ),
    ),
    Row(
        name="targeted_dropout",
        kind="rated",
        call=_target,
        noiseless=lambda x: x @ KERNEL + BIAS,
        errors=(
            *_dense_errors(_target),
            (
                lambda key: _target(key, jnp.ones(6), 0.5, fraction=1.5),
                ValueError,
                r"fraction is 1.5; allowed: \[0, 1\]",
            ),
            (
                lambda key: _target(key, jnp.ones(6), 0.5, fraction=jnp.ones(5)),
                ValueError,
                r"fraction has shape \(5,\); allowed: a scalar",
            ),
            (
                lambda key: _target(key, jnp.ones(6), 0.5, target="row"),
                ValueError,
                'target is \'row\'; allowed: "weight", "unit"',
            ),
        ),
    ),
)
