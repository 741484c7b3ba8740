"""Pure dropout functions ``op(key, x, *, rate, ...)``, always stochastic, without a framework.

The output has the shape and type of ``x``; ops that take a ``kernel`` return a layer's output.
``rate`` is always the probability of dropping; traced, it can change without recompilation.
"""

import inspect
from collections.abc import Callable

from jaxtyping import Array

from dropout_lab.ops._common import (
    MAX_RATES,
    Rate,
    checked_axes,
    checked_rate,
    checked_strength,
    rate_range,
    wide,
)
from dropout_lab.ops._dense import gaussian_sample, safe_sqrt
from dropout_lab.ops._noise import BELOW_ONE
from dropout_lab.ops.alpha import alpha_dropout, feature_alpha_dropout
from dropout_lab.ops.attention import attention_dropout, drop_head, drop_key
from dropout_lab.ops.batchwise import Kept, batchwise_dropout, kept_units, submatrix
from dropout_lab.ops.bernoulli import classic_dropout, dropout, spatial_dropout
from dropout_lab.ops.channels import weighted_channel_dropout
from dropout_lab.ops.concrete import bernoulli_entropy, concrete_dropout
from dropout_lab.ops.depth import layer_drop, stochastic_depth, survival_ramp
from dropout_lab.ops.fast import fast_dropout
from dropout_lab.ops.gaussian import gaussian_dropout
from dropout_lab.ops.information import information_dropout, information_kl
from dropout_lab.ops.masksembles import masksembles, masksembles_masks
from dropout_lab.ops.moments import (
    Gaussian,
    activation_moments,
    expected_logits,
    linear_moments,
    relu_moments,
)
from dropout_lab.ops.pooling import (
    max_pool_dropout,
    stochastic_pool,
    stochastic_pool_mean,
    weighted_pool,
)
from dropout_lab.ops.recurrent import zoneout, zoneout_mean
from dropout_lab.ops.shakeout import shakeout
from dropout_lab.ops.sparse import (
    SPARSE_THRESHOLD,
    log_alpha,
    sparse_kl,
    sparse_variational_dropout,
)
from dropout_lab.ops.standout import standout, standout_keep
from dropout_lab.ops.structured import cutout, drop_block, drop_block_fraction
from dropout_lab.ops.targeted import Target, targeted_dropout, targeted_kernel, targets
from dropout_lab.ops.tokens import (
    embedding_dropout,
    patch_dropout,
    patch_ranks,
    patches_left,
    word_dropout,
)
from dropout_lab.ops.uniform import uniform_dropout
from dropout_lab.ops.variational import variational_dropout, variational_kl, variational_weights
from dropout_lab.ops.weights import drop_connect, drop_connect_moments

__all__ = [
    "BELOW_ONE",
    "MAX_RATES",
    "OPS",
    "SPARSE_THRESHOLD",
    "Gaussian",
    "Kept",
    "Rate",
    "Target",
    "activation_moments",
    "alpha_dropout",
    "attention_dropout",
    "batchwise_dropout",
    "bernoulli_entropy",
    "checked_axes",
    "checked_rate",
    "checked_strength",
    "classic_dropout",
    "concrete_dropout",
    "cutout",
    "drop_block",
    "drop_block_fraction",
    "drop_connect",
    "drop_connect_moments",
    "drop_head",
    "drop_key",
    "dropout",
    "embedding_dropout",
    "expected_logits",
    "fast_dropout",
    "feature_alpha_dropout",
    "gaussian_dropout",
    "gaussian_sample",
    "information_dropout",
    "information_kl",
    "kept_units",
    "layer_drop",
    "linear_moments",
    "log_alpha",
    "masksembles",
    "masksembles_masks",
    "max_pool_dropout",
    "patch_dropout",
    "patch_ranks",
    "patches_left",
    "rate_range",
    "relu_moments",
    "safe_sqrt",
    "shakeout",
    "sparse_kl",
    "sparse_variational_dropout",
    "spatial_dropout",
    "standout",
    "standout_keep",
    "stochastic_depth",
    "stochastic_pool",
    "stochastic_pool_mean",
    "submatrix",
    "survival_ramp",
    "targeted_dropout",
    "targeted_kernel",
    "targets",
    "uniform_dropout",
    "variational_dropout",
    "variational_kl",
    "variational_weights",
    "weighted_channel_dropout",
    "weighted_pool",
    "wide",
    "word_dropout",
    "zoneout",
    "zoneout_mean",
]

OPS: dict[str, Callable[..., Array]] = {
    name: op
    for name in __all__
    if inspect.isfunction(op := globals().get(name))
    and [*inspect.signature(op).parameters][:2] == ["key", "x"]
}
"""The dropout functions by name: all exported functions of ``key`` and ``x``."""
