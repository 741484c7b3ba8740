"""Successive halving: settings train a while, the better ones go on, up to the whole length."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.tuning.choice import Choice, Rung, Setting


@dataclasses.dataclass(frozen=True)
class Halving:
    """Successive halving of settings by their mean validation error over seeds and folds.

    At each rung the best ``1 / factor`` of the settings, rounded down, go on from where they
    stopped to ``factor`` times as many epochs. The last rung is the whole training. Schedules are
    those of the whole training at every rung.

    Attributes:
      factor: Factor from rung to rung, from 2.
      min_epochs: Fewest epochs at the first rung.
      hyperband: Whether the settings are shared out among brackets, which begin at different rungs,
        as a search may stop too early; each bracket gets about the same number of updates.

    References:
      K. Jamieson, A. Talwalkar, *Non-stochastic best arm identification and hyperparameter
      optimization*, AISTATS 2016, arXiv:1502.07943. L. Li, K. Jamieson, G. DeSalvo,
      A. Rostamizadeh, A. Talwalkar, *Hyperband*, JMLR 18, 2018, arXiv:1603.06560.
    """

    factor: int = 3
    min_epochs: int = 1
    hyperband: bool = False

    def check(self) -> None:
        """Raises InputError if an attribute is not allowed."""
        if self.factor < 2:
            raise InputError(f"factor is {self.factor}; allowed: a whole number from 2")
        if self.min_epochs < 1:
            raise InputError(f"min_epochs is {self.min_epochs}; allowed: a whole number from 1")

    def rungs(self, epochs: int, settings: int) -> list[int]:
        """Returns the epochs of all rungs, rising to the whole length.

        >>> Halving(factor=3).rungs(epochs=30, settings=27)
        [2, 4, 10, 30]

        Args:
          epochs: Epochs of the whole training.
          settings: Number of settings to choose from.
        """
        rungs = [epochs]
        while settings >= self.factor and len(rungs) <= math.log(settings, self.factor) + 1e-9:
            earlier = math.ceil(epochs / self.factor ** len(rungs))
            if earlier < self.min_epochs or earlier >= rungs[0]:
                break
            rungs.insert(0, earlier)
        return rungs

    def brackets(self, epochs: int, settings: int) -> list[tuple[list[int], range]]:
        """Returns each bracket: its rungs, and the indices of the settings that it begins with.

        >>> Halving(factor=3, hyperband=True).brackets(epochs=9, settings=17)
        [([1, 3, 9], range(0, 9)), ([3, 9], range(9, 14)), ([9], range(14, 17))]
        """
        rungs = self.rungs(epochs, settings)
        if not self.hyperband:
            return [(rungs, range(settings))]
        count = len(rungs)
        # A bracket of k rungs costs about k times its settings times the epochs of its first rung.
        shares = [self.factor ** (count - 1 - start) / (count - start) for start in range(count)]
        ends = [round(settings * sum(shares[: i + 1]) / sum(shares)) for i in range(count)]
        starts = [0, *ends[:-1]]
        return [
            (rungs[index:], range(start, end))
            for index, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end > start
        ]

    def search(
        self,
        problem: str,
        settings: Sequence[Overrides],
        epochs: int,
        run: Callable[[Iterable[Overrides]], None],
        read: Callable[[Overrides], Setting],
    ) -> Choice:
        """Returns the choice, rung after rung; it depends on nothing but what ``read`` returns.

        Args:
          problem: The problem, for a message.
          settings: The settings to choose from.
          epochs: Epochs of the whole training.
          run: Trains settings up to their ``train.stop``, from where they stopped before.
          read: Returns such a setting with its runs.
        """
        tried = {index: Setting(setting) for index, setting in enumerate(settings)}
        finalists: list[int] = []
        rungs: list[Rung] = []
        for lengths, indices in self.brackets(epochs, len(settings)):
            alive: Sequence[int] = indices
            for length in lengths:
                stop = {"train.stop": length if length < epochs else None}
                cut = {index: {**settings[index], **stop} for index in alive}
                run(cut.values())
                for index, overrides in cut.items():
                    tried[index] = Setting(settings[index], read(overrides).runs)
                keep = max(len(alive) // self.factor, 1) if length < epochs else 1
                rungs.append(Rung.of(length, {index: tried[index] for index in alive}, keep))
                alive = rungs[-1].promoted
            finalists += alive
        return Choice.among(problem, list(tried.values()), finalists, rungs)


def whole_length(config: Mapping[str, Any], settings: Sequence[Overrides]) -> int:
    """Returns the epochs of the whole training, the same for all settings.

    Args:
      config: The configuration that all settings share, by dotted key.
      settings: The settings.

    Raises:
      InputError: If the length is given in updates, differs, or is cut short.
    """
    whole = [{**config, **setting} for setting in settings]
    for key in ("train.updates", "train.stop"):
        if given := {values[key] for values in whole} - {None}:
            raise InputError(
                f"config.{key} is {min(given)} with a search by halving; allowed: None, and "
                "config.train.epochs"
            )
    epochs = {int(values["train.epochs"]) for values in whole}
    if len(epochs) > 1:
        raise InputError(
            f"settings have train.epochs {' and '.join(map(str, sorted(epochs)))} in a search by "
            "halving; allowed: the same for all"
        )
    return epochs.pop()
