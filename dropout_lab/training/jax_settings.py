"""JAX's own settings, from its environment variables or its config, that change what a run gives.

Records do not hold them: they must be the same for all.
"""

import jax

from dropout_lab.errors import InputError

_DEFAULTS = {
    "jax_default_prng_impl": "threefry2x32",  # lanes would all draw from the first one's rbg key
    "jax_threefry_partitionable": True,  # noise would depend on how many devices share a batch
    "jax_random_seed_offset": 0,
    "jax_enable_x64": False,
}


def check_jax_settings() -> None:
    """Raises InputError if a setting is not JAX's default."""
    for name, default in _DEFAULTS.items():
        value = getattr(jax.config, name)
        if value != default:
            raise InputError(
                f"{name} is {value!r}, which gives other results than the record would promise; "
                f"allowed: {default!r}, without {name.upper()} in the environment"
            )
