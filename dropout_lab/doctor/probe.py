"""What jax does here, a line of JSON per step: run apart, since jax may fail, hang or crash."""

import hashlib
import json
import math
import time

STEPS = ("import jax", "find devices", "draw known masks", "train on digits")


def main() -> None:
    """Takes the steps in order and tells of each once it is done."""
    import jax

    _tell(version=jax.__version__)
    devices = jax.devices()
    stats = devices[0].memory_stats() or {}
    _tell(
        backend=jax.default_backend(),
        devices=[device.device_kind for device in devices],
        memory=stats.get("bytes_limit"),
    )
    _tell(masks=_masks())
    started = time.monotonic()
    error = _train()
    _tell(val_error=error, seconds=time.monotonic() - started)


def _tell(**content: object) -> None:
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
    from configs import digits_mlp
    from dropout_lab.config import resolve
    from dropout_lab.training.preparation import prepare
    from dropout_lab.training.trainer import Trainer

    config = digits_mlp.get_config("dropout,smoke")
    config.model.widths = (64,)
    config.train.epochs = 1
    config.eval.test = False
    resolved = resolve(config)
    program, dataset = prepare(resolved)
    [result] = Trainer(program, [resolved], dataset).run()
    error = result.progress.metrics.get("val_error")
    return math.nan if error is None else error
