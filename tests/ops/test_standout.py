"""Standout: how often a unit is kept, given its drive."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special  # type: ignore[import-untyped]

from dropout_lab.ops import classic_dropout, standout, standout_keep

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

DRIVES = np.array([-4, -1, -0.25, 0, 0.5, 2, 5], np.float32)
N = 2**15


@jax.jit
def draw(key, x, rate, drive, strength):
    return standout(key, x, rate=rate, drive=drive, strength=strength)


def true_keep(rate, strength):
    """Returns the paper's f(alpha * drive + beta)."""
    return special.expit(strength * DRIVES.astype(np.float64) + special.logit(1 - rate))


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_units_are_kept_as_often_as_their_drive_says(rate, strength, key):
    keep = true_keep(rate, strength)
    given = standout_keep(jnp.asarray(DRIVES), rate=rate, strength=strength)
    np.testing.assert_allclose(given, keep, rtol=2e-6)
    y = np.asarray(draw(key, 3 * jnp.ones((N, 7)), rate, jnp.asarray(DRIVES), strength))
    assert set(np.unique(y)) == {0, 3}
    error = 4 * np.sqrt(keep * (1 - keep) / N)
    # 4 standard errors, and one draw more where a draw is rare; 7 of them.
    assert (abs((y != 0).mean(axis=0) - keep) < error + 1 / N).all()


def test_moments_given_x_and_drive_are_the_closed_form(key):
    rng = np.random.default_rng(0)
    x, drive = rng.normal(size=(2, N)).astype(np.float32)
    y = np.asarray(draw(key, jnp.asarray(x), 0.3, jnp.asarray(drive), 1.5), np.float64)
    keep = special.expit(1.5 * drive + special.logit(0.7))
    z = (y - keep * x) / np.sqrt(keep * (1 - keep) * x**2)
    for power, moment in ((1, 0), (2, 1)):
        assert abs((z**power).mean() - moment) < 4 * (z**power).std() / np.sqrt(N)


def test_without_a_drive_it_is_classic_dropout(key, array):
    x = array((64, 64))
    classic = jax.jit(classic_dropout)(key, x, rate=0.3)
    np.testing.assert_array_equal(draw(key, x, 0.3, jnp.zeros(()), 1.0), classic)
    np.testing.assert_array_equal(draw(key, x, 0.3, x, 0.0), classic)


@pytest.mark.parametrize("rate", [0, 1])
def test_rates_0_and_1_are_certain_whatever_the_drive(rate, key):
    drive = jnp.array([-jnp.inf, -1e30, -200, 0, 200, 1e30, jnp.inf])
    x = jnp.ones((100, 7))
    np.testing.assert_array_equal(draw(key, x, float(rate), drive, 1.0), 1 - rate)
    np.testing.assert_array_equal(standout(key, x, rate=rate, drive=drive), 1 - rate)
    np.testing.assert_array_equal(standout_keep(drive, rate=rate), 1 - rate)


def test_an_infinite_drive_is_certain_and_nan_shows(key):
    drive = jnp.array([-jnp.inf, jnp.inf, jnp.nan])
    y = np.asarray(draw(key, jnp.ones((100, 3)), 0.5, drive, 1.0))
    np.testing.assert_array_equal(y, np.broadcast_to([0, 1, 1], (100, 3)))


def test_no_gradient_goes_through_the_mask(key, array):
    x, drive = array((8, 8)), array((8, 8))[::-1]

    @jax.jit
    def gradients(x, drive, strength):
        def loss(x, drive, strength):
            y = standout(key, x, rate=0.4, drive=drive, strength=strength)
            return (y * standout_keep(drive, rate=0.4, strength=strength)).sum()

        return jax.grad(loss, (0, 1, 2))(x, drive, strength)

    of_x, of_drive, of_strength = gradients(x, drive, 1.0)
    kept = np.asarray(draw(key, x, 0.4, drive, 1.0)) != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(of_x, np.where(kept, standout_keep(drive, rate=0.4), 0), rtol=1e-6)
    np.testing.assert_array_equal(of_drive, 0)
    assert of_strength == 0


@pytest.mark.parametrize("shape", [(), (5,), (1, 5), (4, 1), (4, 5)])
def test_a_drive_of_any_shape_broadcasts_but_draws_do_not(shape, key, array):
    drive = array(shape)
    x = jnp.ones((4, 5))
    full = jnp.broadcast_to(drive, x.shape)
    np.testing.assert_array_equal(draw(key, x, 0.5, drive, 1.0), draw(key, x, 0.5, full, 1.0))
    many = np.asarray(draw(key, jnp.ones((32, 4, 5)), 0.5, drive, 0.1)).reshape(32, 20)
    assert len(np.unique(many, axis=0)) == 32
    assert len(np.unique(many, axis=1).T) == 20


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_probabilities_are_not_rounded_to_the_drives_type(dtype):
    drive = jnp.asarray(DRIVES.astype(dtype))
    keep = standout_keep(drive, rate=0.1)
    assert keep.dtype == jnp.float32
    np.testing.assert_allclose(keep, true_keep(0.1, 1), rtol=2e-6)


def test_keep_checks_its_arguments():
    with pytest.raises(ValueError, match=r"^standout_keep: rate is 2; allowed: \[0, 1\]"):
        standout_keep(jnp.ones(2), rate=2)
    with pytest.raises(ValueError, match=r"^standout_keep: strength is -1; allowed: finite"):
        standout_keep(jnp.ones(2), rate=0.5, strength=-1)
    with pytest.raises(TypeError, match=r"^standout_keep: drive has dtype int32; allowed: float"):
        standout_keep(jnp.ones(2, int), rate=0.5)
