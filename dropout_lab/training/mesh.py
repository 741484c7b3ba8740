"""Devices side by side: some have lanes of their own, some share every batch."""

from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from dropout_lab.errors import InputError

LANE_AXIS, DATA_AXIS = "lanes", "data"
"""The axes of a mesh: trials side by side, and the examples of a batch."""


def make_mesh(lanes: int, data: int) -> Mesh | None:
    """Returns the devices that lanes run on, a row each for its share of them.

    Args:
      lanes: How many trials run side by side. If the rows do not divide them evenly, one row has
        all of them.
      data: Devices of a row, which share every batch.

    Returns:
      The mesh; None for a single device.

    Raises:
      InputError: If there are not that many devices.
    """
    devices = jax.devices()
    count = len(devices)
    least = count if jax.process_count() > 1 else 1
    if not least <= data <= count:
        allowed = f"1 to {count}" if least == 1 else f"{count}, those of all processes"
        raise InputError(f"config.mesh.data is {data} with devices: {count}; allowed: {allowed}")
    rows = count // data
    if lanes % rows:
        rows = 1
    if rows * data == 1:
        return None
    return Mesh(np.array(devices[: rows * data]).reshape(rows, data), (LANE_AXIS, DATA_AXIS))


def split_batch(tree: Any) -> Any:
    """Returns arrays with their first axis split over the devices that share a batch.

    An array that does not divide evenly is on each of them whole.
    """
    sharing = _sharing()
    return jax.tree.map(
        lambda leaf: _placed(leaf, () if leaf.shape[0] % sharing else (DATA_AXIS,)), tree
    )


def replicate(tree: Any) -> Any:
    """Returns arrays that are on each of the devices that share a batch, whole."""
    return jax.tree.map(lambda leaf: _placed(leaf, ()), tree)


def _placed(leaf: Array, axes: tuple[str, ...]) -> Array:
    if _sharing() == 1:
        return leaf
    mesh, spec = jax.sharding.get_abstract_mesh(), PartitionSpec(*axes)
    try:
        return lax.with_sharding_constraint(leaf, NamedSharding(mesh, spec))
    except NotImplementedError:  # JAX 0.7.2 does not take a mesh of which lanes are manual
        everywhere = AbstractMesh(mesh.axis_sizes, mesh.axis_names)
        return lax.with_sharding_constraint(leaf, NamedSharding(everywhere, spec))


def _sharing() -> int:
    """Returns how many devices share a batch, where this is traced."""
    return jax.sharding.get_abstract_mesh().shape.get(DATA_AXIS, 1)
