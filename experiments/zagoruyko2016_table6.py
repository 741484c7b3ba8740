"""Dropout between the convolutions of wide residual blocks, on CIFAR-10.

python scripts/reproduce.py --experiment=zagoruyko2016_table6 --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import Better, Cell, CellMetric, Experiment, Protocol, Published, Table
from dropout_lab.sweeps.grid import Overrides

NETWORKS: dict[str, Overrides] = {
    "WRN-16-4": {"model.depth": 16, "model.widening": 4},
    "WRN-28-10": {"model.depth": 28, "model.widening": 10},
    "WRN-52-1": {"model.depth": 52, "model.widening": 1},
}
RATES = {"no dropout": 0.0, "dropout": 0.3}
PAPER = {
    "WRN-16-4": {"no dropout": 5.02, "dropout": 5.24},
    "WRN-28-10": {"no dropout": 4.00, "dropout": 3.89},
    "WRN-52-1": {"no dropout": 6.43, "dropout": 6.28},
}
DEPARTURES = (
    "images are cropped from a black margin, not from one that mirrors them",
    "only weights decay; in the authors' code all parameters do",
    "means are compared with the paper's medians",
)

EXPERIMENT = Experiment(
    title="Dropout inside the blocks of wide residual networks on CIFAR-10",
    citation="S. Zagoruyko, N. Komodakis, Wide residual networks, BMVC 2016",
    source="Table 6, CIFAR-10, read in the text of the paper, WRN-28-10 in the README of the "
    "authors' repository: medians of 5, no spread",
    base={
        "data.name": "cifar10",
        "data.scaling": "channel",
        "data.augment": "crop_flip",
        "data.val_size": 0,
        "model.name": "resnet",
        "variant": "dropout",
        "dropout.rate": 0.0,
        "dropout.input_rate": 0.0,
        "train.batch_size": 128,
        "optimizer.lr": 0.1,
        "optimizer.nesterov": True,
        "optimizer.weight_decay": 5e-4,
        "schedule.name": "step",
        "schedule.decay_rate": 0.2,
    },
    cells={
        f"{network}, {method}": Cell(
            {**shape, "dropout.stage_rates": rate},
            paper={"test_error": Published(PAPER[network][method], n=5)},
        )
        for network, shape in NETWORKS.items()
        for method, rate in RATES.items()
    },
    headline=CellMetric("WRN-16-4, dropout"),
    claims=(
        Better("WRN-16-4, no dropout", than="WRN-16-4, dropout"),
        Better("WRN-28-10, dropout", than="WRN-28-10, no dropout"),
        Better("WRN-52-1, dropout", than="WRN-52-1, no dropout"),
    ),
    protocols={
        "paper": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="not measured; for an accelerator, nearly all of it for WRN-28-10",
            base={"train.epochs": 200, "schedule.boundaries": (60, 120, 160)},
            departures=DEPARTURES,
        ),
        "short": Protocol(
            seeds=(0, 1, 2),
            cost="about 30 minutes on 2 cores, estimated",
            base={
                "data.train_size": 10_000,
                "train.epochs": 15,
                "schedule.boundaries": (5, 9, 12),
            },
            cells={
                f"WRN-16-4, {method}": {"model.depth": 10, "model.widening": 1} for method in RATES
            },
            excluded_cells=tuple(
                f"{network}, {method}" for network in ("WRN-28-10", "WRN-52-1") for method in RATES
            ),
            departures=DEPARTURES,
            shortened=(
                "one network, of depth 10 and width 1 in place of 16 and 4; no WRN-28-10, no "
                "WRN-52-1",
                "10,000 training images, not 50,000",
                "15 epochs, not 200",
                "three networks of each, not five",
            ),
        ),
    },
    table=Table(
        columns=tuple(RATES),
        rows={
            network: tuple(CellMetric(f"{network}, {method}") for method in RATES)
            for network in NETWORKS
        },
    ),
)
