# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Monte-Carlo uncertainty
#
# A network with dropout can say how certain it is: keep the noise on while predicting, predict many
# times, and see where the passes disagree (Gal and Ghahramani 2016, arXiv:1506.02142).

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from configs import digits_mlp
from dropout_lab import data, load_run, train

config = digits_mlp.get_config("dropout")
config.model.widths = (64, 64)
config.train.epochs = 20

workdir = tempfile.mkdtemp()
record = train(config, workdir)
record["metrics"]["test_error"]

# %% [markdown]
# `load_run` gives the trained network. `uncertainty` averages noisy passes and measures them:
#
# - *entropy* of the averaged prediction: all the uncertainty there is, in nats;
# - *mutual information* between prediction and mask: the part on which the passes disagree, high for
#   inputs unlike those of training;
# - *variation ratio*: the share of passes that do not vote for the winner.

# %%
network = load_run(workdir)
test = data.load("digits").test
found = network.uncertainty(test.images, passes=30)
found.entropy.mean(), found.mutual_information.mean(), found.variation_ratio.mean()

# %% [markdown]
# ## Does it know what it does not know?
#
# Reject the most uncertain predictions: the error of the rest should fall.

# %%
wrong = found.log_probs.argmax(-1) != test.labels
order = np.argsort(found.entropy)
kept = [1.0, 0.9, 0.8, 0.7]
[float(100 * wrong[order[: int(share * len(order))]].mean()) for share in kept]

# %% [markdown]
# ## Inputs unlike those of training
#
# Images with more and more noise. The error grows, and so do entropy and mutual information.

# %%
# %matplotlib inline
rng = np.random.default_rng(0)
strengths = [0, 50, 100, 150, 200]
errors, entropies, informations = [], [], []
for strength in strengths:
    noise = rng.normal(0, strength, test.images.shape)
    images = np.clip(test.images + noise, 0, 255).astype(np.uint8)
    p = network.uncertainty(images, passes=30)
    errors.append(100 * np.mean(p.log_probs.argmax(-1) != test.labels))
    entropies.append(p.entropy.mean())
    informations.append(p.mutual_information.mean())

_, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.plot(strengths, errors, marker="o")
left.set(xlabel="standard deviation of the noise", ylabel="error (%)")
right.plot(strengths, entropies, marker="o", label="entropy")
right.plot(strengths, informations, marker="s", label="mutual information")
right.set(xlabel="standard deviation of the noise", ylabel="nats")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Batch normalisation
#
# The noise of Monte-Carlo passes is dropout's alone: batch normalisation keeps the averages of training
# in every pass, so predictions do not depend on which images share a batch.

# %%
alone = network.uncertainty(test.images[:1], passes=5, seed=3)
alone.entropy.shape
