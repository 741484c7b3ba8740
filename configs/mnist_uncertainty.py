"""A 784-256-256-10 ReLU network on 12,000 of MNIST's images, to score uncertainty at small cost.

The sweep: 15 networks without dropout, the members of ensembles; 3 with dropout; 3 Masksembles for
each number of masks. Learning rate, epochs, rates and scale are plausible values, not tuned. Ten
minutes on two cores with other work.

python scripts/sweep.py --config=configs/mnist_uncertainty.py --sweep=configs/mnist_uncertainty.py \
    --workdir=DIR
"""

from collections.abc import Iterator

from ml_collections import ConfigDict

from dropout_lab.config import variant_config
from dropout_lab.sweeps import chain, product
from dropout_lab.sweeps.grid import Overrides, parse


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "mnist"
    config.data.train_size = 12_000
    config.model.widths = (256, 256)
    config.schedule.name = "cosine"
    config.train.epochs = 30
    config.optimizer.max_norm = 2.0
    config.run.save_model = True
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config


def get_sweep() -> Iterator[Overrides]:
    """Returns the networks of the comparison."""
    return chain(
        product(parse(["variant=none", "seed=0:15"])),
        product(parse(["variant=dropout", "seed=0:3"])),
        product(parse(["variant=masksembles", "dropout.masks=2,5,10,30", "seed=0:3"])),
    )
