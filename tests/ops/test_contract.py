"""The contract of every op; its table is in conftest.py, transforms are in test_transforms.py.

Statistics are bounded by 4 standard errors, over the n draws that a row's ``many`` has.
"""

import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops
from dropout_lab.ops import OPS

DTYPES = [
    jnp.float32,
    pytest.param(jnp.bfloat16, marks=pytest.mark.slow),
    pytest.param(jnp.float16, marks=pytest.mark.slow),
]
RATES = [0.1, 0.5, 0.9]


@pytest.fixture(params=DTYPES, ids=["float32", "bfloat16", "float16"])
def dtype(request):
    return request.param


def wide(array):
    return np.asarray(array).astype(np.float64)


def test_every_op_has_a_row(rows):
    assert {row.name for row in rows} == set(OPS)


def test_promotion_is_strict():
    with pytest.raises(Exception, match="promotion"):
        jnp.ones(2, jnp.float32) + jnp.ones(2, jnp.bfloat16)
    with pytest.raises(ValueError, match="rank"):
        jnp.ones((2, 2)) + jnp.ones(2)


def test_shape_and_dtype_are_those_of_the_input(op, dtype, key, array):
    x = array(op.shape, dtype)
    y = jax.eval_shape(op.call, key, x, 0.5)
    assert y.dtype == x.dtype
    if op.noiseless is not None:
        assert y.shape == np.shape(op.noiseless(np.ones(op.shape, np.float32)))


def test_empty_input_gives_empty_output(op, key):
    x = jnp.ones((0, *op.shape[1:]))
    assert op.call(key, x, min(0.5, op.max_rate)).shape[0] == 0


def test_an_empty_map_gives_an_empty_map(image_op, key):
    for axis in (1, 2, 3):
        x = jnp.ones([0 if i == axis else size for i, size in enumerate(image_op.shape)])
        assert image_op.call(key, x, min(0.5, image_op.max_rate)).size == 0


def test_numpys_float64_becomes_jaxs_default(op, key, array):
    x = np.asarray(array(op.shape), np.float64)
    y = op.call(key, x, min(0.5, op.max_rate))
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(
        y, op.call(key, jnp.asarray(x, jnp.float32), min(0.5, op.max_rate))
    )


WEIGHTS = {"kernel": np.ones((6, 5)), "bias": np.ones(5)}
IN_NUMPY: dict[str, dict[str, Any]] = {
    "drop_connect": WEIGHTS | {"rate": 0.2},
    "fast_dropout": WEIGHTS | {"rate": 0.2},
    "information_dropout": {"alpha": np.ones(6)},
    "layer_drop": {"rate": 0.2, "skipped": np.zeros((4, 6))},
    "shakeout": WEIGHTS | {"rate": 0.2},
    "sparse_variational_dropout": WEIGHTS | {"log_variance": np.zeros((6, 5))},
    "standout": {"rate": 0.2, "drive": np.ones(6)},
    "targeted_dropout": WEIGHTS | {"rate": 0.2},
    "variational_dropout": {"alpha": np.ones(6)},
    "variational_weights": WEIGHTS | {"alpha": np.ones((6, 5))},
    "zoneout": {"rate": 0.2, "old": np.zeros((4, 6))},
}


def test_numpys_float64_is_allowed_for_every_array(op, key):
    arguments = IN_NUMPY.get(op.name)
    if arguments is None:
        assert op.kind != "weight"  # an op of x alone is in the test above
        return
    assert OPS[op.name](key, np.ones((4, 6)), **arguments).dtype == jnp.float32


LEARNT: dict[str, dict[str, Any]] = {
    "concrete_dropout": {"rate": 0.25},
    "information_dropout": {"alpha": 0.25},
    "variational_dropout": {"alpha": 0.25},
    "variational_weights": {"alpha": 0.25},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNT)
def test_a_learnt_number_of_float64_is_not_rounded_to_float32(name, key):
    home: Any = jax if hasattr(jax, "enable_x64") else jax.experimental
    with home.enable_x64(True):
        ((argument, value),) = LEARNT[name].items()
        arguments = {"kernel": jnp.ones((6, 5))} if name == "variational_weights" else {}

        def total(value):
            y = OPS[name](key, jnp.ones((4, 6)), **arguments, **{argument: value})
            return y.sum()

        value = jnp.float64(value)
        assert total(value) != total(value * (1 + 1e-10))
        assert jax.grad(total)(value).dtype == np.float64


