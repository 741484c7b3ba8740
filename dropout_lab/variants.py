"""The variants: a name for which layers go where in a network, and how it is used at inference.

A model asks :class:`Noise` for a layer at each place and never learns which variant it has. To add
one, add a line to ``VARIANTS``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.errors import unknown
from dropout_lab.ops import BELOW_ONE, Rate
from dropout_lab.places import PLACES, RATES, Use, Variant

Shape = tuple[int, ...]


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
        Use(nn.SparseDense, ("prune_in_training",), rated=False),
        conv=Use(nn.SparseConv, ("prune_in_training",), rated=False),
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


class Noise:
    """A variant with its rates: hands a model the layer for each place.

    Args:
      variant: A name in ``VARIANTS``.
      options: Rates and whatever else the variant reads, by their names in ``config.dropout``; a
        rate that is missing or None is the variant's default. ``stage_rates`` may be a sequence.

    Raises:
      InputError: If there is no such variant or option.
    """

    def __init__(self, variant: str, **options: Any) -> None:
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS)
        for key in options:
            if key not in OPTIONS:
                raise unknown("option of a variant", key, OPTIONS)
        self._variant = VARIANTS[variant]
        self._options = options

    def input(self, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for inputs of ``shape`` (without the batch), if any."""
        return self._make("input", shape=shape)

    def sequence(self, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for input sequences of ``shape`` (steps, features), if any."""
        return self._make("sequence", shape=shape)

    def stage(self, index: int, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for the output of convolutional stage ``index``, if any."""
        return self._make("stage", index, shape=shape)

    def pool(self, index: int) -> nn.UnitNoise | None:
        """Returns the layer that pools 2 x 2 at the end of stage ``index``, if not the maximum."""
        return self._make("pool", index)

    def hidden(self, width: int) -> nn.UnitNoise | None:
        """Returns the layer for the output of a hidden dense layer, if any."""
        return self._make("hidden", shape=(width,))

    def branch(self, index: int, count: int) -> nn.UnitNoise | None:
        """Returns the layer for residual branch ``index`` of ``count``, if any.

        Its rate grows linearly with the index; the last branch has all of it.
        """
        rates = ops.survival_ramp(self._rate("branch_rate", None), count)
        return self._make("branch", rate=rates[index])

    def recurrent(self) -> Any:
        """Returns the noise inside a recurrent cell, if any."""
        return self._make("recurrent")

    def conv(self, index: int, *sizes: int, **keywords: Any) -> nnx.Module:
        """Returns a convolution of stage ``index``, with the arguments of ``nn.Conv``."""
        return self._make("conv", index, sizes, keywords) or nn.Conv(*sizes, **keywords)

    def linear(self, inputs: int, outputs: int, **keywords: Any) -> nnx.Module:
        """Returns a hidden dense layer, with the arguments of ``nn.Linear``."""
        made = self._make("linear", None, (inputs, outputs), keywords)
        return made or nn.Linear(inputs, outputs, **keywords)

    def first(self, inputs: int, outputs: int, **keywords: Any) -> nnx.Module:
        """Returns a hidden dense layer that reads the data, with the arguments of ``nn.Linear``."""
        made = self._make("first", None, (inputs, outputs), keywords)
        return made or self.linear(inputs, outputs, **keywords)

    def output(self, inputs: int, classes: int, **keywords: Any) -> nnx.Module:
        """Returns the output layer, with the arguments of ``nn.Linear``."""
        made = self._make("output", None, (inputs, classes), keywords)
        return made or nn.Linear(inputs, classes, **keywords)

    def _make(
        self,
        place: str,
        index: int | None = None,
        sizes: tuple[int, ...] = (),
        keywords: Mapping[str, Any] | None = None,
        *,
        shape: Shape = (),
        rate: Rate | None = None,
    ) -> Any:
        use: Use | None = getattr(self._variant, place)
        if use is None:
            return None
        arguments = dict(keywords or {})
        if use.rated:
            arguments["rate"] = self._rate(PLACES[place], index) if rate is None else rate
        if use.sized:
            arguments["shape"] = shape
        arguments |= {
            key: self._rate(key, index) if key in RATES else self._options[key]
            for key in use.options
            if key in RATES or self._options.get(key) is not None
        }
        return use.layer(*sizes, **arguments)

    def _rate(self, key: str, index: int | None) -> Rate:
        given = self._options.get(key)
        if given is None:
            return self._variant.default(key)
        return given[index] if isinstance(given, Sequence) and index is not None else given
