"""The result of a tuning, and tuned.json, the file that holds it."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.system.files import DamagedError, check_schema, read_object, write_json
from dropout_lab.system.workdir import changed
from dropout_lab.tuning.choice import CHOICE_RULE, Choice


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The result of a tuning.

    Attributes:
      choices: Choice by problem.
      failed: The error of each final trial that failed, by label.
    """

    choices: Mapping[str, Choice]
    failed: Mapping[str, str]


def tested_problems(workdir: Path) -> list[str]:
    """Returns a tuning's finished problems: those with final runs, none of which failed."""
    path = workdir / "tuned.json"
    if not path.exists():
        return []
    return [
        problem
        for problem, choice in read_object(path)["problems"].items()
        if choice["final"]["runs"]
        and all(run["status"] != "failed" for run in choice["final"]["runs"])
    ]


@dataclasses.dataclass(frozen=True)
class TunedFile:
    """tuned.json: the inputs of a tuning and its choices.

    Attributes:
      workdir: The tuning's directory.
      inputs: Everything that a choice depends on, ready for JSON.
      candidates: The settings to choose from, by problem.
    """

    workdir: Path
    inputs: Mapping[str, Any]
    candidates: Mapping[str, Sequence[Overrides]]

    def read(self) -> dict[str, Choice]:
        """Returns the choices in the file, for the problems whose search is finished.

        Raises:
          InputError: If the file is damaged, or was written for other inputs.
        """
        content = self._content()
        if content is None:
            return {}
        inputs = json.loads(json.dumps(self.inputs))  # JSON has no tuples
        changes = list(_changes(content["asked"], inputs))
        if changes:
            raise InputError(
                f"workdir {str(self.workdir)!r} was tuned with another {', '.join(changes[:3])}, "
                "and its test set has been evaluated, which could influence a new choice; allowed: "
                "the same, or a new workdir"
            )
        try:
            return {
                problem: Choice.from_json(content["problems"][problem], settings)
                for problem, settings in self.candidates.items()
                if problem in content["problems"]
            }
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(self._path, "not a tuning") from error

    def write(self, choices: Mapping[str, Choice]) -> None:
        """Writes the file; its entries for other problems stay."""
        before = self._content() or {"problems": {}}
        problems = {problem: choice.as_json() for problem, choice in choices.items()}
        content = {
            "schema": 1,
            "asked": self.inputs,
            "rule": CHOICE_RULE,
            "problems": {**before["problems"], **problems},
        }
        write_json(self._path, content)

    def _content(self) -> dict[str, Any] | None:
        """Returns the content of the file; None if there is none."""
        if not self._path.exists():
            return None
        content = read_object(self._path)
        check_schema(self._path, content, 1)
        if not {"asked", "problems"} <= content.keys() or not isinstance(content["asked"], dict):
            raise DamagedError(self._path, "not a tuning")
        return content

    @property
    def _path(self) -> Path:
        return self.workdir / "tuned.json"


def _changes(before: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yields a description of each input that differs."""
    for key in changed(before, inputs):
        old, new = before[key], inputs[key]
        if key == "grid":
            problems = [name for name in old | new if old.get(name) != new.get(name)]
            yield from (f"grid of {problem!r}" for problem in problems)
        else:
            yield f"value of {key} ({old}, not {new})"
