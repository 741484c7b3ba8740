"""PyTorch's side, eager: every core, channels last in convolutions, the fused optimiser.

Dropout is not in place after a ReLU, whose gradient needs the values that it would overwrite.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from dropout_lab.system.machine import threads
from scripts.benchmarks import facts
from scripts.benchmarks.peers.torch_sweep import sweep_work
from scripts.benchmarks.problems import (
    ATTENTION_RATE,
    CLASSES,
    LR,
    MOMENTUM,
    NETS,
    RATES,
    SWEEP,
    Net,
    Sizes,
    attention_arrays,
    attention_case,
    attention_weights,
    backward_case,
    forward_case,
    training_case,
    unit,
)
from scripts.benchmarks.work import Work, Works, timer


def works(sizes: Sizes) -> Works:
    """Returns the work of dropout, of every network and of attention."""
    torch.set_num_threads(threads())
    makers: Works = {}
    for rate in RATES:
        makers[forward_case(rate), "torch"] = partial(_forward, rate, sizes)
        makers[backward_case(rate), "torch"] = partial(_backward, rate, sizes)
    for net in NETS:
        for noisy in (True, False):
            makers[training_case(net, noisy), "torch"] = partial(_training, net, sizes, noisy)
    for noisy in (True, False):
        makers[attention_case(noisy), "torch"] = partial(_attention, sizes, noisy)
    makers[SWEEP, "torch"] = partial(sweep_work, sizes)
    return makers


def _forward(rate: float, sizes: Sizes) -> Work:
    x = torch.ones(sizes.array)
    apply = torch.no_grad()(lambda: functional.dropout(x, rate))
    return Work(_repeated(apply), lambda: _facts(apply()))


def _backward(rate: float, sizes: Sizes) -> Work:
    x = torch.ones(sizes.array, requires_grad=True)
    above = torch.ones(sizes.array)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        y = functional.dropout(x, rate)
        return y, torch.autograd.grad(y, x, above)[0]

    return Work(_repeated(both), lambda: _facts(*both()))


def _repeated(call: Callable[[], Any]) -> Callable[[], float]:
    """Returns the timer of a call."""

    def run(calls: int) -> None:
        for _ in range(calls):
            call()

    return timer(run)


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


def _attention(sizes: Sizes, noisy: bool) -> Work:
    features = sizes.sequence[-1]
    rate = ATTENTION_RATE if noisy else 0.0
    layer = torch.nn.MultiheadAttention(features, sizes.heads, rate, batch_first=True)
    *inward, outward = (torch.from_numpy(kernel).T for kernel in attention_weights(sizes))
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.cat(inward))
        layer.out_proj.weight.copy_(outward)
    x, above = map(torch.from_numpy, attention_arrays(sizes))
    x.requires_grad_()

    def both() -> torch.Tensor:
        y: torch.Tensor = layer(x, x, x, need_weights=False)[0]
        torch.autograd.grad(y, (x, *layer.parameters()), above)
        return y

    def compute_facts() -> dict[str, facts.Fact]:
        return {} if noisy else facts.of_attention(float((both() ** 2).mean()))

    return Work(_repeated(both), compute_facts)
