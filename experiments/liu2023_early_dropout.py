"""Dropout only early, for a transformer that underfits, and only late, for one that overfits.

python scripts/reproduce.py --experiment=liu2023_early_dropout --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import Better, Cell, CellMetric, Experiment, Protocol, Table
from dropout_lab.sweeps.grid import Overrides

DROPOUT: Overrides = {
    "variant": "dropout",
    "dropout.embedding_rate": 0.1,
    "dropout.projection_rate": 0.1,
    "dropout.rate": 0.1,
}
EARLY: Overrides = {"rate_schedule.name": "early_linear"}
LATE: Overrides = {"rate_schedule.name": "late_constant"}


def depth(rate: float) -> Overrides:
    """Returns stochastic depth."""
    return {"variant": "stochastic_depth", "dropout.branch_rate": rate}


UNDERFITTING: dict[str, Overrides] = {
    "small, none": {"variant": "none"},
    "small, dropout": DROPOUT,
    "small, early dropout": {**DROPOUT, **EARLY},
    "small, stochastic depth": depth(0.5),
    "small, early stochastic depth": {**depth(0.5), **EARLY},
}
OVERFITTING: dict[str, Overrides] = {
    "few images, none": {"variant": "none"},
    "few images, stochastic depth": depth(0.4),
    "few images, late stochastic depth": {**depth(0.4), **LATE},
}
CELLS = {**UNDERFITTING, **OVERFITTING}


def cells_of(small: Overrides, few: Overrides) -> dict[str, Overrides]:
    """Returns sizes and length by cell; rates that change do so after a sixth of the training."""
    sizes = {
        **dict.fromkeys(UNDERFITTING, small),
        **dict.fromkeys(OVERFITTING, few),
    }
    return {
        label: {**values, "rate_schedule.epochs": values["train.epochs"] / 6}
        if "rate_schedule.name" in CELLS[label]
        else values
        for label, values in sizes.items()
    }


LOSS = "train_nll"
TEST_LOSS = "test_nll"
ASSUMED = (
    "rates, the straight fall of early ones, the constant late one and the sixth of the training "
    "at which they change are those of the commands in the authors' repository; dropout of "
    "embeddings, projections and feed-forward units alike",
)
DEPARTURES = (
    "MNIST, not ImageNet: a small network underfits all images, a larger one overfits few",
    "no mixup, CutMix or other augmentation, and Adam without weight decay",
)

EXPERIMENT = Experiment(
    title="Early dropout against underfitting, late dropout against overfitting, on MNIST",
    citation="Z. Liu, Z. Xu, J. Jin, Z. Shen, T. Darrell, Dropout reduces underfitting, ICML 2023, "
    "arXiv:2303.01500",
    source="Its abstract, and the tables of its authors' repository, which are of ImageNet: no "
    "numbers to compare. The abstract claims a lower final training loss with early dropout than "
    "without; both claim better generalisation, of late stochastic depth over the standard one too",
    base={
        "data.name": "mnist",
        "data.val_size": 0,
        "model.name": "transformer",
        "model.patch_size": 7,
        "model.heads": 4,
        "optimizer.name": "adam",
        "optimizer.lr": 1e-3,
        "schedule.name": "cosine",
    },
    cells={label: Cell(values) for label, values in CELLS.items()},
    headline=CellMetric("small, early dropout", LOSS),
    claims=(
        *(
            Better(
                CellMetric(f"small, early {noise}", LOSS),
                than=CellMetric("small, none", LOSS),
                paired=True,
            )
            for noise in ("dropout", "stochastic depth")
        ),
        *(
            Better(f"small, early {noise}", than="small, none", paired=True)
            for noise in ("dropout", "stochastic depth")
        ),
        *(
            Better("small, none", than=f"small, {noise}", paired=True)
            for noise in ("dropout", "stochastic depth")
        ),
        Better(
            "few images, late stochastic depth", than="few images, stochastic depth", paired=True
        ),
        Better(
            CellMetric("few images, late stochastic depth", TEST_LOSS),
            than=CellMetric("few images, none", TEST_LOSS),
            paired=True,
        ),
    ),
    protocols={
        "paper": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="not measured; weeks on 2 cores",
            base={"model.layers": 12, "train.batch_size": 128},
            cells=cells_of(
                {"model.width": 192, "model.ff_width": 768, "train.epochs": 300},
                {"model.width": 768, "model.ff_width": 3072, "train.epochs": 300},
            ),
            departures=DEPARTURES,
            assumed=ASSUMED,
        ),
        "short": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="18 minutes of a core that much other work shared",
            base={"model.layers": 2},
            cells=cells_of(
                {
                    "data.train_size": 12_000,
                    "model.width": 16,
                    "model.ff_width": 32,
                    "train.batch_size": 128,
                    "train.epochs": 6,
                    "optimizer.lr": 3e-3,
                },
                {
                    "data.train_size": 500,
                    "model.width": 32,
                    "model.ff_width": 64,
                    "train.batch_size": 50,
                    "train.epochs": 60,
                },
            ),
            departures=DEPARTURES,
            assumed=ASSUMED,
            shortened=(
                "two layers of 16 that see 12,000 images 6 times, and two of 32 that see 500 "
                "images 60 times, not twelve of 192 and of 768 that see all 300 times",
            ),
            remarks=(
                "Early dropout does not lower the final training loss here, nor the test error: "
                "both kinds end within 0.02 nats of no noise, and five networks leave room for "
                "0.07 either way. What holds is that noise kept to the end costs a small network "
                "seven points, and that ending it after the first of six epochs costs at most 0.07 "
                "nats of that loss. The likeliest reason: 560 updates of a cosine are short enough "
                "that every noisy one is lost, where the authors train for 300 epochs; rates and "
                "the epoch of the change are theirs and were not tuned.",
                "On 500 images late stochastic depth lowers the test loss from 1.23 to 1.02 nats, "
                "and so does the standard one, to 1.01: that late noise is better than noise from "
                "the start is neither shown nor excluded.",
            ),
        ),
    },
    table=Table(
        columns=("training loss (nats)", "test loss (nats)", "test error (%)"),
        rows={
            label: tuple(CellMetric(label, metric) for metric in (LOSS, TEST_LOSS, "test_error"))
            for label in CELLS
        },
    ),
)
