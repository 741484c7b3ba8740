"""The table of variants: which layers each puts where in a network, and its inference rules.

A model asks :class:`LayerFactory` for a layer at each place and does not know which variant it has.
To add a variant, add a row to ``VARIANTS``.
"""

from typing import Any

from dropout_lab import nn
from dropout_lab.variants.places import PLACES, RATES, LayerChoice, Variant


def _everywhere(choice: LayerChoice, **fields: Any) -> Variant:
    """Returns a variant with the same noise on input, stages and hidden layers."""
    return Variant(dict.fromkeys(("input", "stage", "hidden"), choice), **fields)


_DROPOUT = LayerChoice(nn.Dropout)
NONNEGATIVE = ("relu", "sigmoid", "softplus")
"""Activation functions that are never negative."""

_NONNEGATIVE = {"model.activation": NONNEGATIVE, "model.stage_activation": NONNEGATIVE}
_UNIT_BY_UNIT = (*NONNEGATIVE, "selu", "tanh", "identity")


def _dense(choice: LayerChoice, conv: LayerChoice | None = None, **fields: Any) -> Variant:
    """Returns a variant with noise in all dense layers, and in convolutions if given a layer."""
    layers = dict.fromkeys(("first", "linear", "output"), choice)
    return Variant(layers if conv is None else {"conv": conv, **layers}, **fields)


