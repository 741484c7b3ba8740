"""Mixup and CutMix: every example of a batch mixed with its neighbour, targets included."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab.training.network import Hparams

Inputs = Float[Array, "n *shape"]
Targets = Float[Array, "n classes"]


def mixed(
    hparams: Hparams, rng_key: Key[Array, ""], inputs: Inputs, target: Targets
) -> tuple[Inputs, Targets]:
    """Returns a batch mixed as configured, by ``data.mixup`` or ``data.cutmix``; else unchanged.

    One share is drawn for the batch, from Beta(alpha, alpha). The partner of an example is the one
    before it: batches are in random order.

    Args:
      hparams: The dynamic hyper-parameters; they may be traced.
      rng_key: PRNG key.
      inputs: Scaled inputs; for CutMix of shape (n, height, width, channels).
      target: Target probabilities.
    """
    if "data.mixup" in hparams:
        share = jax.random.beta(rng_key, hparams["data.mixup"], hparams["data.mixup"])
        return mixup(share, inputs, target)
    if "data.cutmix" in hparams:
        share_key, centre_key = jax.random.split(rng_key)
        share = jax.random.beta(share_key, hparams["data.cutmix"], hparams["data.cutmix"])
        rows, columns = inputs.shape[1:3]
        centre = jax.random.randint(centre_key, (2,), 0, jnp.array([rows, columns]))
        return cutmix(box(share, centre, rows, columns), inputs, target)
    return inputs, target


def mixup(share: Float[Array, ""], inputs: Inputs, target: Targets) -> tuple[Inputs, Targets]:
    """Returns ``share * example + (1 - share) * partner`` of inputs and targets.

    Of sequences, a step that only one of the two has is that one's.

    Args:
      share: Share of the example itself, in [0, 1].
      inputs: Inputs; padded steps of sequences are NaN.
      target: Target probabilities.

    References:
      H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, *mixup: beyond empirical risk minimization*,
      ICLR 2018, arXiv:1710.09412.
    """
    others = _partners(inputs)
    mixture = share * inputs + (1 - share) * others
    if inputs.ndim == 3:
        mixture = jnp.where(
            jnp.isnan(others), inputs, jnp.where(jnp.isnan(inputs), others, mixture)
        )
    return mixture, share * target + (1 - share) * _partners(target)


def cutmix(
    inside: Bool[Array, "height width"], inputs: Inputs, target: Targets
) -> tuple[Inputs, Targets]:
    """Returns images with the pixels of their partners in a box; targets mix by its area.

    Args:
      inside: Which pixels are in the box.
      inputs: Images, (n, height, width, channels).
      target: Target probabilities.

    References:
      S. Yun et al., *CutMix: regularization strategy to train strong classifiers with localizable
      features*, ICCV 2019, arXiv:1905.04899.
    """
    share = 1 - inside.mean(dtype=jnp.float32)
    pasted = jnp.where(inside[..., None], _partners(inputs), inputs)
    return pasted, share * target + (1 - share) * _partners(target)


def box(
    share: Float[Array, ""], centre: Int[Array, "2"], rows: int, columns: int
) -> Bool[Array, "rows columns"]:
    """Returns which pixels lie in the box of area ``1 - share`` around a centre.

    Its sides have the proportions of the image and are rounded down; what lies outside the image is
    cut off.
    """
    inside = []
    for middle, size in zip(centre, (rows, columns), strict=True):
        side = jnp.floor(size * jnp.sqrt(1 - share)).astype(jnp.int32)
        first = middle - side // 2
        inside.append((jnp.arange(size) >= first) & (jnp.arange(size) < first + side))
    return inside[0][:, None] & inside[1]


def _partners(leaf: Array) -> Array:
    return jnp.roll(leaf, 1, axis=0)
