"""Strategies for flags and for the content of files, valid or not."""

import json

from hypothesis import strategies as st

from dropout_lab.config import KEYS

_SPECIAL = (
    *("", " ", "0", "-0", "-1", "1", "0.5", "1e-46", "1e39", "1e999", "nan", "inf", "-inf", "1_0"),
    *("None", "True", "False", "all", "none", "dropout", "dropuot", "0:3", "0:3:2", "3:0", "0:2:0"),
    *("0:1000001", "1" * 400, "10**27", "0x10", "(8,)", "(8, 8)", "[8]", "()", "(((8)))", "{}"),
    *(
        "(" * 300,
        "[" * 200 + "]" * 200,
        "{[1]: 2}",
        "{1: 2}",
        "'a'",
        "'",
        '"',
        "a,b",
        ",",
        ",,",
        "\\",
    ),
    *("é", "\0", "\udc80", "x" * 300, "mine.py:f", "os:path", "a:b:c", "../..", "/", "~", "$HOME"),
    *("b'a'", "1j", "...", "lambda: 1", "2147483648", "4294967296", "0.1,0.2", "(0.1,None)", "\n"),
)
_texts = st.one_of(
    st.sampled_from(_SPECIAL),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=12),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-9, 99),
            st.floats(-2, 2),
            st.text("ab", max_size=3),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)
        ),
        max_leaves=4,
    ).map(repr),
)
_keys = st.one_of(
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(("", ".", "dropout", "dropout.", "dropout.rat", "a.b.c", "seed.seed", "model")),
    st.text(max_size=6),
)
PATHS = st.sampled_from(
    (
        "out",
        "new/out",
        "no/../out",
        ".",
        "/",
        "",
        "x" * 300,
        "y" * 99 + "/z",
        "é.svg",
        "a.svg",
        "a.png",
        "a.gif",
        "\udc80",
        "all/sweep.json/x",
    )
)
_changes = st.tuples(_keys, _texts).map(lambda pair: f"--config.{pair[0]}={pair[1]}")
_varied = st.one_of(st.tuples(_keys, _texts).map("=".join), _texts).map("--vary={}".format)


def _flag(name, values):
    return values.map(f"--{name}={{}}".format)


SWEEP = st.one_of(
    _varied,
    _varied,
    _changes,
    *(_flag(name, _texts) for name in ("seeds", "lanes", "executor", "workers", "retry")),
    *(_flag(name, _texts) for name in ("scheduler", "tls_ca", "tls_cert", "checkpoint_minutes")),
    _flag("sweep", PATHS),
    _flag("config", _texts),
)
TABLE = st.one_of(
    *(_flag(name, st.one_of(_keys, _texts)) for name in ("rows", "cols")),
    _flag("value", st.one_of(st.sampled_from(("val_error", "wall_seconds", "test_nll")), _texts)),
    _flag(
        "format", st.one_of(st.sampled_from(("latex", "latex_plain", "csv", "markdown")), _texts)
    ),
    *(_flag(name, _texts) for name in ("caption", "label", "rename")),
    _flag("where", st.one_of(st.tuples(_keys, _texts).map("=".join), _texts)),
    *(_flag(name, PATHS) for name in ("output", "plot")),
)
TRAIN = st.one_of(
    _changes,
    _changes,
    *(_flag(name, _texts) for name in ("coordinator", "num_processes", "process_id", "config")),
)
_where = st.one_of(st.tuples(_keys, _texts).map("=".join), _texts)
_rows = _flag("rows", st.one_of(_keys, _texts))
_values = st.one_of(st.sampled_from(("val_error", "gap_error", "train_loss", "test_nll")), _texts)
PLOT = st.one_of(
    _flag("kind", st.sampled_from(("lines", "curves", "heatmap", "pairs", "features", "x"))),
    _rows,
    _flag("cols", st.one_of(_keys, _texts)),
    _flag("value", _values),
    *(_flag(name, _where) for name in ("where", "against")),
    *(_flag(name, _texts) for name in ("rate", "seed", "kind")),
)
EVALUATE = st.one_of(
    _rows,
    _flag("inference", st.one_of(st.sampled_from(("mean", "mc", "ensemble", "masks")), _texts)),
    _flag("passes", st.one_of(st.sampled_from(("1", "2")), _texts)),
    _flag("shift", st.one_of(st.sampled_from(("rotation:2", "blur:1", "noise:9")), _texts)),
    _flag("against", st.one_of(st.sampled_from(("noise", "permuted", "digits")), _texts)),
    _flag("where", _where),
    _flag("temperature", st.sampled_from(("true", "false", "x"))),
    _flag("plot", PATHS),
)
TUNE = st.one_of(
    _varied,
    _changes,
    _flag("search", st.one_of(st.sampled_from(("grid", "halving", "hyperband")), _texts)),
    *(_flag(name, _texts) for name in ("folds", "factor", "min_epochs", "trials", "draws")),
    _flag("draw_seed", _texts),
)
EXPORT = _flag("to", st.one_of(st.sampled_from(("csv", "tensorboard")), _texts))
_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**400, 10**401),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(("ok", "dropout", [[]] * 3, {})),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


@st.composite
def changed(draw, text):
    """Draws a JSON text with a change: of a value, a key, or anything."""
    kind = draw(st.sampled_from(("value", "value", "key", "twice", "text", "schema")))
    if kind == "text":
        at = draw(st.integers(0, len(text)))
        return text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 9)) :]
    content = json.loads(text)
    if kind == "schema":
        return json.dumps({**content, "schema": draw(st.one_of(st.just(2), _json))})
    parent, node = content, content
    while isinstance(node, dict | list) and node:
        parent = node
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        node = node[key]
        if draw(st.integers(0, 3)) == 0:
            break
    if kind == "value":
        parent[key] = draw(_json)
    elif kind == "key" and isinstance(parent, dict):
        parent[draw(st.text(max_size=5))] = parent.pop(key)
    changed = json.dumps(content)
    return changed.replace("{", '{"id": 1, ', 1) if kind == "twice" else changed
