"""Configuration keys of evaluation, arithmetic, devices, and of how to run."""

from dropout_lab.config.keys.key import ALWAYS, ORIGINAL, Flat, Key, Role, When, equals
from dropout_lab.config.keys.values import FLAG, NONE, Values, number, one_of, tuple_of, whole
from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.data.shifts import OUTLIERS, SHIFTS, parsed
from dropout_lab.errors import InputError
from dropout_lab.models import model_named
from dropout_lab.variants import INFERENCE_RULES

STATIC, HOST, EXECUTION = Role.STATIC, Role.HOST, Role.EXECUTION

_MOST = 1_000_000  # passes; more than a program's memory and a user's patience allow


def _several_passes(config: Flat, _: str) -> bool:
    return config["eval.inference"] not in ("mean", "moments")


def _has_batch_stats(config: Flat, _: str) -> bool:
    return bool(config["model.batch_norm"]) or model_named(config["model.name"]).normalised


def _is_shift(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parsed(value))
    except InputError:
        return False


SHIFT = Values(f"{' | '.join(SHIFTS)}, with :1 to :5 or rotation:DEGREES", _is_shift, str)
TESTED = When("`eval.test` is True", lambda config, _: bool(config["eval.test"]))
SAMPLED = When("`eval.inference` is mc, masks or gaussian", _several_passes)

# fmt: off
KEYS = (
    Key("eval.inference", None, one_of(INFERENCE_RULES) | NONE, STATIC, when=ALWAYS,
        before=ORIGINAL,
        meaning="Inference rule. None: the variant's first."),
    Key("eval.passes", 50, whole(1, _MOST), STATIC, when=SAMPLED, before=ORIGINAL,
        meaning="Passes averaged in the final evaluation; masks: at most all of them."),
    Key("eval.samples", 5, whole(1, _MOST), STATIC, when=SAMPLED, before=ORIGINAL,
        meaning="Passes averaged after each epoch."),
    Key("eval.recalibrate", False, FLAG, STATIC,
        when=When("the model has batch statistics", _has_batch_stats), before=False, unread=False,
        meaning="Re-estimate batch statistics without noise; metrics from before are named "
                "test_raw."),
    Key("eval.test", True, FLAG, HOST, when=ALWAYS, before=True,
        meaning="Evaluate on the test set, once, at the end."),
    Key("eval.shift", (), tuple_of(SHIFT), HOST, when=TESTED, before=(), unread=(),
        meaning="Shifts of the test images, such as ('rotation:3', 'noise:1'): the metrics on each "
                "are named test_rotation:3_error and so on."),
    Key("eval.ood", (), tuple_of(one_of((*OUTLIERS, "digits", *IMAGE_SETS))), HOST, when=TESTED,
        before=(), unread=(),
        meaning="Outliers, such as ('noise', 'cifar10'): test_ood_noise_auroc and so on say how "
                "well the entropy of predictions tells them from test images."),
    Key("compute.dtype", "float32", one_of(("float32", "bfloat16")), STATIC, when=ALWAYS,
        before="float32",
        meaning="Type of layers and their gradients; weights, losses and updates are always "
                "float32."),
    Key("compute.precision", "default", one_of(("default", "high", "highest")), STATIC,
        when=equals("compute.dtype", "float32"), before="default", unread="default",
        meaning="Precision of float32 products. The backend's default may be bfloat16 on a TPU or "
                "TensorFloat-32 on a GPU; highest is float32 throughout."),
    Key("mesh.data", 1, whole(1), EXECUTION, when=ALWAYS, before=1,
        meaning="Devices that share every batch."),
    Key("run.checkpoint_seconds", 60.0, number(0), EXECUTION, when=ALWAYS, before=ORIGINAL,
        meaning="Seconds between checkpoints. 0: one after every epoch."),
    Key("run.save_model", None, FLAG | NONE, EXECUTION, when=ALWAYS, before=ORIGINAL,
        meaning="Keep the trained network. None: for a single run, not for a sweep's trials."),
)
# fmt: on
