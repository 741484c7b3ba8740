"""Usual names: of arrays, columns and folders that hold features, labels and parts."""

import re

_PARTS = {
    "train": ("train", "training", "tr", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "te", "tst", "t10k"),
}
_FEATURES = (
    *("x", "xs", "image", "images", "img", "imgs", "data", "feature", "features"),
    *("input", "inputs", "pixels", "samples", "tokens", "sequences"),
)
_LENGTHS = ("lengths",)
_LABELS = ("y", "ys", "label", "labels", "class", "classes", "target", "targets", "category")

_PART = {word: part for part, words in _PARTS.items() for word in words}
_KIND = (
    dict.fromkeys(_FEATURES, "x") | dict.fromkeys(_LABELS, "y") | dict.fromkeys(_LENGTHS, "lengths")
)
_ARRAY = re.compile(
    "(?P<before>{parts})?(?:set)?(?P<kind>{kinds})(?P<after>{parts})?".format(
        parts="|".join(_PART), kinds="|".join(sorted(_KIND, key=len, reverse=True))
    )
)


def array_role(name: str) -> tuple[str, str] | None:
    """Returns the part ("" if none) and the kind in an array's name; None if unclear.

    Kinds are "x", features or tokens; "y", labels; and "lengths".

    >>> array_role("x_train"), array_role("testLabels"), array_role("lengths_val")
    (('train', 'x'), ('test', 'y'), ('val', 'lengths'))
    >>> array_role("y"), array_role("weights")
    (('', 'y'), None)
    """
    match = _ARRAY.fullmatch(_plain(name))
    if not match or (match["before"] and match["after"]):
        return None
    return _PART.get(match["before"] or match["after"], ""), _KIND[match["kind"]]


def part_of(name: str) -> str | None:
    """Returns the part that a file's or folder's name stands for; None if it is unclear.

    >>> part_of("Training"), part_of("cats")
    ('train', None)
    """
    return _PART.get(_plain(name))


def is_label(name: str) -> bool:
    """Returns whether a column's name is a usual name for labels.

    >>> is_label("Class"), is_label("width")
    (True, False)
    """
    return _KIND.get(_plain(name)) == "y"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
