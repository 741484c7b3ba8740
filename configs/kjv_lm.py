r"""The King James Bible, word by word: an LSTM that predicts the next word.

0.94 million words and punctuation marks, 80, 10 and 10 % of the verses in order;
`scripts/prepare_sequences.py` writes them, and the variable DROPOUT_LAB_DATA names their folder.
Windows of 35 words start from a state of zeros, where W. Zaremba, I. Sutskever, O. Vinyals,
*Recurrent neural network regularization*, 2014, arXiv:1409.2329, carry it over. Dropout is theirs,
on what enters the cell and what leaves it. `--config.model.name=transformer` predicts the words in
its place. Nothing is tuned. Mikolov's files of the Penn Treebank take the place of
the text with `--config.data.path=FOLDER --config.data.tokens=spaced`.

python scripts/sweep.py --config=configs/kjv_lm.py --value=test_perplexity --vary=seed=0,1,2 \
    --vary=variant=none,dropout
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "text"
    config.data.path = "$DROPOUT_LAB_DATA/kjv"
    config.data.vocabulary = 8_000
    config.data.window = 35
    config.model.name = "rnn"
    config.model.cell = "lstm"
    config.model.units = 200
    config.model.head = "token"
    config.model.widths = ()
    config.dropout.input_rate = 0.2
    config.dropout.rate = 0.2
    config.train.batch_size = 32
    config.train.epochs = 5
    config.optimizer.name = "adam"
    config.optimizer.lr = 2e-3
    config.optimizer.clip_norm = 1.0
    config.schedule.name = "cosine"
    if smoke:
        config.data.train_size, config.data.val_size = 128, 64
        config.train.epochs = 1
    return config
