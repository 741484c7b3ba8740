"""A trial of jax, one line of JSON per step; a separate process, since jax may hang or crash."""

import hashlib
import json
import math
import time

STEPS = ("import jax", "find devices", "draw known masks", "train on digits")


def main() -> None:
    """Runs the steps in order and prints a line of JSON after each."""
    import jax

    _answer(version=jax.__version__)
    devices = jax.devices()
    stats = devices[0].memory_stats() or {}
    _answer(
        backend=jax.default_backend(),
        devices=[device.device_kind for device in devices],
        memory=stats.get("bytes_limit"),
    )
    _answer(masks=_masks())
    started = time.monotonic()
    error = _train()
    _answer(val_error=error, seconds=time.monotonic() - started)


def _answer(**content: object) -> None:
    print(json.dumps(content), flush=True)


def _masks() -> str:
    """Returns a hash of the mask of one fixed key."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from dropout_lab import ops

    key = jax.random.key(0, impl="threefry2x32")
    kept = ops.dropout(key, jnp.ones((512, 384)), rate=0.3) > 0
    return hashlib.sha256(np.packbits(np.asarray(kept)).tobytes()).hexdigest()[:16]


def _train() -> float:
    """Returns the validation error, in percent, of a small network after an epoch on digits."""
    from dropout_lab.config import default_config, resolve
    from dropout_lab.training.preparation import prepare
    from dropout_lab.training.trainer import Trainer

    config = default_config()
    config.variant = "dropout"
    config.model.widths = (64,)
    config.train.batch_size, config.train.epochs = 64, 1
    config.eval.test = False
    resolved = resolve(config)
    program, dataset = prepare(resolved)
    [result] = Trainer(program, [resolved], dataset).run()
    error = result.progress.metrics.get("val_error")
    return math.nan if error is None else error
