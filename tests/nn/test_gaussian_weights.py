"""Layers whose noise has variances to learn: on units, per weight, and with pruning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import (
    SparseConv,
    SparseDense,
    VariationalDense,
    VariationalDropout,
    conv,
)

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
IMAGES = jnp.asarray(RNG.normal(size=(4, 5, 5, 2)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


def make(kind, *sizes, **options):
    return kind(*sizes, kernel_init=INIT, rngs=nnx.Rngs(0), **options)


def test_a_variance_per_unit_is_that_units(key):
    layer = VariationalDropout(0.2, shape=(2, 3), per="unit")
    assert layer.alpha.shape == (2, 3)
    layer.logit_alpha[...] = jnp.asarray(RNG.normal(size=(2, 3)), jnp.float32)
    y = np.asarray(layer(jnp.ones((2**15, 2, 3)), rngs=key))
    # The variance of a variance is 2 alpha**2 / n.
    np.testing.assert_allclose(y.var(axis=0), layer.alpha, rtol=4 * np.sqrt(2 / 2**15))


def test_penalty_sums_over_units_however_they_share():
    layer = VariationalDropout(0.2, shape=(2, 3))
    units = VariationalDropout(0.2, shape=(2, 3), per="unit")
    np.testing.assert_allclose(layer.penalty(), units.penalty(), rtol=1e-5)
    units.logit_alpha[...] = jnp.asarray(RNG.normal(size=(2, 3)), jnp.float32)
    expected = sum(ops.variational_kl(alpha) for alpha in units.alpha.ravel())
    np.testing.assert_allclose(units.penalty(), expected, rtol=1e-5)


@pytest.mark.parametrize("per", ["layer", "unit", "weight"])
def test_type_b_has_a_variance_per(per, key):
    shape = {"layer": (), "unit": (6, 1), "weight": (6, 3)}[per]
    layer = make(VariationalDense, 6, 3, rate=0.2, per=per)
    assert layer.logit_alpha.shape == shape
    np.testing.assert_allclose(layer.alpha, np.full(shape, 0.25), rtol=1e-5)
    layer.logit_alpha[...] = jnp.asarray(RNG.normal(size=shape), jnp.float32)
    expected = ops.variational_weights(
        key, X, alpha=layer.alpha, kernel=layer.kernel[...], bias=layer.bias[...]
    )
    np.testing.assert_array_equal(layer(X, rngs=key), expected)
    kl = ops.variational_kl(jnp.broadcast_to(layer.alpha, (6, 3))).sum()
    np.testing.assert_allclose(layer.penalty(), kl, rtol=1e-5)
    layer.eval()
    np.testing.assert_allclose(layer(X), X @ layer.kernel[...], rtol=1e-6)


def test_per_and_rate_are_checked():
    with pytest.raises(
        ValueError, match=r"^VariationalDropout: per is 'weight'; allowed: 'layer', 'u"
    ):
        VariationalDropout(0.2, shape=(6,), per="weight")
    with pytest.raises(ValueError, match=r"^VariationalDense: per is 'row'; allowed: .* 'weight'"):
        make(VariationalDense, 6, 3, rate=0.2, per="row")
    with pytest.raises(ValueError, match=r"^VariationalDense: rate is 2; allowed"):
        make(VariationalDense, 6, 3, rate=2)


@pytest.fixture(params=["dense", "conv"])
def sparse(request):
    """Returns a sparse layer, an input, and its product with a kernel."""
    if request.param == "dense":
        return make(SparseDense, 6, 3), X, lambda kernel: X @ kernel
    return make(SparseConv, 2, 3, 3), IMAGES, lambda kernel: conv(IMAGES, kernel)


def test_sparse_layers_prune_what_is_noise(sparse):
    layer, x, product = sparse
    np.testing.assert_array_equal(layer.log_variance[...], -10)
    layer.bias[...] = jnp.arange(3.0)
    kernel = layer.kernel[...]
    logs = np.full(kernel.shape, -10, np.float32)
    logs[..., 1] = 5
    layer.log_variance[...] = jnp.asarray(logs)
    noisy = np.asarray(ops.log_alpha(jnp.asarray(logs), kernel)) > 3
    assert noisy[..., 1].all()
    layer.eval()
    expected = product(jnp.where(noisy, 0, kernel)) + jnp.arange(3.0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)
    zeroed, total = layer.pruned()
    assert (zeroed.shape, zeroed.dtype) == ((), jnp.float32)
    assert (float(zeroed), total) == (noisy.sum(), kernel.size)


def test_sparse_layers_can_prune_in_training(sparse, key):
    """Pruned weights lose their means and keep their noise."""
    layer, x, product = sparse
    layer.log_variance[...] = jnp.where(jnp.arange(3) == 1, 5.0, -10.0) + 0 * layer.kernel[...]
    whole = layer(x, rngs=key)
    layer.prune_in_training = True
    pruned = jnp.where(layer.log_alpha > ops.SPARSE_THRESHOLD, layer.kernel[...], 0)
    assert pruned[..., 1].all()
    np.testing.assert_allclose(
        whole - layer(x, rngs=key), product(pruned), rtol=1e-4, atol=1e-4 * np.abs(whole).max()
    )
    assert np.abs(product(pruned)).max() > 1e-3 * np.abs(whole).max()


def test_sparse_layers_draw_from_the_moments_of_their_weights(sparse, key):
    layer, x, product = sparse
    logs = jnp.asarray(RNG.uniform(-4, 0, layer.kernel.shape), jnp.float32)
    layer.log_variance[...] = logs
    layer.bias[...] = jnp.arange(3.0)
    n = 2000
    draw = jax.jit(jax.vmap(lambda key: layer(x[:1], rngs=key)))
    u = np.asarray(draw(jax.random.split(key, n)), np.float64)[:, 0]
    mean = np.asarray(layer.infer(x)[0])
    weights = np.asarray(layer.kernel[...])
    mean = np.asarray(product(weights) + jnp.arange(3.0))[0]
    squares = x**2 @ jnp.exp(logs) if x.ndim == 2 else conv(x**2, jnp.exp(logs))
    z = (u - mean) / np.sqrt(np.asarray(squares)[0])
    # 5 standard errors, of up to 75 outputs.
    assert np.abs(z.mean(0)).max() < 5 / np.sqrt(n)
    assert np.abs((z**2).mean(0) - 1).max() < 5 * np.sqrt(2 / n)


def test_sparse_penalty_is_the_sum_of_divergences(sparse):
    layer, _, _ = sparse
    kernel = np.asarray(layer.kernel[...], np.float64)
    log_alpha = np.clip(-10 - np.log(kernel**2 + 1e-8), -8, 8)
    k1, k2, k3 = 0.63576, 1.87320, 1.48695
    minus = k1 / (1 + np.exp(-k2 - k3 * log_alpha)) - 0.5 * np.log1p(np.exp(-log_alpha)) - k1
    np.testing.assert_allclose(layer.penalty(), -minus.sum(), rtol=1e-5)


def test_the_penalty_raises_variances_and_shrinks_weights(sparse):
    layer, _, _ = sparse
    layer.log_variance[...] = jnp.full(layer.kernel.shape, -4.0)
    gradients = nnx.grad(lambda layer: layer.penalty())(layer)
    assert (np.asarray(gradients["log_variance"][...]) <= 0).all()
    assert (np.asarray(gradients["kernel"][...] * layer.kernel[...]) >= 0).all()
    assert np.asarray(gradients["log_variance"][...]).any()
