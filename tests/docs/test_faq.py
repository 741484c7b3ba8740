"""The commands of the questions' page, as it shows them but for what makes them small."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import xla_flags
from tests.scripts.forked import start_forked

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "faq.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
COMMANDS = "".join(BLOCKS).replace("\\\n", "").splitlines()
SMALL = (
    *("--config.train.epochs=1", "--config.model.widths=(8,)", "--config.data.train_size=128"),
    *("--config.data.val_size=64", "--config.model.units=8"),
)


def small(command):
    """Returns the flags that make a command small; the last of two for one thing counts."""
    if "configs/" not in command:
        return ()
    return (*SMALL, "--seeds=1", "--executor=local") if "sweep.py" in command else SMALL[:-1]


def test_commands_run(tmp_path):
    """In the page's order; tables are of the page's sweep."""
    haste = xla_flags("--xla_backend_optimization_level=0")
    assert len(COMMANDS) == 5
    for number, command in enumerate(COMMANDS):
        _, script, *flags = shlex.split(command)
        folder = tmp_path / ("sweep" if "/train.py" not in script else str(number))
        flags = [flag.replace("=DIR", f"={folder}") for flag in flags]
        flags = [flag.replace("table.tex", f"{tmp_path}/table.tex") for flag in flags]
        done = start_forked(tmp_path, Path(script).stem, *flags, *small(command), **haste).ended()
        assert done.returncode == 0, done.stderr
    assert r"\begin{tabular}" in (tmp_path / "table.tex").read_text()
    assert len([*tmp_path.glob("sweep/trials/*")]) == 5
