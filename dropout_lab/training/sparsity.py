"""How much of a network its inference prunes."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


def sparsity(model: nnx.Module) -> dict[str, Float[Array, ""]]:
    """Returns the share of the kernels' weights that inference prunes; empty if it never prunes.

    Returns:
      sparsity: The share, in percent.
      compression: Weights over weights left.
      sparsity.PATH: The share in the layer at that path, in percent.
    """
    found = {
        ".".join(map(str, path)): layer.pruned()
        for path, layer in nnx.iter_graph(model)
        if hasattr(layer, "pruned")
    }
    if not found:
        return {}
    each = {f"sparsity.{path}": 100 * pruned / total for path, (pruned, total) in found.items()}
    pruned, total = (sum(part) for part in zip(*found.values(), strict=True))
    left = jnp.maximum(total - pruned, 1)
    return {"sparsity": 100 * pruned / total, "compression": total / left, **each}
