"""nn.Dropout stands in wherever flax.nnx.Dropout stands."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.nn import (
    ClassicDropout,
    Dropout,
    GaussianDropout,
    SpatialDropout,
    VariationalDropout,
)

X = jnp.ones((2, 3, 64))

LAYERS = {
    "Dropout": Dropout,
    "ClassicDropout": ClassicDropout,
    "SpatialDropout": SpatialDropout,
    "GaussianDropout": GaussianDropout,
    "VariationalDropout": lambda rate, **options: VariationalDropout(rate, shape=(64,), **options),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    """Makes each kind of layer that puts noise on units."""
    return LAYERS[request.param]


def test_own_streams_are_forked_and_counted(layer):
    rngs = nnx.Rngs(dropout=0)
    ours = layer(0.5, rngs=rngs)
    assert rngs.dropout.count[...] == 1  # the fork
    assert ours.rngs.count[...] == 0
    given = nnx.Rngs(dropout=0).fork()
    other = layer(0.5)
    traces = 0

    @nnx.jit
    def call(module, x, rngs=None):
        nonlocal traces
        traces += 1
        return module(x, rngs=rngs)

    outputs = []
    for count in (1, 2):
        outputs += [call(ours, X), call(other, X, given)]
        assert ours.rngs.count[...] == given.dropout.count[...] == count
        np.testing.assert_array_equal(outputs[-2], outputs[-1])
    assert not np.array_equal(outputs[0], outputs[2])
    assert traces == 2


def test_streams_at_call_overrule_those_of_the_layer():
    ours = Dropout(0.5, rngs=nnx.Rngs(dropout=0))
    theirs = Dropout(0.5, rngs=nnx.Rngs(dropout=1))
    y = ours(X)
    assert not np.array_equal(y, theirs(X))
    np.testing.assert_array_equal(y, theirs(X, rngs=nnx.Rngs(dropout=0).fork()))


@pytest.mark.parametrize("key", [jax.random.key, jax.random.PRNGKey])
def test_streams_of_every_type_give_keys(key):
    layer = Dropout(0.5)
    y = layer(X, rngs=key(3))
    np.testing.assert_array_equal(y, layer(X, rngs=key(3)))
    stream = nnx.Rngs(dropout=3).dropout
    first = layer(X, rngs=nnx.Rngs(dropout=3))
    np.testing.assert_array_equal(first, layer(X, rngs=stream))
    assert stream.count[...] == 1
    made_with_one = Dropout(0.5, rngs=nnx.Rngs(dropout=3).dropout)
    made_with_all = Dropout(0.5, rngs=nnx.Rngs(dropout=3))
    np.testing.assert_array_equal(made_with_one(X), made_with_all(X))


def test_another_collection_can_be_drawn_from():
    rngs = nnx.Rngs(dropout=0, masks=1)
    y = Dropout(0.5, rng_collection="masks")(X, rngs=rngs)
    assert (rngs.masks.count[...], rngs.dropout.count[...]) == (1, 0)
    np.testing.assert_array_equal(y, Dropout(0.5)(X, rngs=nnx.Rngs(dropout=1)))


@pytest.mark.parametrize("bad", [np.zeros(2, np.uint32), 0, "dropout"])
def test_streams_of_a_wrong_type_are_an_error(bad):
    with pytest.raises(TypeError, match=r"rngs must be a Rngs, RngStream or jax\.Array, but got"):
        Dropout(0.5)(X, rngs=bad)
    with pytest.raises(TypeError, match="rngs must be a Rngs, RngStream or None, but got"):
        Dropout(0.5, rngs=bad)


def test_a_missing_key_is_an_error(layer):
    module = layer(0.5)
    with pytest.raises(ValueError, match=r"no `rngs` argument was provided to \w*Dropout"):
        module(X)
    # An array of rates decides nothing in Python, so rate 0 too needs a key.
    with pytest.raises(ValueError, match="but no `rngs` argument was provided"):
        layer(0.0)(X)


def test_the_flag_is_the_calls_before_the_layers(layer):
    module = layer(0.5, deterministic=True)
    quiet = module(X)
    np.testing.assert_array_equal(quiet, layer(0.5)(X, deterministic=True))
    assert not np.array_equal(quiet, module(X, deterministic=False, rngs=nnx.Rngs(dropout=0)))
    module.set_attributes(deterministic=False)
    with pytest.raises(ValueError, match="`deterministic` is False, but no `rngs`"):
        module(X)


def test_a_layer_without_a_flag_needs_one():
    layer = Dropout(0.5, deterministic=None)
    with pytest.raises(ValueError, match="No `deterministic` argument was provided to Dropout"):
        layer(X)
    np.testing.assert_array_equal(layer(X, deterministic=True), X)


def test_train_and_eval_switch_the_noise(layer):
    module = layer(0.5, rngs=nnx.Rngs(dropout=0))
    module.eval()
    assert module.deterministic is True
    quiet = module(X)
    module.train()
    assert not np.array_equal(quiet, module(X))


@pytest.mark.skipif(not hasattr(nnx, "view"), reason="this flax has no nnx.view")
def test_a_view_has_a_flag_of_its_own(layer):
    module = layer(0.5)
    view = nnx.view(module, deterministic=True)
    np.testing.assert_array_equal(view(X), module(X, deterministic=True))
    assert module.deterministic is False
    with pytest.raises(ValueError, match="`deterministic` is False, but no `rngs`"):
        nnx.view(view, deterministic=False)(X)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_out_of_range_is_an_error(layer, rate):
    with pytest.raises(ValueError, match=rf"^\w*Dropout: rate is {rate}; allowed: \[0, 1"):
        layer(rate)


def test_noise_is_that_of_the_op_with_the_layers_key():
    rate, dims = 0.3, (1,)
    key = nnx.Rngs(dropout=5).dropout()
    for module in (Dropout, ClassicDropout):
        y = module(rate, broadcast_dims=dims)(X, rngs=nnx.Rngs(dropout=5))
        kept = np.asarray(y)[:, :1] != 0
        scale = 1 if module is ClassicDropout else 1 / 0.7
        np.testing.assert_allclose(y, np.broadcast_to(kept, X.shape) * scale, rtol=1e-6)
        np.testing.assert_array_equal(y, module(rate, broadcast_dims=dims)(X, rngs=key))


RUN_WITH_OURS = """
import pytest
from flax import nnx

from dropout_lab.nn import Dropout

nnx.Dropout = Dropout
made = []
init = Dropout.__init__


def counted(self, *args, **kwargs):
    made.append(self)
    init(self, *args, **kwargs)


Dropout.__init__ = counted


def pytest_sessionfinish():
    print("made", len(made), "of ours")
"""


@pytest.mark.slow
def test_flaxs_own_tests_pass(tmp_path):
    source = os.environ.get("FLAX_SOURCE")
    if not source:
        pytest.skip("needs FLAX_SOURCE, the path of a flax checkout with its tests")
    tests = Path(source, "tests/nnx/nn/stochastic_test.py")
    (tmp_path / "with_ours.py").write_text(RUN_WITH_OURS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", str(tests), "-s", "-p", "with_ours"]
    command += ["-c", "pytest.ini", "--rootdir", ".", "--import-mode", "importlib"]
    if not hasattr(nnx, "view"):
        command += ["-k", "not view"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "made 0 of ours" not in done.stdout
    assert "skipped" not in done.stdout
