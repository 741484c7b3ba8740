"""What a configuration's data was understood as, from the command line."""

import shlex

import numpy as np
import pytest

from tests.scripts.forked import run_forked

README = (
    "--config=configs/digits_mlp.py --config.data.name=table --config.data.path=FILE.csv "
    "--config.data.label=COLUMN --plot=samples.png"
)


def _flags(folder):
    own = {"FILE.csv": folder / "own.csv", "COLUMN": "kind", "samples.png": folder / "samples.png"}
    flags = shlex.split(README)
    for word, value in own.items():
        flags = [flag.replace(word, str(value)) for flag in flags]
    return flags


def _write(path):
    rows = [f"{row / 7:.3f},{row * 100},{'cat' if row % 2 else 'dog'}" for row in range(24)]
    path.write_text("\n".join(["size,weight,kind", *rows]))


@pytest.mark.slow
def test_a_table_is_described_and_drawn(tmp_path):
    pytest.importorskip("pandas", reason="needs the extra pandas")
    _write(tmp_path / "own.csv")
    batch = "--config.train.batch_size=4"
    done = run_forked("data", *_flags(tmp_path), batch, "--config.data.scaling=feature")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("table: examples of shape (2,) (features), 2 classes\n")
    assert "labels 'cat', 'dog' became 0..1" in done.stdout
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_data_that_does_not_suit_is_described_all_the_same(tmp_path):
    x = np.arange(0, 24_000, 200).reshape(24, 5)
    np.savez(tmp_path / "own.npz", x=x, y=np.arange(24) % 2)
    done = run_forked(
        "data",
        "--config=configs/digits_mlp.py",
        "--config.data.name=npz",
        f"--config.data.path={tmp_path / 'own.npz'}",
        "--config.train.batch_size=4",
    )
    assert done.returncode == 2
    assert done.stdout.startswith("npz: examples of shape (5,)")
    assert done.stderr.startswith("error: config.data.scaling is 'unit', which leaves")
    assert done.stderr.count("\n") == 1


def test_another_form_of_picture_is_refused(tmp_path):
    done = run_forked("data", "--config=configs/digits_mlp.py", "--plot=samples.pdf")
    assert done.returncode == 2
    assert done.stderr == "error: --plot=samples.pdf; allowed: a file that ends in .png or .svg\n"
