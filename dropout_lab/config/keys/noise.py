"""Configuration keys of seed, variant, its rates and options, and the schedule of rates."""

import functools
import inspect

from dropout_lab.config.keys.key import (
    ALWAYS,
    ORIGINAL,
    PENALTY,
    VARIANT,
    Flat,
    Key,
    Role,
    When,
    present_places,
)
from dropout_lab.config.keys.values import (
    EXTERNAL,
    FLAG,
    NONE,
    RATE,
    number,
    one_of,
    tuple_of,
    whole,
)
from dropout_lab.schedules import SCHEDULES
from dropout_lab.variants import VARIANTS, variant_named

STATIC, DYNAMIC = Role.STATIC, Role.DYNAMIC


def _draws(config: Flat, _: str) -> bool:
    return variant_named(config["variant"]).draws(present_places(config))


@functools.cache
def _schedule_parameters(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(SCHEDULES[name]).parameters)


def _schedule_takes(parameter: str) -> When:
    """Returns the condition that the rate schedule has a parameter of that name."""
    return When(
        f"the schedule takes `{parameter}`",
        lambda config, _: parameter in _schedule_parameters(config["rate_schedule.name"]),
    )


# fmt: off
KEYS = (
    Key("seed", 0, whole(0, 2**32 - 1, words="2**32 - 1"), DYNAMIC, when=ALWAYS, before=ORIGINAL,
        meaning="Seed of initialisation, data order and noise, which draw from separate streams."),
    Key("variant", "none", one_of(VARIANTS) | EXTERNAL, STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Dropout variant: which layers of the model are noisy, and how."),
    Key("dropout.rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=ORIGINAL, unread=0.0,
        meaning="Probability of dropping a unit of a hidden dense layer or a feed-forward network. "
                "None: the variant's default, as for all rates."),
    Key("dropout.input_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=ORIGINAL, unread=0.0,
        meaning="Probability of dropping an input."),
    Key("dropout.stage_rates", None, RATE | tuple_of(RATE) | NONE, DYNAMIC, when=VARIANT,
        before=ORIGINAL, unread=0.0,
        meaning="Rates of the convolutional stages: one for each, or one for all."),
    Key("dropout.branch_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Probability of dropping the last residual branch; it grows linearly up to it. "
                "Layer drop: of skipping any layer."),
    Key("dropout.state_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Rate of the noise inside recurrent cells."),
    Key("dropout.cell_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Zoneout's rate for the cell state of an LSTM."),
    Key("dropout.embedding_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Rate of the noise on a transformer's embedded steps."),
    Key("dropout.patch_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Fraction of the patches or tokens that are left out."),
    Key("dropout.attention_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0, unread=0.0,
        meaning="Rate of the noise inside attention."),
    Key("dropout.projection_rate", None, RATE | NONE, DYNAMIC, when=VARIANT, before=0.0,
        unread=0.0,
        meaning="Probability of dropping a unit of the output of attention or feed-forward."),
    Key("dropout.patch_share", 0.0, number(0, 1), STATIC, when=VARIANT, before=None, neutral=0.0,
        meaning="Patch dropout: fraction of the patches that training does not compute, whatever "
                "the rate. 0: it computes all, and masks those left out."),
    Key("dropout.unit_share", None, number(0, 1) | NONE, STATIC, when=VARIANT, before=None,
        meaning="Batchwise dropout: fraction of the hidden units that training does not compute, "
                "at most the rate. None: the rate, so that each rate is compiled apart; with a "
                "rate schedule, 0."),
    Key("dropout.input_share", None, number(0, 1) | NONE, STATIC, when=VARIANT, before=None,
        meaning="Batchwise dropout: as `dropout.unit_share`, of the inputs."),
    Key("dropout.columns", False, FLAG, STATIC, when=VARIANT, before=None, neutral=False,
        meaning="Attention dropout: drop the same keys for all queries of an example and head."),
    Key("dropout.normalised", False, FLAG, STATIC, when=VARIANT, before=None, neutral=False,
        meaning="Attention dropout: divide the weights left by their sum, not by 1 - rate."),
    Key("dropout.per_example", True, FLAG, STATIC, when=VARIANT, before=ORIGINAL,
        meaning="Draw a mask for each example, not one for the batch."),
    Key("dropout.per_channel", True, FLAG, STATIC, when=VARIANT, before=None,
        meaning="DropBlock: draw a mask for each channel, not one for all."),
    Key("dropout.per_step", True, FLAG, STATIC, when=VARIANT, before=None,
        meaning="Recurrent dropout: draw a mask for each step, not one for the sequence."),
    Key("dropout.share_mask", False, FLAG, STATIC, when=VARIANT, before=None,
        meaning="Zoneout: use one mask for cell and state."),
    Key("dropout.per", "layer", one_of(("layer", "unit", "weight")), STATIC, when=VARIANT,
        before=None,
        meaning="Learn one variance for each layer, unit or weight."),
    Key("dropout.block_size", 3, whole(1), STATIC, when=VARIANT, before=None,
        meaning="DropBlock, Cutout: side of the square, in pixels."),
    Key("dropout.masks", 4, whole(1, 1000), STATIC, when=VARIANT, before=None,
        meaning="Masksembles: number of masks."),
    Key("dropout.scale", 2.0, number(1, 100), STATIC, when=VARIANT, before=None,
        meaning="Masksembles: how far masks differ. 1: all keep every unit."),
    Key("dropout.strength", None, number(0) | NONE, STATIC, when=VARIANT, before=None,
        meaning="Shakeout's c, or standout's alpha. None: the variant's default."),
    Key("dropout.share", 0.5, number(0, 1), STATIC, when=VARIANT, before=None,
        meaning="Targeted dropout: fraction of the weights, the smallest, that may be dropped."),
    Key("dropout.target", "weight", one_of(("weight", "unit")), STATIC, when=VARIANT, before=None,
        meaning="Targeted dropout: drop single weights, or units."),
    Key("dropout.prune_in_training", False, FLAG, STATIC, when=VARIANT, before=None, neutral=False,
        meaning="Sparse variational dropout: set the mean of pruned weights to 0 in training too."),
    Key("dropout.max_alpha", 0.7, number(0, 1, above=True), STATIC, when=VARIANT, before=None,
        meaning="Information dropout: largest standard deviation of the noise's logarithm."),
    Key("dropout.length_scale", 1e-2, number(0), STATIC, when=VARIANT, before=None,
        meaning="Concrete dropout: length scale of the prior on the weights."),
    Key("dropout.penalty_weight", None, number(0) | NONE, DYNAMIC, when=PENALTY, before=None,
        meaning="Weight of the variant's penalty, such as a KL divergence. None: the variant's "
                "default."),
    Key("dropout.penalty_warmup", None, tuple_of(number(0)) | NONE, STATIC, when=PENALTY,
        before=None,
        meaning="Epochs (first, last) between which that weight grows from 0. None: the variant's "
                "default."),
    Key("rate_schedule.name", "constant", one_of(SCHEDULES), STATIC,
        when=When("the variant draws noise at a rate", _draws), before="constant",
        unread="constant",
        meaning="Schedule of the factor on all rates, from update to update."),
    Key("rate_schedule.epochs", None, number(0, above=True) | NONE, STATIC,
        when=_schedule_takes("steps"), before=None,
        meaning="Epoch at which the schedule ends or switches. None: the end of training."),
    Key("rate_schedule.gamma", None, number(0, above=True) | NONE, STATIC,
        when=_schedule_takes("gamma"), before=None,
        meaning="Curriculum: growth per update. None: 10 / updates."),
    Key("rate_schedule.boundaries", (), tuple_of(number(0, above=True)), STATIC,
        when=_schedule_takes("boundaries"), before=(), unread=(),
        meaning="Step schedule: rising epochs at which the factor changes."),
    Key("rate_schedule.factors", (), tuple_of(RATE), STATIC, when=_schedule_takes("boundaries"),
        before=(), unread=(),
        meaning="Step schedule: the factors between them, one more than boundaries."),
)
# fmt: on
