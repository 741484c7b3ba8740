import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from dropout_lab.config import default_config, resolve
from dropout_lab.training.optimizer import (
    is_kernel,
    make_optimizer,
    make_schedule,
    project_max_norm,
)

EPOCH, TOTAL = 5, 20
LR, MOMENTUM, DECAY = 0.3, 0.8, 0.01


RAMP = {"optimizer.momentum_start": jnp.float32(0.5), "optimizer.momentum_epochs": jnp.float32(0.5)}


def config_of(schedule=None, **options):
    config = default_config()
    config.optimizer.update(options)
    config.schedule.update(schedule or {})
    return config


def hparams_of(lr=LR, momentum=MOMENTUM, decay=DECAY):
    values = {"lr": lr, "momentum": momentum, "weight_decay": decay}
    return {f"optimizer.{name}": jnp.float32(value) for name, value in values.items()}


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    return {
        "layer": {"kernel": rng.normal(size=(3, 2)), "bias": rng.normal(size=2)},
        "norm": {"scale": rng.normal(size=2), "bias": rng.normal(size=2)},
    }


def run(config, params, hparams=None, steps=4, optimizer=None):
    """Returns the parameters after steps whose gradient is sin(parameters + step)."""
    optimizer = optimizer or make_optimizer(config, hparams or hparams_of(), EPOCH, TOTAL)
    params = jax.tree.map(jnp.float32, params)
    state = optimizer.init(params)
    for step in range(steps):
        grads = jax.tree.map(lambda leaf, step=step: jnp.sin(leaf + step), params)
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params


def expected_sgd(
    params,
    *,
    nesterov=False,
    dampening=False,
    bias_factor=1.0,
    steps=4,
    momentum=lambda step: MOMENTUM,
):
    def one(path, leaf):
        name = path[-1].key
        velocity = np.zeros_like(leaf)
        for step in range(steps):
            grad = np.sin(leaf + step) + (DECAY * leaf if name == "kernel" else 0)
            now = momentum(step)
            grad = grad * (1 - now) if dampening else grad
            velocity = now * velocity + grad
            move = grad + now * velocity if nesterov else velocity
            leaf = leaf - LR * (bias_factor if name == "bias" else 1) * move
        return leaf

    return jax.tree_util.tree_map_with_path(one, params)


def assert_close(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), actual, expected)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("dampening", [False, True])
@pytest.mark.parametrize("bias_factor", [1.0, 2.0])
def test_sgd_matches_numpy(params, nesterov, dampening, bias_factor):
    config = config_of(nesterov=nesterov, dampening=dampening, bias_lr_factor=bias_factor)
    actual = run(config, params)
    options = {"nesterov": nesterov, "dampening": dampening, "bias_factor": bias_factor}
    assert_close(actual, expected_sgd(params, **options))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("dampening", [False, True])
def test_momentum_grows_linearly_then_stays(params, nesterov, dampening):
    options = {"nesterov": nesterov, "dampening": dampening}
    actual = run(config_of(**options), params, hparams_of() | RAMP)
    momentum = [0.5, 0.62, 0.74, MOMENTUM]  # over 2.5 updates
    assert_close(actual, expected_sgd(params, momentum=momentum.__getitem__, **options))


def test_rmsprop_matches_numpy(params):
    def one(path, leaf):
        kernel = path[-1].key == "kernel"
        square = velocity = np.zeros_like(leaf)
        for step in range(4):
            grad = np.sin(leaf + step)
            square = 0.5 * square + 0.5 * grad**2
            move = grad / np.sqrt(square + 1e-8) + (DECAY * leaf if kernel else 0)
            velocity = MOMENTUM * velocity + move
            leaf = leaf - LR * velocity
        return leaf

    hparams = hparams_of() | {"optimizer.rms_decay": jnp.float32(0.5)}
    expected = jax.tree_util.tree_map_with_path(one, params)
    assert_close(run(config_of(name="rmsprop"), params, hparams), expected)


@pytest.mark.parametrize("bound", [0.1, 100.0])
def test_clipping_bounds_the_norm_of_the_whole_gradient(params, bound):
    hparams = hparams_of(momentum=0, decay=0) | {"optimizer.clip_norm": jnp.float32(bound)}
    moved = jax.tree.map(lambda a, b: a - b, params, run(config_of(), params, hparams, steps=1))
    grads = np.concatenate([np.sin(leaf).ravel() for leaf in jax.tree.leaves(params)])
    expected = grads * min(1, bound / np.sqrt((grads**2).sum()))
    actual = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(moved)])
    np.testing.assert_allclose(actual, LR * expected, rtol=1e-3, atol=1e-6)


def test_adamw_is_adam_which_is_that_of_optax(params):
    config = config_of(name="adamw")
    assert resolve(config) == resolve(config_of(name="adam"))
    reference = optax.adamw(LR, b1=MOMENTUM, weight_decay=DECAY, mask=is_kernel)
    expected = run(config, params, optimizer=reference)
    assert_close(run(config_of(name="adam"), params), expected)


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_warm_up_is_that_of_optax(params, name):
    config = config_of(schedule={"name": name})
    warm_up = optax.linear_schedule(0.0, 1.0, 10)  # two epochs of five updates
    schedule = make_schedule(config.schedule, EPOCH, TOTAL)
    reference = optax.inject_hyperparams(optax.sgd)(
        lambda step: LR * warm_up(step + 1) * schedule(step)
    )
    hparams = hparams_of(momentum=0, decay=0) | {"schedule.warmup": jnp.float32(2)}
    expected = run(config, params, optimizer=reference, steps=14)
    assert_close(run(config, params, hparams, steps=14), expected)


