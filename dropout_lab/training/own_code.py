"""Checks of a network or variant of one's own: errors in it name its file and line."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from ml_collections import FrozenConfigDict

from dropout_lab.config import code_of, hparams_of
from dropout_lab.errors import InputError, describe_error, raised_in
from dropout_lab.training.network import Mode, NetworkFactory
from dropout_lab.training.program import Program, as_arrays


@contextlib.contextmanager
def reporting_own_code(config: FrozenConfigDict) -> Iterator[None]:
    """Turns any exception into an InputError, if a resolved configuration names own code.

    It names the key whose file has raised, with the line.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # own code may raise anything
        paths = {key: code["path"] for key, code in code_of(config).items()}
        if not paths:
            raise
        first, *_ = paths
        key = next((key for key, path in paths.items() if raised_in(error, path)), first)
        raise InputError(f"config.{key}: {describe_error(error, paths[key])}") from error


def check_own_code(program: Program, shape: tuple[int, ...], *, tokens: bool) -> None:
    """Raises InputError unless a network with own code returns logits; nothing is computed.

    Args:
      program: The program.
      shape: Shape of one example.
      tokens: Whether examples are tokens.
    """
    config = program.config
    if not code_of(config):
        return
    with reporting_own_code(config):
        weights = jax.eval_shape(program.init, as_arrays(hparams_of(config))).weights
        images = jax.ShapeDtypeStruct(
            (config.train.batch_size, *shape), jnp.int32 if tokens else jnp.float32
        )
        for mode in ("train", "mean"):
            _check_logits(program.network, weights, images, mode)


def _check_logits(network: NetworkFactory, weights: Any, images: Any, mode: Mode) -> None:
    def logits(weights: Any, images: Any) -> Any:
        model: Any = network.module(weights, mode)
        return model(images, rngs=nnx.Rngs(dropout=0))

    returned = jax.eval_shape(logits, weights, images)
    expected = (images.shape[0], *network.output_shape)
    found = getattr(returned, "shape", None)
    if found != expected:
        found = type(returned).__name__ if found is None else f"shape {found}"
        raise InputError(
            f"config.model.name: the network returns {found} in mode {mode}; allowed: shape "
            f"{expected}"
        )
