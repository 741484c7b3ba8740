"""Dropout after every layer of LeNet on MNIST: averaged noisy passes against scaled weights.

python scripts/reproduce.py --experiment=gal2016_lenet --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import (
    Better,
    Cell,
    CellMetric,
    Experiment,
    InferenceRule,
    Protocol,
    Table,
)
from dropout_lab.sweeps.grid import Overrides

NONE = "no dropout"
DENSE = "dropout after the dense layer"
ALL = "dropout after every layer"
AT_REST = InferenceRule("mean")
[SCALED] = AT_REST.metrics
DROPOUT: Overrides = {"variant": "dropout", "eval.inference": "mc", "eval.passes": 50}
DEPARTURES = (
    "only weights decay; in the authors' files biases do too",
    "weights start from normal distributions (He's in front of ReLUs, LeCun's elsewhere), in the "
    "authors' files from uniform ones (Caffe's filler xavier); pixels are divided by 255, not 256",
)

EXPERIMENT = Experiment(
    title="Scaled weights and averaged passes in LeNet with dropout on MNIST",
    citation="Y. Gal, Z. Ghahramani, Bayesian convolutional neural networks with Bernoulli "
    "approximate variational inference, arXiv:1506.02158",
    source="A figure of curves for MNIST with no numbers to compare with, only an order, which two "
    "summaries of the paper tell; networks and training read in the Caffe files that the authors "
    "published",
    base={
        "data.name": "mnist",
        "model.name": "cnn",
        "model.stages": (20, 50),
        "model.kernel_size": 5,
        "model.padding": "valid",
        "model.stage_activation": "identity",
        "model.noise_before_pool": True,
        "model.widths": (500,),
        "dropout.input_rate": 0.0,
        "dropout.rate": 0.5,
        "train.batch_size": 64,
        "optimizer.lr": 0.01,
        "optimizer.weight_decay": 5e-4,
        "optimizer.bias_lr_factor": 2.0,
        "schedule.name": "inverse",
        "schedule.gamma": 1e-4,
        "schedule.power": 0.75,
    },
    cells={
        NONE: Cell({"variant": "none"}),
        DENSE: Cell({**DROPOUT, "dropout.stage_rates": 0.0}),
        ALL: Cell({**DROPOUT, "dropout.stage_rates": 0.5}),
    },
    headline=CellMetric(ALL),
    claims=(
        Better(ALL, than=CellMetric(ALL, SCALED), paired=True),
        Better(CellMetric(DENSE, SCALED), than=CellMetric(ALL, SCALED)),
        Better(ALL, than=DENSE),
        Better(ALL, than=NONE),
    ),
    protocols={
        "paper": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="not measured; weeks on 2 cores, or an accelerator",
            base={"train.updates": 10_000_000},
            evaluations=(AT_REST,),
            departures=DEPARTURES,
        ),
        "full": Protocol(
            seeds=tuple(range(10, 20)),
            cost="about 1.7 hours on 2 idle cores, estimated from protocol short",
            base={"train.updates": 10_000},
            evaluations=(AT_REST,),
            departures=DEPARTURES,
            assumed=(
                "ten networks of each kind, none with a seed of protocol short, whose test errors "
                "were known",
            ),
        ),
        "short": Protocol(
            seeds=(0, 1, 2),
            cost="32 minutes on 2 cores, beside other work",
            base={"train.updates": 10_000},
            evaluations=(AT_REST,),
            departures=DEPARTURES,
            shortened=(
                "10,000 updates (10.7 epochs), not 10,000,000; the learning rate ends at 0.6 of "
                "its start, not at 0.006",
            ),
            remarks=(
                "All four differences go the paper's way; three networks of each kind are too few "
                "to tell them from chance.",
            ),
        ),
    },
    table=Table(
        columns=("weight scaling", "50 passes"),
        rows={
            NONE: (CellMetric(NONE), None),
            **{label: (CellMetric(label, SCALED), CellMetric(label)) for label in (DENSE, ALL)},
        },
    ),
)
