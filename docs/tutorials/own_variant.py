# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own variant
#
# A variant is a layer and a line that says where it goes. This one flips the signs of units with some
# probability. At inference it multiplies by the mean of the noise, as weight scaling does.

# %%
import tempfile
from pathlib import Path

workdir = Path(tempfile.mkdtemp())
mine = workdir / "mine.py"
mine.write_text('''
import jax
import jax.numpy as jnp
from dropout_lab.nn import RatedNoise
from dropout_lab.variants import LayerChoice, Variant


class SignFlip(RatedNoise):
    """Flips signs with probability ``rate``."""

    max_rate = 0.5

    def sample(self, key, x):
        return jnp.where(jax.random.bernoulli(key, self.rate[...], x.shape), -x, x)

    def infer(self, x):
        return (1 - 2 * self.rate[...]) * x


sign_flip = Variant({"hidden": LayerChoice(SignFlip)}, defaults={"rate": 0.1})
''')

# %% [markdown]
# `FILE.py:NAME` now stands wherever the name of a variant does. It is swept beside the others, at rates
# of its own:

# %%
from configs import digits_mlp
from dropout_lab.sweeps import Execution, Store, chain, product, run_sweep

config = digits_mlp.get_config()
config.model.widths = (64,)
config.data.train_size = 400
config.train.epochs = 10

trials = chain(
    product({"variant": ["none"], "seed": [0, 1, 2]}),
    product({"variant": ["dropout"], "dropout.rate": [0.2, 0.4], "seed": [0, 1, 2]}),
    product({"variant": [f"{mine}:sign_flip"], "dropout.rate": [0.1, 0.2], "seed": [0, 1, 2]}),
)
store = Store(workdir / "sweep")
run_sweep(config, trials, store, Execution(executor="local"))

# %%
from IPython.display import Markdown

from dropout_lab.analysis import table
from dropout_lab.analysis.summary import summarise

summary = summarise(store.records(), store.trials(), rows="variant", cols="dropout.rate")
Markdown(table.render(summary, "markdown"))

# %% [markdown]
# From a shell the file goes into `--vary`:
#
# ```
# python scripts/sweep.py --config=configs/digits_mlp.py \
#     --vary=variant=none,dropout,mine.py:sign_flip --seeds=3 --workdir=DIR
# ```
#
# A trial is known by the content of its file: after an edit it is another trial, and old records stay
# what they are. Records hold the file's text. What a layer can do besides (other places, an extra loss,
# noise on weights) is in [Your own network or variant](../own_code.md); how to add a variant to the
# project is in [Contributing](../contributing.md).
