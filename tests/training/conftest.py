"""Tiny networks on tiny data; configurations with one static signature share their compiles."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from dropout_lab.config import default_config, hparams_of, resolve, static_key
from dropout_lab.data import Dataset, Split, load
from dropout_lab.training import preparation
from dropout_lab.training.arrays import example_shape, fit_scaling, scaled, to_device
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.vmapped import VmappedProgram

TINY = {
    "model.widths": (8,),
    "train.batch_size": 8,
    "train.epochs": 3,
    "run.checkpoint_seconds": 0,
}
# What the program does not read, so that one program serves all values.
UNREAD_PARTS = {"data", "eval", "run"}


@pytest.fixture(scope="module", autouse=True)
def compiles_quickly(quick_compile):
    """Compiles with few optimizations, as the networks train for a few epochs only."""


@pytest.fixture(scope="session")
def new_config():
    """Returns a function that makes a tiny configuration with changes, by key."""

    def make(variant="none", changes=()):
        config = default_config()
        config.update_from_flattened_dict({"variant": variant, **TINY, **dict(changes)})
        return config

    return make


@pytest.fixture(scope="session")
def tiny_dataset():
    """40 training, 24 validation and 24 test images; mostly, the brightest row is the class."""
    rng = np.random.default_rng(0)

    def split(n):
        images = rng.integers(0, 200, (n, 4, 4, 1), np.uint8)
        labels = rng.integers(0, 3, n).astype(np.int32)
        images[np.arange(n), labels] += 55
        return Split(images, labels)

    return Dataset("digits", split(40), split(24), split(24), 3, "none")


@pytest.fixture(scope="session")
def flat_images(tiny_dataset):
    """The tiny data set with its images as vectors."""
    train = tiny_dataset.train
    flat = dataclasses.replace(train, images=train.images.reshape(len(train), -1))
    return dataclasses.replace(tiny_dataset, train=flat)


@pytest.fixture(scope="session")
def with_tokens(tiny_dataset):
    """The tiny data set with tokens for images."""
    train = tiny_dataset.train
    tokens = train.images.reshape(len(train), -1).astype(np.int32)
    train = dataclasses.replace(train, images=tokens)
    return dataclasses.replace(tiny_dataset, train=train, vocabulary=256)


@pytest.fixture(scope="session")
def real_digits():
    """The training part of the handwritten digits."""
    return load("digits").train


@pytest.fixture(scope="session")
def program_of(tiny_dataset):
    """Returns a function from a resolved configuration to its program."""
    programs = {}

    def get(resolved):
        static = json.loads(static_key(resolved))
        read = {key for key in static if key.partition(".")[0] not in UNREAD_PARTS}
        signature = json.dumps([[key, static[key]] for key in sorted({*read, "data.augment"})])
        if signature not in programs:
            shape = example_shape(tiny_dataset.train)
            programs[signature] = Program(resolved, shape, tiny_dataset.classes)
        return programs[signature]

    return get


@pytest.fixture(scope="session")
def vmapped_of(program_of):
    """Returns a function from a resolved configuration to its program of some lanes."""
    programs: dict[tuple[int, int], VmappedProgram] = {}

    def get(resolved, lanes=1):
        program = program_of(resolved)
        return programs.setdefault((id(program), lanes), VmappedProgram(program, lanes))

    return get


@pytest.fixture
def shared_programs(monkeypatch, program_of, vmapped_of):
    """Has runs take the programs that other tests have compiled."""
    monkeypatch.setattr(preparation, "Program", lambda config, *data: program_of(config))
    monkeypatch.setattr(
        preparation, "VmappedProgram", lambda program, lanes: vmapped_of(program.config, lanes)
    )


@pytest.fixture(scope="session")
def new_program(program_of):
    """Returns a function from a configuration to its resolved form and its program."""

    def make(config):
        resolved = resolve(config)
        return resolved, program_of(resolved)

    return make


@pytest.fixture(scope="session")
def own_data(tmp_path_factory, tiny_dataset):
    """Returns the changes that make a configuration read the tiny data set, from a file."""
    whole = [tiny_dataset.train, tiny_dataset.val]
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(
        path,
        x_train=np.concatenate([split.images for split in whole]),
        y_train=np.concatenate([split.labels for split in whole]),
        x_test=tiny_dataset.test.images,
        y_test=tiny_dataset.test.labels,
    )
    return {"data.name": "npz", "data.path": str(path), "data.val_size": 24}


def copied(tree):
    # Training donates its buffers, so what is looked at later must be copied.
    return jax.tree.map(np.array, tree)


class Runs:
    """Calls a program on the training data of a data set."""

    def __init__(self, new_program, dataset):
        self.new_program = new_program
        self.data = to_device(dataset.train)
        self.scaling = fit_scaling("unit", dataset.train)
        self.inputs = np.asarray(scaled(dataset.train.images, self.scaling)).reshape(40, -1)
        self.labels = dataset.train.labels

    def init(self, config):
        resolved, program = self.new_program(config)
        hparams = as_arrays(hparams_of(resolved))
        return program, hparams, program.init(hparams)

    def epoch(self, program, hparams, state):
        steps = program.lengths(hparams, 40).steps_per_epoch
        return program.train_epoch(state, hparams, self.data, self.scaling, steps=steps)

    def train(self, config):
        """Returns the weights before and after an epoch, and its mean loss."""
        program, hparams, state = self.init(config)
        before = copied(state.weights)
        state, loss = self.epoch(program, hparams, state)
        return before, copied(state.weights), float(loss)


@pytest.fixture(scope="session")
def runs(new_program, tiny_dataset):
    return Runs(new_program, tiny_dataset)