VARIANTS: dict[str, Variant] = {
    "none": Variant(inference=("mean",)),
    "dropout": Variant(
        {
            **dict.fromkeys(("input", "stage", "hidden"), _DROPOUT),
            **dict.fromkeys(("position", "projection", "feedforward"), _DROPOUT),
            "attention": LayerChoice(nn.AttentionDropout),
        },
        defaults={"attention_rate": 0.0},
        defaults_with={"feedforward": {"rate": 0.0}},  # Vaswani et al. 2017 have none there
    ),
    "classic_dropout": _everywhere(LayerChoice(nn.ClassicDropout)),
    "gaussian_dropout": _everywhere(LayerChoice(nn.GaussianDropout)),
    "uniform_dropout": _everywhere(
        LayerChoice(nn.UniformDropout), defaults={"rate": 0.25, "input_rate": 0.05}
    ),
    "alpha_dropout": _everywhere(
        LayerChoice(nn.AlphaDropout),
        defaults={"rate": 0.1, "input_rate": 0.05, "stage_rates": 0.05},
    ),
    "feature_alpha_dropout": Variant(
        {"stage": LayerChoice(nn.FeatureAlphaDropout), "hidden": LayerChoice(nn.AlphaDropout)},
        defaults={"rate": 0.1, "stage_rates": 0.05},
        needs=("stage",),
    ),
    "standout": Variant(
        {"linear": LayerChoice(nn.Standout, ("strength",))},
        defaults={"strength": 1.0},
        allowed={"model.activation": _UNIT_BY_UNIT},
    ),
    "shakeout": _dense(LayerChoice(nn.Shakeout, ("strength",)), defaults={"strength": 0.1}),
    "fast_dropout": _dense(LayerChoice(nn.FastDropout)),
    "deterministic_fast_dropout": Variant(
        {
            "first": LayerChoice(nn.MomentDense),
            "linear": LayerChoice(nn.MomentDense),
            "output": LayerChoice(nn.MomentOutput),
        },
        allowed={"model.activation": ("relu", "selu", "sigmoid", "softplus", "tanh")},
        inference=("mean", "moments"),
    ),
    "information_dropout": Variant(
        {
            "conv": LayerChoice(nn.InformationConv, ("max_alpha",), rated=False),
            "linear": LayerChoice(nn.InformationDropout, ("max_alpha",), rated=False),
        },
        allowed={"model.activation": _UNIT_BY_UNIT, "model.stage_activation": _UNIT_BY_UNIT},
        penalty_weight=3.0,
    ),
    "spatial_dropout": Variant(
        {"stage": LayerChoice(nn.SpatialDropout), "hidden": _DROPOUT}, needs=("stage",)
    ),
    "drop_block": Variant(
        {"stage": LayerChoice(nn.DropBlock, ("block_size", "per_channel")), "hidden": _DROPOUT},
        needs=("stage",),
    ),
    "cutout": Variant({"input": LayerChoice(nn.Cutout, ("block_size",), rated=False)}, images=True),
    "max_pool_dropout": Variant(
        {"pool": LayerChoice(nn.MaxPoolDropout), "hidden": _DROPOUT},
        needs=("pool",),
        allowed=_NONNEGATIVE,
    ),
    "stochastic_pool": Variant(
        {"pool": LayerChoice(nn.StochasticPool, rated=False)},
        needs=("pool",),
        allowed=_NONNEGATIVE,
    ),
    "masksembles": Variant(
        dict.fromkeys(
            ("stage", "hidden"), LayerChoice(nn.Masksembles, ("masks", "scale"), rated=False)
        ),
        allowed={"loss.name": ("cross_entropy",)},  # two passes have the same masks
        inference=("masks", "mean"),
    ),
    "stochastic_depth": Variant(
        {"branch": LayerChoice(nn.StochasticDepth, ("per_example",))}, needs=("branch",)
    ),
    "weighted_channel_dropout": Variant(
        {"stage": LayerChoice(nn.WeightedChannelDropout), "hidden": _DROPOUT},
        needs=("stage",),
        allowed=_NONNEGATIVE,
    ),
    "variational_rnn": Variant(
        {
            "sequence": LayerChoice(nn.SpatialDropout),
            "recurrent": LayerChoice(nn.VariationalState),
            "hidden": _DROPOUT,
        },
        needs=("recurrent",),
    ),
    "recurrent_dropout": Variant(
        {"recurrent": LayerChoice(nn.RecurrentDropout, ("per_step",))}, needs=("recurrent",)
    ),
    "zoneout": Variant(
        {"recurrent": LayerChoice(nn.Zoneout, ("cell_rate", "share_mask"))},
        defaults={"state_rate": 0.15, "cell_rate": 0.15},
        needs=("recurrent",),
    ),
    "weight_drop": Variant({"recurrent": LayerChoice(nn.WeightDrop)}, needs=("recurrent",)),
    "naive_recurrent": Variant({"recurrent": LayerChoice(nn.NaiveState)}, needs=("recurrent",)),
    "attention_dropout": Variant(
        {"attention": LayerChoice(nn.AttentionDropout, ("columns", "normalised"))},
        needs=("attention",),
    ),
    "drop_key": Variant({"attention": LayerChoice(nn.DropKey)}, needs=("attention",)),
    "drop_head": Variant({"attention": LayerChoice(nn.DropHead)}, needs=("attention",)),
    "layer_drop": Variant(
        {"layer": LayerChoice(nn.LayerDrop)},
        defaults={"branch_rate": 0.2},
        needs=("layer",),
        inference=("mean", "every_other", "mc"),
    ),
    "patch_dropout": Variant(
        {"patch": LayerChoice(nn.PatchDropout, ("patch_share",))}, needs=("patch",)
    ),
    "embedding_dropout": Variant(
        {"embedding": LayerChoice(nn.EmbeddingDropout, ("per_example",))}, needs=("embedding",)
    ),
    "word_dropout": Variant(
        {"embedding": LayerChoice(nn.WordDropout)},
        defaults={"embedding_rate": 0.3},
        needs=("embedding",),
    ),
    "batchwise_dropout": Variant(
        {
            "first": LayerChoice(nn.BatchwiseInput, ("input_share", "rate", "unit_share")),
            "linear": LayerChoice(nn.BatchwiseDense, ("unit_share",)),
            "output": LayerChoice(nn.BatchwiseOutput, rated=False),
        },
        needs=("first", "linear"),  # the output layer only reads what these leave
        allowed={"model.activation": _UNIT_BY_UNIT, "model.batch_norm": (False,)},
    ),
    "drop_connect": Variant(
        {"linear": LayerChoice(nn.DropConnect, ("per_example",))},
        inference=("gaussian", "mean", "mc"),
    ),
    "variational_dropout": _everywhere(
        LayerChoice(nn.VariationalDropout, ("per",), sized=True, learns=True),
        allowed={"dropout.per": ("layer", "unit")},
        penalty_weight=1.0,
    ),
    "variational_weights": _dense(
        LayerChoice(nn.VariationalDense, ("per",), learns=True), penalty_weight=1.0
    ),
    "sparse_variational_dropout": _dense(
        LayerChoice(nn.SparseDense, ("prune_in_training",), rated=False),
        LayerChoice(nn.SparseConv, ("prune_in_training",), rated=False),
        penalty_weight=1.0,
        penalty_warmup=(5, 20),
    ),
    "concrete_dropout": _dense(
        LayerChoice(nn.ConcreteDense, ("length_scale",), learns=True),
        LayerChoice(nn.ConcreteConv, ("length_scale",), learns=True),
        defaults={"rate": 0.1, "input_rate": 0.1},
        inference=("mc", "mean"),
        penalty_weight=1.0,
    ),
    "targeted_dropout": Variant(
        {
            "conv": LayerChoice(nn.TargetedConv, ("share", "target")),
            "linear": LayerChoice(nn.TargetedDropout, ("share", "target")),
        },
        defaults={"stage_rates": 0.5},
    ),
}

OPTIONS = frozenset(RATES).union(*(variant.reads(tuple(PLACES)) for variant in VARIANTS.values()))
"""The keys of ``config.dropout`` that some variant reads."""
