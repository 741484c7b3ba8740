"""MNIST with the 784-800-800-10 ReLU network."""

from ml_collections import ConfigDict

from configs import base


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = base.get_variant_config(arg)
    config.data.name = "mnist"
    config.model.widths = (800, 800)
    config.schedule.name = "cosine"
    config.train.epochs = 100
    config.train.refit = True
    config.optimizer.max_norm = 2.0
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config
