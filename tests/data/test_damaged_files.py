"""Drawn damage to own data: an error of one line or data that is whole, never a traceback."""

import io

import numpy as np
import pytest
from PIL import Image

from dropout_lab.data import load
from dropout_lab.errors import InputError

COUNTS = [30, pytest.param(500, marks=pytest.mark.slow)]


def _npz(save):
    rng = np.random.default_rng(0)
    content = io.BytesIO()
    save(
        content,
        x_train=rng.integers(0, 256, (20, 3, 4)),
        y_train=np.array(["a", "b"] * 10),
        x_test=rng.integers(0, 256, (4, 3, 4)),
        y_test=np.array(["a", "b"] * 2),
    )
    return content.getvalue()


def _csv():
    rows = [f"{row / 7:.3f},{row % 5},{'cat' if row % 2 else 'dog'}" for row in range(20)]
    return "\n".join(["size,legs,label", *rows]).encode()


def _parquet():
    pd = pytest.importorskip("pandas", reason="needs the extra pandas")
    pytest.importorskip("pyarrow", reason="pandas reads parquet with it")
    return pd.read_csv(io.BytesIO(_csv())).to_parquet()


def _png():
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def _damaged(content, rng):
    """Returns content that is cut, overwritten, repeated or flipped somewhere."""
    at, to = sorted(rng.integers(0, len(content) + 1, 2))
    changed = bytearray(content)
    kind = rng.integers(5)
    if kind == 0:
        del changed[at:]
    elif kind == 1:
        changed[at:to] = rng.bytes(to - at)
    elif kind == 2:
        changed[at:at] = content[at:to]
    elif kind == 3:
        del changed[at:to]
    else:
        for place in rng.integers(0, len(content), rng.integers(1, 9)):
            changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def _write(tmp_path, form, content):
    if form != "image_folder":
        (tmp_path / "own").write_bytes(content)
        return tmp_path / "own"
    for number in range(6):
        file = tmp_path / "folder" / f"class_{number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_png() if number else content)
    return tmp_path / "folder"


KINDS = {
    "npz": ("npz", lambda: _npz(np.savez)),
    "compressed npz": ("npz", lambda: _npz(np.savez_compressed)),
    "csv": ("table", _csv),
    "parquet": ("table", _parquet),
    "png": ("image_folder", _png),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("form", "make"), KINDS.values(), ids=KINDS)
def test_a_damaged_file_is_an_error_of_one_line_or_is_read(tmp_path, form, make, count):
    if form == "table":
        pytest.importorskip("pandas", reason="needs the extra pandas")
    whole, rng = make(), np.random.default_rng(0)
    messages = []
    for _ in range(count):
        path = _write(tmp_path, form, _damaged(whole, rng))
        try:
            data = load(form, path=str(path))
        except InputError as error:
            messages.append(str(error))
        else:
            assert data.train.labels.max() < data.classes
    assert [message for message in messages if "\n" in message] == []
    assert [message for message in messages if str(tmp_path) not in message] == []
    assert len(messages) > count / 3
