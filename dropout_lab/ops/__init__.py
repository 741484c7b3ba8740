"""Pure dropout functions: ``op(key, x, *, rate, ...)``, always stochastic, no framework.

Same shape and type out (:func:`drop_connect`, a product, gives a layer's output instead). ``rate``
is always the probability of dropping; traced, it never recompiles.
"""

from collections.abc import Callable

from jaxtyping import Array

from dropout_lab.ops._common import Rate, checked_rate
from dropout_lab.ops._noise import BELOW_ONE
from dropout_lab.ops.bernoulli import classic_dropout, dropout, spatial_dropout
from dropout_lab.ops.gaussian import gaussian_dropout
from dropout_lab.ops.recurrent import zoneout, zoneout_mean
from dropout_lab.ops.variational import variational_dropout, variational_kl
from dropout_lab.ops.weights import drop_connect

OPS: dict[str, Callable[..., Array]] = {
    "dropout": dropout,
    "classic_dropout": classic_dropout,
    "gaussian_dropout": gaussian_dropout,
    "spatial_dropout": spatial_dropout,
    "drop_connect": drop_connect,
    "variational_dropout": variational_dropout,
    "zoneout": zoneout,
}

__all__ = [
    "BELOW_ONE",
    "OPS",
    "Rate",
    "checked_rate",
    "classic_dropout",
    "drop_connect",
    "dropout",
    "gaussian_dropout",
    "spatial_dropout",
    "variational_dropout",
    "variational_kl",
    "zoneout",
    "zoneout_mean",
]
