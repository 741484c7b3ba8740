"""The cost of ops: arrays kept for the backward pass, and communication between devices."""

import contextlib
import io
import math
import re

import jax
import jax.numpy as jnp
import pytest
from jax.ad_checkpoint import print_saved_residuals

from dropout_lab import ops


def residual_sizes(op, x):
    """Returns the size of each array that the backward pass of ``op`` holds."""
    pullback = jax.eval_shape(lambda x: jax.vjp(op, x)[1], x)
    return [leaf.size for leaf in jax.tree.leaves(pullback)]


UNITS = ["dropout", "classic_dropout", "spatial_dropout", "gaussian_dropout"]


@pytest.mark.parametrize("name", UNITS)
def test_backward_pass_keeps_key_and_rate_only(name, key):
    def op(x):
        return ops.OPS[name](key, x, rate=jnp.float32(0.5))

    assert set(residual_sizes(op, jnp.ones((2, 8, 8, 3)))) == {1}


def test_every_example_of_drop_connect_keeps_its_key_only(key):
    kernel = jnp.ones((8, 16))

    def product(x):
        return ops.drop_connect(key, x, rate=jnp.float32(0.5), kernel=kernel)

    # 4 examples of 8 inputs: the masks alone would be 4 x 8 x 16.
    assert max(residual_sizes(product, jnp.ones((4, 8)))) <= kernel.size


def printed_residuals(op, x):
    """Returns size and source of each array that JAX prints the backward pass of ``op`` keeps."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print_saved_residuals(op, x)
    residuals = []
    for line in printed.getvalue().splitlines():
        array, source = line.split(" ", 1)
        axes = re.findall(r"\d+", array.partition("[")[2])
        residuals.append((math.prod(int(axis) for axis in axes), source))
    return residuals


# Probabilities, or the inputs and weights of products with the moments made from them; targeted
# dropout keeps the weights that are left. Or what is no noise: the types of tokens, masks that are
# fixed, and the keys over which the contract's rows of layer_drop and batchwise_dropout map.
KEEPING = {
    *("standout", "drop_connect", "fast_dropout", "targeted_dropout"),
    *("variational_weights", "sparse_variational_dropout"),
    *("embedding_dropout", "layer_drop", "masksembles", "batchwise_dropout"),
}


def test_no_printed_residual_is_noise(op, key):
    residuals = printed_residuals(
        lambda x: op.call(key, x, min(0.5, op.max_rate)), jnp.ones(op.shape)
    )
    assert residuals
    for size, source in residuals:
        assert "_noise.py" not in source
        given = source.startswith(("from the argument", "from a constant"))
        assert size == 1 or given or op.name in KEEPING


SHARDED = """
    import re
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
    from dropout_lab import ops

    assert len(jax.devices()) == 8
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("rows", "cols"))
    key = jax.random.key(0)
    x = jnp.arange(1.0, 1 + 16 * 8 * 4).reshape(16, 8, 4)

    for op in (ops.dropout, ops.gaussian_dropout, ops.spatial_dropout):
        def step(key, x):
            y, pull = jax.vjp(lambda x: op(key, x, rate=jnp.float32(0.5)), x)
            return y, pull(y)[0]

        expected = jax.jit(step)(key, x)
        for spec in (P("rows", "cols"), P("cols", None, "rows")):
            sharding = NamedSharding(mesh, spec)
            sharded = jax.device_put(x, sharding)
            compiled = jax.jit(step, out_shardings=(sharding, sharding)).lower(key, sharded)
            compiled = compiled.compile()
            actual = compiled(key, sharded)
            for ours, theirs in zip(actual, expected):
                assert ours.sharding == sharding
                np.testing.assert_allclose(ours, theirs, rtol=1e-6)
                np.testing.assert_array_equal(ours == 0, theirs == 0)
            names = "all-gather|all-reduce|all-to-all|collective-[a-z]+|reduce-scatter"
            collectives = re.findall(names, compiled.as_text())
            assert not collectives, (op, spec, collectives)
"""


@pytest.mark.slow
def test_sharded_noise_is_one_devices_without_collectives(on_eight_devices):
    on_eight_devices(SHARDED)
