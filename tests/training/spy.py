"""A program that records the calls of a training loop."""

import jax
import numpy as np

from dropout_lab.data import concatenate


class Spy:
    """A program of one lane that records its calls; validation errors and losses may be given.

    Attributes:
      evaluated: (split, weights, scaling, options) of each evaluation; the split of a sample of the
        training data is "sample".
      trained: (split, steps) of each epoch.
    """

    def __init__(self, program, dataset, val_errors=(), losses=()):
        self.program = program
        both = concatenate(dataset.train, dataset.val)
        splits = {"train+val": both, "train": dataset.train, "val": dataset.val}
        splits["test"] = dataset.test
        self.splits = {split.images.tobytes(): name for name, split in splits.items()}
        self.val_errors = list(val_errors)
        self.losses = list(losses)
        self.evaluated = []
        self.trained = []

    def __getattr__(self, name):
        return getattr(self.program, name)

    def name(self, data):
        return self.splits.get(np.asarray(data.images).tobytes(), "sample")

    def train_epoch(self, state, hparams, data, scaling, *, steps):
        self.trained.append((self.name(data), steps))
        state, loss = self.program.train_epoch(state, hparams, data, scaling, steps=steps)
        return state, [self.losses.pop(0)] if self.losses else loss

    def evaluate(self, weights, hparams, data, scaling, **options):
        split = self.name(data)
        self.evaluated.append((split, jax.tree.map(alone, weights), scaling, options))
        metrics = self.program.evaluate(weights, hparams, data, scaling, **options)
        if split == "val" and self.val_errors:
            metrics["error"] = [self.val_errors.pop(0)]
        return metrics

    def weights(self, split):
        return [weights for name, weights, *_ in self.evaluated if name == split]


def alone(leaf):
    """Returns the only lane of an array."""
    [only] = np.array(leaf)
    return only
