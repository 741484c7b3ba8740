r"""WordNet's definitions of nouns, classified by the kind of thing they define, from their words.

68k and 11k glosses, 25 classes (C. Fellbaum, *WordNet: an electronic lexical database*, MIT Press
1998, version 3.0), which `scripts/prepare_sequences.py` writes; the variable DROPOUT_LAB_DATA names
their folder. A linear SVM on tf-idf errs in 17.1 % of the test part. An LSTM reads the words; with
`--config.model.name=mlp --config.model.widths='(256,)'` an MLP reads the mean of their embeddings,
a bag of words, and `--config.model.name=transformer` has attention among them. Rates and learning
rate are not tuned.

python scripts/sweep.py --config=configs/glosses.py --vary=seed=0,1,2 \
    --vary=variant=none,dropout,variational_rnn,recurrent_dropout,zoneout
"""

from ml_collections import ConfigDict

from dropout_lab.config import variant_config


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.data.name = "text_lines"
    config.data.path = "$DROPOUT_LAB_DATA/glosses"
    config.data.vocabulary = 20_000
    config.data.window = 32
    config.model.name = "rnn"
    config.model.cell = "lstm"
    config.model.units = 128
    config.model.embedding = 128
    config.model.widths = ()
    config.dropout.input_rate = 0.2
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
