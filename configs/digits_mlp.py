"""scikit-learn's 8 x 8 digits with a small network: the embedded first run, no download.

Reproduces nothing published; it shows the whole path from a sweep to a table. The input is left
alone, so that the rate of the hidden layers is what varies. Measured, mean of 10 seeds: see the
first table of README.md; two seconds a run on 2 cores.

python scripts/train.py --config=configs/digits_mlp.py:dropout --workdir=results/digits
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "digits"
    config.model.widths = (256, 256)
    config.dropout.input_rate = 0.0
    config.train.batch_size = 64
    config.train.epochs = 3 if smoke else 60
    config.optimizer.lr = 0.05
    return config
