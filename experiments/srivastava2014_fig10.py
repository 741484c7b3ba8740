"""Test error against the number of training images, with dropout and without.

python scripts/reproduce.py --experiment=srivastava2014_fig10 --protocol=full --workdir=DIR
"""

from dropout_lab.reproduce import (
    Better,
    Cell,
    CellMetric,
    Curves,
    Experiment,
    Protocol,
    Published,
    Table,
)
from dropout_lab.sweeps.grid import Overrides
from experiments import _srivastava2014_mnist as shared

NOISE: dict[str, Overrides] = {
    "no dropout": {"variant": "none"},
    "dropout": {"variant": "classic_dropout", "dropout.rate": 0.5, "dropout.input_rate": 0.2},
}
PAPER = {
    100: {"no dropout": 22.84, "dropout": 26.62},
    500: {"no dropout": 13.07, "dropout": 13.19},
    1000: {"no dropout": 10.73, "dropout": 10.60},
    5000: {"no dropout": 4.69, "dropout": 2.94},
    10_000: {"no dropout": 3.27, "dropout": 2.39},
    50_000: {"no dropout": 1.69, "dropout": 1.28},
}
# 5,000 to 100 epochs: where a fixed number of epochs would be a few updates, more are made.
UPDATES = {100: 5000, 500: 5000, 1000: 5000, 5000: 10_000, 10_000: 15_000, 50_000: 50_000}
ASSUMED = (
    f"max-norm 2 in all networks, so that only the noise differs; {shared.NETWORKS_OF_B1}",
    "five seeds, and the same images for all of them; the paper says neither",
)

EXPERIMENT = Experiment(
    title="Dropout by the number of training images on MNIST, 784-1024-1024-2048-10 ReLU",
    citation=shared.CITATION,
    source="Figure 10, read off the vector drawing, to about 0.005; no spread",
    base={
        **shared.BASE,
        "data.val_size": 0,
        "model.widths": (1024, 1024, 2048),
        "optimizer.momentum": 0.95,
        "optimizer.max_norm": 2.0,
    },
    cells={
        f"{method}, {size}": Cell(
            {**noise, "data.train_size": size, "train.updates": 1_000_000},
            paper={"test_error": Published(PAPER[size][method])},
        )
        for size in PAPER
        for method, noise in NOISE.items()
    },
    headline=CellMetric("dropout, 5000"),
    claims=(
        Better("no dropout, 100", than="dropout, 100"),
        Better("dropout, 5000", than="no dropout, 5000"),
        Better("dropout, 10000", than="no dropout, 10000"),
        Better("dropout, 50000", than="no dropout, 50000"),
    ),
    protocols={
        "paper": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="not measured; weeks on 2 cores",
            assumed=(
                *shared.ASSUMED_LONG,
                *ASSUMED,
                "a million updates for every number of images; the paper gives no length here",
            ),
        ),
        "full": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="about 4 hours on 2 idle cores, estimated from the epochs of table 9",
            cells={
                f"{method}, {size}": {"train.updates": UPDATES[size]}
                for size in PAPER
                for method in NOISE
            },
            assumed=(*shared.ASSUMED_LONG, *ASSUMED),
        ),
    },
    table=Table(
        columns=tuple(NOISE),
        rows={
            f"{size} images": tuple(CellMetric(f"{method}, {size}") for method in NOISE)
            for size in PAPER
        },
    ),
    curves=Curves(
        x="training images",
        y="test error (%)",
        lines={
            method: {size: CellMetric(f"{method}, {size}") for size in PAPER} for method in NOISE
        },
    ),
)
