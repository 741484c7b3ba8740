"""Configuration keys of the network."""

from dropout_lab.config.keys.key import (
    ALWAYS,
    MODEL,
    ORIGINAL,
    STAGES,
    Flat,
    Key,
    Role,
    When,
    absent,
    present_places,
)
from dropout_lab.config.keys.values import EXTERNAL, FLAG, NONE, one_of, tuple_of, whole
from dropout_lab.models import ACTIVATIONS, CELLS, MODELS, POOLINGS, POSITIONS, SEQUENCES
from dropout_lab.variants import variant_named

STATIC = Role.STATIC


def _stages_are_noisy(config: Flat, _: str) -> bool:
    return "stage" in variant_named(config["variant"]).layers_at(present_places(config))


NOISY_STAGES = When("the variant has noise on its stages", _stages_are_noisy)
ONE_CLASS = When(
    "it predicts one class an example", lambda config, _: config["model.head"] != "token"
)
MAXOUT = When(
    "an activation is maxout",
    lambda config, _: "maxout" in (config["model.activation"], config["model.stage_activation"]),
)

# fmt: off
KEYS = (
    Key("model.name", "mlp", one_of(MODELS) | EXTERNAL, STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Network."),
    Key("model.stages", (32, 64, 128), tuple_of(whole(1)), STATIC, when=MODEL, before=ORIGINAL,
        meaning="Channels of each convolutional stage, which halves the image."),
    Key("model.kernel_size", 3, whole(1), STATIC, when=MODEL & STAGES, before=ORIGINAL,
        meaning="Side of the convolution kernels, in pixels."),
    Key("model.padding", "same", one_of(("same", "valid")), STATIC, when=MODEL & STAGES,
        before=None, neutral="same",
        meaning="Zeros around the image that keep its size (same), or none (valid)."),
    Key("model.stage_activation", None, one_of(ACTIVATIONS) | NONE, STATIC, when=MODEL & STAGES,
        before=None,
        meaning="Activation function of the convolutional stages. None: that of the dense layers."),
    Key("model.noise_before_pool", False, FLAG, STATIC, when=MODEL & NOISY_STAGES, before=None,
        neutral=False,
        meaning="Put a stage's noise before its pooling, not after."),
    Key("model.widths", (800, 800), tuple_of(whole(1)), STATIC, when=MODEL, before=ORIGINAL,
        meaning="Units of each hidden dense layer."),
    Key("model.noise_before_norm", False, FLAG, STATIC, when=MODEL & NOISY_STAGES, before=None,
        neutral=False,
        meaning="Put a residual block's noise before its last normalisation, not before its "
                "convolution."),
    Key("model.depth", 16, whole(10), STATIC, when=MODEL, before=None,
        meaning="Layers of a residual network: 6 k + 4."),
    Key("model.widening", 1, whole(1), STATIC, when=MODEL, before=None,
        meaning="Factor on a residual network's 16, 32 and 64 channels."),
    Key("model.cell", "lstm", one_of(CELLS), STATIC, when=MODEL, before=None,
        meaning="Recurrent cell."),
    Key("model.units", 128, whole(1), STATIC, when=MODEL, before=None,
        meaning="Units of the recurrent layer."),
    Key("model.layers", 4, whole(1), STATIC, when=MODEL, before=None,
        meaning="Layers of a transformer, each of attention and a feed-forward network."),
    Key("model.width", 128, whole(1), STATIC, when=MODEL, before=None,
        meaning="Units of a transformer's step, a multiple of the heads."),
    Key("model.heads", 4, whole(1), STATIC, when=MODEL, before=None,
        meaning="Attention heads."),
    Key("model.ff_width", 512, whole(1), STATIC, when=MODEL, before=None,
        meaning="Units of a transformer's feed-forward networks."),
    Key("model.pooling", "cls", one_of(POOLINGS), STATIC, when=MODEL & ONE_CLASS, before=None,
        meaning="What a transformer classifies: a learnt step put first, or the mean step."),
    Key("model.positions", "learned", one_of(POSITIONS), STATIC, when=MODEL, before=None,
        meaning="Vectors of positions that a transformer adds."),
    Key("model.patch_size", None, whole(1) | NONE, STATIC, when=MODEL, before=None,
        meaning="Side of an image's square patches, in pixels, which a transformer reads. None: "
                "it reads rows or pixels."),
    Key("model.sequence", "rows", one_of(SEQUENCES), STATIC,
        when=MODEL & absent("model.patch_size"), before=None,
        meaning="Step of an image as a sequence: a row, or a pixel."),
    Key("model.permutation", None, whole(0) | NONE, STATIC, when=MODEL, before=None,
        meaning="Seed of a fixed permutation of the pixels. None: their natural order."),
    Key("model.embedding", None, whole(1) | NONE, STATIC, when=MODEL, before=None,
        meaning="Features of a token's embedding. None: as many as units (rnn), or 128 (mlp)."),
    Key("model.head", "class", one_of(("class", "token")), STATIC, when=MODEL, before=None,
        neutral="class",
        meaning="Prediction of one class a sequence, or of the next token at each step."),
    Key("model.activation", "relu", one_of(ACTIVATIONS), STATIC, when=MODEL, before=ORIGINAL,
        meaning="Activation function."),
    Key("model.pieces", 2, whole(2), STATIC, when=MODEL & MAXOUT, before=None,
        meaning="Linear pieces of which a maxout unit is the maximum."),
    Key("model.batch_norm", False, FLAG, STATIC, when=MODEL, before=ORIGINAL,
        meaning="Normalise over the batch before each activation."),
)
# fmt: on
