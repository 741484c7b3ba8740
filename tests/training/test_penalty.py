"""Penalties of the loss, against NumPy and in their effect on a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.training.penalty import l1, sparsity_kl

WHOLE = {"train.batch_size": 40, "train.epochs": 1, "optimizer.momentum": 0.0}  # one step
L1 = {"loss.l1": 0.01, "optimizer.lr": 0.5}


def test_l1_sums_absolute_weights_of_kernels_only():
    params = {
        "a": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([9.0])},
        "cell": {"recurrent_kernel": jnp.array([[-4.0]])},
        "norm": {"scale": jnp.array([5.0])},
    }
    assert l1(params) == 7


def test_sparsity_is_the_divergence_of_poisson_variables():
    q, t = np.array([0.02, 0.3, 1.7]), 0.1
    terms = [t * np.log(t / mean) - t + mean for mean in q]
    divergence = sparsity_kl(jnp.array(q), jnp.float32(t))
    np.testing.assert_allclose(divergence, sum(terms), rtol=0.02)  # raised by 0.001
    assert sparsity_kl(jnp.full(3, t), jnp.float32(t)) == 0


def test_sparsity_of_silent_units_is_finite_with_its_gradient():
    value, slope = jax.value_and_grad(lambda q: sparsity_kl(q, jnp.float32(0.1)))(jnp.zeros(2))
    assert np.isfinite(value)
    assert (slope < 0).all()
    assert np.isfinite(slope).all()


def kernels(weights):
    lower, upper = weights.params["classifier"]["layers"][0]["linear"], weights.params["classifier"]
    return [np.asarray(lower["kernel"]), np.asarray(upper["output"]["kernel"])]


@pytest.mark.slow
def test_late_l1_waits_for_its_epoch_then_pulls_by_the_sign(runs, new_config):
    trained = {}
    for name, changes in (("plain", {}), ("l1", {"loss.l1": 0.01, "loss.l1_start": 1.0})):
        program, hparams, state = runs.init(new_config(changes=WHOLE | changes))
        for epoch in range(2):
            state = runs.epoch(program, hparams, state)[0]
            trained[name, epoch] = [leaf.copy() for leaf in kernels(state.weights)]
    for before, plain, pulled in zip(
        trained["l1", 0], trained["plain", 1], trained["l1", 1], strict=True
    ):
        np.testing.assert_allclose(pulled, plain - 0.1 * 0.01 * np.sign(before), atol=1e-6)
    for plain, late in zip(trained["plain", 0], trained["l1", 0], strict=True):
        np.testing.assert_allclose(late, plain, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", ["cross_entropy", pytest.param("r_drop", marks=pytest.mark.slow)])
def test_sparsity_is_of_the_batchs_mean_activations(runs, new_config, loss):
    changes = WHOLE | {"loss.name": loss}
    before, _, plain = runs.train(new_config(changes=changes))
    sparse = {"loss.sparsity": 0.3, "loss.sparsity_target": 0.2}
    loss_with_penalty = runs.train(new_config(changes=changes | sparse))[2]
    layer = before.params["classifier"]["layers"][0]["linear"]
    activity = np.maximum(runs.inputs @ layer["kernel"] + layer["bias"], 0).mean(0)
    passes = 2 if loss == "r_drop" else 1
    expected = plain + passes * 0.3 * sparsity_kl(jnp.asarray(activity), jnp.float32(0.2))
    np.testing.assert_allclose(loss_with_penalty, expected, rtol=1e-5)
