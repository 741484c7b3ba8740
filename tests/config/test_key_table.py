"""The table of configuration keys: complete rows, each read by code, one meaning one identity."""

import ast
import dataclasses
from pathlib import Path

import pytest

import dropout_lab
from dropout_lab.config import DYNAMIC, KEYS, default_config, flatten
from dropout_lab.config.keys.key import Role
from dropout_lab.config.reference import page
from dropout_lab.config.resolve import resolve_flat
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.variants import VARIANTS

PACKAGE = Path(dropout_lab.__file__).parent
REFERENCE = PACKAGE.parent / "docs" / "configuration.md"


def trees():
    """Yields the syntax trees of the code that reads keys."""
    for path in PACKAGE.rglob("*.py"):
        if "config" not in path.relative_to(PACKAGE).parts:
            yield path, ast.parse(path.read_text())


def test_the_defaults_are_those_of_the_table():
    flat = flatten(default_config().to_dict())
    assert flat == {name: key.default for name, key in KEYS.items()}


@pytest.mark.parametrize("name", KEYS)
def test_a_default_is_allowed(name):
    KEYS[name].check(KEYS[name].default)


@pytest.mark.parametrize("name", KEYS)
def test_the_meaning_is_a_sentence(name):
    assert KEYS[name].meaning.endswith(".")


def test_a_row_without_role_condition_or_earlier_meaning_cannot_be_made():
    row = KEYS["seed"]
    fields = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    for name in ("role", "when", "before", "values", "default", "meaning"):
        with pytest.raises(TypeError, match=name):
            type(row)(**{key: value for key, value in fields.items() if key != name})


def test_every_key_is_read():
    words = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                words.add(node.attr)
            elif isinstance(node, ast.arg):
                words.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
    unread = [name for name, key in KEYS.items() if name not in words and key.option not in words]
    assert unread == [], "keys that no code reads"


def test_numbers_of_the_program_are_dynamic_keys():
    """A key read from ``hparams`` without that role would be a KeyError while tracing."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Name)
                and node.value.id == "hparams"
                and isinstance(node.slice, ast.Constant)
            ):
                name = node.slice.value
                assert name in DYNAMIC, (
                    f"{path.name} reads {name!r} from hparams; its role: dynamic"
                )


def other_value(key, current):
    """Returns an allowed value of a key that means something else than its current one."""
    values = key.values
    candidates = [
        *values.names,
        *(True, False, 0.25, 3, 10, 16, 22, "elsewhere"),
        *((2,), (2, 3), (0.25,), ("noise",), ("noise:1",)),
    ]
    for value in candidates:
        if values.test(value) and value not in (key.default, key.neutral, current):
            return value
    raise AssertionError(f"no candidate for {key.name}: add one")


BASES = [
    {"variant": variant, "model.name": model, "model.stages": (4, 8)}
    for variant in ("none", "dropout", "zoneout", "drop_connect", "concrete_dropout")
    for model in MODELS
    if VARIANTS[variant].fits(MODELS[model].places)
] + [
    {"optimizer.name": "adam"},
    {"schedule.name": "step", "schedule.boundaries": (1,), "schedule.factors": (1.0, 0.5)},
    {"loss.l1": 0.1, "loss.sparsity": 0.1},
    {"train.updates": 9, "compute.dtype": "bfloat16"},
]


DEFAULTS = {name: key.default for name, key in KEYS.items()}


@pytest.mark.parametrize("base", BASES, ids=lambda base: " ".join(map(str, base.values())))
def test_keys_that_are_read_tell_trials_apart_and_no_others_do(base):
    before = resolve_flat(DEFAULTS | base)
    for name, key in KEYS.items():
        if name in base:
            continue
        try:
            changed = resolve_flat(DEFAULTS | base | {name: other_value(key, before[name])})
        except InputError:
            continue  # does not go with the rest
        assert (changed != before) == (key.is_read(before) or key.is_read(changed)), name


def test_the_reference_page_is_that_of_the_table():
    assert REFERENCE.read_text() == page(), (
        f"python -m dropout_lab.config.reference > docs/{REFERENCE.name} makes it so"
    )


def test_the_reference_page_names_every_key_and_role():
    for name in KEYS:
        assert f"`{name}`" in page()
    for role in Role:
        assert role.value in page()
