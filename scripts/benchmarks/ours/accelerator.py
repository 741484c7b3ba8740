"""What a GPU is asked in minutes: masks, steps of every network, bfloat16, and trials in lanes."""

from functools import partial

import jax
import jax.numpy as jnp

from dropout_lab.config import hparams_of
from dropout_lab.data import Split
from dropout_lab.training.arrays import Examples, fit_scaling
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.vmapped import VmappedProgram
from scripts.benchmarks.ours import attention, ops, train
from scripts.benchmarks.problems import (
    BATCHWISE,
    CLASSES,
    MLP,
    NETS,
    RATES,
    Sizes,
    backward_case,
    bfloat16_case,
    forward_case,
    lanes_case,
    training_case,
    transformer_case,
)
from scripts.benchmarks.work import Work, Works, timer

_OF_OTHERS = {
    *(forward_case(RATES[0]), backward_case(RATES[0]), "gaussian_dropout", "concrete_dropout"),
    *(training_case(net, noisy) for net in NETS for noisy in (True, False)),
    *(transformer_case(noisy) for noisy in (True, False)),
    BATCHWISE,
}
"""Cases of other suites."""


def works(sizes: Sizes) -> Works:
    """Returns the work of chosen cases of other suites, of steps in bfloat16, and of lanes."""
    others = ops.works(sizes) | train.works(sizes) | attention.works(sizes)
    makers: Works = {pair: work for pair, work in others.items() if pair[0] in _OF_OTHERS}
    noise = train.DROPOUT | {"compute.dtype": "bfloat16"}
    for net in NETS:
        makers[bfloat16_case(net.name), "ours"] = partial(train.training, net, sizes, noise)
    makers[bfloat16_case("transformer"), "ours"] = partial(
        attention.steps, sizes, noisy=True, dtype="bfloat16"
    )
    for lanes in sizes.lanes:
        makers[lanes_case(lanes), "ours"] = partial(_trials, sizes, lanes)
    return makers


def _trials(sizes: Sizes, lanes: int) -> Work:
    """Returns the work of a training step, as a part of one of all lanes."""
    config = train.config_of(MLP, sizes, train.DROPOUT | {"model.widths": sizes.lane_widths})
    program = VmappedProgram(Program(config, MLP.shape, CLASSES), lanes)
    trials = [as_arrays(hparams_of(config) | {"seed": seed}) for seed in range(lanes)]
    hparams = program.split_lanes(jax.tree.map(lambda *leaves: jnp.stack(leaves), *trials))
    images, labels = MLP.data(sizes.steps)
    data = program.replicate(Examples(jnp.asarray(images), jnp.asarray(labels)))
    scaling = program.replicate(fit_scaling("unit", Split(images, labels)))
    state = program.init(hparams)

    def run(epochs: int) -> None:
        nonlocal state
        for _ in range(epochs):
            state, loss = program.train_epoch(state, hparams, data, scaling, steps=sizes.steps)
        jax.block_until_ready((state, loss))

    return Work(timer(run, sizes.steps * lanes))
