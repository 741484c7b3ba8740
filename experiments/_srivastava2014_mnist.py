"""What the experiments on MNIST of Srivastava et al. 2014 share: training, long and short."""

from dropout_lab.sweeps.grid import Overrides

CITATION = (
    "N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, "
    "JMLR 15:1929-1958, 2014"
)
BASE: Overrides = {
    "data.name": "mnist",
    "train.batch_size": 100,
    "optimizer.lr": 0.1,
    "schedule.name": "cosine",
}
LONG: Overrides = {"train.updates": 1_000_000, "optimizer.momentum": 0.95}
FULL: Overrides = {"train.epochs": 100, "optimizer.momentum": 0.95}
ADAM: Overrides = {"optimizer.name": "adam", "optimizer.lr": 1e-3}
FEW_IMAGES: Overrides = {"data.train_size": 8000, "data.val_size": 4000}

ASSUMED = (
    "batches of 100, as in the code that the authors published",
    "a learning rate that falls to 0 as a cosine, for all networks alike; the paper gives none",
    "He's initial weights; the paper does not give its own",
)
ASSUMED_LONG = (
    *ASSUMED,
    "a learning rate of 0.1 at the start where it is not tuned, and a momentum of 0.95 from the "
    "start on, without a factor of 1 - momentum; the paper gives only a final momentum, 0.95, of "
    "the networks of Figure 4 and Table 2",
)
NETWORKS_OF_B1 = "Appendix B.1 gives it for the networks of Figure 4 and Table 2"
FIVE_SEEDS = "five seeds; the paper gives one number and no count"
INVERTED = (
    "what is kept is divided by p in training, in place of weights multiplied by p at test time: "
    "a max-norm of c bounds this form as one of c / p bounds the paper's"
)
BY_ADAM = (
    "Adam at 0.001, not gradient descent with momentum 0.95: momentum of 0.9 did worse in a trial "
    "of 15 epochs (experiments/results/mnist_lr_adam)"
)
ON_FEW_IMAGES = "12,000 of the 60,000 images: with all of them dropout trails for dozens of epochs"
