"""The network of one static configuration, as pure data: built, taken apart, put together."""

from typing import Any, Literal, NamedTuple

import jax
from flax import nnx
from jaxtyping import Array, Float, Key
from ml_collections import FrozenConfigDict

from dropout_lab import nn
from dropout_lab.models import MODELS
from dropout_lab.training.optimizer import Params, is_kernel
from dropout_lab.variants import OPTIONS, RATES, LayerFactory

Hparams = dict[str, Any]
"""The dynamic numbers of a trial, by configuration key, as arrays."""

Mode = Literal["train", "mean", "mc", "gaussian", "moments"]
"""What is live: in "train", noise and batch statistics. All others are rules of inference, the keys
of ``places.INFERENCE_RULES``, and leave batch statistics at rest."""


class Weights(NamedTuple):
    """Everything a network holds, as nested dictionaries of arrays."""

    params: Any
    rates: Any
    stats: Any


class NetworkFactory:
    """Makes networks of one structure.

    Args:
      config: A resolved configuration; only its static keys are read.
      shape: Shape of one example.
      classes: Number of classes.
    """

    def __init__(self, config: FrozenConfigDict, shape: tuple[int, ...], classes: int) -> None:
        self._config = config
        self._shape = shape
        self.classes = classes
        skeleton = nnx.eval_shape(lambda: self._build(None, jax.random.key(0)))
        self._graph, *self._skeletons = nnx.split(skeleton, nnx.Param, nn.DropRate, ...)

    def init(self, hparams: Hparams, key: Key[Array, ""]) -> Weights:
        """Returns fresh weights."""
        weights = weights_of(self._build(hparams, key))
        if "train.init_std" not in hparams:
            return weights
        return weights._replace(params=_redrawn(weights.params, key, hparams["train.init_std"]))

    def rates(self, hparams: Hparams) -> Any:
        """Returns the rates of every layer; inside jit, the rest of the network costs nothing."""
        return self.init(hparams, jax.random.key(0)).rates

    def cast_to_compute(self, tree: Any) -> Any:
        """Returns parameters or inputs in the type that layers compute in."""
        return jax.tree.map(lambda leaf: leaf.astype(self._config.compute.dtype), tree)

    def module(self, weights: Weights, mode: Mode, *, draws: int = 1) -> nnx.Module:
        """Returns the network that holds ``weights``, in a mode.

        It computes in the type of its parameters and inputs: see :meth:`lowered`.

        Args:
          weights: As :meth:`init` made them, or training left them.
          mode: What is live.
          draws: Samples from the noise's moments, in mode "gaussian".
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
        if mode in ("mc", "moments"):
            model.set_attributes(nn.Stochastic, deterministic=False, raise_if_not_found=False)
        if mode == "gaussian":
            model.set_attributes(nn.DropConnect, draws=draws)
        return model

    def _build(self, hparams: Hparams | None, key: Key[Array, ""]) -> nnx.Module:
        """Returns a network with fresh weights; without numbers, one of the right structure."""
        model = self._config.model.to_dict()
        dropout = self._config.dropout.to_dict()
        options = {key: dropout[key] for key in OPTIONS - set(RATES) if dropout[key] is not None}
        if hparams is None:
            rates = {name: jax.tree.map(lambda _: 0.0, dropout[name]) for name in RATES}
        else:
            rates = {name: hparams[f"dropout.{name}"] for name in RATES}
        return MODELS[model.pop("name")](
            self._shape,
            self.classes,
            **{name: value for name, value in model.items() if value is not None},
            factory=LayerFactory(self._config.variant, **rates, **options),
            rngs=nnx.Rngs(params=key),
        )


def weights_of(model: nnx.Module) -> Weights:
    """Returns everything a network holds."""
    states = nnx.split(model, nnx.Param, nn.DropRate, ...)[1:]
    return Weights(*map(nnx.to_pure_dict, states))


def _redrawn(params: Params, key: Key[Array, ""], std: Float[Array, ""]) -> Params:
    """Returns parameters with all kernels drawn from N(0, std**2)."""
    leaves, structure = jax.tree.flatten(params)
    chosen = jax.tree.leaves(is_kernel(params))
    # A key per kernel, so that whatever else a variant has, a seed gives it the same kernels.
    keys = iter(jax.random.split(key, max(sum(chosen), 1)))
    drawn = [
        std * jax.random.normal(next(keys), leaf.shape) if kernel else leaf
        for leaf, kernel in zip(leaves, chosen, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def layers_with(model: nnx.Module, method: str) -> list[Any]:
    """Returns the layers of a network that have a method of their own."""
    return [node for _, node in nnx.iter_graph(model) if hasattr(node, method)]
