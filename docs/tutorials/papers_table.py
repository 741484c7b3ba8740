# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A paper's table
#
# Papers' tables and figures are files of data in `experiments/`: cells, the published numbers, claims,
# and protocols. Here is one, on the table of dropout beside Gaussian noise in Srivastava et al. 2014.

# %%
import experiments

experiment = experiments.load("srivastava2014_table10")
print(experiment.title, "|", experiment.citation)
for name, cell in experiment.cells.items():
    print(f"- {name}: {cell.paper}")
for claim in experiment.claims:
    print(f"* {claim}")

# %% [markdown]
# A run of protocol `short` takes ten minutes on two cores:
#
# ```
# python scripts/reproduce.py --experiment=srivastava2014_table10 --protocol=short --workdir=DIR
# ```
#
# Its results are in the repository, and the pages, tables and verdicts are computed from the records
# again each time they are read.

# %%
from IPython.display import Markdown

from dropout_lab.config import default_config
from dropout_lab.reproduce import table
from dropout_lab.reproduce.run import read

directory = experiments.RESULTS / "srivastava2014_table10" / "short"
results = read("srivastava2014_table10", experiment, default_config(), directory)
Markdown(table.markdown(results))

# %% [markdown]
# The claims, with verdicts after a correction for their number:

# %%
from dropout_lab.reproduce.verdicts import judge

for verdict in judge(results):
    print(f"{verdict.verdict}: {verdict.claim}")

# %% [markdown]
# ## A run of your own
#
# Protocol `smoke` runs the same path on almost nothing, to see that an experiment works before it takes
# hours. Its numbers mean nothing.
#
# To add a table, write a file as those in `experiments/` are. Fix the claims before the first run: they
# go into `run.json` when it begins, and `reproduce.py --check` fails if a page shows others.
