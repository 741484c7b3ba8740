"""Re-estimation of batch normalisation's statistics without noise."""

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
    """Returns a copy of a network whose batch statistics are those of noiseless activations.

    Dropout before batch normalisation increases the variance during training (by a factor of
    ``1 / (1 - rate)`` for activations of mean 0), so the running statistics do not fit the network
    without noise. Here every statistic is computed again without noise: the mean of the batch
    means, and the mean of the batch variances plus the variance of the batch means.

    Args:
      model: A network; its parameters and rates are copied unchanged.
      batches: Inputs.
      prepare: Converts a batch to the network's input, inside the loop over batches.

    References:
      X. Li, S. Chen, X. Hu, J. Yang, *Understanding the disharmony between dropout and batch
      normalization by variance shift*, CVPR 2019, arXiv:1801.05134.
      The paper keeps a moving average over one more pass through the training set; here all
      batches have equal weight.
    """
    graph, *states = nnx.split(model, nnx.BatchStat, ...)
    stats, rest = states

    def observe(batch: Array) -> Any:
        copy = nnx.merge(graph, stats, rest, copy=True)
        copy.train()
        copy.set_attributes(nn.Stochastic, deterministic=True, raise_if_not_found=False)
        # With momentum 0 the running statistics are those of the last batch.
        copy.set_attributes(nnx.BatchNorm, momentum=0.0, raise_if_not_found=False)
        copy(prepare(batch))
        return nnx.to_pure_dict(nnx.state(copy, nnx.BatchStat))

    nnx.replace_by_pure_dict(stats, _pooled(lax.map(observe, batches)))
    return nnx.merge(graph, stats, rest, copy=True)


def _pooled(tree: Any) -> Any:
    """Returns means and variances over all batches, from the statistics of each batch."""
    if set(tree) == {"mean", "var"}:
        mean, variance = tree["mean"], tree["var"]
        return {"mean": mean.mean(0), "var": variance.mean(0) + mean.var(0)}
    return {name: _pooled(part) for name, part in tree.items()}
