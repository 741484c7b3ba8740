"""Attention: what it computes at rest, with noise, and that masked keys have no influence."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.nn import attend

N, STEPS, HEADS, UNITS = 3, 5, 4, 6
Q, K, V = np.random.default_rng(0).normal(size=(3, N, STEPS, HEADS, UNITS)).astype(np.float32)
CAUSAL = np.tril(np.ones((1, 1, STEPS, STEPS), bool))
PRESENT = (np.arange(STEPS) < np.array([[5], [2], [4]]))[:, None, None, :]
MASKS = {"none": None, "causal": CAUSAL, "padding": PRESENT, "both": CAUSAL & PRESENT}
NOISES: dict[str, Any] = {
    "weights": lambda rate: nn.AttentionDropout(rate),
    "columns": lambda rate: nn.AttentionDropout(rate, columns=True),
    "normalised": lambda rate: nn.AttentionDropout(rate, normalised=True),
    "keys": nn.DropKey,
    "heads": nn.DropHead,
}
SOME = [None, *(pytest.param(name, marks=[pytest.mark.slow] * (name != "keys")) for name in NOISES)]


def reference(mask, weigh=lambda weights: weights, logits_of=lambda logits: logits):
    """Returns attention as NumPy computes it in float64, with its logits and weights changed."""
    logits = np.einsum("nqhu,nkhu->nhqk", Q.astype(np.float64), K) / np.sqrt(UNITS)
    logits = logits_of(logits if mask is None else np.where(mask, logits, -np.inf))
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights = weigh(weights / weights.sum(-1, keepdims=True))
    return np.einsum("nhqk,nkhu->nqhu", weights, V)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_at_rest_it_is_jaxs_and_numpys(mask):
    ours = attend(Q, K, V, None if mask is None else jnp.asarray(mask))
    np.testing.assert_allclose(ours, jax.nn.dot_product_attention(Q, K, V, mask=mask), atol=1e-5)
    np.testing.assert_allclose(ours, reference(mask), atol=1e-5)


@pytest.mark.parametrize("noise", NOISES)
def test_noise_that_is_off_changes_nothing(noise):
    layer = NOISES[noise](0.5)
    layer.eval()
    np.testing.assert_array_equal(attend(Q, K, V, noise=layer), attend(Q, K, V))


@pytest.mark.parametrize("noise", NOISES)
def test_with_the_same_mask_it_is_numpys(noise, key):
    """The noise of each hook, drawn from its key, is put into NumPy's attention."""
    layer, mask = NOISES[noise](0.4), CAUSAL & PRESENT
    keys = dict(zip(("logits", "weights", "heads"), layer._keys(key), strict=True))
    shape = (N, HEADS, STEPS, STEPS)
    changes = {}
    if noise in ("weights", "columns", "normalised"):
        columns, normalised = layer.columns, layer.normalised
        one = ops.attention_dropout(keys["weights"], jnp.ones(shape), rate=0.4, columns=columns)
        kept = np.asarray(one) != 0

        def weigh(weights):
            left = np.where(kept, weights, 0)
            total = left.sum(-1, keepdims=True)
            return left / np.where(total > 0, total, 1) if normalised else left / 0.6

        changes["weigh"] = weigh
    elif noise == "keys":
        logits = np.where(np.broadcast_to(mask, shape), 0, -np.inf).astype(np.float32)
        dropped = np.isinf(ops.drop_key(keys["logits"], jnp.asarray(logits), rate=0.4))
        assert not dropped.all(-1).any()
        changes["logits_of"] = lambda x: np.where(dropped, -np.inf, x)
    expected = reference(mask, **changes)
    if noise == "heads":
        factors = ops.drop_head(keys["heads"], jnp.ones((N, 1, HEADS, 1)), rate=0.4)
        kept = np.asarray(factors) != 0
        np.testing.assert_allclose(factors, kept * HEADS / kept.sum(2, keepdims=True), rtol=1e-6)
        expected = expected * np.asarray(factors)
    found = attend(Q, K, V, jnp.asarray(mask), noise=layer, rngs=key)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("noise", SOME)
def test_masked_keys_have_no_influence(noise, key):
    """Neither on what is found nor, to the bit, on any gradient; theirs are exactly 0."""
    layer = None if noise is None else NOISES[noise](0.4)
    hidden = ~np.broadcast_to(PRESENT[:, 0, 0, :, None, None], K.shape)

    @jax.jit
    def everything(q, k, v):
        def loss(q, k, v):
            return (attend(q, k, v, jnp.asarray(PRESENT), noise=layer, rngs=key) ** 2).sum()

        return attend(q, k, v, jnp.asarray(PRESENT), noise=layer, rngs=key), jax.grad(
            loss, (0, 1, 2)
        )(q, k, v)

    found, gradients = everything(Q, K, V)
    others = everything(Q, np.where(hidden, 100, K), np.where(hidden, -100, V))
    for ours, theirs in zip(
        jax.tree.leaves((found, gradients)), jax.tree.leaves(others), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(np.asarray(gradient)[hidden], 0)
        assert (np.asarray(gradient)[~hidden] != 0).any()


@pytest.mark.parametrize("noise", SOME)
def test_no_step_sees_the_future(noise, key):
    layer = None if noise is None else NOISES[noise](0.4)

    @jax.jit
    def slopes(k, v):
        def past(k, v):
            found = attend(Q, k, v, jnp.asarray(CAUSAL), noise=layer, rngs=key)
            return found[:, :2].sum()

        return jax.grad(past, (0, 1))(k, v)

    for slope in slopes(K, V):
        np.testing.assert_array_equal(np.asarray(slope)[:, 2:], 0)
        assert (np.asarray(slope)[:, :2] != 0).any()


@pytest.mark.parametrize("noise", SOME)
@pytest.mark.parametrize("rate", [0.9, 1.0])
def test_all_rows_are_finite_whatever_is_dropped(noise, rate, key):
    """A query that may attend to no key gets zeros, and finite gradients."""
    nothing = np.array([True, False, True])[:, None, None, None]
    layer = None if noise is None else NOISES[noise](rate)

    @jax.jit
    def everything(q, k, v):
        def found(q, k, v):
            return attend(q, k, v, jnp.asarray(nothing & PRESENT), noise=layer, rngs=key)

        return found(q, k, v), jax.grad(lambda *x: (found(*x) ** 2).sum(), (0, 1, 2))(q, k, v)

    found, gradients = everything(Q, K, V)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((found, gradients)))
    np.testing.assert_array_equal(np.asarray(found)[1], 0)
    if rate == 1 and noise is not None:
        assert (np.asarray(found)[0] == 0).all() == (noise != "keys")


def test_the_layer_projects_before_and_after(key):
    layer = nn.Attention(8, 2, kernel_init=nnx.initializers.lecun_normal(), rngs=nnx.Rngs(0))
    x = jax.random.normal(key, (2, 3, 8))
    kernel = np.asarray(layer.projections.kernel[...]).reshape(8, 3, 2, 4)
    q, k, v = np.einsum("nsf,fphu->pnshu", x, kernel)
    found = jax.nn.dot_product_attention(*(jnp.asarray(part) for part in (q, k, v)))
    expected = np.asarray(found).reshape(2, 3, 8) @ np.asarray(layer.output.kernel[...])
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_it_computes_in_bfloat16_with_a_wide_softmax():
    q, k, v = (jnp.asarray(x, jnp.bfloat16) for x in (Q, K, V))
    found = attend(q, k, v, noise=nn.DropKey(0.0), rngs=jax.random.key(0))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(found, np.float32), reference(None), atol=0.03)
