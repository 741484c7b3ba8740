"""The reference page of all configuration keys, as Markdown.

``python -m dropout_lab.config.reference`` prints it.
"""

from dropout_lab.config.keys import KEYS, Key
from dropout_lab.config.keys.key import MODEL, VARIANT, Role, model_options
from dropout_lab.models import MODELS
from dropout_lab.variants import PLACES, VARIANTS

_OPENING = """\
# Configuration keys

Every key with its default, its allowed values, and when it is read. Set one in a configuration file
(`config.dropout.rate = 0.2`), as a flag (`--config.dropout.rate=0.2`) or in a sweep
(`--vary=dropout.rate=0.2,0.5`). A key that is not read has no effect and is no part of a trial's
identity. This page is printed by `python -m dropout_lab.config.reference`.

The role of a key says what its value does to the compiled program of a trial:

"""


def page() -> str:
    """Returns the reference page, as Markdown."""
    roles = [f"- {role.name.lower()}: it {role.value}." for role in Role]
    lines = [_OPENING + "\n".join(roles)]
    section = None
    for key in KEYS.values():
        if (here := key.name.rpartition(".")[0]) != section:
            section = here
            lines += ["", f"## {section or 'Top level'}", ""]
            lines += ["| key | default | role | allowed | meaning |", "|:--|:--|:--|:--|:--|"]
        lines.append(_row(key))
    return "\n".join(lines) + "\n"


def _row(key: Key) -> str:
    allowed = key.values.words.replace("|", "\\|")
    cells = [f"`{key.name}`", f"`{key.default!r}`", key.role.name.lower(), allowed]
    return f"| {' | '.join(cells)} | {key.meaning}{_condition(key)} |"


def _condition(key: Key) -> str:
    """Returns when a key is read, as a sentence; empty if always."""
    if key.when is VARIANT:
        places = tuple(PLACES)
        readers = [name for name, made in VARIANTS.items() if key.option in made.reads(places)]
        return f" Read by {', '.join(readers)}." if len(readers) < len(VARIANTS) / 3 else ""
    if key.when is MODEL:
        return (
            f" Read by {', '.join(name for name in MODELS if key.option in model_options(name))}."
        )
    return f" Read when {key.when.words}." if key.when.words else ""


if __name__ == "__main__":
    print(page(), end="")
