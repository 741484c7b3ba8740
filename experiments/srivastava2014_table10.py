"""Gaussian noise in place of Bernoulli's on MNIST: as good or slightly better.

python scripts/reproduce.py --experiment=srivastava2014_table10 --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import (
    Alike,
    Better,
    Cell,
    CellMetric,
    Experiment,
    Protocol,
    Published,
)
from experiments import _srivastava2014_mnist as shared

RATES = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}
MAX_NORM = {"optimizer.max_norm": (2.0,)}
ASSUMED = (
    f"max-norm 2 with either noise; {shared.NETWORKS_OF_B1}",
    "ReLUs; the table does not name the units",
)
NOTE = "The 0.15 points of the second claim are our bound; in the paper the difference is 0.13."

EXPERIMENT = Experiment(
    title="Bernoulli and Gaussian dropout on MNIST, 784-1024-1024-10 ReLU",
    citation=shared.CITATION,
    source="Table 10, MNIST, read in the text of the paper: means of 10 seeds, with a spread "
    "that the paper does not name, taken to be their standard deviation",
    base={
        **shared.BASE,
        "model.widths": (1024, 1024),
    },
    cells={
        "Bernoulli": Cell(
            {"variant": "classic_dropout", **RATES},
            MAX_NORM,
            {"test_error": Published(1.08, std=0.04, n=10)},
        ),
        "Gaussian": Cell(
            {"variant": "gaussian_dropout", **RATES},
            MAX_NORM,
            {"test_error": Published(0.95, std=0.04, n=10)},
        ),
    },
    headline=CellMetric("Gaussian"),
    claims=(
        Better("Gaussian", than="Bernoulli"),
        Alike("Gaussian", "Bernoulli", within=0.15),
    ),
    protocols={
        "paper": Protocol(
            seeds=tuple(range(10)),
            cost="not measured; about eight days on 2 cores",
            base=shared.LONG,
            assumed=(*shared.ASSUMED_LONG, *ASSUMED),
            remarks=(NOTE,),
        ),
        "full": Protocol(
            seeds=tuple(range(10)),
            cost="about 3.5 hours on 2 idle cores, estimated from epochs of protocol short",
            base=shared.FULL,
            assumed=(*shared.ASSUMED_LONG, *ASSUMED),
            remarks=(NOTE,),
        ),
        "short": Protocol(
            seeds=tuple(range(10)),
            cost="10 minutes on 2 cores that other work shared",
            base={
                **shared.FEW_IMAGES,
                "train.epochs": 60,
                "model.widths": (512, 512),
                **shared.ADAM,
            },
            cells={"Bernoulli": {"variant": "dropout"}},
            departures=(shared.INVERTED,),
            assumed=(*shared.ASSUMED, *ASSUMED),
            shortened=(
                shared.ON_FEW_IMAGES,
                "60 epochs (7,200 updates), not 1,000,000 updates",
                "512 units in each layer, not 1024",
                shared.BY_ADAM,
            ),
            remarks=(
                NOTE,
                "Bernoulli's noise is divided by p here and both networks have a max-norm of 2. "
                "In the paper's form, in which weights are multiplied by p at test time, the same "
                "bound on both would be tighter for Bernoulli's noise than for Gaussian noise, "
                "twice as tight behind hidden units: a difference that this run removes.",
                "The interval of the difference excludes the paper's 0.13. Most likely what sets "
                "the two apart needs more images or more updates to show. Underfitting is not the "
                "reason: both err on less than 0.03 % of their training images.",
            ),
        ),
    },
)
