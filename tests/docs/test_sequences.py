"""The commands of the sequences' page, on small files that its first command's functions make."""

import itertools
import shlex
import zipfile

import pytest

from scripts.prepare_sequences import glosses, vowels
from tests.conftest import xla_flags
from tests.scripts.forked import start_forked

pytestmark = pytest.mark.slow

# As on the page; a test compares them.
DESCRIBE = "python scripts/data.py --config=configs/vowels_rnn.py"
SWEEP = (
    "python scripts/sweep.py --config=configs/glosses.py --vary=variant=none,dropout "
    "--vary=seed=0,1,2 --workdir=results/glosses"
)
SMALL = (
    *("--config.data.train_size=64", "--config.data.val_size=32", "--config.train.batch_size=32"),
    *("--config.train.epochs=1", "--config.model.units=4", "--config.model.embedding=4"),
)


@pytest.fixture
def prepared(tmp_path):
    """Returns a folder of definitions of three classes, and of vowels of nine speakers."""
    words = ["barks", "runs", "of old", "that eats", "by night", "to do", "what is"]
    lines = [
        f"0000174{number} {kind} n 01 word 0 000 | {' '.join(text)}  \n"
        for kind, first in (("04", "act"), ("05", "animal"), ("06", "thing"))
        for number, text in enumerate(itertools.permutations([first, *words], 3))
        if number % 4 == 0
    ]
    (tmp_path / "data.noun").write_text("  1 This is the licence\n" + "".join(lines))
    sequences = [(5 + label % 3, label % 9 + 1) for label in range(90)]
    with zipfile.ZipFile(tmp_path / "aeon.whl", "w") as archive:
        for part in ("TRAIN", "TEST"):
            rows = [":".join([",".join(["0.5"] * n)] * 12) + f":{label}" for n, label in sequences]
            name = f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts"
            archive.writestr(name, "@x\n@data\n" + "\n".join(rows))
    folder = tmp_path / "prepared"
    for name, content in (glosses(tmp_path / "data.noun") | vowels(tmp_path / "aeon.whl")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_commands_run(prepared, tmp_path):
    def run(command, *more):
        _, script, *flags = shlex.split(command)
        name = script.removeprefix("scripts/").removesuffix(".py")
        haste = xla_flags("--xla_backend_optimization_level=0") | {
            "DROPOUT_LAB_DATA": str(prepared)
        }
        done = start_forked(tmp_path, name, *flags, *more, **haste).ended()
        assert done.returncode == 0, done.stderr
        return done.stdout

    described = run(DESCRIBE, "--config.data.val_size=18")
    assert "sequences" in described, described
    workdir = tmp_path / "sweep"
    run(SWEEP, *SMALL, "--executor=local", f"--workdir={workdir}")
    assert len([*workdir.glob("trials/*")]) == 6
