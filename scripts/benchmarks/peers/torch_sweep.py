"""PyTorch's sweep: a loop over trials in one process.

It runs on one core, where networks this small are fastest (22 ms an epoch, 31 on two); a trial of
each variant is measured, and stands for all of its variant.
"""

import math
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from dropout_lab.data import Split, load
from scripts.benchmarks import facts
from scripts.benchmarks.problems import CLASSES, Sizes, swept_rates, unit
from scripts.benchmarks.work import Work


class Noise(torch.nn.Module):
    """Noise on units while training; at inference, what they are multiplied by.

    Args:
      draw: Returns noisy units.
      factor: At inference.
    """

    def __init__(self, draw: Callable[[torch.Tensor], torch.Tensor], factor: float = 1.0) -> None:
        super().__init__()
        self._draw, self._factor = draw, factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the units, noisy or scaled."""
        return self._draw(x) if self.training else x * self._factor


def _noise(variant: str, rate: float) -> torch.nn.Module:
    deviation = math.sqrt(rate / (1 - rate))
    width = math.sqrt(3) * deviation
    makers: dict[str, Callable[[], torch.nn.Module]] = {
        "dropout": lambda: torch.nn.Dropout(rate),
        "classic_dropout": lambda: Noise(
            lambda x: x * torch.empty_like(x).bernoulli_(1 - rate), 1 - rate
        ),
        "alpha_dropout": lambda: torch.nn.AlphaDropout(rate),
        "gaussian_dropout": lambda: Noise(lambda x: x * torch.empty_like(x).normal_(1, deviation)),
        "uniform_dropout": lambda: Noise(
            lambda x: x * torch.empty_like(x).uniform_(1 - width, 1 + width)
        ),
    }
    return makers[variant]()


def _trial(variant: str, rate: float, seed: int, epochs: int) -> dict[str, facts.Fact]:
    """Trains a network as ``configs/digits_mlp.py`` has it, testing it after every epoch."""
    dataset = load("digits")
    train, val, test = map(_tensors, (dataset.train, dataset.val, dataset.test))
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in ((64, 256), (256, 256)):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU(), _noise(variant, rate)]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(256, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9, fused=True)
    images, labels = train
    error = 0.0
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(labels))
        for batch in order[: len(order) // 64 * 64].split(64):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        model.eval()
        error = _error(model, *val)
    for split in (train, test):
        _error(model, *split)
    return facts.of_trial(len(labels), error)


@torch.no_grad()
def _error(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Returns the error in percent."""
    return 100 * float((model(images).argmax(-1) != labels).double().mean())


def _tensors(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(unit(split.images)).flatten(1), torch.from_numpy(split.labels).long()


def sweep_work(sizes: Sizes) -> Work:
    """Returns the work of the sweep."""
    rate = swept_rates(sizes)[-1]

    def take_repeat() -> float:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            _trial(sizes.variants[0], rate, seed=0, epochs=1)
            started = time.perf_counter()
            for variant in sizes.variants:
                _trial(variant, rate, seed=0, epochs=sizes.epochs)
            return (time.perf_counter() - started) / len(sizes.variants) * sizes.trials
        finally:
            torch.set_num_threads(threads)

    return Work(take_repeat, lambda: _trial(sizes.variants[0], rate, seed=0, epochs=sizes.epochs))
