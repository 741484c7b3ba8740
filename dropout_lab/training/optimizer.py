"""Optimisers with traced hyper-parameters, and the max-norm constraint."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int
from ml_collections import FrozenConfigDict

from dropout_lab.schedules import SCHEDULES, Schedule, inverse, late_annealed
from dropout_lab.schedules import step as step_schedule

Params = Any
"""A pytree of parameters; the last name of a leaf's path is its role: kernel, bias, ..."""


def make_optimizer(
    config: FrozenConfigDict,
    hparams: dict[str, Any],
    steps_per_epoch: int,
    total_steps: int | Int[Array, ""],
) -> optax.GradientTransformation:
    """Returns the optimiser of a resolved configuration.

    Args:
      config: The configuration; only its static keys are read.
      hparams: The dynamic hyper-parameters; they may be traced.
      steps_per_epoch: Updates per epoch, to convert epochs to steps.
      total_steps: Total number of updates; may be traced.
    """
    options = config.optimizer
    schedule = make_schedule(config.schedule, steps_per_epoch, total_steps)
    if "schedule.warmup" in hparams:
        schedule = _warmed_up(schedule, hparams["schedule.warmup"] * steps_per_epoch)
    momentum = hparams["optimizer.momentum"]
    decay = optax.add_decayed_weights(hparams["optimizer.weight_decay"], mask=is_kernel)
    chain = []
    if "optimizer.clip_norm" in hparams:
        chain += [optax.clip_by_global_norm(hparams["optimizer.clip_norm"])]
    if options.name == "sgd" and "optimizer.momentum_start" in hparams:
        ramp = _ramp(hparams, steps_per_epoch)
        chain += [decay, _ramped_trace(ramp, options.nesterov, options.dampening)]
    elif options.name == "sgd":
        chain += [decay]
        if options.dampening:
            chain += [optax.scale(1 - momentum)]
        chain += [optax.trace(momentum, nesterov=options.nesterov)]
    elif options.name == "rmsprop":
        scale = optax.scale_by_rms(hparams["optimizer.rms_decay"])
        chain += [scale, decay, optax.trace(momentum)]
    else:
        chain += [optax.scale_by_adam(b1=momentum), decay]
    if options.bias_lr_factor != 1:
        chain += [optax.masked(optax.scale(options.bias_lr_factor), _biases)]
    lr = hparams["optimizer.lr"]
    return optax.chain(*chain, optax.scale_by_schedule(lambda step: -lr * schedule(step)))


def make_schedule(
    options: FrozenConfigDict, steps_per_epoch: int, total_steps: int | Int[Array, ""]
) -> optax.Schedule:
    """Returns the schedule of the factor that multiplies the learning rate; it starts at 1."""
    if options.name == "exponential":
        return optax.exponential_decay(1.0, steps_per_epoch, options.decay_rate, staircase=True)
    if options.name == "cosine":
        # optax.cosine_decay_schedule takes no traced length.
        return lambda step: (1 + jnp.cos(jnp.pi * jnp.minimum(step / total_steps, 1))) / 2
    if options.name == "linear":
        return late_annealed(1.0, steps=options.start * steps_per_epoch, total=total_steps)
    if options.name == "inverse":
        return inverse(1.0, gamma=options.gamma, power=options.power)
    if options.name == "step" and options.factors:
        boundaries = [epoch * steps_per_epoch for epoch in options.boundaries]
        return step_schedule(1.0, boundaries=boundaries, factors=options.factors)
    if options.name == "step":
        factors = {epoch * steps_per_epoch: options.decay_rate for epoch in options.boundaries}
        return optax.piecewise_constant_schedule(1.0, factors)
    return optax.constant_schedule(1.0)


def _warmed_up(schedule: optax.Schedule, steps: Float[Array, ""]) -> optax.Schedule:
    """Returns a schedule times a factor that grows linearly, to 1 at the last of ``steps``.

    The first update has a step size above 0, and the schedule's horizon stays.
    """
    return lambda step: jnp.minimum((step + 1) / steps, 1.0) * schedule(step)


def make_rate_schedule(
    options: FrozenConfigDict, steps_per_epoch: int, total_steps: int | Int[Array, ""]
) -> Schedule:
    """Returns the schedule of the factor that multiplies all dropout rates.

    Args:
      options: The schedule's section of a resolved configuration.
      steps_per_epoch: Updates per epoch, to convert epochs to steps.
      total_steps: Total number of updates; may be traced.
    """
    arguments: dict[str, Any] = {}
    if options.name in ("curriculum", "anti_curriculum"):
        arguments["gamma"] = options.gamma or 10 / total_steps
    elif options.name == "step":
        arguments["boundaries"] = [epoch * steps_per_epoch for epoch in options.boundaries]
        arguments["factors"] = options.factors
    elif options.name != "constant":
        epochs = options.epochs or math.inf
        arguments["steps"] = jnp.minimum(epochs * steps_per_epoch, total_steps)
    if options.name == "late_linear":
        arguments["total"] = total_steps
    return SCHEDULES[options.name](1.0, **arguments)


def _ramp(hparams: dict[str, Any], steps_per_epoch: int) -> Schedule:
    """Returns the schedule of a momentum that grows linearly to its final value."""
    first, last = hparams["optimizer.momentum_start"], hparams["optimizer.momentum"]
    steps = hparams["optimizer.momentum_epochs"] * steps_per_epoch
    return lambda step: first + (last - first) * jnp.minimum(step / steps, 1.0)


def _ramped_trace(
    momentum: Schedule, nesterov: bool, dampening: bool
) -> optax.GradientTransformation:
    """Returns ``optax.trace`` with a scheduled momentum m; dampening scales gradients by 1 - m."""

    def init(params: Params) -> tuple[Array, Any]:
        return jnp.int32(0), optax.trace(0.0).init(params)

    def update(updates: Params, state: tuple[Array, Any], params: Params = None) -> Any:
        step, trace = state
        current = momentum(step)
        if dampening:
            updates = jax.tree.map(lambda leaf: (1 - current) * leaf, updates)
        updates, trace = optax.trace(current, nesterov=nesterov).update(updates, trace, params)
        return updates, (step + 1, trace)

    return optax.GradientTransformation(init, update)


def project_max_norm(params: Params, max_norm: Float[Array, ""]) -> Params:
    """Returns parameters with each unit's incoming weight vector no longer than ``max_norm``.

    Srivastava et al. 2014, Section 5.1: the constraint applies after every update. The weights into
    a unit are all axes of a kernel but the last. Recurrent kernels are not constrained.
    """

    def bound(path: Any, leaf: Array) -> Array:
        if _name(path) != "kernel":
            return leaf
        axes = tuple(range(leaf.ndim - 1))
        squares = jnp.sum(leaf**2, axis=axes, keepdims=True)
        # Below the bound the factor is exactly 1, also for a vector of zeros.
        shrink = jnp.where(squares > max_norm**2, max_norm * jax.lax.rsqrt(squares), 1.0)
        return leaf * shrink

    return jax.tree_util.tree_map_with_path(bound, params)


def is_kernel(params: Params) -> Params:
    """Returns, for each leaf, whether it is a kernel, to which weight decay and L1 apply."""
    return jax.tree_util.tree_map_with_path(lambda path, _: _name(path).endswith("kernel"), params)


def _biases(params: Params) -> Params:
    return jax.tree_util.tree_map_with_path(lambda path, _: _name(path) == "bias", params)


def _name(path: Any) -> str:
    """Returns the last name on a leaf's path."""
    return str(path[-1].key)
