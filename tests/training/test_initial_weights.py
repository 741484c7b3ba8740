"""Weights at the start, drawn with a given deviation."""

import numpy as np
import pytest

WIDE = {"model.widths": (400,), "train.init_std": 0.1}


def kernels(weights):
    layers, output = weights.params["classifier"]["layers"], weights.params["classifier"]["output"]
    return [layers[0]["linear"]["kernel"], output["kernel"]]


def test_kernels_have_the_deviation_and_biases_are_zero(runs, new_config):
    weights = runs.init(new_config(changes=WIDE))[2].weights
    drawn = np.concatenate([np.ravel(kernel) for kernel in kernels(weights)])
    # 7600 draws: a deviation is known to 4 / sqrt(2 * 7600) of itself.
    np.testing.assert_allclose(drawn.std(), 0.1, rtol=0.033)
    assert np.abs(drawn).max() > 0.3  # not truncated
    assert (np.asarray(weights.params["classifier"]["output"]["bias"]) == 0).all()


@pytest.mark.parametrize("variant", ["drop_connect", "variational_weights"])
def test_a_seed_gives_every_variant_the_same_kernels(runs, new_config, variant):
    plain = kernels(runs.init(new_config(changes=WIDE))[2].weights)
    drawn = kernels(runs.init(new_config(variant, WIDE))[2].weights)
    for one, other in zip(plain, drawn, strict=True):
        np.testing.assert_array_equal(one, other)
