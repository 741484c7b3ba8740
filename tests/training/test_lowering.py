"""Training steps lower for accelerators on a machine that has none."""

import jax
import jax.export
import pytest

from dropout_lab.config import hparams_of, resolve
from dropout_lab.training.program import Program, as_arrays

SMALL: dict[str, dict[str, object]] = {
    "mlp": {},
    "cnn": {"model.stages": (4,)},
    "resnet": {"model.stages": (4,), "model.depth": 10, "model.widening": 1},
    "rnn": {"model.units": 4},
    "transformer": {
        "model.layers": 1,
        "model.width": 8,
        "model.heads": 2,
        "model.ff_width": 8,
        "model.patch_size": 2,
    },
}
NOISES = {
    "mlp": ("dropout", "batchwise_dropout", "drop_connect", "concrete_dropout"),
    "cnn": ("spatial_dropout", "max_pool_dropout"),
    "resnet": ("stochastic_depth",),
    "rnn": ("zoneout", "variational_rnn"),
    "transformer": (
        *("dropout", "drop_key", "drop_head", "layer_drop", "patch_dropout", "word_dropout"),
    ),
}
FAST = (("mlp", "batchwise_dropout"), ("transformer", "dropout"))


@pytest.mark.parametrize(
    ("model", "variant"),
    [
        pytest.param(*both, marks=[] if both in FAST else [pytest.mark.slow])
        for model, variants in NOISES.items()
        for both in ((model, variant) for variant in variants)
    ],
)
def test_a_step_lowers_for_gpu_and_tpu(model, variant, runs, new_config):
    config = resolve(new_config(variant, {"model.name": model, **SMALL[model]}))
    program, hparams = Program(config, (4, 4, 1), 3), as_arrays(hparams_of(config))
    state = jax.eval_shape(program.init, hparams)
    export = jax.export.export(program.train_epoch, platforms=("cuda", "tpu"))
    exported = export(state, hparams, runs.data, runs.scaling, steps=1)
    assert exported.platforms == ("cuda", "tpu")
    assert len(exported.out_avals) == len(jax.tree.leaves(state)) + 1  # and the loss
