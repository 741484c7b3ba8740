"""The contract's rows for noise with a structure: regions, windows, channels, branches."""

import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row


def _bad_images(call):
    """Returns calls with what is no batch of images."""
    return tuple(
        (
            lambda key, shape=shape: call(key, jnp.ones(shape)),
            ValueError,
            r"x has shape \(.*\); allowed: 4 axes, \(batch, height, width, channels\)",
        )
        for shape in [(), (6, 6), (6, 6, 3), (2, 2, 6, 6, 3)]
    )


def _bad_counts(name, call):
    """Returns calls with a size that is none."""
    x = jnp.ones((1, 4, 4, 1))
    bad: list[tuple[object, type[Exception], str]] = [
        (0, ValueError, "1 or more"),
        (-2, ValueError, "1 or more"),
        (2.0, TypeError, "an integer"),
        (True, TypeError, "an integer"),
    ]
    return tuple(
        (
            lambda key, count=count: call(key, x, count),
            error,
            rf"{name} is {count}; allowed: {allowed}",
        )
        for count, error, allowed in bad
    )


def max_pool(x, window=2):
    """Returns the maxima of the windows, in NumPy."""
    n, h, w, c = x.shape
    p, q = h // window, w // window
    grid = x[:, : p * window, : q * window].reshape(n, p, window, q, window, c)
    return grid.max(axis=(2, 4))


ROWS = (
    Row(
        name="drop_block",
        kind="rated",
        call=lambda key, x, rate: ops.drop_block(key, x, rate=rate, block_size=2),
        shape=(4, 6, 5, 3),
        errors=(
            *_bad_images(lambda key, x: ops.drop_block(key, x, rate=0.5, block_size=2)),
            *_bad_counts(
                "block_size",
                lambda key, x, size: ops.drop_block(key, x, rate=0.5, block_size=size),
            ),
        ),
    ),
    Row(
        name="cutout",
        kind="free",
        call=lambda key, x, rate: ops.cutout(key, x, size=2),
        noiseless=None,
        shape=(4, 6, 5, 3),
        errors=(
            *_bad_images(lambda key, x: ops.cutout(key, x, size=2)),
            *_bad_counts("size", lambda key, x, size: ops.cutout(key, x, size=size)),
        ),
    ),
    Row(
        name="max_pool_dropout",
        kind="rated",
        call=lambda key, x, rate: ops.max_pool_dropout(key, x, rate=rate),
        noiseless=max_pool,
        affine=False,
        shape=(4, 6, 5, 3),
        errors=(
            *_bad_images(lambda key, x: ops.max_pool_dropout(key, x, rate=0.5)),
            *_bad_counts(
                "window",
                lambda key, x, size: ops.max_pool_dropout(key, x, rate=0.5, window=size),
            ),
        ),
    ),
    Row(
        name="stochastic_pool",
        kind="free",
        call=lambda key, x, rate: ops.stochastic_pool(key, x),
        noiseless=None,
        affine=False,
        shape=(4, 6, 5, 3),
        errors=(
            *_bad_images(lambda key, x: ops.stochastic_pool(key, x)),
            *_bad_counts("window", lambda key, x, size: ops.stochastic_pool(key, x, window=size)),
        ),
    ),
    Row(
        name="masksembles",
        kind="free",
        call=lambda key, x, rate: ops.masksembles(key, x, masks=2, scale=2.0),
        noiseless=None,
        shape=(4, 2, 3, 8),
        errors=(
            *_bad_counts("masks", lambda key, x, n: ops.masksembles(key, x, masks=n, scale=2.0)),
            *(
                (
                    lambda key, scale=scale: ops.masksembles(
                        key, jnp.ones((4, 6)), masks=4, scale=scale
                    ),
                    ValueError,
                    rf"scale is {scale}; allowed: finite numbers from 1 up",
                )
                for scale in (0.9, np.inf)
            ),
            (
                lambda key: ops.masksembles(key, jnp.ones(6), masks=4, scale=2.0),
                ValueError,
                r"x has shape \(6,\); allowed: 2 or more axes, \(batch, \.\.\., units\)",
            ),
        ),
    ),
    Row(
        name="stochastic_depth",
        kind="mask",
        call=lambda key, x, rate: ops.stochastic_depth(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
        shape=(8, 3, 2),
        many=(2**16, 2),
        draws=np.s_[:, 0],
        errors=(
            (
                lambda key: ops.stochastic_depth(key, jnp.ones(()), rate=0.5),
                ValueError,
                r"x has shape \(\); allowed: 1 or more axes",
            ),
        ),
    ),
    Row(
        name="weighted_channel_dropout",
        kind="rated",
        call=lambda key, x, rate: ops.weighted_channel_dropout(key, x, rate=rate),
        affine=False,
        shape=(4, 2, 3, 8),
        errors=tuple(
            (
                lambda key, shape=shape: ops.weighted_channel_dropout(
                    key, jnp.ones(shape), rate=0.5
                ),
                ValueError,
                r"2 or more axes, \(batch, \.\.\., channels\)",
            )
            for shape in [(), (6,)]
        ),
    ),
)
