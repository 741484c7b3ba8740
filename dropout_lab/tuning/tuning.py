"""Tuning: settings are compared on validation data; only the chosen ones see the test set."""

import copy
import dataclasses
import functools
import itertools
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.config import EXECUTION, KEYS, by_content, flatten, pinned
from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.runner import check_group, run_sweep
from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.system.workdir import check_directory, check_kind
from dropout_lab.training.preparation import load_data
from dropout_lab.tuning.choice import Choice, Setting
from dropout_lab.tuning.halving import Halving, whole_length
from dropout_lab.tuning.runs import read_setting
from dropout_lab.tuning.tuned import Tuned, TunedFile

_SET_BY_TUNING = ("seed", "eval.test", "train.refit", "data.folds", "data.fold")


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Chooses a setting for each problem by validation error, and tests it once.

    A problem is a label with its own list of settings, such as a cell of a table.

    One sweep in ``workdir/search`` runs all settings of all problems without the test set. The
    setting is then chosen by :data:`dropout_lab.tuning.choice.CHOICE_RULE`. One sweep in
    ``workdir/final`` trains the chosen settings on training and validation data, as
    ``train.refit`` does, and evaluates each network once on the test set. With ``data.train_size``
    and ``data.val_size`` it trains on as many examples as both together: the training examples and,
    in place of the validation examples, the next in the data set's order. ``workdir/tuned.json``
    holds the inputs and results. A problem with a single setting is not searched.

    Attributes:
      config: The configuration that all trials share; not modified.
      candidates: The settings to choose from by problem, each as overrides without ``seed``.
      workdir: Directory of all files.
      seeds: Seeds of the search: each setting is run with all of them.
      final_seeds: Seeds of the final runs.
      only: Problems to run now, the others later; None for all. The settings of all are fixed from
        the first run on.
      folds: Number of parts of the training and validation data, each used once for validation;
        None to validate on the validation part only.
      halving: Successive halving, by which most settings are stopped early; None to train all of
        them to the end.
    """

    config: ConfigDict
    candidates: Mapping[str, Sequence[Overrides]]
    workdir: Path
    _: dataclasses.KW_ONLY
    seeds: Sequence[int]
    final_seeds: Sequence[int]
    only: Collection[str] | None = None
    folds: int | None = None
    halving: Halving | None = None

    def run(self, execution: Execution | None = None) -> Tuned:
        """Runs the trials that have no record yet; an interrupted tuning is resumed.

        Args:
          execution: How to run the trials.

        Returns:
          The choices, and the final trials that failed.

        Raises:
          InputError: If a value, the data or the directory is wrong; if no run of a problem
            succeeded; if the inputs have changed since the final runs began.
          Interrupted: If a signal asked to stop; finished work is saved.
        """
        self._check()
        choices = self._file.read()
        missing = [problem for problem in self._wanted if problem not in choices]
        if missing:
            new = dataclasses.replace(self, only=missing)
            new._check_data()
            choices |= new._run_search(execution)
            self._file.write(choices)
        choices = {problem: choices[problem] for problem in self._wanted}
        finals = [choice.final for choice in choices.values()]
        if all(setting.runs and not setting.count("failed") for setting in finals):
            return Tuned(choices, {})
        choices, failed = self._test(choices, execution)
        self._file.write(choices)
        return Tuned(choices, failed)

    def recall(self) -> Tuned:
        """Returns the result of :meth:`run`, computed from its records; runs and writes nothing.

        A trial without a record counts as failed.

        Raises:
          InputError: If the tuning was not run with these inputs, or the records lead to another
            result than the one in tuned.json.
        """
        written = self._file.read()
        for problem in self._wanted:
            if problem not in written:
                raise InputError(
                    f"{str(self.workdir)!r} holds no tuning of {problem!r}: not in tuned.json"
                )
        choices = self._tested(self._choices())
        for problem, choice in choices.items():
            if choice != written[problem]:
                raise InputError(
                    f"{str(self.workdir)!r}: tuned.json and the records differ in the result of "
                    f"{problem!r}"
                )
        return Tuned(choices, {})

    def _check(self) -> None:
        """Raises InputError if the attributes are not allowed."""
        check_directory(self.workdir)
        check_kind(self.workdir, "tuning")
        for name, values in (("seeds", self.seeds), ("final_seeds", self.final_seeds)):
            if not values or len(set(values)) < len(values):
                raise InputError(f"{name} is {values}; allowed: one or more, all different")
        KEYS["data.folds"].check(self.folds)
        if self.halving is not None:
            self.halving.check()
            for settings in self._searched.values():
                whole_length(flatten(self.config.to_dict()), settings)
        if self.config.data.folds is not None:
            raise InputError(
                f"config.data.folds is {self.config.data.folds}; allowed: None, since "
                "tuning has its own argument for the number of folds"
            )
        for problem, settings in self.candidates.items():
            if not settings:
                raise InputError(f"{problem!r} has no setting; allowed: one or more")
            for key in _SET_BY_TUNING:
                if any(key in overrides for overrides in settings):
                    raise InputError(
                        f"a setting of {problem!r} holds {key}, which tuning sets itself; allowed: "
                        "any other key"
                    )

    def _check_data(self) -> None:
        """Raises InputError if the data do not suit the final runs or the choice.

        Without this check the final runs would fail only after the whole search.
        """
        for problem, settings in self._wanted.items():
            for group in groups(make_trials(_with(self._final, {"train.refit": True}), settings)):
                check_group(group, lanes=1)
                val = load_data(group.trials[0].config).val
                if self.folds is None and problem in self._searched and not len(val):
                    raise InputError(
                        f"config.data.val_size is 0: no data to choose by for {problem!r}; "
                        "allowed: above 0, or folds"
                    )

    def _run_search(self, execution: Execution | None) -> dict[str, Choice]:
        """Runs all settings of all problems and returns the choices."""
        store = self._store("search")

        def run(settings: Iterable[Overrides]) -> None:
            run_sweep(self._search, product(settings, self._repeats), store, execution)

        if self._searched and self.halving is None:
            run(itertools.chain(*self._searched.values()))
        choices = self._choices(run)
        shutil.rmtree(store.pauses, ignore_errors=True)
        return choices

    def _choices(
        self, run: Callable[[Iterable[Overrides]], None] = lambda settings: None
    ) -> dict[str, Choice]:
        """Returns the choices that follow from the records of the search.

        Args:
          run: Makes the records of some settings that are missing, in a search by halving.
        """
        store, choices = self._store("search"), {}
        for problem, settings in self._wanted.items():
            if self.halving is not None and problem in self._searched:
                whole = whole_length(flatten(self.config.to_dict()), settings)
                read = functools.partial(read_setting, store, self._search, repeats=self._repeats)
                choices[problem] = self.halving.search(problem, settings, whole, run, read)
                continue
            repeats = self._repeats if problem in self._searched else ()
            tried = [
                read_setting(store, self._search, overrides, repeats) for overrides in settings
            ]
            choices[problem] = Choice.among(problem, tried)
        return choices

    def _test(
        self, choices: Mapping[str, Choice], execution: Execution | None
    ) -> tuple[dict[str, Choice], dict[str, str]]:
        """Runs the final trials; returns the choices with these runs, and the failures."""
        chosen = [self._on_all_data(choice.final.overrides) for choice in choices.values()]
        sweep = product(chosen, {"seed": self.final_seeds})
        failed = run_sweep(self._final, sweep, self._store("final"), execution).failed
        return self._tested(choices), failed

    def _tested(self, choices: Mapping[str, Choice]) -> dict[str, Choice]:
        """Returns the choices with the final runs, as read from their records."""
        store, seeds = self._store("final"), list(product({"seed": self.final_seeds}))
        tested = {}
        for problem, choice in choices.items():
            overrides = choice.final.overrides
            trained = read_setting(store, self._final, self._on_all_data(overrides), seeds)
            tested[problem] = dataclasses.replace(choice, final=Setting(overrides, trained.runs))
        return tested

    @property
    def _file(self) -> TunedFile:
        flat = _by_content(flatten(self.config.to_dict()))
        ignored = {*EXECUTION, *_SET_BY_TUNING}
        inputs = {
            **{key: value for key, value in flat.items() if key not in ignored},
            "grid": {
                problem: [_by_content(overrides) for overrides in settings]
                for problem, settings in self.candidates.items()
            },
            "seeds": list(self.seeds),
            "final seeds": list(self.final_seeds),
            "folds": self.folds,
            "search": self.halving and dataclasses.asdict(self.halving),
        }
        return TunedFile(self.workdir, inputs, self.candidates)

    @property
    def _searched(self) -> dict[str, Sequence[Overrides]]:
        """The problems with more than one setting."""
        return {
            problem: settings for problem, settings in self._wanted.items() if len(settings) > 1
        }

    @property
    def _wanted(self) -> dict[str, Sequence[Overrides]]:
        """The problems to run now."""
        return {
            problem: settings
            for problem, settings in self.candidates.items()
            if self.only is None or problem in self.only
        }

    @property
    def _repeats(self) -> list[dict[str, Any]]:
        """Overrides for each combination of fold and search seed."""
        folds = {"data.fold": range(self.folds)} if self.folds else {}
        return list(product(folds, {"seed": self.seeds}))

    @property
    def _search(self) -> ConfigDict:
        fixed = {"eval.test": False, "train.refit": False, "data.folds": self.folds}
        return _with(self.config, fixed)

    @property
    def _final(self) -> ConfigDict:
        return _with(self.config, {"eval.test": True, "train.refit": False})

    def _on_all_data(self, overrides: Overrides) -> Overrides:
        """Returns a setting that trains on as many examples as training and validation have.

        If no decision depends on validation data, none are held out: it trains on the data set's
        whole training part or, with ``data.train_size``, on its first examples; the validation
        examples, which are the last, are not among them. Otherwise ``train.refit`` is set.
        """
        values = {**flatten(self.config.to_dict()), **overrides}
        validates = values["train.select"] != "last" or values["train.patience"] is not None
        train, val = values["data.train_size"], values["data.val_size"]
        if validates or (train is not None and val is None):
            return {**overrides, "train.refit": True}
        joined = {"data.train_size": train + val} if train else {}
        return {**overrides, **joined, "data.val_size": 0}

    def _store(self, name: str) -> Store:
        return Store(self.workdir / name)


def _by_content(values: Mapping[str, Any]) -> dict[str, Any]:
    return by_content(pinned(dict(values)))


def _with(config: ConfigDict, values: Mapping[str, Any]) -> ConfigDict:
    copied = copy.deepcopy(config)
    copied.update_from_flattened_dict(values)
    return copied
