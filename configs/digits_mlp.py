"""scikit-learn's 8 x 8 digits with a small network: the embedded first run, no download."""

from ml_collections import ConfigDict

from configs import base


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = base.get_variant_config(arg)
    config.data.name = "digits"
    config.model.widths = (256, 256)
    config.train.batch_size = 64
    config.train.epochs = 3 if smoke else 60
    config.optimizer.lr = 0.05
    return config
