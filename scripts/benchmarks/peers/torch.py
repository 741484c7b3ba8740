"""PyTorch's side, eager: every core, channels last in convolutions, the fused optimiser.

Dropout is not in place after a ReLU, whose gradient needs the values that it would overwrite. The
sweep is a loop over trials in one process, on one core, where networks this small are fastest (22
ms an epoch, 31 on two); a trial of each variant is measured, and stands for all of its variant.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from dropout_lab.data import Split, load
from dropout_lab.system.machine import threads
from scripts.benchmarks import facts
from scripts.benchmarks.problems import (
    CLASSES,
    LR,
    MOMENTUM,
    NETS,
    RATES,
    SWEEP,
    Net,
    Sizes,
    backward_case,
    forward_case,
    swept_rates,
    training_case,
    unit,
)
from scripts.benchmarks.work import Work, Works, timer


def works(sizes: Sizes) -> Works:
    """Returns the work of dropout and of every network."""
    torch.set_num_threads(threads())
    makers: Works = {}
    for rate in RATES:
        makers[forward_case(rate), "torch"] = partial(_forward, rate, sizes)
        makers[backward_case(rate), "torch"] = partial(_backward, rate, sizes)
    for net in NETS:
        for noisy in (True, False):
            makers[training_case(net, noisy), "torch"] = partial(_training, net, sizes, noisy)
    makers[SWEEP, "torch"] = partial(_sweep, sizes)
    return makers


def _forward(rate: float, sizes: Sizes) -> Work:
    x = torch.ones(sizes.array)

    @torch.no_grad()
    def run(calls: int) -> None:
        for _ in range(calls):
            functional.dropout(x, rate)

    return Work(timer(run), lambda: _facts(functional.dropout(x, rate)))


def _backward(rate: float, sizes: Sizes) -> Work:
    x = torch.ones(sizes.array, requires_grad=True)
    above = torch.ones(sizes.array)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        y = functional.dropout(x, rate)
        return y, torch.autograd.grad(y, x, above)[0]

    def run(calls: int) -> None:
        for _ in range(calls):
            both()

    return Work(timer(run), lambda: _facts(*both()))


def _facts(y: torch.Tensor, *gradient: torch.Tensor) -> dict[str, facts.Fact]:
    return facts.of_dropout(
        size=y.numel(),
        kept=float((y != 0).double().mean()),
        largest=float(y.max()),
        gap=float((gradient[0] - y).abs().max()) if gradient else None,
    )


class Model(torch.nn.Module):
    """A network of the problem, with dropout after every ReLU or on the last state."""

    def __init__(self, net: Net, sizes: Sizes, noisy: bool) -> None:
        super().__init__()
        self.net = net.name
        self.rate = net.rate if noisy else 0.0
        layers: list[Any] = []
        for index, (_, _, inputs, outputs) in enumerate(net.products(sizes)):
            if net.name == "cnn" and index < len(sizes.stages):
                layers.append(torch.nn.Conv2d(inputs // 9, outputs, 3, padding=1))
            elif net.name != "rnn" or outputs == CLASSES:
                layers.append(torch.nn.Linear(inputs, outputs))
            elif index == 0:
                layers.append(torch.nn.LSTM(inputs, sizes.units, batch_first=True))
        self.layers: Any = torch.nn.ModuleList(layers)
        self._load(net.weights(sizes))

    @torch.no_grad()
    def _load(self, weights: list[np.ndarray]) -> None:
        left = [torch.from_numpy(each) for each in weights]
        for layer in self.layers:
            if isinstance(layer, torch.nn.LSTM):
                layer.weight_ih_l0.copy_(left.pop(0).T)
                layer.weight_hh_l0.copy_(left.pop(0).T)
                layer.bias_ih_l0.copy_(left.pop(0))
                # One of the two biases is enough, and all that the others have.
                layer.bias_hh_l0.zero_().requires_grad_(False)
                continue
            kernel, bias = left.pop(0), left.pop(0)
            if kernel.ndim == 4:
                layer.weight.copy_(kernel.permute(3, 2, 0, 1))
            else:
                if self.net == "cnn":  # pixels before channels, as the others flatten images
                    pixels = kernel.shape[0] // self.layers[-2].out_channels
                    kernel = kernel.reshape(pixels, -1, CLASSES).transpose(0, 1)
                    kernel = kernel.reshape(-1, CLASSES)
                layer.weight.copy_(kernel.T)
            layer.bias.copy_(bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the logits."""
        if self.net == "rnn":
            x = self._dropout(self.layers[0](x[:, 0])[0][:, -1])
        else:
            for layer in self.layers[:-1]:
                x = functional.relu(layer(x), inplace=True)
                x = self._dropout(x)
                if self.net == "cnn":
                    x = functional.max_pool2d(x, 2)
        y: torch.Tensor = self.layers[-1](x.flatten(1))
        return y

    def _dropout(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(x, self.rate) if self.rate else x


class _Steps:
    """Steps through batches, one after the other."""

    def __init__(self, net: Net, sizes: Sizes, noisy: bool, lr: float = LR) -> None:
        self.model: Any = Model(net, sizes, noisy)
        images, labels = net.data(sizes.steps)
        inputs = torch.from_numpy(np.moveaxis(unit(images), -1, 1).copy())
        if net.name == "mlp":
            inputs = inputs.flatten(1)
        if net.name == "cnn":
            self.model = self.model.to(memory_format=torch.channels_last)
            inputs = inputs.to(memory_format=torch.channels_last)
        learnt = [each for each in self.model.parameters() if each.requires_grad]
        self.parameters = sum(each.numel() for each in learnt)
        self._optimizer = torch.optim.SGD(learnt, lr, MOMENTUM, fused=True)
        classes = torch.from_numpy(labels).long().split(net.batch)
        self._batches: list[Any] = list(zip(inputs.split(net.batch), classes, strict=True))
        self._done = 0
        self.loss = torch.zeros(())

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            images, labels = self._batches[self._done % len(self._batches)]
            self._optimizer.zero_grad(set_to_none=True)
            self.loss = functional.cross_entropy(self.model(images), labels)
            self.loss.backward()
            self._optimizer.step()
            self._done += 1

    def step(self) -> float:
        """Takes a step and returns its loss."""
        self(1)
        return self.loss.item()


def _training(net: Net, sizes: Sizes, noisy: bool) -> Work:
    def compute_facts() -> dict[str, facts.Fact]:
        one = dataclasses.replace(sizes, steps=1)
        if noisy:
            still = _Steps(net, one, noisy=True, lr=0.0)
            return facts.of_noise([still.step() for _ in range(sizes.steps)])
        steps = _Steps(net, one, noisy=False)
        return facts.of_training(steps.parameters, steps.step)

    return Work(timer(_Steps(net, sizes, noisy)), compute_facts)


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


def _sweep(sizes: Sizes) -> Work:
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
