"""The variants: a name for which layers go where in a network, and how it is used at inference.

A model asks :class:`Noise` for a layer at each place and never learns which variant it has. To add
one, add a line to ``VARIANTS``.
"""

from typing import Any

from dropout_lab import nn
from dropout_lab.ops import BELOW_ONE
from dropout_lab.variants.places import PLACES, RATES, Use, Variant


def _everywhere(use: Use, **fields: Any) -> Variant:
    """Returns a variant with the same noise on input, stages and hidden layers."""
    return Variant(input=use, stage=use, hidden=use, **fields)


_DROPOUT = Use(nn.Dropout)
NONNEGATIVE = ("relu", "sigmoid", "softplus")
"""Activation functions that are never negative."""

_NONNEGATIVE = {"model.activation": NONNEGATIVE, "model.stage_activation": NONNEGATIVE}
_UNIT_BY_UNIT = (*NONNEGATIVE, "selu", "tanh", "identity")


def _dense(use: Use, **fields: Any) -> Variant:
    """Returns a variant with noise in all dense layers; the one that reads data has its rate."""
    return Variant(first=use, linear=use, output=use, **fields)


VARIANTS: dict[str, Variant] = {
    "none": Variant(inference=("mean",)),
    "dropout": _everywhere(_DROPOUT),
    "classic_dropout": _everywhere(Use(nn.ClassicDropout)),
    "gaussian_dropout": _everywhere(Use(nn.GaussianDropout), top=BELOW_ONE),
    "uniform_dropout": _everywhere(
        Use(nn.UniformDropout),
        defaults={"rate": 0.25, "input_rate": 0.05},
        top=nn.UniformDropout.top,
    ),
    "alpha_dropout": _everywhere(
        Use(nn.AlphaDropout),
        defaults={"rate": 0.1, "input_rate": 0.05, "stage_rates": 0.05},
        top=BELOW_ONE,
    ),
    "feature_alpha_dropout": Variant(
        stage=Use(nn.FeatureAlphaDropout),
        hidden=Use(nn.AlphaDropout),
        defaults={"rate": 0.1, "stage_rates": 0.05},
        top=BELOW_ONE,
        needs=("stage",),
    ),
    "standout": Variant(
        linear=Use(nn.Standout, ("strength",)),
        defaults={"strength": 1.0},
        allowed={"model.activation": _UNIT_BY_UNIT},
    ),
    "shakeout": _dense(Use(nn.Shakeout, ("strength",)), defaults={"strength": 0.1}, top=BELOW_ONE),
    "fast_dropout": _dense(Use(nn.FastDropout), top=BELOW_ONE),
    "deterministic_fast_dropout": Variant(
        first=Use(nn.MomentDense),
        linear=Use(nn.MomentDense),
        output=Use(nn.MomentOutput),
        top=BELOW_ONE,
        allowed={"model.activation": ("relu", "selu", "sigmoid", "softplus", "tanh")},
        inference=("mean", "moments"),
    ),
    "information_dropout": Variant(
        conv=Use(nn.InformationConv, ("max_alpha",), rated=False),
        linear=Use(nn.InformationDropout, ("max_alpha",), rated=False),
        allowed={"model.activation": _UNIT_BY_UNIT, "model.stage_activation": _UNIT_BY_UNIT},
        penalty_weight=3.0,
    ),
    "spatial_dropout": Variant(stage=Use(nn.SpatialDropout), hidden=_DROPOUT, needs=("stage",)),
    "drop_block": Variant(
        stage=Use(nn.DropBlock, ("block_size", "per_channel")), hidden=_DROPOUT, needs=("stage",)
    ),
    "cutout": Variant(input=Use(nn.Cutout, ("block_size",), rated=False), images=True),
    "max_pool_dropout": Variant(
        pool=Use(nn.MaxPoolDropout), hidden=_DROPOUT, needs=("pool",), allowed=_NONNEGATIVE
    ),
    "stochastic_pool": Variant(
        pool=Use(nn.StochasticPool, rated=False), needs=("pool",), allowed=_NONNEGATIVE
    ),
    "stochastic_depth": Variant(
        branch=Use(nn.StochasticDepth, ("per_example",)), needs=("branch",)
    ),
    "weighted_channel_dropout": Variant(
        stage=Use(nn.WeightedChannelDropout),
        hidden=_DROPOUT,
        needs=("stage",),
        allowed=_NONNEGATIVE,
    ),
    "variational_rnn": Variant(
        sequence=Use(nn.SpatialDropout),
        recurrent=Use(nn.VariationalState),
        hidden=_DROPOUT,
        needs=("recurrent",),
    ),
    "recurrent_dropout": Variant(
        recurrent=Use(nn.RecurrentDropout, ("per_step",)), needs=("recurrent",)
    ),
    "zoneout": Variant(
        recurrent=Use(nn.Zoneout, ("cell_rate", "share_mask")),
        defaults={"state_rate": 0.15, "cell_rate": 0.15},
        needs=("recurrent",),
    ),
    "weight_drop": Variant(recurrent=Use(nn.WeightDrop), needs=("recurrent",)),
    "naive_recurrent": Variant(recurrent=Use(nn.NaiveState), needs=("recurrent",)),
    "drop_connect": Variant(
        linear=Use(nn.DropConnect, ("per_example",)), inference=("gaussian", "mean", "mc")
    ),
    "variational_dropout": _everywhere(
        Use(nn.VariationalDropout, ("per",), sized=True, learns=True),
        top=BELOW_ONE,
        allowed={"dropout.per": ("layer", "unit")},
        penalty_weight=1.0,
    ),
    "variational_weights": _dense(
        Use(nn.VariationalDense, ("per",), learns=True), top=BELOW_ONE, penalty_weight=1.0
    ),
    "sparse_variational_dropout": _dense(
        Use(nn.SparseDense, rated=False),
        conv=Use(nn.SparseConv, rated=False),
        penalty_weight=1.0,
        penalty_warmup=(5, 20),
    ),
    "concrete_dropout": _dense(
        Use(nn.ConcreteDense, ("length_scale",), learns=True),
        conv=Use(nn.ConcreteConv, ("length_scale",), learns=True),
        defaults={"rate": 0.1, "input_rate": 0.1},
        top=BELOW_ONE,
        inference=("mc", "mean"),
        penalty_weight=1.0,
    ),
    "targeted_dropout": Variant(
        linear=Use(nn.TargetedDropout, ("share", "target")),
        conv=Use(nn.TargetedConv, ("share", "target")),
        defaults={"stage_rates": 0.5},
    ),
}


OPTIONS = frozenset(RATES).union(*(made.reads(tuple(PLACES)) for made in VARIANTS.values()))
"""The keys of ``config.dropout`` that some variant reads."""
