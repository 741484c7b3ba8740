r"""MNIST by a small vision transformer: four layers of 128 over 16 patches of 7 x 7 pixels.

Dropout where it is used today, side by side: units, attention, heads, layers and patches. Adam with
a cosine schedule, 10 epochs of the 50,000 training images; rates are the variants' defaults, and
neither learning rate nor length was tuned, for no variant. It reproduces no published number.

python scripts/sweep.py --config=configs/mnist_vit.py --vary=seed=0,1,2 \
    --vary=variant=none,dropout,attention_dropout,drop_key,drop_head,layer_drop,patch_dropout
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "mnist"
    config.model.name = "transformer"
    config.model.patch_size = 7
    config.model.layers = 4
    config.model.width = 128
    config.model.heads = 4
    config.model.ff_width = 256
    config.train.batch_size = 128
    config.train.epochs = 10
    config.optimizer.name = "adam"
    config.optimizer.lr = 1e-3
    config.schedule.name = "cosine"
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config
