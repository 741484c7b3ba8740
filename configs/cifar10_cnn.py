"""CIFAR-10 with three convolutional stages (32, 64, 128) and one dense layer, batch-normalised.

A network small enough for a laptop, with the default rates of the variants (of dropout 0.1 on
convolutional stages and 0.5 on dense layers; Srivastava et al. 2014 have 0.25, 0.25, 0.5 on stages
and 0.5 on dense layers), cropped and mirrored images. It reproduces no published number: it is an
example in which dropout does harm, as the network underfits (README.md); for one in which the
published networks gain by it see experiments/wan2013_table4.py. Under ten minutes a run on 2 idle
cores.

python scripts/train.py --config=configs/cifar10_cnn.py:dropout --workdir=results/cifar10
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "cifar10"
    config.data.scaling = "channel"
    config.data.augment = "crop_flip"
    config.model.name = "cnn"
    config.model.stages = (32, 64, 128)
    config.model.widths = (256,)
    config.model.batch_norm = True
    config.dropout.input_rate = 0.0
    config.train.batch_size = 64
    config.train.epochs = 20
    config.optimizer.lr = 0.05
    config.optimizer.weight_decay = 5e-4
    config.schedule.name = "cosine"
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config
