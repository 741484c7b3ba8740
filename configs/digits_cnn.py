"""scikit-learn's 8 x 8 digits with a small convolutional network: every variant in seconds.

Reproduces nothing published; it puts all variants that a convolutional network can have side by
side. Two stages of 16 and 32 channels and one dense layer; the rates are the variants' defaults,
not tuned. Measured: see the table in README.md.

python scripts/sweep.py --config=configs/digits_cnn.py --vary=variant=none,dropout,drop_block
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "digits"
    config.model.name = "cnn"
    config.model.stages = (16, 32)
    config.model.widths = (128,)
    config.dropout.input_rate = 0.0
    config.train.batch_size = 64
    config.train.epochs = 2 if smoke else 15
    config.optimizer.lr = 0.05
    return config
