"""Optimisers whose numbers may be traced, and the max-norm constraint."""

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
"""A pytree of parameters; a leaf's last name says what it is: kernel, bias, ..."""


def make_optimizer(
    config: FrozenConfigDict,
    hparams: dict[str, Any],
    epoch_steps: int,
    total_steps: int | Int[Array, ""],
) -> optax.GradientTransformation:
    """Returns the optimiser of a resolved configuration.

    Args:
      config: The configuration; only its static keys are read.
      hparams: The dynamic numbers, by key; they may be traced.
      epoch_steps: Updates per epoch, which schedules count in.
      total_steps: Updates in all; may be traced.
    """
    options = config.optimizer
    schedule = make_schedule(config.schedule, epoch_steps, total_steps)
    momentum = hparams["optimizer.momentum"]
    decay = optax.add_decayed_weights(hparams["optimizer.weight_decay"], mask=is_kernel)
    chain = []
    if "optimizer.clip_norm" in hparams:
        chain += [optax.clip_by_global_norm(hparams["optimizer.clip_norm"])]
    if options.name == "sgd" and "optimizer.momentum_start" in hparams:
        ramp = _ramp(hparams, epoch_steps)
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
    options: FrozenConfigDict, epoch_steps: int, total_steps: int | Int[Array, ""]
) -> optax.Schedule:
    """Returns the factor on the learning rate, from step to number, starting at 1."""
    if options.name == "exponential":
        return optax.exponential_decay(1.0, epoch_steps, options.decay_rate, staircase=True)
    if options.name == "cosine":
        # Optax's own takes no traced length.
        return lambda step: (1 + jnp.cos(jnp.pi * jnp.minimum(step / total_steps, 1))) / 2
    if options.name == "linear":
        return late_annealed(1.0, steps=options.start * epoch_steps, total=total_steps)
    if options.name == "inverse":
        return inverse(1.0, gamma=options.gamma, power=options.power)
    if options.name == "step" and options.factors:
        boundaries = [epoch * epoch_steps for epoch in options.boundaries]
        return step_schedule(1.0, boundaries=boundaries, factors=options.factors)
    if options.name == "step":
        factors = {epoch * epoch_steps: options.decay_rate for epoch in options.boundaries}
        return optax.piecewise_constant_schedule(1.0, factors)
    return optax.constant_schedule(1.0)


def make_rate_schedule(
    options: FrozenConfigDict, epoch_steps: int, total_steps: int | Int[Array, ""]
) -> Schedule:
    """Returns the factor on all rates, from step to number: a schedule of a rate of 1.

    Args:
      options: Of the schedule, resolved.
      epoch_steps: Updates per epoch, which boundaries count in.
      total_steps: Updates in all; may be traced.
    """
    taken: dict[str, Any] = {}
    if options.name in ("curriculum", "anti_curriculum"):
        taken["gamma"] = options.gamma or 10 / total_steps
    elif options.name == "step":
        taken["boundaries"] = [epoch * epoch_steps for epoch in options.boundaries]
        taken["factors"] = options.factors
    elif options.name != "constant":
        taken["steps"] = jnp.minimum((options.epochs or math.inf) * epoch_steps, total_steps)
    if options.name == "late_linear":
        taken["total"] = total_steps
    return SCHEDULES[options.name](1.0, **taken)


def _ramp(hparams: dict[str, Any], epoch_steps: int) -> Schedule:
    """Returns the momentum that grows linearly to its value."""
    first, last = hparams["optimizer.momentum_start"], hparams["optimizer.momentum"]
    steps = hparams["optimizer.momentum_epochs"] * epoch_steps
    return lambda step: first + (last - first) * jnp.minimum(step / steps, 1.0)


def _ramped_trace(
    momentum: Schedule, nesterov: bool, dampening: bool
) -> optax.GradientTransformation:
    """Returns ``optax.trace`` with a momentum that changes; dampened by 1 less it, if asked."""

    def init(params: Params) -> tuple[Array, Any]:
        return jnp.int32(0), optax.trace(0.0).init(params)

    def update(updates: Params, state: tuple[Array, Any], params: Params = None) -> Any:
        step, trace = state
        now = momentum(step)
        if dampening:
            updates = jax.tree.map(lambda leaf: (1 - now) * leaf, updates)
        updates, trace = optax.trace(now, nesterov=nesterov).update(updates, trace, params)
        return updates, (step + 1, trace)

    return optax.GradientTransformation(init, update)


def project_max_norm(params: Params, max_norm: Float[Array, ""]) -> Params:
    """Returns parameters with each unit's incoming weight vector no longer than ``max_norm``.

    Srivastava et al. 2014, Section 5.1: the constraint applies after every update, to the weights
    into a unit, so over all axes of a kernel but the last. Recurrent kernels are left alone.
    """

    def bound(path: Any, leaf: Array) -> Array:
        if _name(path) != "kernel":
            return leaf
        axes = tuple(range(leaf.ndim - 1))
        squares = jnp.sum(leaf**2, axis=axes, keepdims=True)
        # Below the bound the factor is exactly 1; the square root never sees a zero gradient path.
        shrink = jnp.where(squares > max_norm**2, max_norm * jax.lax.rsqrt(squares), 1.0)
        return leaf * shrink

    return jax.tree_util.tree_map_with_path(bound, params)


def is_kernel(params: Params) -> Params:
    """Returns, for each leaf, whether it is a kernel: what weight decay and L1 apply to."""
    return jax.tree_util.tree_map_with_path(lambda path, _: _name(path).endswith("kernel"), params)


def _biases(params: Params) -> Params:
    return jax.tree_util.tree_map_with_path(lambda path, _: _name(path) == "bias", params)


def _name(path: Any) -> str:
    """Returns the last name on a leaf's path."""
    return str(path[-1].key)
