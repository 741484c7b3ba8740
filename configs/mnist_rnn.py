r"""MNIST read row by row by an LSTM of 128 units: dropout in recurrent networks, side by side.

28 steps of 28 pixels; Adam with a cosine schedule, 6 epochs of the 50,000 training images. Rates:
0.25 on the state (Gal and Ghahramani 2016, their example), 0.15 for zoneout (Krueger et al. 2017,
their permuted MNIST), 0.1 on the input; learning rate and length were not tuned, for no variant.
It reproduces no published number: Krueger et al. read pixel by pixel, for far longer
(``model.sequence=pixels``, ``model.permutation=0``). Measured, 3 seeds: see README.md.

python scripts/sweep.py --config=configs/mnist_rnn.py --vary=seed=0,1,2 \
    --vary=variant=none,variational_rnn,recurrent_dropout,zoneout,naive_recurrent
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "mnist"
    config.model.name = "rnn"
    config.model.cell = "lstm"
    config.model.units = 128
    config.model.sequence = "rows"
    config.model.widths = ()
    config.dropout.input_rate = 0.1
    config.dropout.rate = 0.25
    config.train.batch_size = 128
    config.train.epochs = 6
    config.optimizer.name = "adam"
    config.optimizer.lr = 2e-3
    config.schedule.name = "cosine"
    if smoke:
        config.data.train_size, config.data.val_size = 512, 256
        config.train.epochs = 1
    return config