def test_adam_matches_numpy(params):
    def one(path, leaf):
        kernel = path[-1].key == "kernel"
        first = second = np.zeros_like(leaf)
        for step in range(4):
            grad = np.sin(leaf + step)
            first = MOMENTUM * first + (1 - MOMENTUM) * grad
            second = 0.999 * second + 0.001 * grad**2
            t = step + 1
            move = first / (1 - MOMENTUM**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
            leaf = leaf - LR * (move + (DECAY * leaf if kernel else 0))
        return leaf

    expected = jax.tree_util.tree_map_with_path(one, params)
    assert_close(run(config_of(name="adam"), params), expected)


def test_traced_numbers_compile_once(params):
    traces = []

    @jax.jit
    def final(hparams):
        traces.append(1)
        return run(config_of(nesterov=True), params, hparams)

    for scale in (0.1, 0.2, 0.3):
        actual = final(hparams_of(lr=scale, momentum=scale, decay=scale))
        assert_close(actual, run(config_of(nesterov=True), params, hparams_of(scale, scale, scale)))
    assert len(traces) == 1


def test_schedule_multiplies_the_learning_rate(params):
    halved = config_of(schedule={"name": "step", "decay_rate": 0.5, "boundaries": (1,)})
    one_step = run(config_of(), params, hparams_of(momentum=0), steps=EPOCH + 1)
    with_schedule = run(halved, params, hparams_of(momentum=0), steps=EPOCH + 1)
    before = run(config_of(), params, hparams_of(momentum=0), steps=EPOCH)
    moved = jax.tree.map(lambda a, b: a - b, one_step, before)
    moved_half = jax.tree.map(lambda a, b: 2 * (a - b), with_schedule, before)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), moved_half, moved)


@pytest.mark.parametrize(
    ("options", "points"),
    [
        ({"name": "constant"}, {0: 1, TOTAL: 1}),
        (
            {"name": "exponential", "decay_rate": 0.9},
            {0: 1, EPOCH - 1: 1, EPOCH: 0.9, TOTAL - 1: 0.9**3, TOTAL: 0.9**4},
        ),
        ({"name": "cosine"}, {0: 1, TOTAL // 4: (1 + np.sqrt(0.5)) / 2, TOTAL // 2: 0.5, TOTAL: 0}),
        (
            {"name": "linear", "start": 2.0},
            {0: 1, 2 * EPOCH: 1, 3 * EPOCH: 0.5, TOTAL - 1: 0.1, TOTAL: 0},
        ),
        ({"name": "inverse", "gamma": 0.1, "power": 0.75}, {0: 1, 10: 2**-0.75, TOTAL: 3**-0.75}),
        (
            {"name": "step", "boundaries": (1, 3), "factors": (1.0, 0.5, 0.1)},
            {0: 1, EPOCH - 1: 1, EPOCH: 0.5, 3 * EPOCH - 1: 0.5, 3 * EPOCH: 0.1, TOTAL: 0.1},
        ),
        (
            {"name": "step", "decay_rate": 0.1, "boundaries": (1, 3), "factors": ()},
            {0: 1, EPOCH - 1: 1, EPOCH: 0.1, 3 * EPOCH - 1: 0.1, 3 * EPOCH: 0.01, TOTAL: 0.01},
        ),
    ],
    ids=lambda value: value.get("name", ""),
)
def test_schedule_has_its_closed_form(options, points):
    schedule = make_schedule(ConfigDict(options), EPOCH, TOTAL)
    for step, factor in points.items():
        np.testing.assert_allclose(schedule(jnp.int32(step)), factor, atol=1e-6, err_msg=str(step))


@pytest.mark.parametrize("shape", [(7, 4), (3, 3, 5, 4)])
def test_projection_bounds_incoming_vectors_and_nothing_else(shape):
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=shape).astype(np.float32) * np.array([0.01, 0.1, 1, 9], np.float32)
    bias = np.full(4, 50, np.float32)
    projected = project_max_norm({"a": {"kernel": kernel, "bias": bias}}, jnp.float32(2))["a"]
    norms = np.sqrt((kernel.astype(np.float64) ** 2).sum(tuple(range(len(shape) - 1))))
    np.testing.assert_allclose(projected["kernel"], kernel * np.minimum(1, 2 / norms), rtol=1e-5)
    np.testing.assert_array_equal(projected["kernel"][..., norms <= 2], kernel[..., norms <= 2])
    np.testing.assert_array_equal(projected["bias"], bias)


def test_projection_of_zeros_is_finite():
    projected = project_max_norm({"kernel": jnp.zeros((3, 2))}, jnp.float32(1))
    np.testing.assert_array_equal(projected["kernel"], 0)
