# ---
# jupyter:
#   accelerator: TPU
#   colab:
#     gpuType: V5E1
#     provenance: []
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Dropout rates on an accelerator
#
# A sweep over rates, variants and seeds, its table and figure, a variant of your own, and the
# uncertainty of a network's predictions. On Colab choose *Runtime > Change runtime type > TPU*, set
# `REPOSITORY` below, and run all cells.
#
# (This notebook is generated from `scripts/colab_tpu_notebook.py`; change that file instead.)

# %%
BACKEND = "tpu"  # or gpu, or cpu
REPOSITORY = ""  # address to clone dropout_lab from; empty: the remote of this notebook's checkout
CHECKOUT = "/content/dropout_lab"
RESULTS = "/content/drive/MyDrive/dropout_lab"  # outlives the machine; /content/results does not
DATA = "mnist"
IMAGES = None  # number of training images; None: all
WIDTHS = (800, 800)
EPOCHS = 20
RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
SEEDS = [0, 1, 2, 3]
LANES = None  # trials side by side; None: the fastest number, by a short measurement
PASSES = 50

import os
import subprocess

import jax

print(f"jax {jax.__version__} on {jax.default_backend()}: {jax.devices()}")
assert jax.default_backend() == BACKEND, f"asked for {BACKEND}: change the runtime type, or BACKEND"


def git(*args):
    """Returns the output of a git command; empty if it fails."""
    process = subprocess.run(["git", *args], capture_output=True, text=True, check=False)
    return process.stdout.strip()


if not REPOSITORY and git("ls-files", ":/scripts/colab_tpu.ipynb"):
    REPOSITORY = git("remote", "get-url", "origin")
assert REPOSITORY or os.path.exists(CHECKOUT), (
    "REPOSITORY is empty, and this notebook lies in no checkout with a remote: set REPOSITORY, at "
    "the top of this cell, to the address that you would give to git clone"
)

# %% [markdown]
# ## Installing
#
# The machine's own versions of jax and its companions fit its accelerator, so they are kept.

# %%
from importlib.metadata import version

# !test -e {CHECKOUT} || git clone --quiet {REPOSITORY} {CHECKOUT}
# %cd {CHECKOUT}
kept = " ".join(f"{name}=={version(name)}" for name in ("jax", "jaxlib", "flax", "numpy"))
# %pip install --editable . {kept}

# %% [markdown]
# ## Saving
#
# Every finished trial is a file, and running trials are saved once a minute. With these on Drive, a
# disconnected notebook loses next to nothing: **run all cells again to continue**. The same holds
# after *Interrupt execution*.

# %%
if RESULTS.startswith("/content/drive"):
    from google.colab import drive

    drive.mount("/content/drive")

# %% [markdown]
# ## A sweep
#
# Rates, seeds and learning rates are inputs of the compiled program, so trials that differ in
# nothing else train side by side, as lanes of one program.

# %%
from configs import mnist_mlp
from dropout_lab.sweeps import Execution, Store, run_sweep

config = mnist_mlp.get_config("dropout")
config.data.name = DATA
config.data.train_size = IMAGES
config.model.widths = WIDTHS
config.train.epochs = EPOCHS
config.train.refit = False

store = Store(f"{RESULTS}/rates")
here = Execution(executor="local", lanes=LANES)
grid = {"variant": ["none", "dropout"], "dropout.rate": RATES, "seed": SEEDS}
failed = run_sweep(config, grid, store, here).failed

# %% [markdown]
# ## Table and figure

# %%
# %matplotlib inline
from IPython.display import Markdown, display

from dropout_lab.analysis import plot, table
from dropout_lab.analysis.summary import summarise


def show():
    """Shows the sweep's records as a table and a figure."""
    summary = summarise(store.records(), store.trials(), rows="variant", cols="dropout.rate")
    display(Markdown(table.render(summary, "markdown")), plot.draw(summary))


show()

# %% [markdown]
# ## A variant of your own
#
# It takes a layer, and a line with its place and its default rate. Here: flipping the signs of
# units. After a change give it another name, since records are kept by name.

# %%
import jax.numpy as jnp

from dropout_lab.nn import RatedNoise
from dropout_lab.variants import VARIANTS, LayerChoice, Variant


class SignFlip(RatedNoise):
    """Flips signs with probability ``rate``; at inference, multiplies by the mean."""

    max_rate = 0.5

    def sample(self, key, x):
        """Returns ``x`` with some of its signs flipped."""
        return jnp.where(jax.random.bernoulli(key, self.rate[...], x.shape), -x, x)

    def infer(self, x):
        """Returns the mean."""
        return (1 - 2 * self.rate[...]) * x


VARIANTS["sign_flip"] = Variant({"hidden": LayerChoice(SignFlip)}, defaults={"rate": 0.1})
flips = [rate / 2 for rate in RATES]
grid = {"variant": ["sign_flip"], "dropout.rate": flips, "seed": SEEDS}
failed |= run_sweep(config, grid, store, here).failed
assert not failed, failed
show()

# %% [markdown]
# ## Uncertainty
#
# The same test images, turned further and further. Monte-Carlo dropout keeps the noise on during
# prediction: where passes disagree, mutual information is high, and the prediction should not be
# trusted.

# %%
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from dropout_lab import data, load_run, train

train(config, f"{RESULTS}/one")
network = load_run(f"{RESULTS}/one")
test = data.load(DATA).test[:500]


def turned(angle):
    """Returns the test images turned by an angle in degrees."""
    images = [Image.fromarray(image[..., 0]).rotate(angle) for image in test.images]
    return np.stack([np.asarray(image) for image in images])[..., None]


angles = range(0, 181, 20)
predictions = [network.uncertainty(turned(angle), passes=PASSES) for angle in angles]
errors = [100 * np.mean(p.log_probs.argmax(-1) != test.labels) for p in predictions]
uncertainties = {
    "predictive entropy": [p.entropy.mean() for p in predictions],
    "mutual information": [p.mutual_information.mean() for p in predictions],
}

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.plot(angles, errors, marker="o")
left.set(xlabel="degrees", ylabel="error (%)")
for name, values in uncertainties.items():
    right.plot(angles, values, marker="o", label=name)
right.set(xlabel="degrees", ylabel="nats")
right.legend(frameon=False)
plt.show()
