"""Gaussian noise in place of Bernoulli's on MNIST: as good or slightly better.

python scripts/reproduce.py --experiment=srivastava2014_table10 --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import (
    Alike,
    Better,
    Cell,
    Experiment,
    Protocol,
    Published,
    Value,
)
from experiments import _srivastava2014_mnist as shared

RATES = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}
MAX_NORM = {"optimizer.max_norm": (2.0,)}
ASSUMED = (
    "units are kept with probability 0.5, inputs with 0.8, as in the paper's other networks on "
    "MNIST, and the noise has the variance (1 - p) / p",
)
NOTE = "The 0.15 points of the second claim are our bound; in the paper the difference is 0.13."

EXPERIMENT = Experiment(
    title="Bernoulli and Gaussian dropout on MNIST, 784-1024-1024-10 ReLU",
    citation=shared.CITATION,
    source="Table 10, MNIST, read in the text of the paper: mean and deviation of 10 seeds",
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
    headline=Value("Gaussian"),
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
                "In the paper's form, in which weights are multiplied by p at test time, that "
                "bound is twice as tight for Bernoulli's as for Gaussian noise: a difference that "
                "this run removes.",
                "The interval of the difference excludes the paper's 0.13. Most likely what sets "
                "the two apart needs more images or more updates to show. Underfitting is not the "
                "reason: both err on less than 0.03 % of their training images.",
            ),
        ),
    },
)