def test_moments_of_float16_do_not_overflow():
    x, kernel = jnp.full(4, 300, jnp.float16), jnp.ones((4, 1), jnp.float16)
    for moments in (ops.linear_moments, ops.drop_connect_moments):
        u = moments(x, rate=0.5, kernel=kernel)
        assert (u.mean.dtype, u.variance.dtype) == (jnp.float16, jnp.float32)
        assert u.variance.item() == 360_000
        for after in (ops.relu_moments(u), ops.activation_moments(u, jax.nn.relu)):
            assert after.mean.dtype == jnp.float16
            assert 200_000 < after.variance.item() < 500_000
        assert ops.expected_logits(u).dtype == jnp.float16


def test_key_decides_the_output(op, dtype, key, array):
    call = jax.jit(op.call)
    x = array(op.shape, dtype)
    y = wide(call(key, x, 0.5))
    np.testing.assert_array_equal(y, wide(call(key, x, 0.5)))
    assert not np.array_equal(y, wide(call(jax.random.key(1), x, 0.5)))


def test_drop_fraction_is_the_rate(mask_op, dtype, key, array):
    call = jax.jit(mask_op.call)
    x = array(mask_op.many, dtype)
    for rate in RATES:
        dropped = (wide(call(key, x, rate)) == 0)[mask_op.draws]
        bound = 4 * math.sqrt(rate * (1 - rate) / dropped.size)
        assert abs(dropped.mean() - rate) < bound, (rate, dropped.size, bound)


def test_moments_are_the_closed_form(moment_op, dtype, key, array):
    call = jax.jit(moment_op.call)
    x = array(moment_op.many, dtype)
    for rate in (rate for rate in RATES if rate <= moment_op.max_rate):
        mean, variance = moment_op.mean(wide(x), rate), moment_op.variance(wide(x), rate)
        z = ((wide(call(key, x, rate)) - mean) / np.sqrt(variance))[moment_op.draws]
        # The second term is the rounding of y and of the op's scale to x's type.
        for power, moment in ((1, 0), (2, 1)):
            bound = 4 * (z**power).std() / math.sqrt(z.size) + 2 * float(jnp.finfo(dtype).eps)
            assert abs((z**power).mean() - moment) < bound, (rate, power, z.size, bound)


def test_rate_0_is_exact(quiet_op, dtype, key, array):
    x = array(quiet_op.shape, dtype)

    @jax.jit
    def outputs(x, traced):
        return [quiet_op.call(key, x, rate) for rate in (0, traced)]

    for y in outputs(x, 0.0):
        if quiet_op.kind not in ("mask", "noise", "learnt"):
            expected, atol = quiet_op.noiseless(wide(x)), 8 * float(jnp.finfo(dtype).eps)
            np.testing.assert_allclose(wide(y), expected, rtol=0, atol=atol)
        else:
            np.testing.assert_array_equal(wide(y), wide(x))


def test_rate_1_gives_zeros_and_zero_gradients(dropping_op, dtype, key, array):
    x = array(dropping_op.shape, dtype)

    @jax.jit
    def outputs_and_gradients(x, traced):
        results = []
        for rate in (1, traced):
            y, pull = jax.vjp(lambda x, rate=rate: dropping_op.call(key, x, rate), x)
            results += [y, *pull(jnp.ones_like(y))]
        return results

    for zeros in outputs_and_gradients(x, 1.0):
        np.testing.assert_array_equal(wide(zeros), 0)


def test_rate_1_is_an_error_where_noise_has_no_limit(rated_op, key, array):
    x = array(rated_op.shape)
    for rate in (1, 1.0, np.float64(1)):
        if rated_op.max_rate == 1:
            jax.eval_shape(lambda x, rate=rate: rated_op.call(key, x, rate), x)
            continue
        with pytest.raises(ValueError, match=rf"^{rated_op.name}: rate is {rate}; allowed: \[0, "):
            rated_op.call(key, x, rate)


@pytest.mark.parametrize("rate", [-0.1, 1.5, 2, math.nan, math.inf, np.float32(-1)])
def test_rate_out_of_range_is_an_error(rated_op, rate, key):
    message = rf"^{rated_op.name}: rate is {rate}; allowed: \[0, [0-9.]+[])], "
    with pytest.raises(ValueError, match=message):
        rated_op.call(key, jnp.ones(rated_op.shape), rate)


