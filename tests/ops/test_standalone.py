"""The ops work alone: with no framework, in a plain JAX network, inside a Flax Linen module."""

import subprocess
import sys

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.ops import dropout


@pytest.fixture
def task(key):
    """Returns inputs of 8 features and which of two classes each is in."""
    x = jax.random.normal(key, (64, 8))
    return x, (x[:, 0] * x[:, 1] > 0).astype(jnp.int32)


def test_example_without_a_framework(task):
    x, labels = task
    signs = jnp.where(labels == 1, 1.0, -1.0)

    @jax.value_and_grad
    def loss(weights, key):
        """The logistic loss of a linear model on noisy products of features."""
        features = dropout(key, x[:, :, None] * x[:, None, :], rate=0.2).reshape(64, 64)
        return jnp.logaddexp(0.0, -signs * (features @ weights)).mean()

    @jax.jit
    def step(weights, seed):
        value, gradient = loss(weights, jax.random.key(seed))
        return weights - 0.3 * gradient, value

    weights, losses = jnp.zeros(64), []
    for seed in range(60):
        weights, value = step(weights, seed)
        losses.append(value)
    assert losses[-1] < losses[0] / 2


def train(loss, params, rates):
    """Returns the loss before each step; the rate is an argument, so a schedule needs no trace."""

    @jax.jit
    def step(params, seed, rate):
        value, gradients = jax.value_and_grad(loss)(params, jax.random.key(seed), rate)
        return jax.tree.map(lambda p, g: p - 0.5 * g, params, gradients), value

    losses = []
    for seed, rate in enumerate(rates):
        params, value = step(params, seed, rate)
        losses.append(value)
    return losses


def cross_entropy(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def test_example_plain_jax_mlp(task):
    x, labels = task

    def loss(params, key, rate):
        h = x
        for layer, (kernel, bias) in enumerate(params[:-1]):
            h = jax.nn.relu(h @ kernel + bias[None])
            h = dropout(jax.random.fold_in(key, layer), h, rate=rate)
        kernel, bias = params[-1]
        return cross_entropy(h @ kernel + bias[None], labels)

    rng, sizes = np.random.default_rng(0), [(8, 32), (32, 32), (32, 2)]
    kernels = [rng.normal(size=size) * np.sqrt(2 / size[0]) for size in sizes]
    params = [(kernel.astype(np.float32), jnp.zeros(kernel.shape[1])) for kernel in kernels]
    losses = train(loss, params, rates=np.linspace(0.2, 0, 80))
    assert losses[-1] < losses[0] / 2


class Network(linen.Module):
    @linen.compact
    def __call__(self, x, rate):
        x = linen.relu(linen.Dense(32)(x))
        x = dropout(self.make_rng("dropout"), x, rate=rate)
        return linen.Dense(2)(x)


def test_example_inside_flax_linen(task):
    x, labels = task
    network = Network()

    def loss(params, key, rate):
        return cross_entropy(network.apply(params, x, rate, rngs={"dropout": key}), labels)

    with jax.numpy_rank_promotion("allow"):  # linen's Dense adds its bias so
        keys = {"params": jax.random.key(4), "dropout": jax.random.key(5)}
        losses = train(loss, jax.jit(network.init)(keys, x, 0.1), rates=[0.1] * 80)
    assert losses[-1] < losses[0] / 2


def test_importing_the_ops_imports_no_framework():
    script = "import sys, dropout_lab.ops; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    packages = set(done.stdout.split())
    assert "jax" in packages
    others = {"flax", "optax", "tensorflow_datasets", "orbax", "ml_collections", "absl", "sklearn"}
    assert not packages & others
