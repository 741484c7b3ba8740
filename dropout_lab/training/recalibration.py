"""Batch statistics estimated again, with the noise at rest."""

from collections.abc import Callable
from typing import Any

from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Num

from dropout_lab import nn


def recalibrate_batch_stats(
    model: nnx.Module,
    batches: Num[Array, "batches n *shape"],
    *,
    prepare: Callable[[Num[Array, "n *shape"]], Float[Array, "n *shape"]] = lambda x: x,
) -> nnx.Module:
    """Returns a copy of a network whose batch normalisation knows the noiseless activations.

    Dropout in front of batch normalisation gives training more variance (``1 / (1 - rate)`` times
    that of activations of mean 0), so the running statistics are wrong for the network with the
    noise at rest. Here every statistic is computed again with the noise off: the mean over batches
    of the batch mean, and the variance within batches plus that between their means.

    Args:
      model: A network; its parameters and rates stay as they are.
      batches: Inputs.
      prepare: Makes a batch ready for the network, inside the loop over batches.

    References:
      X. Li, S. Chen, X. Hu, J. Yang, *Understanding the disharmony between dropout and batch
      normalization by variance shift*, CVPR 2019, arXiv:1801.05134.
      The paper passes the training set once more and keeps a moving average; here all batches
      count the same.
    """
    graph, *states = nnx.split(model, nnx.BatchStat, ...)
    stats, rest = states

    def observe(batch: Array) -> Any:
        copy = nnx.merge(graph, stats, rest, copy=True)
        copy.train()
        copy.set_attributes(nn.Stochastic, deterministic=True, raise_if_not_found=False)
        # With no momentum the running statistics are the batch's.
        copy.set_attributes(nnx.BatchNorm, momentum=0.0, raise_if_not_found=False)
        copy(prepare(batch))
        return nnx.to_pure_dict(nnx.state(copy, nnx.BatchStat))

    nnx.replace_by_pure_dict(stats, _pooled(lax.map(observe, batches)))
    return nnx.merge(graph, stats, rest, copy=True)


def _pooled(tree: Any) -> Any:
    """Returns means and variances over all batches, from those of each."""
    if set(tree) == {"mean", "var"}:
        mean, variance = tree["mean"], tree["var"]
        return {"mean": mean.mean(0), "var": variance.mean(0) + mean.var(0)}
    return {name: _pooled(part) for name, part in tree.items()}
