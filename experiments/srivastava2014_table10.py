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

RATES = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}
MAX_NORM = {"optimizer.max_norm": (2.0,)}
INVERTED = (
    "what is kept is divided by p in training, in place of weights multiplied by p at test time: "
    "a max-norm of c bounds this form as one of c / p bounds the paper's"
)
ASSUMED = (
    "batches of 100, as in the code that the authors published",
    "a learning rate that falls to 0 as a cosine; the paper gives none",
    "units are kept with probability 0.5, inputs with 0.8, as in the paper's other networks on "
    "MNIST, and the noise has the variance (1 - p) / p",
    "He's initial weights; the paper does not give its own",
)
BY_DESCENT = (
    *ASSUMED,
    "a learning rate of 0.1 at the start, and a momentum of 0.95 from the start on, without a "
    "factor of 1 - momentum; the paper gives only the final momentum",
)
NOTE = "The 0.15 points of the second claim are our bound; in the paper the difference is 0.13."

EXPERIMENT = Experiment(
    title="Bernoulli and Gaussian dropout on MNIST, 784-1024-1024-10 ReLU",
    citation="N. Srivastava et al., Dropout, JMLR 15:1929-1958, 2014",
    source="Table 10, MNIST, read in the text of the paper: mean and deviation of 10 seeds",
    base={
        "data.name": "mnist",
        "model.widths": (1024, 1024),
        "train.batch_size": 100,
        "optimizer.lr": 0.1,
        "schedule.name": "cosine",
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
            base={"train.updates": 1_000_000, "optimizer.momentum": 0.95},
            assumed=BY_DESCENT,
            remarks=(NOTE,),
        ),
        "short": Protocol(
            seeds=tuple(range(10)),
            cost="10 minutes on 2 cores that other work shared",
            base={
                "data.train_size": 8000,
                "data.val_size": 4000,
                "train.epochs": 60,
                "model.widths": (512, 512),
                "optimizer.name": "adam",
                "optimizer.lr": 1e-3,
            },
            cells={"Bernoulli": {"variant": "dropout"}},
            departures=(INVERTED,),
            assumed=ASSUMED,
            shortened=(
                "12,000 of the 60,000 images: with all of them dropout trails for dozens of epochs",
                "60 epochs (7,200 updates), not 1,000,000 updates",
                "512 units in each layer, not 1024",
                "Adam at 0.001, not gradient descent with momentum 0.95: momentum of 0.9 did worse "
                "in a trial of 15 epochs (experiments/results/mnist_lr_adam)",
            ),
            remarks=(
                NOTE,
                "The interval of the difference excludes the paper's 0.13. Most likely what sets "
                "the two apart needs more images or more updates to show. Underfitting is not the "
                "reason: both err on less than 0.03 % of their training images.",
            ),
        ),
    },
)
