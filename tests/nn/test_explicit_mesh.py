"""On a mesh with explicit axes, the default of ``jax.make_mesh``, all is as on one device."""

import pytest

SCRIPT = """
    import jax, jax.numpy as jnp, numpy as np
    from flax import nnx
    from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
    from dropout_lab import nn, ops
    from tests.ops.conftest import ROWS as OPS

    key = jax.random.key(0)
    x = np.abs(np.random.default_rng(0).normal(size=(8, 6))).astype(np.float32)

    def of_cell(cell, noise):
        init = nnx.initializers.lecun_normal()
        layer = cell(6, 5, noise=noise, kernel_init=init, rngs=nnx.Rngs(0))
        graph, params, rest = nnx.split(layer, nnx.Param, ...)

        def outputs(params, x):
            steps = jnp.stack([x] * 3, axis=1)
            return nnx.merge(graph, params, rest)(steps, rngs=key)

        gradient = jax.grad(lambda params, x: (outputs(params, x) ** 2).sum())
        return lambda x: (outputs(params, x), gradient(params, x))

    CALLS = {
        "zoneout": lambda x: ops.zoneout(key, x, rate=0.3, old=x / 2),
        "drop_connect": lambda x: ops.drop_connect(
            key, x, rate=0.3, kernel=jnp.ones((6, 5)), bias=jnp.ones(5)
        ),
        # The contract's row maps over examples, and JAX wants the keys sharded as these.
        "batchwise_dropout": lambda x: ops.batchwise_dropout(key, x, rate=0.3),
        "layer_drop": lambda x: ops.layer_drop(key, x, rate=0.3, skipped=x / 2),
        "LSTM": of_cell(nn.LSTM, None),
        "LSTM with zoneout": of_cell(nn.LSTM, nn.Zoneout(0.2, cell_rate=0.3)),
        "GRU": of_cell(nn.GRU, None),
        "GRU with variational state": of_cell(nn.GRU, nn.VariationalState(0.2)),
        "GRU with weight drop": of_cell(nn.GRU, nn.WeightDrop(0.2)),
    }
    inputs = {name: x for name in CALLS}
    for op in OPS:
        CALLS.setdefault(op.name, lambda x, op=op: op.call(key, x, 0.2))
        values = np.random.default_rng(0).normal(size=(8, *op.shape[1:])).astype(np.float32)
        inputs[op.name] = np.abs(values)
    expected = {name: jax.jit(call)(inputs[name]) for name, call in CALLS.items()}
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    failed = {}
    with jax.set_mesh(mesh):
        for name, call in CALLS.items():
            spread = jax.device_put(inputs[name], NamedSharding(mesh, P("data")))
            try:
                actual = jax.jit(call)(spread)
                jax.tree.map(
                    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
                    actual, expected[name],
                )
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {str(error)[:400]}"
    assert not failed, failed
"""


@pytest.mark.slow
def test_ops_and_cells_are_as_on_one_device(on_eight_devices):
    on_eight_devices(SCRIPT)
