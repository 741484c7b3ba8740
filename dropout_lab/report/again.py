"""The Python file that runs a sweep again."""

from typing import Any

from dropout_lab.config import default_config, flatten
from dropout_lab.sweeps.store import Store


def source(store: Store) -> str:
    """Returns a file for both ``--config`` and ``--sweep`` that gives the same trials.

    Args:
      store: The sweep.
    """
    defaults = flatten(default_config().to_dict())
    varied = store.varied()
    lines = [
        f"    config.{key} = {_value(value)!r}"
        for key, value in store.base().items()
        if value != _plain(defaults.get(key))
    ]
    trials = [
        {key: _value(flat[key]) for key in varied if flat.get(key) is not None}
        for flat in map(flatten, store.trials().values())
    ]
    return "\n".join(
        [
            "from dropout_lab.config import default_config",
            "",
            "",
            "def get_config():",
            "    config = default_config()",
            *lines,
            "    return config",
            "",
            "",
            "def get_sweep():",
            "    return [",
            *(f"        {trial!r}," for trial in trials),
            "    ]",
            "",
        ]
    )


def _value(value: Any) -> Any:
    return tuple(_value(part) for part in value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
