"""The outcome of a tuning, and tuned.json, where it is kept with what was asked for."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.files import DamagedError, read_json, write_json
from dropout_lab.sweeps.choice import RULE, Choice
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.workdir import changed


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The outcome of a tuning.

    Attributes:
      choices: By problem.
      failed: The error of each final trial that failed, by label.
    """

    choices: Mapping[str, Choice]
    failed: Mapping[str, str]


def tested(workdir: Path) -> list[str]:
    """Returns the problems of a tuning whose final runs have all ended, none of them failed."""
    path = workdir / "tuned.json"
    if not path.exists():
        return []
    return [
        problem
        for problem, choice in read_json(path)["problems"].items()
        if choice["final"]["runs"]
        and all(run["status"] != "failed" for run in choice["final"]["runs"])
    ]


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

    def read(self) -> dict[str, Choice]:
        """Returns what was chosen before, of the problems whose search is over.

        Raises:
          InputError: If something else was asked for then.
        """
        content = self._content()
        if content is None:
            return {}
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
            if problem in content["problems"]
        }

    def write(self, choices: Mapping[str, Choice]) -> None:
        """Writes down all that is known; what is there of other problems stays."""
        before = self._content() or {"problems": {}}
        problems = {problem: choice.as_json() for problem, choice in choices.items()}
        write_json(
            self._path,
            {
                "schema": 1,
                "asked": self.asked,
                "rule": RULE,
                "problems": {**before["problems"], **problems},
            },
        )

    def _content(self) -> dict[str, Any] | None:
        """Returns the content of tuned.json; None if there is no such file."""
        if not self._path.exists():
            return None
        content = read_json(self._path)
        if not isinstance(content, dict) or not {"asked", "problems"} <= content.keys():
            raise DamagedError(self._path, "not a tuning")
        return content

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
