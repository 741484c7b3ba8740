"""Tuning: settings are compared on validation data, and only the chosen ones see the test set."""

import copy
import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.rules import RULES, flatten
from dropout_lab.settings import HOW
from dropout_lab.sweeps.choice import Choice, Run, Setting
from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.runner import How, check_group, run_sweep
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.sweeps.tuned import Report, Tuned
from dropout_lab.training.preparation import load_data
from dropout_lab.workdir import check_directory, check_kind

_SETTLED = ("seed", "eval.test", "train.refit", "data.folds", "data.fold")


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A choice of a setting for each problem by validation error, and its test.

    One sweep in ``workdir/search`` runs all settings of all problems, without a look at the test
    set. Which setting is chosen then: see :data:`dropout_lab.sweeps.choice.RULE`. One sweep in
    ``workdir/final`` trains what was chosen on training and validation data, as ``train.refit``
    does, and evaluates each network once on the test set. With ``data.train_size`` and
    ``data.val_size`` it trains on as many examples as both together: the training examples and, in
    place of the validation examples, the next in the data set's order. ``workdir/tuned.json`` has
    all of it.
    A problem with a single setting is not searched.

    Attributes:
      config: What all trials have in common; it stays as it is.
      candidates: By problem the settings to choose from, each as overrides without ``seed``.
      workdir: Where everything goes.
      seeds: Of the search: each setting is run with all of them.
      final_seeds: Of the final runs.
      only: Problems to run now, the others later; None for all. What the others' settings are is
        fixed from the first run on.
      folds: Parts of the training and validation data, each of which validates once; None for
        the validation part alone.
    """

    config: ConfigDict
    candidates: Mapping[str, Sequence[Overrides]]
    workdir: Path
    _: dataclasses.KW_ONLY
    seeds: Sequence[int]
    final_seeds: Sequence[int]
    only: Collection[str] | None = None
    folds: int | None = None

    def run(self, how: How | None = None) -> Tuned:
        """Runs what has not been run yet; an interrupted tuning goes on.

        Args:
          how: Who runs the trials.

        Returns:
          What was tried, chosen and tested, by problem.

        Raises:
          InputError: If a value, the data or the directory is wrong; if no run of a problem ended
            well; if anything else is asked for than before the final runs began.
          Interrupted: If a signal asked to stop; what was done is saved.
        """
        self._check()
        choices = self._report.read()
        missing = [problem for problem in self._wanted if problem not in choices]
        if missing:
            new = dataclasses.replace(self, only=missing)
            new._check_data()
            choices |= new._run_search(how)
            self._report.write(choices)
        choices = {problem: choices[problem] for problem in self._wanted}
        finals = [choice.final for choice in choices.values()]
        if all(setting.runs and not setting.count("failed") for setting in finals):
            return Tuned(choices, {})
        choices, failed = self._test(choices, how)
        self._report.write(choices)
        return Tuned(choices, failed)

    def recall(self) -> Tuned:
        """Returns what :meth:`run` came to, computed from its records; runs and writes nothing.

        A trial without a record counts as failed.

        Raises:
          InputError: If something is asked for that was not run, or the records speak for another
            choice than the one that was tested.
        """
        written = self._report.read()
        for problem in self._wanted:
            if problem not in written:
                raise InputError(
                    f"{str(self.workdir)!r} holds no tuning of {problem!r}: not in tuned.json"
                )
        choices = self._tested(self._choices())
        for problem, choice in choices.items():
            if choice != written[problem]:
                raise InputError(
                    f"{str(self.workdir)!r}: tuned.json and the records differ in what became of "
                    f"{problem!r}"
                )
        return Tuned(choices, {})

    def _check(self) -> None:
        """Raises InputError if what is asked for makes no sense."""
        check_directory(self.workdir)
        check_kind(self.workdir, "tuning")
        for name, values in (("seeds", self.seeds), ("final_seeds", self.final_seeds)):
            if not values or len(set(values)) < len(values):
                raise InputError(f"{name} is {values}; allowed: one or more, each once")
        RULES["data.folds"].check("data.folds", self.folds)
        if self.config.data.folds is not None:
            raise InputError(
                f"config.data.folds is {self.config.data.folds}; allowed: None, tuning is told the "
                "number of folds apart from it"
            )
        for problem, settings in self.candidates.items():
            if not settings:
                raise InputError(f"{problem!r} has no setting; allowed: one or more")
            for key in _SETTLED:
                if any(key in overrides for overrides in settings):
                    raise InputError(
                        f"a setting of {problem!r} holds {key}, which tuning sets itself; allowed: "
                        "any other key"
                    )

    def _check_data(self) -> None:
        """Raises InputError if the data do not suit the final runs, or leave nothing to choose by.

        Otherwise the final runs would fail after the search, which would then be lost.
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

    def _run_search(self, how: How | None) -> dict[str, Choice]:
        """Runs all settings of all problems, and chooses."""
        if self._searched:
            sweep = [each for settings in self._searched.values() for each in settings]
            run_sweep(self._search, product(sweep, self._repeats), self._store("search"), how)
        return self._choices()

    def _choices(self) -> dict[str, Choice]:
        """Returns what is chosen by the records of the search."""
        store, searched = self._store("search"), self._searched
        return {
            problem: Choice.among(
                problem,
                [
                    _setting(
                        store, self._search, each, self._repeats if problem in searched else ()
                    )
                    for each in settings
                ],
            )
            for problem, settings in self._wanted.items()
        }

    def _test(
        self, choices: Mapping[str, Choice], how: How | None
    ) -> tuple[dict[str, Choice], dict[str, str]]:
        """Runs what was chosen finally; returns the choices with these runs, and the failures."""
        chosen = [self._whole(choice.final.overrides) for choice in choices.values()]
        sweep = product(chosen, {"seed": self.final_seeds})
        failed = run_sweep(self._final, sweep, self._store("final"), how)
        return self._tested(choices), failed

    def _tested(self, choices: Mapping[str, Choice]) -> dict[str, Choice]:
        """Returns the choices with what the records of the final runs say."""
        store, seeds = self._store("final"), list(product({"seed": self.final_seeds}))
        tested = {}
        for problem, choice in choices.items():
            overrides = choice.final.overrides
            trained = _setting(store, self._final, self._whole(overrides), seeds)
            tested[problem] = dataclasses.replace(choice, final=Setting(overrides, trained.runs))
        return tested

    @property
    def _report(self) -> Report:
        """Where all that is known is written down."""
        flat = flatten(self.config.to_dict())
        asked = {
            **{key: value for key, value in flat.items() if key not in (*HOW, *_SETTLED)},
            "grid": {problem: list(each) for problem, each in self.candidates.items()},
            "seeds": list(self.seeds),
            "final seeds": list(self.final_seeds),
            "folds": self.folds,
        }
        return Report(self.workdir, asked, self.candidates)

    @property
    def _searched(self) -> dict[str, Sequence[Overrides]]:
        """The problems to run now that leave a choice."""
        return {name: each for name, each in self._wanted.items() if len(each) > 1}

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
        """Each part that validates, with each seed."""
        folds = {"data.fold": range(self.folds)} if self.folds else {}
        return list(product(folds, {"seed": self.seeds}))

    @property
    def _search(self) -> ConfigDict:
        fixed = {"eval.test": False, "train.refit": False, "data.folds": self.folds}
        return _with(self.config, fixed)

    @property
    def _final(self) -> ConfigDict:
        return _with(self.config, {"eval.test": True, "train.refit": False})

    def _whole(self, overrides: Overrides) -> Overrides:
        """Returns a setting that trains on as many examples as training and validation have.

        If nothing depends on validation data, there is none: all of the data set's training part
        is trained on or, with ``data.train_size``, its first examples, among which those that
        validated, its last, are not. Else ``train.refit`` is set.
        """
        asked = {**flatten(self.config.to_dict()), **overrides}
        decides = asked["train.select"] != "last" or asked["train.patience"] is not None
        train, val = asked["data.train_size"], asked["data.val_size"]
        if decides or (train is not None and val is None):
            return {**overrides, "train.refit": True}
        whole = {"data.train_size": train + val} if train else {}
        return {**overrides, **whole, "data.val_size": 0}

    def _store(self, name: str) -> Store:
        return Store(self.workdir / name)


def _with(config: ConfigDict, values: Mapping[str, Any]) -> ConfigDict:
    changed = copy.deepcopy(config)
    changed.update_from_flattened_dict(values)
    return changed


def _setting(
    store: Store, config: ConfigDict, overrides: Overrides, repeats: Iterable[Overrides]
) -> Setting:
    """Returns a setting with the runs that the store has of it."""
    trials = make_trials(config, product([overrides], repeats))
    runs = []
    for trial in trials:
        record = store.record(trial.id)
        status = record["status"] if record else "failed"
        metrics = record["metrics"] if record and status == "ok" else {}
        data = trial.config.data
        runs.append(Run(trial.id, trial.config.seed, data.fold, status, metrics))
    return Setting(overrides, tuple(runs))
