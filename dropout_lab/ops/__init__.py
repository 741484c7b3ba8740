"""Pure dropout functions: ``op(key, x, *, rate, ...)``, always stochastic, no framework.

Same shape and type out (an op with a kernel, a product, gives a layer's output instead). ``rate``
is always the probability of dropping; traced, it never recompiles.
"""

from collections.abc import Callable

from jaxtyping import Array

from dropout_lab.ops._common import Rate, checked_rate
from dropout_lab.ops._dense import gaussian_sample, safe_sqrt
from dropout_lab.ops._noise import BELOW_ONE
from dropout_lab.ops.bernoulli import classic_dropout, dropout, spatial_dropout
from dropout_lab.ops.concrete import bernoulli_entropy, concrete_dropout
from dropout_lab.ops.fast import fast_dropout
from dropout_lab.ops.gaussian import gaussian_dropout
from dropout_lab.ops.moments import (
    Gaussian,
    activation_moments,
    expected_logits,
    linear_moments,
    relu_moments,
)
from dropout_lab.ops.sparse import (
    SPARSE_THRESHOLD,
    log_alpha,
    sparse_kl,
    sparse_variational_dropout,
)
from dropout_lab.ops.targeted import Target, targeted_dropout, targeted_kernel, targets
from dropout_lab.ops.variational import variational_dropout, variational_kl, variational_weights
from dropout_lab.ops.weights import drop_connect, drop_connect_moments

OPS: dict[str, Callable[..., Array]] = {
    "dropout": dropout,
    "classic_dropout": classic_dropout,
    "gaussian_dropout": gaussian_dropout,
    "spatial_dropout": spatial_dropout,
    "drop_connect": drop_connect,
    "fast_dropout": fast_dropout,
    "variational_dropout": variational_dropout,
    "variational_weights": variational_weights,
    "sparse_variational_dropout": sparse_variational_dropout,
    "concrete_dropout": concrete_dropout,
    "targeted_dropout": targeted_dropout,
}

__all__ = [
    "BELOW_ONE",
    "OPS",
    "SPARSE_THRESHOLD",
    "Gaussian",
    "Rate",
    "Target",
    "activation_moments",
    "bernoulli_entropy",
    "checked_rate",
    "classic_dropout",
    "concrete_dropout",
    "drop_connect",
    "drop_connect_moments",
    "dropout",
    "expected_logits",
    "fast_dropout",
    "gaussian_dropout",
    "gaussian_sample",
    "linear_moments",
    "log_alpha",
    "relu_moments",
    "safe_sqrt",
    "sparse_kl",
    "sparse_variational_dropout",
    "spatial_dropout",
    "targeted_dropout",
    "targeted_kernel",
    "targets",
    "variational_dropout",
    "variational_kl",
    "variational_weights",
]
