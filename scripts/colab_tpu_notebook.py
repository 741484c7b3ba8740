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
# A sweep over rates, variants and seeds, its table and figure, a variant of your own, and what a
# network knows of its own ignorance. On Colab choose *Runtime > Change runtime type > TPU*, say
# below where the code is cloned from, and run all cells.
#
# (This notebook is made from `scripts/colab_tpu_notebook.py`; change that one.)

# %%
BACKEND = "tpu"  # or gpu, or cpu
REPOSITORY = "https://github.com/OWNER/dropout_lab"
CHECKOUT = "/content/dropout_lab"
RESULTS = "/content/drive/MyDrive/dropout_lab"  # outlives the machine; /content/results does not
DATA = "mnist"
IMAGES = None  # training images; None: all
WIDTHS = (800, 800)
EPOCHS = 20
RATES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
SEEDS = [0, 1, 2, 3]
LANES = None  # trials side by side; None: what a short measurement says is fastest
PASSES = 50

import jax

print(f"jax {jax.__version__} on {jax.default_backend()}: {jax.devices()}")
assert jax.default_backend() == BACKEND, f"asked for {BACKEND}: change the runtime type, or BACKEND"
assert "OWNER" not in REPOSITORY, "say in REPOSITORY where the code is cloned from"

# %% [markdown]
# ## Installing
#
# What the machine's image has of jax fits its accelerator, so it stays as it is.

# %%
from importlib.metadata import version

# !test -e {CHECKOUT} || git clone --quiet {REPOSITORY} {CHECKOUT}
# %cd {CHECKOUT}
kept = " ".join(f"{name}=={version(name)}" for name in ("jax", "jaxlib", "flax", "numpy"))
# %pip install --editable . {kept}

# %% [markdown]
# ## Saving
#
# Every finished trial is a file, and what is under way is saved once a minute. With these on Drive,
# a disconnected notebook loses next to nothing: **run all cells again, and it goes on**. The same
# holds after *Interrupt execution*.

# %%
if RESULTS.startswith("/content/drive"):
    from google.colab import drive

    drive.mount("/content/drive")

# %% [markdown]
# ## A sweep
#
# Rates, seeds and learning rates are numbers inside the compiled program, so trials that differ in
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
failed = run_sweep(config, grid, store, here)

# %% [markdown]
# ## Table and figure

# %%
# %matplotlib inline
from IPython.display import Markdown, display

from dropout_lab.analysis import plot, table
from dropout_lab.analysis.summary import summarise


def show():
    """Shows what the sweep's records say."""
    summary = summarise(store.records(), store.trials(), rows="variant", cols="dropout.rate")
    display(Markdown(table.render(summary, "markdown")), plot.draw(summary))


show()

# %% [markdown]
# ## A variant of your own
#
# A layer, and a line that says where it goes and at which rate. Here: flipping the signs of units.
# After a change give it another name, since records are kept by name.

# %%
import jax.numpy as jnp

from dropout_lab.nn import RatedNoise
from dropout_lab.variants import VARIANTS, Use, Variant


class SignFlip(RatedNoise):
    """Flips signs with probability ``rate``; at inference, multiplies by the mean."""

    top = 0.5

    def sample(self, key, x):
        """Returns ``x`` with some of its signs flipped."""
        return jnp.where(jax.random.bernoulli(key, self.rate[...], x.shape), -x, x)

    def infer(self, x):
        """Returns the mean."""
        return (1 - 2 * self.rate[...]) * x


VARIANTS["sign_flip"] = Variant(hidden=Use(SignFlip), defaults={"rate": 0.1}, top=0.5)
flips = [rate / 2 for rate in RATES]
grid = {"variant": ["sign_flip"], "dropout.rate": flips, "seed": SEEDS}
failed |= run_sweep(config, grid, store, here)
assert not failed, failed
show()

# %% [markdown]
# ## What the network knows of its ignorance
#
# The same test images, turned further and further. Monte-Carlo dropout keeps the noise on while it
# predicts: where passes disagree, mutual information is high, and the prediction is not to be
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
    """Returns the test images turned by so many degrees."""
    images = [Image.fromarray(image[..., 0]).rotate(angle) for image in test.images]
    return np.stack([np.asarray(image) for image in images])[..., None]


angles = range(0, 181, 20)
told = [network.uncertainty(turned(angle), passes=PASSES) for angle in angles]
wrong = [100 * np.mean(each.log_probs.argmax(-1) != test.labels) for each in told]
known = {
    "predictive entropy": [each.entropy.mean() for each in told],
    "mutual information": [each.mutual_information.mean() for each in told],
}

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.plot(angles, wrong, marker="o")
left.set(xlabel="degrees", ylabel="error (%)")
for name, values in known.items():
    right.plot(angles, values, marker="o", label=name)
right.set(xlabel="degrees", ylabel="nats")
right.legend(frameon=False)
plt.show()
