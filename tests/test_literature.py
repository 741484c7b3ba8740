"""What the literature proves of dropout, end to end: with the ops' own noise, in closed form."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.models import MLP
from dropout_lab.variants import LayerFactory

pytestmark = pytest.mark.slow

N, D = 20, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) @ (np.eye(D) + 0.3)
Y = RNG.normal(size=N) + X.sum(1)
W = RNG.normal(size=D)
GRAM = X.T @ X


@functools.partial(jax.jit, static_argnums=(0, 2))
def draws(op, key, count, x, rate):
    """Returns ``count`` noisy copies of ``x``."""
    return op(key, jnp.broadcast_to(x, (count, *x.shape)), rate=rate)


def masked_inputs(op, key, count, rate):
    return np.asarray(draws(op, key, count, jnp.asarray(X, jnp.float32), rate), np.float64)


def ridge(op, rate):
    """Returns the scale of the inputs and the weight of the penalty that dropout amounts to.

    Srivastava et al. 2014, Section 9.1; with kept inputs scaled up, ``w`` stands for their
    ``p w``, and the weight is theirs, ``(1 - p) / p``.
    """
    keep = 1 - rate
    return (keep, keep * rate) if op is ops.classic_dropout else (1.0, rate / keep)


LINEAR = pytest.mark.parametrize("op", [ops.classic_dropout, ops.dropout])
RATES = pytest.mark.parametrize("rate", [0.2, 0.5])


@LINEAR
@RATES
def test_dropout_of_inputs_adds_a_ridge_penalty_to_least_squares(op, rate, key):
    scale, weight = ridge(op, rate)
    expected = ((Y - scale * X @ W) ** 2).sum() + weight * (np.diag(GRAM) * W**2).sum()
    count = 2**15
    found = ((Y - masked_inputs(op, key, count, rate) @ W) ** 2).sum(1)
    standard_error = found.std() / np.sqrt(count)
    assert abs(found.mean() - expected) < 4 * standard_error < 0.02 * expected


@LINEAR
@RATES
def test_least_squares_with_dropout_converges_to_ridge_regression(op, rate, key):
    """Within 4 standard errors of each weight, and so at a rate of 1 over root n."""
    scale, weight = ridge(op, rate)
    exact_gram = scale**2 * GRAM + weight * np.diag(np.diag(GRAM))
    exact = np.linalg.solve(exact_gram, scale * X.T @ Y)
    for count in (2**9, 2**12, 2**15):
        noisy = masked_inputs(op, key, count, rate)
        gram = np.einsum("mni,mnj->ij", noisy, noisy) / count
        found = np.linalg.solve(gram, noisy.sum(0).T @ Y / count)
        # Each draw's gradient at the exact minimum, through the inverse of the Hessian.
        gradients = np.einsum("mni,mn->mi", noisy, Y - noisy @ exact)
        covariance = np.cov(np.linalg.solve(exact_gram, gradients.T)) / count
        assert (np.abs(found - exact) < 4 * np.sqrt(np.diag(covariance))).all()
        assert np.sqrt(np.diag(covariance)).max() < 3 / np.sqrt(count)
    plain = np.linalg.solve(GRAM, X.T @ Y) / scale
    assert np.abs(found - plain).max() > 10 * np.abs(found - exact).max()


@RATES
def test_both_scalings_of_least_squares_predict_the_same(rate):
    """Weight scaling: the classic form's minimum, times the probability of keeping."""
    (keep, classic), (one, inverted) = (
        ridge(op, rate) for op in (ops.classic_dropout, ops.dropout)
    )
    gamma = np.diag(np.diag(GRAM))
    first = np.linalg.solve(keep**2 * GRAM + classic * gamma, keep * X.T @ Y)
    second = np.linalg.solve(one**2 * GRAM + inverted * gamma, one * X.T @ Y)
    np.testing.assert_allclose(keep * first, second, rtol=1e-10)


