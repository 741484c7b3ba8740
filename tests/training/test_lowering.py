"""Training steps lower for accelerators on a machine that has none."""

import jax
import jax.export
import pytest

from dropout_lab.config import hparams_of, resolve
from dropout_lab.training.program import Program, as_arrays

TRANSFORMER = {
    "model.name": "transformer",
    "model.layers": 1,
    "model.width": 8,
    "model.heads": 2,
    "model.ff_width": 8,
    "model.patch_size": 2,
}


@pytest.mark.parametrize(
    "variant",
    [
        "dropout",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("drop_key", "drop_head", "layer_drop", "patch_dropout", "word_dropout")
        ),
    ],
)
def test_a_transformers_step_lowers_for_gpu_and_tpu(variant, runs, new_config):
    config = resolve(new_config(variant, TRANSFORMER))
    program, hparams = Program(config, (4, 4, 1), 3), as_arrays(hparams_of(config))
    state = jax.eval_shape(program.init, hparams)
    export = jax.export.export(program.train_epoch, platforms=("cuda", "tpu"))
    exported = export(state, hparams, runs.data, runs.scaling, steps=1)
    assert exported.platforms == ("cuda", "tpu")
    assert len(exported.out_avals) == len(jax.tree.leaves(state)) + 1  # and the loss
