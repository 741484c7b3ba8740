"""Every variant that a transformer can have, each at its best rate, on scikit-learn's digits.

python scripts/reproduce.py --experiment=digits_transformer --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import Better, Cell, CellMetric, Experiment, Protocol
from dropout_lab.sweeps.grid import Grid, Overrides

UNITS: Grid = {"dropout.rate": (0.1, 0.2, 0.4)}
LAST: Grid = {"dropout.rate": (0.1, 0.3, 0.5)}  # of layers at the output only
HEADS: Grid = {"dropout.attention_rate": (0.1, 0.2, 0.4)}
BRANCHES: Grid = {"dropout.branch_rate": (0.1, 0.2, 0.4)}
STEPS: Grid = {"dropout.embedding_rate": (0.1, 0.2, 0.4)}
WEIGHT: Grid = {"dropout.penalty_weight": (0.01, 0.1, 1.0)}
GRIDS: dict[str, Grid] = {
    "none": {},
    "dropout": {
        "dropout.embedding_rate": (0.05, 0.2),
        "dropout.projection_rate": (0.05, 0.2),
    },
    "attention_dropout": HEADS,
    "drop_key": HEADS,
    "drop_head": HEADS,
    "stochastic_depth": BRANCHES,
    "layer_drop": BRANCHES,
    "patch_dropout": {"dropout.patch_rate": (0.1, 0.2, 0.4)},
    "embedding_dropout": STEPS,
    "word_dropout": STEPS,
    "classic_dropout": UNITS,
    "gaussian_dropout": UNITS,
    "uniform_dropout": {"dropout.rate": (0.05, 0.1, 0.25)},
    "alpha_dropout": {"dropout.rate": (0.05, 0.1, 0.2)},
    "masksembles": {"dropout.scale": (1.5, 2.0, 3.0)},
    "variational_dropout": WEIGHT,
    "shakeout": {"dropout.rate": (0.1, 0.3), "dropout.strength": (0.01, 0.1)},
    "fast_dropout": LAST,
    "deterministic_fast_dropout": LAST,
    "variational_weights": WEIGHT,
    "sparse_variational_dropout": WEIGHT,
    "concrete_dropout": WEIGHT,
}
EXPECTED = (
    *("dropout", "attention_dropout", "drop_key", "drop_head"),
    *("stochastic_depth", "layer_drop", "patch_dropout"),
)
NETWORK: Overrides = {"model.layers": 2, "model.width": 32, "model.ff_width": 64}
ASSUMED = (
    "a variant without a rate, or which learns it, is tuned in its penalty's weight or its masks' "
    "scale; all other options are the defaults",
    "the learning rate was chosen without noise and with attention dropout, by one network of each",
)

EXPERIMENT = Experiment(
    title="Every variant that a transformer can have, on digits",
    citation="No paper: a question of this repository",
    source="no numbers; the claims are expectations, written down before the run",
    base={
        "data.name": "digits",
        "model.name": "transformer",
        "model.sequence": "rows",
        "model.heads": 4,
        "train.batch_size": 64,
        "optimizer.name": "adam",
        "optimizer.lr": 3e-3,
        "schedule.name": "cosine",
    },
    cells={variant: Cell({"variant": variant}, grid) for variant, grid in GRIDS.items()},
    headline=CellMetric("attention_dropout"),
    claims=tuple(Better(variant, than="none", paired=True) for variant in EXPECTED),
    protocols={
        "paper": Protocol(
            seeds=tuple(range(10)),
            search_seeds=(1000, 1001, 1002, 1003, 1004),
            cost="not measured; about four hours on 2 idle cores",
            base={"model.layers": 4, "model.width": 64, "model.ff_width": 256, "train.epochs": 60},
            assumed=ASSUMED,
        ),
        "short": Protocol(
            seeds=(0, 1, 2),
            cost="half an hour of a core that much other work shared, estimated",
            base={**NETWORK, "train.epochs": 20},
            assumed=ASSUMED,
            shortened=(
                "two layers of 32, not four of 64",
                "20 epochs, not 60",
                "three networks of each and one to choose by, not ten and five",
            ),
        ),
    },
)
