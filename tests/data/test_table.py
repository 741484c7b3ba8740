"""Tables: CSV and parquet."""

import gzip
import re
import sys

import numpy as np
import pytest

from dropout_lab.data import load
from dropout_lab.errors import InputError


def test_without_pandas_one_line_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "own.csv").write_text("a,label\n1,2\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"needs pandas: pip install 'dropout_lab\[pandas\]'"):
        load("table", path=str(tmp_path / "own.csv"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04", "is an .npz, not a table .*: set config.data.name to 'npz'"),
        (b"\x80\x05.", "is a pickle, not a table .* can run code"),
        (b"", "is empty, not a table"),
    ],
    ids=["zip", "pickle", "empty"],
)
def test_other_files_are_called_what_they_are(tmp_path, content, message):
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load("table", path=str(tmp_path / "own.csv"))


pd = pytest.importorskip("pandas", reason="needs the extra pandas")


def _frame(rows=24):
    rng = np.random.default_rng(0)
    names = [["cat", "dog", "ewe"][row % 3] for row in range(rows)]
    return pd.DataFrame(
        {"size": rng.normal(size=rows), "class": names, "weight": rng.normal(size=rows)}
    )


@pytest.fixture
def expected(tmp_path):
    path = str(tmp_path / "expected.csv")
    _frame().to_csv(path, index=False)
    return load("table", path=path)


def test_a_table_is_split_and_its_text_labels_are_classes(expected):
    assert (len(expected.train), len(expected.val), len(expected.test)) == (17, 3, 4)
    assert expected.train.images.shape == (17, 2)
    assert expected.class_names == ("cat", "dog", "ewe")
    assert expected.notes == (
        "labels: column 'class'",
        "labels 'cat', 'dog', 'ewe' became 0..2",
        "no test part: 4 of the 24 examples, chosen by their hashes, are held out as one",
    )
    frame = _frame()
    classes = {np.float32(row.size_): row["class"] for _, row in _renamed(frame).iterrows()}
    for split in (expected.train, expected.val, expected.test):
        got = [expected.class_names[label] for label in split.labels]
        assert got == [classes[value] for value in split.images[:, 0]]


def _renamed(frame):
    return frame.rename(columns={"size": "size_"})


def _csv(**options):
    return lambda path: _frame().to_csv(path, index=False, **options)


def _without_header(path):
    _frame().to_csv(path, index=False, header=False)


def _with_index(path):
    _frame().to_csv(path)


def _with_ids(path):
    _frame().assign(Id=range(1, 25)).to_csv(path, index=False)


def _gzipped(path):
    path.write_bytes(gzip.compress(_frame().to_csv(index=False).encode()))


@pytest.mark.parametrize(
    ("write", "suffix", "label"),
    [
        (_csv(), ".csv", "class"),
        (_csv(sep=";"), ".csv", None),
        (_csv(sep="\t"), ".tsv", None),
        (_csv(encoding="utf-8-sig"), ".csv", None),
        (_csv(lineterminator="\r\n"), ".txt", None),
        (_without_header, ".data", "1"),
        (_with_index, ".csv", None),
        (_with_ids, ".csv", None),
        (_gzipped, ".csv.gz", None),
        (lambda path: _frame().to_parquet(path), ".parquet", None),
        (lambda path: _frame().astype({"class": "category"}).to_parquet(path), ".parquet", None),
    ],
    ids=[
        *("named", "semicolons", "tabs", "byte order mark", "CRLF", "no header", "index", "ids"),
        *("gzip", "parquet", "categorical"),
    ],
)
def test_any_form_of_a_table_is_the_same_data(tmp_path, expected, write, suffix, label):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="pandas reads parquet with it")
    path = tmp_path / f"own{suffix}"
    write(path)
    data = load("table", path=str(path), label=label)
    assert data.fingerprint == expected.fingerprint
    assert data.class_names == expected.class_names


def test_what_is_assumed_is_noted(tmp_path):
    _without_header(tmp_path / "own.csv")
    notes = load("table", path=str(tmp_path / "own.csv"), label="1").notes
    assert notes[0] == "no header line: columns are called '0' to '2'"
    _with_ids(tmp_path / "own.csv")
    notes = load("table", path=str(tmp_path / "own.csv")).notes
    assert "left out: column 'Id', which numbers the rows" in notes