@pytest.mark.parametrize(
    ("op", "mean"),
    [
        (ops.gaussian_dropout, 0.0),  # the others' shift at mean 0: tests/ops/test_uniform.py
        (ops.gaussian_dropout, 1.0),
        (ops.uniform_dropout, 1.0),
        (ops.dropout, 1.0),
    ],
)
@pytest.mark.parametrize("rate", [0.05, 0.25])
def test_variance_shifts_from_training_to_inference(op, mean, rate, key):
    """By ``v / ((c**2 + v) / (1 - rate) - c**2)``, for units of mean c and variance v.

    X. Li, S. Chen, X. Hu, J. Yang, *Understanding the disharmony between dropout and batch
    normalization by variance shift*, CVPR 2019, arXiv:1801.05134; the same for any noise of mean 1
    and dropout's variance.
    """
    n, v = 2**18, 4.0
    x = np.random.default_rng(1).normal(mean, np.sqrt(v), n).astype(np.float32)
    y = np.asarray(jax.jit(op)(key, jnp.asarray(x), rate=rate), np.float64)
    ratio = v / ((mean**2 + v) / (1 - rate) - mean**2)
    if mean == 0:
        assert ratio == pytest.approx(1 - rate)
    squares = (y - mean) ** 2
    # The mean of squares about the true mean is the variance, up to less than its error.
    bound = 4 * squares.std() / np.sqrt(n)
    assert abs(squares.mean() - v / ratio) < bound < 0.3 * (v / ratio - v)


UNITS, CLASSES = 12, 3
IMAGES = jax.random.normal(jax.random.key(1), (5, 4))


def one_hidden_layer(variant, rate):
    factory = LayerFactory(variant, rate=rate, input_rate=0.0)
    model: Any = MLP((4,), CLASSES, widths=(UNITS,), factory=factory, rngs=nnx.Rngs(0))
    model.classifier.output.bias[...] = jnp.linspace(-1, 1, CLASSES)
    return model


def passes(model, key, count):
    """Returns the logits of ``count`` noisy passes."""
    graph, state = nnx.split(model)

    def one(key):
        return nnx.merge(graph, state)(IMAGES, rngs=nnx.Rngs(dropout=key))

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(key, count)), np.float64)


def at_rest(model):
    """Returns the logits of the one pass at inference, and the hidden units and weights."""
    model.eval()
    logits, hidden = model(IMAGES), model.features(IMAGES, None)
    model.train()
    output = model.classifier.output
    return (
        np.asarray(a, np.float64) for a in (logits, hidden, output.kernel[...], output.bias[...])
    )


@pytest.mark.parametrize("variant", ["classic_dropout", "dropout"])
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_monte_carlo_dropout_of_a_linear_output_converges_to_weight_scaling(variant, rate, key):
    """The mean is exact; K passes are off by at most 4 of its standard errors, known exactly too.

    The variance of a logit is ``sum_j (w_j h_j)**2`` times the noise's, over K.
    """
    model = one_hidden_layer(variant, rate)
    expected, hidden, kernel, _ = at_rest(model)
    noise = rate * (1 - rate) if variant == "classic_dropout" else rate / (1 - rate)
    deviation = np.sqrt(noise * hidden**2 @ kernel**2)
    for count in (2**6, 2**10, 2**14):
        logits = passes(model, key, count)
        assert (np.abs(logits.mean(0) - expected) < 4 * deviation / np.sqrt(count)).all()
    # The last and largest count: the spread is the one that the bound takes for granted.
    np.testing.assert_allclose(logits.std(0), deviation, rtol=0.05)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_weight_scaling_is_the_geometric_mean_of_all_subnetworks():
    """Exactly, with one hidden layer and a softmax (Hinton et al. 2012); their mean is not."""
    model = one_hidden_layer("classic_dropout", 0.5)
    logits, hidden, kernel, bias = at_rest(model)
    expected = log_softmax(logits)
    masks = (np.arange(2**UNITS)[:, None] >> np.arange(UNITS)) & 1
    each = log_softmax((masks[:, None] * hidden) @ kernel + bias)
    np.testing.assert_allclose(log_softmax(each.mean(0)), expected, rtol=1e-4, atol=1e-5)
    arithmetic = np.log(np.exp(each).mean(0))
    assert np.abs(arithmetic - expected).max() > 1e-2
