# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A sweep over rates
#
# How much dropout should a network have? Train it at several rates, with several seeds each, and look
# at the error as a function of the rate. Here everything is small enough to take seconds on a laptop:
# digits, one hidden layer, a few epochs. With other values in the first cell it is a real study.

# %%
import tempfile

from configs import digits_mlp
from dropout_lab.sweeps import Execution, Store, run_sweep

config = digits_mlp.get_config("dropout")
config.model.widths = (64,)
config.data.train_size = 400
config.train.epochs = 10

# %% [markdown]
# A sweep is a grid: keys, and the values of each. A network without dropout does not depend on the
# rate, so `none` is trained once for each seed. Trials that differ only in numbers, such as the rate and
# the seed, share one compiled program.

# %%
grid = {
    "variant": ["none", "dropout", "gaussian_dropout"],
    "dropout.rate": [0.1, 0.3, 0.5, 0.7],
    "seed": [0, 1, 2],
}
store = Store(tempfile.mkdtemp())
failed = run_sweep(config, grid, store, Execution(executor="local"))
len(store.records()), failed

# %% [markdown]
# The same from a shell:
#
# ```
# python scripts/sweep.py --config=configs/digits_mlp.py --config.model.widths="(64,)" \
#     --config.data.train_size=400 --config.train.epochs=10 \
#     --vary=variant=none,dropout,gaussian_dropout --vary=dropout.rate=0.1,0.3,0.5,0.7 \
#     --vary=seed=0,1,2 --workdir=DIR
# ```
#
# ## Table
#
# Mean over seeds ± sample standard deviation, and the number of networks. Bold is what validation data
# would choose.

# %%
from IPython.display import Markdown

from dropout_lab.analysis import plot, table
from dropout_lab.analysis.summary import summarise

summary = summarise(store.records(), store.trials(), rows="variant", cols="dropout.rate")
Markdown(table.render(summary, "markdown"))

# %% [markdown]
# For a paper, the same table in LaTeX, where rows and columns get the names that you want:

# %%
print(table.render(summary, "latex"))

# %% [markdown]
# ## Figure

# %%
# %matplotlib inline
plot.draw(summary)

# %% [markdown]
# ## The records as a data frame
#
# For anything else: one row for each trial, one column for each key and metric.

# %%
from dropout_lab import sweeps

frame = sweeps.load(store.directory)
frame.groupby(["variant", "dropout.rate"])["test_error"].agg(["mean", "std", "count"])