def test_a_folder_has_a_file_per_part(tmp_path, expected):
    frame = _frame()
    frame[:15].to_csv(tmp_path / "train.csv", index=False)
    frame[15:20].to_csv(tmp_path / "valid.csv", index=False)
    frame[20:][["weight", "class", "size"]].to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "expected.csv").unlink()
    (tmp_path / "README.md").write_text("about")
    data = load("table", path=str(tmp_path))
    assert (len(data.train), len(data.val), len(data.test)) == (15, 5, 4)
    assert set(data.test.images[:, 0]) == set(frame["size"][20:].astype(np.float32))


def test_numbers_as_column_names_are_a_header(tmp_path):
    frame = pd.DataFrame(np.arange(24.0).reshape(6, 4)).assign(label=[0, 1, 0, 1, 0, 1])
    frame.to_csv(tmp_path / "own.csv", index=False)
    data = load("table", path=str(tmp_path / "own.csv"))
    assert len(data.train) + len(data.val) + len(data.test) == 6


def test_pixels_of_a_table_become_bytes(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 256, (12, 4)), columns=[f"pixel{n}" for n in range(4)])
    frame.assign(label=np.arange(12) % 2).to_csv(tmp_path / "own.csv", index=False)
    assert load("table", path=str(tmp_path / "own.csv")).train.images.dtype == np.uint8


@pytest.mark.parametrize("kind", ["Int64", "Float64", "boolean", "string"])
def test_pandas_own_types_are_read(tmp_path, kind):
    pytest.importorskip("pyarrow", reason="pandas reads parquet with it")
    frame = pd.DataFrame({"a": pd.array([1, 2, 3, 4], "Int64"), "y": [0, 1, 1, 0]})
    frame["y"] = frame["y"].astype(bool if kind == "boolean" else "Int64").astype(kind)
    frame.to_parquet(tmp_path / "own.parquet")
    data = load("table", path=str(tmp_path / "own.parquet"))
    assert data.classes == 2


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        (
            "a,b\n1,2\n",
            None,
            "which column holds the labels? config.data.label names it; columns: a, b.",
        ),
        ("y,label\n1,2\n", None, "which column holds the labels?"),
        (
            "a,b\n1,2\n",
            "bb",
            "unknown column of {path} (config.data.label) 'bb'; did you mean 'b'?",
        ),
        ("label\n1\n2\n", None, "no column besides 'label'; a table needs features too."),
        (
            "a,y\nred,1\nblue,0\n",
            None,
            "column 'a' holds 'red' in row 1, not a number; encode",
        ),
        (
            "a,y\n" + "1,1\n2,0\n" * 9 + "n/k,1\n",
            None,
            "column 'a' holds 'n/k' in row 19, not a number (1 such values); correct them",
        ),
        (
            "a;y\n1,5;1\n-2,25;0\n",
            None,
            "column 'a' holds '1,5' in row 1, not a number; write decimals with a point",
        ),
        (
            "a,y\n1,1\n,0\n,1\n",
            None,
            "values are missing in columns 'a' (2); fill them in or drop those rows",
        ),
        ("a,y\n1,\n2,0\n", None, "column 'y' lacks 1 of 2 labels; drop those rows"),
        (
            "a,y\n1,0.25\n2,0.5\n",
            None,
            "column 'y' has 2 different values that are not whole numbers",
        ),
        ("a,y\n", None, "a table of shape (0, 2); must have rows and columns."),
        ("a,y\n1,2,3\n4,5,6\n", None, "not a readable table (ParserWarning: "),
        ("a,y\n1,2\n1,2,3\n", None, "not a readable table (ParserError: "),
        ("a,y\n1,0\n", None, "a single example"),
    ],
    ids=range(14),
)
def test_bad_tables_are_refused(tmp_path, text, label, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(message.format(path=path))) as caught:
        load("table", path=str(path), label=label)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [["1", "2"], pd.to_datetime(["2020-01-01", "2021-01-01"])])
def test_a_column_of_text_or_dates_with_any_index_is_refused(tmp_path, values):
    path = tmp_path / "own.parquet"
    pd.DataFrame({"a": values, "y": [0, 1]}, index=["first", "second"]).to_parquet(path)
    with pytest.raises(InputError, match=r"column 'a' holds '.*' in row 1, not a number; encode"):
        load("table", path=str(path))


def test_a_test_file_without_labels_is_refused_with_the_cure(tmp_path):
    _frame().to_csv(tmp_path / "train.csv", index=False)
    _frame().drop(columns="class").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(InputError, match=r"test\.csv: no column 'class'; name the training file"):
        load("table", path=str(tmp_path))


def test_a_folder_without_a_training_file_is_refused(tmp_path):
    _frame().to_csv(tmp_path / "iris.csv", index=False)
    with pytest.raises(InputError, match=r"without train\.csv; .* \(it holds iris\.csv\)"):
        load("table", path=str(tmp_path))
