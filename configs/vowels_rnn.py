r"""JapaneseVowels, nine speakers told apart by how they say two vowels, read by a GRU.

270 and 370 utterances of 7 to 29 frames with 12 LPC cepstrum coefficients each (M. Kudo, J. Toyama,
M. Shimbo, *Multidimensional curve classification using passing-through regions*, Pattern
Recognition Letters 20, 1999). `scripts/prepare_sequences.py` writes the file; the variable
DROPOUT_LAB_DATA names its folder.

python scripts/sweep.py --config=configs/vowels_rnn.py --vary=seed=0,1,2 \
    --vary=variant=none,dropout,variational_rnn,recurrent_dropout,zoneout
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "npz"
    config.data.path = "$DROPOUT_LAB_DATA/japanese_vowels.npz"
    config.data.scaling = "channel"
    config.model.name = "rnn"
    config.model.cell = "gru"
    config.model.units = 96
    config.model.widths = ()
    config.dropout.input_rate = 0.1
    config.dropout.rate = 0.25
    config.train.batch_size = 32
    config.train.epochs = 2 if smoke else 60
    config.optimizer.name = "adam"
    config.optimizer.lr = 2e-3
    config.schedule.name = "cosine"
    return config
