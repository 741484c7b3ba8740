r"""CIFAR-10 by a small vision transformer: four layers of 128 over 64 patches of 4 x 4 pixels.

Images are cropped and mirrored; Adam with a cosine schedule, 6 epochs of the 45,000 training
images: far too few and too small a network for a published number, of which it reproduces none.
Rates are the variants' defaults, and neither learning rate nor length was tuned, for no variant.
With ``dropout.patch_share=0.5`` patch dropout computes half of the patches only, and a step of 64
images takes 0.22 s of a core instead of 0.45 s.

python scripts/sweep.py --config=configs/cifar10_vit.py --vary=seed=0,1,2 \
    --vary=variant=none,dropout,attention_dropout,drop_key,stochastic_depth,patch_dropout
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "cifar10"
    config.data.scaling = "channel"
    config.data.augment = "crop_flip"
    config.model.name = "transformer"
    config.model.patch_size = 4
    config.model.layers = 4
    config.model.width = 128
    config.model.heads = 4
    config.model.ff_width = 256
    config.train.batch_size = 128
    config.train.epochs = 6
    config.optimizer.name = "adam"
    config.optimizer.lr = 1e-3
    config.schedule.name = "cosine"
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config
