"""Pure dropout functions: ``op(key, x, *, rate, ...)``, always stochastic, no framework.

Same shape and type out (:func:`drop_connect` and :func:`shakeout`, products, give a layer's output
instead). ``rate`` is always the probability of dropping; traced, it never recompiles.
"""

from collections.abc import Callable

from jaxtyping import Array

from dropout_lab.ops._common import Rate, checked_rate, checked_strength
from dropout_lab.ops._noise import BELOW_ONE
from dropout_lab.ops.alpha import alpha_dropout, feature_alpha_dropout
from dropout_lab.ops.bernoulli import classic_dropout, dropout, spatial_dropout
from dropout_lab.ops.gaussian import gaussian_dropout
from dropout_lab.ops.information import information_dropout, information_kl
from dropout_lab.ops.shakeout import shakeout
from dropout_lab.ops.standout import standout, standout_keep
from dropout_lab.ops.uniform import uniform_dropout
from dropout_lab.ops.variational import variational_dropout, variational_kl
from dropout_lab.ops.weights import drop_connect

OPS: dict[str, Callable[..., Array]] = {
    "dropout": dropout,
    "classic_dropout": classic_dropout,
    "gaussian_dropout": gaussian_dropout,
    "spatial_dropout": spatial_dropout,
    "drop_connect": drop_connect,
    "variational_dropout": variational_dropout,
    "uniform_dropout": uniform_dropout,
    "alpha_dropout": alpha_dropout,
    "feature_alpha_dropout": feature_alpha_dropout,
    "standout": standout,
    "shakeout": shakeout,
    "information_dropout": information_dropout,
}

__all__ = [
    "BELOW_ONE",
    "OPS",
    "Rate",
    "alpha_dropout",
    "checked_rate",
    "checked_strength",
    "classic_dropout",
    "drop_connect",
    "dropout",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "information_dropout",
    "information_kl",
    "shakeout",
    "spatial_dropout",
    "standout",
    "standout_keep",
    "uniform_dropout",
    "variational_dropout",
    "variational_kl",
]
