"""scikit-learn's 8 x 8 digits read row by row by a small LSTM: every recurrent variant in seconds.

Reproduces nothing published; it puts all variants that a recurrent network can have side by side,
with naive dropout of the state as the negative control. The rates are the variants' defaults, not
tuned. Measured: see the table in README.md.

python scripts/sweep.py --config=configs/digits_rnn.py --vary=variant=none,zoneout,naive_recurrent
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "digits"
    config.model.name = "rnn"
    config.model.cell = "lstm"
    config.model.units = 64
    config.model.sequence = "rows"
    config.model.widths = ()
    config.dropout.input_rate = 0.1
    config.dropout.rate = 0.25
    config.train.batch_size = 64
    config.train.epochs = 2 if smoke else 25
    config.optimizer.name = "adam"
    config.optimizer.lr = 2e-3
    return config
