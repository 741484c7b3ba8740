"""Configuration keys of training and its loss."""

from dropout_lab.config.keys.key import ALWAYS, ORIGINAL, Key, Role, absent, equals, given
from dropout_lab.config.keys.values import FLAG, NONE, RATE, number, one_of, whole

STATIC, DYNAMIC, HOST = Role.STATIC, Role.DYNAMIC, Role.HOST

# fmt: off
KEYS = (
    Key("train.batch_size", 128, whole(1), STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Examples in a batch; an incomplete batch at the end of an epoch is skipped."),
    Key("train.epochs", 30, whole(1), DYNAMIC, when=absent("train.updates"), before=ORIGINAL,
        meaning="Training length in epochs."),
    Key("train.updates", None, whole(1) | NONE, STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Training length in updates, instead of epochs."),
    Key("train.init_std", None, number(0, above=True) | NONE, DYNAMIC, when=ALWAYS, before=None,
        meaning="Standard deviation of normal initial kernels. None: scaled by fan-in."),
    Key("train.label_smoothing", 0.0, number(0, 1), DYNAMIC, when=ALWAYS, before=ORIGINAL,
        meaning="Probability that is spread evenly over all classes."),
    Key("train.ema", None, RATE | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="Decay, per update, of a moving average of weights and batch statistics, which is "
                "the network evaluated. 1: their mean."),
    Key("train.select", "last", one_of(("last", "best_val")), HOST, when=ALWAYS, before=ORIGINAL,
        meaning="Epoch whose network counts: the last, or that of lowest validation error."),
    Key("train.refit", False, FLAG, HOST, when=ALWAYS, before=ORIGINAL,
        meaning="Train again on training and validation data, and test that network."),
    Key("train.patience", None, whole(1) | NONE, HOST, when=ALWAYS, before=None,
        meaning="Stop after this many epochs without a lower validation error."),
    Key("train.stop", None, whole(1) | NONE, HOST, when=ALWAYS, before=None,
        meaning="Stop after this many epochs of a training whose schedules go on to its whole "
                "length. None: at its end."),
    Key("loss.name", "cross_entropy", one_of(("cross_entropy", "r_drop", "multi_sample")), STATIC,
        when=ALWAYS, before="cross_entropy",
        meaning="Loss."),
    Key("loss.weight", 1.0, number(0), DYNAMIC, when=equals("loss.name", "r_drop"), before=None,
        meaning="R-Drop: weight of the divergence between two passes."),
    Key("loss.samples", 8, whole(2), STATIC, when=equals("loss.name", "multi_sample"), before=None,
        meaning="Multi-sample dropout: draws of the noise on the last features."),
    Key("loss.l1", None, number(0) | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="Weight of the sum of the kernels' absolute values."),
    Key("loss.l1_start", 0.0, number(0), DYNAMIC, when=given("loss.l1"), before=None,
        meaning="Epoch from which that sum is added."),
    Key("loss.sparsity", None, number(0) | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="Weight of the divergence of hidden units' mean activations from the target."),
    Key("loss.sparsity_target", 0.05, number(0, above=True), DYNAMIC, when=given("loss.sparsity"),
        before=None,
        meaning="Target of a hidden dense unit's mean activation over a batch."),
)
# fmt: on
