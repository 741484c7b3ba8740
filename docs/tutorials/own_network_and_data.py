# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own network and data
#
# ## Data
#
# A folder of arrays, a table, or a folder of images: here a table, as any program writes them. Its
# columns are the 30 measurements of scikit-learn's breast-cancer data, and the diagnosis.

# %%
import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer

workdir = Path(tempfile.mkdtemp())
source = load_breast_cancer(as_frame=True)
frame = source.data.assign(diagnosis=source.target_names[source.target])
frame.to_csv(workdir / "cells.csv", index=False)
frame.iloc[:3, [0, 1, 2, -1]]

# %% [markdown]
# The columns have different magnitudes, so each is scaled to mean 0 and variance 1. Without a test part,
# a sixth of the examples becomes one.

# %%
from dropout_lab.config import default_config

config = default_config()
config.data.name = "table"
config.data.path = str(workdir / "cells.csv")
config.data.label = "diagnosis"
config.data.scaling = "feature"
config.data.val_size = 80
config.train.batch_size = 32
config.train.epochs = 20
config.optimizer.lr = 0.02

# %% [markdown]
# ## Network
#
# A network asks its factory for a layer at each place where a variant may put noise, and does not know
# which variant that is. This one has a skip connection around its hidden layer.

# %%
mine = workdir / "mine.py"
mine.write_text('''
import math

import jax
import jax.numpy as jnp
from dropout_lab.models.blocks import Network, kernel_init, with_noise
from dropout_lab.nn import Linear
from flax import nnx


class Skip(Network):
    """Hidden units beside the inputs themselves."""

    places = ("hidden", "output")

    def __init__(self, shape, classes, *, units, factory, rngs):
        size = math.prod(shape)
        self.inner = Linear(size, units, kernel_init=kernel_init("relu"), rngs=rngs)
        self.noise = nnx.data(factory.noise("hidden", (units,)))
        init = kernel_init("identity")
        self.output = factory.dense("output", size + units, classes, kernel_init=init, rngs=rngs)

    def features(self, x, rngs):
        x = x.reshape(len(x), -1)
        hidden = with_noise(self.noise, jax.nn.relu(self.inner(x)), rngs)
        return jnp.concatenate([x, hidden], axis=1)

    def head(self, x, rngs):
        return self.output(x, rngs=rngs)
''')
config.model.name = f"{mine}:Skip"
config.model.units = 64

# %% [markdown]
# Every variant that fits its places can now be swept.

# %%
from IPython.display import Markdown

from dropout_lab.analysis import table
from dropout_lab.analysis.summary import summarise
from dropout_lab.sweeps import Execution, Store, run_sweep

store = Store(workdir / "sweep")
grid = {"variant": ["none", "dropout", "fast_dropout"], "seed": [0, 1, 2]}
run_sweep(config, grid, store, Execution(executor="local"))
Markdown(table.render(summarise(store.records(), store.trials()), "markdown"))

# %% [markdown]
# ## A trained network
#
# `train` keeps the network; `predict` takes rows as the table has them.

# %%
from dropout_lab import load_run, train

config.variant = "dropout"
train(config, workdir / "one")
network = load_run(workdir / "one")
test = network.test_split()
network.predict(test.images[:3]).round(3), test.labels[:3]
