"""Every key that base.py declares is described, ruled and read; no other key is."""

import ast
import re
from pathlib import Path

import pytest

import dropout_lab
from configs import base
from dropout_lab.config import DYNAMIC, RULES, flatten

KEYS = flatten(base.get_config().to_dict())
PACKAGE = Path(dropout_lab.__file__).parent
SOURCE = Path(base.__file__).read_text().splitlines()


def words():
    """Returns names of attributes and parameters, and strings, of the code that acts on keys."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name in ("keys.py", "resolve.py", "resolve_network.py", "resolve_training.py"):
            continue  # these know keys by their names only
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_keys_have_rules_and_rules_have_keys():
    assert KEYS.keys() == RULES.keys()


@pytest.mark.parametrize("key", KEYS)
def test_a_default_is_allowed(key):
    RULES[key].check(key, KEYS[key])


def test_every_key_is_read():
    known = words()
    unread = [key for key in KEYS if key not in known and key.rpartition(".")[2] not in known]
    assert unread == []


def line_of(key):
    return next(line for line in SOURCE if re.match(rf"\s+config\.{re.escape(key)} = ", line))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_says_whether_it_is_dynamic(key):
    """The star in its comment is a promise: changing it never compiles again."""
    starred = "  # *" in line_of(key)
    assert starred == (key in DYNAMIC)
