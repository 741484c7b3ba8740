"""The mesh of devices: rows hold different lanes, the devices of a row split every batch."""

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
    """Returns the mesh that lanes run on.

    Args:
      lanes: Number of trials side by side. If they do not divide evenly among the rows, the mesh
        has one row with all of them.
      data: Devices in a row, which split every batch.

    Returns:
      The mesh; None for a single device.

    Raises:
      InputError: If there are fewer devices than ``data``, or more in a run of several processes.
    """
    devices = jax.devices()
    count = len(devices)
    fewest = count if jax.process_count() > 1 else 1
    if not fewest <= data <= count:
        allowed = f"1 to {count}" if fewest == 1 else f"{count}, those of all processes"
        raise InputError(f"config.mesh.data is {data} with devices: {count}; allowed: {allowed}")
    rows = count // data
    if lanes % rows:
        rows = 1
    if rows * data == 1:
        return None
    return Mesh(np.array(devices[: rows * data]).reshape(rows, data), (LANE_AXIS, DATA_AXIS))


def split_batch(tree: Any) -> Any:
    """Returns arrays with their first axis split over the devices of a row.

    An array that does not divide evenly is replicated.
    """
    devices = _devices_per_batch()
    return jax.tree.map(
        lambda leaf: _constrained(leaf, () if leaf.shape[0] % devices else (DATA_AXIS,)), tree
    )


def replicate(tree: Any) -> Any:
    """Returns arrays replicated on the devices of a row."""
    return jax.tree.map(lambda leaf: _constrained(leaf, ()), tree)


def _constrained(leaf: Array, axes: tuple[str, ...]) -> Array:
    if _devices_per_batch() == 1:
        return leaf
    mesh, spec = jax.sharding.get_abstract_mesh(), PartitionSpec(*axes)
    try:
        return lax.with_sharding_constraint(leaf, NamedSharding(mesh, spec))
    except NotImplementedError:  # JAX 0.7.2 refuses a mesh with a manual axis
        automatic = AbstractMesh(mesh.axis_sizes, mesh.axis_names)
        return lax.with_sharding_constraint(leaf, NamedSharding(automatic, spec))


def _devices_per_batch() -> int:
    """Returns how many devices split a batch in the function being traced."""
    return jax.sharding.get_abstract_mesh().shape.get(DATA_AXIS, 1)