def test_rate_of_many_values_is_an_error(rated_op, key):
    message = rf"^{rated_op.name}: rate has shape \(2,\); allowed: a scalar"
    with pytest.raises(ValueError, match=message):
        rated_op.call(key, jnp.ones(rated_op.shape), jnp.ones(2))


@pytest.mark.parametrize("rate", [None, "0.5", [0.5], 0.5j])
def test_rate_that_is_no_number_is_an_error(rated_op, rate, key):
    message = rf"^{rated_op.name}: rate is {re.escape(repr(rate))}; allowed: a number or a scalar "
    with pytest.raises(TypeError, match=message):
        rated_op.call(key, jnp.ones(rated_op.shape), rate)


@pytest.mark.parametrize("x", [1.0, [1.0, 2.0], None])
def test_input_that_is_no_array_is_an_error(x, key):
    message = f"^dropout: x is a {type(x).__name__}; allowed: a floating-point array"
    with pytest.raises(TypeError, match=message):
        OPS["dropout"](key, x, rate=0.5)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, jnp.bool_, jnp.complex64])
def test_input_that_is_not_floating_is_an_error(op, dtype, key):
    message = rf"^{op.name}: x has dtype {dtype.__name__}; allowed: floating point"
    with pytest.raises(TypeError, match=message.replace("bool_", "bool")):
        op.call(key, jnp.ones(op.shape, dtype), 0.5)


def test_bad_arguments_are_errors(op, key):
    for call, exception, message in op.errors:
        with pytest.raises(exception, match=rf"^{op.name}: .*{message}"):
            call(key)


def test_float64_stays_float64(op, key, array):
    home: Any = jax if hasattr(jax, "enable_x64") else jax.experimental
    with home.enable_x64(True):
        x = array(op.shape, np.float64) + 1e-12
        gradient = jax.grad(lambda x: op.call(key, x, min(0.5, op.max_rate)).sum())
        y, slope = jax.jit(lambda x: (op.call(key, x, 0), gradient(x)))(x)
        assert x.dtype == y.dtype == slope.dtype == np.float64
        # Nothing has been through float32, whose steps are 1e-7.
        if op.noiseless is not None:
            np.testing.assert_allclose(wide(y), op.noiseless(wide(x)), rtol=0, atol=1e-14)


def test_float64_is_scaled_by_the_exact_probability_of_keeping(key):
    home: Any = jax if hasattr(jax, "enable_x64") else jax.experimental
    with home.enable_x64(True):
        y = OPS["dropout"](key, jnp.ones(64, np.float64), rate=0.1)
        assert float(y.max()) == pytest.approx(1 / (1 - float(np.float32(0.1))), rel=1e-15)


# Given the noise, an op is arithmetic: NumPy's in float32, rounded once to the type of x.


def test_masks_apply_as_numpy_does(mask_op, dtype, key, array):
    call = jax.jit(mask_op.call)
    x = np.asarray(array(mask_op.shape, dtype))
    for rate in RATES:
        kept = np.asarray(call(key, jnp.ones(mask_op.shape), rate)) != 0
        inverted = mask_op.mean(1, rate) == 1
        scale = np.float32(1) / (np.float32(1) - np.float32(rate)) if inverted else np.float32(1)
        expected = np.where(kept, x.astype(np.float32) * scale, np.float32(0)).astype(dtype)
        np.testing.assert_array_equal(call(key, jnp.asarray(x), rate), expected)


def test_noise_multiplies_as_numpy_does(noise_op, dtype, key, array):
    call = jax.jit(noise_op.call)
    x = np.asarray(array(noise_op.shape, dtype))
    for rate in RATES:
        noise = np.asarray(call(key, jnp.ones(noise_op.shape), rate))
        expected = (x.astype(np.float32) * noise).astype(dtype)
        np.testing.assert_array_equal(call(key, jnp.asarray(x), rate), expected)


def test_a_truth_value_is_no_rate_and_a_number_no_list_of_axes(key):
    x = jnp.ones((2, 3))
    with pytest.raises(TypeError, match=r"dropout: rate is True; allowed: a number or a scalar"):
        ops.dropout(key, x, rate=True)
    for op in (ops.dropout, ops.classic_dropout, ops.concrete_dropout):
        more: Any = {"temperature": 0.1} if op is ops.concrete_dropout else {}
        with pytest.raises(TypeError, match=r"broadcast_dims is 0; allowed: a tuple, as \(0,\)"):
            op(key, x, rate=0.5, **more | {"broadcast_dims": 0})
