"""Values that are allowed each, but not together."""

import pytest

from dropout_lab.config import default_config, resolve
from dropout_lab.errors import InputError

CNN = {"model.name": "cnn", "model.stages": (4, 8)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout.stage_rates": (0.1, 0.2, 0.3)}, r"stage_rates is \(0\.1, 0\.2, 0\.3\); allowed"),
        ({"dropout.stage_rates": ()}, r"allowed: a rate, or 2 of them"),
        (
            {"variant": "variational_dropout", "dropout.penalty_warmup": (2, 1)},
            r"penalty_warmup is \(2, 1\); allowed",
        ),
        ({"optimizer.momentum_start": 0.5}, r"momentum_start is 0\.5 and momentum_epochs is None"),
        (
            {"schedule.name": "step", "schedule.factors": (1.0, 0.5)},
            r"schedule\.boundaries is \(\) with factors \(1\.0, 0\.5\); allowed: increasing epochs",
        ),
        ({"rate_schedule.name": "early_linear"}, r"epochs is None with schedule 'early_linear'"),
        (
            {
                "rate_schedule.name": "step",
                "rate_schedule.boundaries": (3,),
                "rate_schedule.factors": (1.0,),
            },
            r"boundaries is \(3,\) with factors \(1\.0,\); allowed: increasing epochs",
        ),
        (
            {"variant": "drop_connect", "model.widths": ()},
            r"needs a model with linear; model 'cnn' has input, stage, conv, pool, output",
        ),
        (
            {"variant": "max_pool_dropout", "model.activation": "tanh"},
            r"model\.activation is 'tanh' with .*; allowed: relu, sigmoid, softplus",
        ),
        (
            {"variant": "variational_dropout", "dropout.per": "weight"},
            r"dropout\.per is 'weight' with variant 'variational_dropout'; allowed: layer, unit",
        ),
        ({"variant": "none", "eval.inference": "mc"}, r"inference is 'mc' .* allowed: mean$"),
        ({"variant": "drop_connect", "loss.name": "multi_sample"}, r"no noise on this model's"),
        (
            {"loss.sparsity": 0.1, "model.activation": "tanh"},
            r"sparsity is 0\.1 with activation 'tanh'; allowed: relu, sigmoid, softplus",
        ),
        ({"loss.sparsity": 0.1, "model.widths": ()}, r"model 'cnn', which has no hidden dense"),
        ({"variant": "gaussian_dropout", "dropout.rate": 1.0}, r"rate is 1; allowed .* \[0, 1\)"),
        ({"variant": "gaussian_dropout", "dropout.stage_rates": 1}, r"stage_rates is 1; allowed"),
        ({"variant": "variational_dropout", "dropout.input_rate": 1}, r"input_rate is 1; allowed"),
        (
            {"schedule.name": "step"},
            r"schedule\.boundaries is \(\) with schedule 'step'; allowed: one or more increasing",
        ),
        (
            {"schedule.name": "step", "schedule.boundaries": (3, 3)},
            r"schedule\.boundaries is \(3, 3\) with schedule 'step'; allowed: .* increasing epochs",
        ),
        (
            {"variant": "spatial_dropout", "model.stages": ()},
            r"needs a model with stage; model 'cnn' has input, hidden, linear, output",
        ),
        (
            {"variant": "standout", "model.activation": "maxout"},
            r"activation is 'maxout' with variant 'standout'; allowed: relu, sigmoid, ",
        ),
        (
            {"variant": "information_dropout", "model.stage_activation": "maxout"},
            r"stage_activation is 'maxout' with variant 'information_dropout'; allowed: relu, ",
        ),
        ({"data.path": "x.npz"}, r"data\.path is 'x\.npz' and config\.data\.name is 'digits'"),
        ({"data.name": "npz"}, r"data\.path is None and config\.data\.name is 'npz'"),
    ],
)
def test_values_that_do_not_go_together_are_errors(changes, message):
    config = default_config()
    config.update_from_flattened_dict({"variant": "dropout", **CNN, **changes})
    with pytest.raises(InputError, match=message):
        resolve(config)
