"""Regularisers compared on one network and MNIST, each tuned: dropout with max-norm does best.

python scripts/reproduce.py --experiment=srivastava2014_table9 --protocol=short --workdir=DIR
"""

from dropout_lab.reproduce import (
    Below,
    Better,
    Cell,
    CellMetric,
    Experiment,
    Ordered,
    Protocol,
    Published,
)
from experiments import _srivastava2014_mnist as shared

NONE = {"variant": "none"}
DROPOUT = {"variant": "classic_dropout", "dropout.rate": 0.5, "dropout.input_rate": 0.2}
L2 = {"optimizer.weight_decay": (1e-5, 1e-4, 1e-3)}
LATE_L1 = {"optimizer.weight_decay": (1e-5, 1e-4), "loss.l1": (1e-6, 1e-5)}
SPARSE = {"optimizer.weight_decay": (1e-5, 1e-4), "loss.sparsity": (1e-5, 1e-4)}
LESS_L2 = {"optimizer.weight_decay": (1e-6, 1e-5, 1e-4)}
MAX_NORM = {"optimizer.max_norm": (2.0, 3.0, 4.0)}
ASSUMED = (
    "L1 over the last tenth of the updates; a mean activation of 0.05 as the target of hidden "
    "units, with the divergence of Poisson variables, as ReLUs may exceed 1",
)
DEPARTURES = (
    "the rates of dropout (0.5, 0.2 on the input) and the target of sparsity are fixed; the paper "
    "chooses both on validation images",
)
NOTE = "The 0.25 points of the first claim are our bound; in the paper it is 0.57."

EXPERIMENT = Experiment(
    title="Regularisers on MNIST, 784-1024-1024-2048-10 ReLU",
    citation=shared.CITATION,
    source="Table 9, read in the text of the paper, which gives no spread",
    base={
        **shared.BASE,
        "model.widths": (1024, 1024, 2048),
    },
    cells={
        "L2": Cell(NONE, L2, {"test_error": Published(1.62)}),
        "L2 + late L1": Cell(NONE, LATE_L1, {"test_error": Published(1.60)}),
        "L2 + KL-sparsity": Cell(NONE, SPARSE, {"test_error": Published(1.55)}),
        "max-norm": Cell(NONE, MAX_NORM, {"test_error": Published(1.35)}),
        "dropout + L2": Cell(DROPOUT, LESS_L2, {"test_error": Published(1.25)}),
        "dropout + max-norm": Cell(DROPOUT, MAX_NORM, {"test_error": Published(1.05)}),
    },
    headline=CellMetric("dropout + max-norm"),
    claims=(
        Better("dropout + max-norm", than="L2", by=0.25),
        Better("dropout + max-norm", than="max-norm"),
        Better("dropout + L2", than="L2"),
        Better("max-norm", than="L2"),
        Ordered(("dropout + max-norm", "dropout + L2", "max-norm", "L2")),
        Better("dropout + max-norm", than="L2 + KL-sparsity"),
    ),
    protocols={
        "paper": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="not measured; about ten days on 2 cores",
            base=shared.LONG,
            cells={"L2 + late L1": {"loss.l1_start": 1500.0}},
            departures=DEPARTURES,
            assumed=(*shared.ASSUMED_LONG, shared.FIVE_SEEDS, *ASSUMED),
            remarks=(NOTE,),
        ),
        "full": Protocol(
            seeds=(0, 1, 2, 3, 4),
            cost="about 8 hours on 2 idle cores, estimated from epochs of protocol short",
            base=shared.FULL,
            excluded_cells=("L2 + late L1", "L2 + KL-sparsity"),
            claims=(Below("dropout + max-norm", 1.25),),
            departures=(
                "the rates of dropout (0.5, 0.2 on the input) are fixed; the paper chooses "
                "them on validation images",
            ),
            assumed=(*shared.ASSUMED_LONG, shared.FIVE_SEEDS),
            remarks=(NOTE, "So is the bound of 1.25 %; the paper has 1.05 %."),
        ),
        "short": Protocol(
            seeds=(0, 1, 2),
            cost="61 minutes on 2 cores that other work shared",
            base={
                **shared.FEW_IMAGES,
                "train.epochs": 150,
                "model.widths": (512, 512, 1024),
                **shared.ADAM,
            },
            cells={
                "L2 + late L1": {"loss.l1_start": 135.0},
                **{f"dropout + {other}": {"variant": "dropout"} for other in ("L2", "max-norm")},
            },
            departures=(*DEPARTURES, shared.INVERTED),
            assumed=(*shared.ASSUMED, *ASSUMED),
            # Adam's weight decay is a share of the step, apart from the gradient.
            grid={
                "optimizer.weight_decay": (0.3, 1.0, 3.0, 10.0),
                "optimizer.max_norm": (0.5, 0.75, 1.0, 1.5),
                "loss.l1": (1e-5,),
                "loss.sparsity": (1e-4,),
            },
            shortened=(
                shared.ON_FEW_IMAGES,
                "150 epochs (18,000 updates; 12,000 where settings are chosen, by 4,000 of the "
                "images), not 1,000,000 updates",
                "512, 512 and 1024 units, not 1024, 1024 and 2048",
                shared.BY_ADAM,
                "L2 is the weight decay that goes with Adam, apart from its averages of gradients",
                "weight decay from 0.3 to 10 and max-norm from 0.5 to 1.5 chosen by one seed; "
                "the weights of L1 (0.00001) and of KL-sparsity (0.0001) not tuned",
                "three networks of each",
            ),
            remarks=(
                NOTE,
                "Training was made longer because validation errors fall with dropout and not "
                "with L2 (experiments/results/mnist_epochs_dropout); where the choice had been the "
                "largest weight decay, a larger one was added. Of L2 with dropout the smallest was "
                "chosen now.",
            ),
            exploratory="Two earlier runs trained for 60 epochs; their test errors were known when "
            "these settings were chosen: L2 2.31, max-norm 2.48 and dropout with max-norm 2.17 % "
            "at the end.",
        ),
    },
)
