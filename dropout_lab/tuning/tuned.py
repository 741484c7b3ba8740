"""The outcome of a tuning, and tuned.json, where it is kept with what was asked for."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.system.files import DamagedError, read_json, write_json
from dropout_lab.system.workdir import changed
from dropout_lab.tuning.choice import RULE, Choice


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The outcome of a tuning.

    Attributes:
      choices: By problem.
      failed: The error of each final trial that failed, by label.
    """

    choices: Mapping[str, Choice]
    failed: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Report:
    """tuned.json: what was asked for, and what became of it.

    Attributes:
      workdir: The tuning's directory.
      asked: All that a choice depends on, ready for JSON.
      candidates: By problem the settings to choose from.
    """

    workdir: Path
    asked: Mapping[str, Any]
    candidates: Mapping[str, Sequence[Overrides]]

    def read(self) -> dict[str, Choice] | None:
        """Returns what was chosen before; None if the search is not over.

        Raises:
          InputError: If something else was asked for then.
        """
        if not self._path.exists():
            return None
        content = read_json(self._path)
        if not isinstance(content, dict) or not {"asked", "problems"} <= content.keys():
            raise DamagedError(self._path, "not a tuning")
        asked = json.loads(json.dumps(self.asked))  # JSON has no tuples
        other = list(_changes(content["asked"], asked))
        if other:
            raise InputError(
                f"workdir {str(self.workdir)!r} was tuned with another {', '.join(other[:3])}, and "
                "its test set has been looked at: a choice made now could be made by it; allowed: "
                "the same, or a new workdir"
            )
        return {
            problem: Choice.from_json(content["problems"][problem], settings)
            for problem, settings in self.candidates.items()
        }

    def write(self, choices: Mapping[str, Choice]) -> None:
        """Writes down all that is known."""
        problems = {problem: choice.as_json() for problem, choice in choices.items()}
        content = {"schema": 1, "asked": self.asked, "rule": RULE, "problems": problems}
        write_json(self._path, content)

    @property
    def _path(self) -> Path:
        return self.workdir / "tuned.json"


def _changes(before: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """Yields what is asked for that was not asked for before, in words."""
    for key in changed(before, asked):
        theirs, value = before[key], asked[key]
        if key == "grid":
            names = [name for name in theirs | value if theirs.get(name) != value.get(name)]
            yield from (f"grid of {name!r}" for name in names)
        else:
            yield f"value of {key} ({theirs}, not {value})"
