"""Networks of one static configuration, split into arrays and merged back into modules."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, Key
from ml_collections import FrozenConfigDict

from dropout_lab import nn
from dropout_lab.config.keys.key import model_options
from dropout_lab.models import model_named
from dropout_lab.training.optimizer import Params, is_kernel
from dropout_lab.variants import OPTIONS, RATES, LayerFactory

Hparams = dict[str, Any]
"""The dynamic hyper-parameters of a trial, by configuration key, as arrays."""

Mode = Literal["train", "mean", "mc", "masks", "gaussian", "moments", "every_other"]
"""Behaviour of a network. In "train", noise is drawn and batch statistics are updated. The others
are the keys of ``places.INFERENCE_RULES``; they leave batch statistics unchanged."""


class Weights(NamedTuple):
    """All arrays of a network, as nested dictionaries."""

    params: Any
    rates: Any
    stats: Any


class NetworkFactory:
    """Factory of networks of one structure.

    Args:
      config: A resolved configuration; only its static keys are read.
      shape: Shape of one example.
      classes: Number of classes.
      vocabulary: Number of token types, if examples are tokens.

    Attributes:
      output_shape: Shape of the logits of one example: (classes,), or (steps, classes) if the next
        token is predicted.
    """

    def __init__(
        self,
        config: FrozenConfigDict,
        shape: tuple[int, ...],
        classes: int,
        vocabulary: int | None = None,
    ) -> None:
        self._config = config
        self._shape = shape
        self._vocabulary = vocabulary
        self.classes = classes
        self.output_shape = (shape[0], classes) if config.model.head == "token" else (classes,)
        skeleton = nnx.eval_shape(lambda: self._build(None, jax.random.key(0)))
        self._graph, *self._skeletons = nnx.split(skeleton, nnx.Param, nn.DropRate, ...)

    def init(self, hparams: Hparams, rng_key: Key[Array, ""]) -> Weights:
        """Returns initial weights."""
        weights = weights_of(self._build(hparams, rng_key))
        if "train.init_std" not in hparams:
            return weights
        std = hparams["train.init_std"]
        return weights._replace(params=_redrawn(weights.params, rng_key, std))

    def rates(self, hparams: Hparams) -> Any:
        """Returns the dropout rates of all layers; under jit, nothing else is computed."""
        return self.init(hparams, jax.random.key(0)).rates

    def cast_to_compute(self, tree: Any) -> Any:
        """Returns parameters or inputs cast to ``compute.dtype``; tokens stay as they are."""
        dtype = self._config.compute.dtype
        return jax.tree.map(
            lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
            tree,
        )

    @property
    def masks(self) -> int:
        """Number of fixed masks of its noise; 0 if that is drawn."""
        return self._config.dropout.masks or 0

    def module(
        self,
        weights: Weights,
        mode: Mode,
        *,
        draws: int = 1,
        mask: Int[Array, ""] | None = None,
    ) -> nnx.Module:
        """Returns a network with the given weights.

        It computes in the type of its parameters and inputs: see :meth:`cast_to_compute`.

        Args:
          weights: Weights from :meth:`init` or from training.
          mode: Behaviour of the network.
          draws: Samples of each Gaussian pre-activation, in mode "gaussian".
          mask: The mask of all examples, in mode "masks".
        """
        states = []
        for skeleton, tree in zip(self._skeletons, weights, strict=True):
            state = jax.tree.map(lambda leaf: leaf, skeleton)
            nnx.replace_by_pure_dict(state, tree)
            states.append(state)
        model = nnx.merge(self._graph, *states, copy=True)
        if mode == "train":
            model.train()
        else:
            model.eval()
        if mode in ("mc", "masks", "moments"):
            model.set_attributes(nn.Stochastic, deterministic=False, raise_if_not_found=False)
        if mode == "masks":
            model.set_attributes(nn.Masksembles, only=mask)
        if mode == "gaussian":
            model.set_attributes(nn.DropConnect, draws=draws)
        if mode == "every_other":
            model.set_attributes(nn.LayerDrop, every_other=True)
        return model

    def _build(self, hparams: Hparams | None, rng_key: Key[Array, ""]) -> nnx.Module:
        """Returns a network with initial weights; without ``hparams``, rates are placeholders."""
        model = self._config.model.to_dict()
        dropout = self._config.dropout.to_dict()
        taken = OPTIONS - set(RATES)
        options = {name: dropout[name] for name in taken if dropout[name] is not None}
        if hparams is None:
            rates = {name: jax.tree.map(lambda _: 0.0, dropout[name]) for name in RATES}
        else:
            rates = {name: hparams[f"dropout.{name}"] for name in RATES}
        name = model.pop("name")
        if "vocabulary" in model_options(name):
            model["vocabulary"] = self._vocabulary
        return model_named(name)(
            self._shape,
            self.classes,
            **{option: value for option, value in model.items() if value is not None},
            factory=LayerFactory(self._config.variant, **rates, **options),
            rngs=nnx.Rngs(params=rng_key),
        )


def weights_of(model: nnx.Module) -> Weights:
    """Returns all arrays of a network."""
    states = nnx.split(model, nnx.Param, nn.DropRate, ...)[1:]
    return Weights(*map(nnx.to_pure_dict, states))


def _redrawn(params: Params, rng_key: Key[Array, ""], std: Float[Array, ""]) -> Params:
    """Returns parameters with all kernels drawn from N(0, std**2)."""
    leaves, structure = jax.tree.flatten(params)
    are_kernels = jax.tree.leaves(is_kernel(params))
    # One key per kernel, so that a seed gives the same kernels to variants with other parameters.
    keys = iter(jax.random.split(rng_key, max(sum(are_kernels), 1)))
    drawn = [
        std * jax.random.normal(next(keys), leaf.shape) if kernel else leaf
        for leaf, kernel in zip(leaves, are_kernels, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def layers_with(model: nnx.Module, method: str) -> list[Any]:
    """Returns the layers of a network that have a method of this name."""
    return [node for _, node in nnx.iter_graph(model) if hasattr(node, method)]
