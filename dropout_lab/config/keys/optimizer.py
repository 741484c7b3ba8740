"""Configuration keys of the optimiser and its learning-rate schedule."""

from dropout_lab.config.keys.key import ALWAYS, ORIGINAL, Flat, Key, Role, When, equals
from dropout_lab.config.keys.values import FLAG, NONE, RATE, number, one_of, tuple_of, whole

STATIC, DYNAMIC = Role.STATIC, Role.DYNAMIC
SGD = equals("optimizer.name", "sgd")
STEP = equals("schedule.name", "step")


def _one_decay_rate(config: Flat, _: str) -> bool:
    name = config["schedule.name"]
    return name == "exponential" or (name == "step" and not config["schedule.factors"])


# fmt: off
KEYS = (
    Key("optimizer.name", "sgd", one_of(("sgd", "adam", "adamw", "rmsprop")), STATIC, when=ALWAYS,
        before=ORIGINAL,
        meaning="Optimiser; Adam's and RMSprop's weight decay is decoupled, so that adamw means "
                "adam."),
    Key("optimizer.lr", 0.1, number(0, above=True), DYNAMIC, when=ALWAYS, before=ORIGINAL,
        meaning="Initial learning rate, which the schedule multiplies."),
    Key("optimizer.momentum", 0.9, RATE, DYNAMIC, when=ALWAYS, before=ORIGINAL,
        meaning="Momentum; for Adam, decay of the first moment."),
    Key("optimizer.momentum_start", None, RATE | NONE, DYNAMIC, when=SGD, before=None,
        meaning="Initial momentum, which grows linearly to `optimizer.momentum`."),
    Key("optimizer.momentum_epochs", None, number(0, above=True) | NONE, DYNAMIC, when=SGD,
        before=None,
        meaning="Epochs over which the momentum grows."),
    Key("optimizer.nesterov", False, FLAG, STATIC, when=SGD, before=ORIGINAL, unread=False,
        meaning="Nesterov's momentum."),
    Key("optimizer.dampening", False, FLAG, STATIC, when=SGD, before=ORIGINAL, unread=False,
        meaning="Multiply the gradient by 1 - momentum (Hinton et al. 2012)."),
    Key("optimizer.rms_decay", 0.9, RATE, DYNAMIC, when=equals("optimizer.name", "rmsprop"),
        before=None,
        meaning="RMSprop: decay of the mean squared gradient."),
    Key("optimizer.clip_norm", None, number(0, above=True) | NONE, DYNAMIC, when=ALWAYS,
        before=None,
        meaning="Largest norm of the whole gradient. None: no clipping."),
    Key("optimizer.weight_decay", 0.0, number(0), DYNAMIC, when=ALWAYS, before=ORIGINAL,
        meaning="Weight decay of kernels; for SGD the weight of half their squares in the loss."),
    Key("optimizer.max_norm", None, number(0, above=True) | NONE, DYNAMIC, when=ALWAYS,
        before=ORIGINAL,
        meaning="Largest norm of a unit's incoming weights, recurrent ones excepted. None: no "
                "constraint."),
    Key("optimizer.bias_lr_factor", 1.0, number(0), STATIC, when=ALWAYS, before=ORIGINAL,
        meaning="Learning rate of biases over that of kernels (2 in Caffe's networks)."),
    Key("schedule.name", "constant",
        one_of(("constant", "exponential", "cosine", "linear", "inverse", "step")), STATIC,
        when=ALWAYS, before=ORIGINAL,
        meaning="Schedule of the factor on the learning rate."),
    Key("schedule.warmup", None, number(0) | NONE, DYNAMIC, when=ALWAYS, before=None, neutral=0,
        meaning="Epochs over which a factor on the scheduled learning rate grows linearly to 1."),
    Key("schedule.decay_rate", 0.95, number(0, 1, above=True), STATIC,
        when=When("the schedule is exponential, or step without factors", _one_decay_rate),
        before=ORIGINAL,
        meaning="Exponential: factor per epoch; step: factor at each boundary."),
    Key("schedule.boundaries", (), tuple_of(whole(1)), STATIC, when=STEP, before=ORIGINAL,
        unread=(),
        meaning="Step: rising epochs at which the learning rate changes."),
    Key("schedule.factors", (), tuple_of(number(0)), STATIC, when=STEP, before=(), unread=(),
        meaning="Step: the factors between them, one more than boundaries. (): by `decay_rate`."),
    Key("schedule.start", 0.0, number(0), STATIC, when=equals("schedule.name", "linear"),
        before=None,
        meaning="Linear: epoch from which the learning rate falls, to 0 at the end."),
    Key("schedule.gamma", 1e-4, number(0), STATIC, when=equals("schedule.name", "inverse"),
        before=None,
        meaning="Inverse: gamma in (1 + gamma * updates) ** -power."),
    Key("schedule.power", 1.0, number(0), STATIC, when=equals("schedule.name", "inverse"),
        before=None,
        meaning="Inverse: power in (1 + gamma * updates) ** -power."),
)
# fmt: on
