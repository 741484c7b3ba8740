"""A program vectorised over several trials side by side, one in each lane."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Bool

from dropout_lab.errors import InputError
from dropout_lab.system.compilation import options_for_one_call
from dropout_lab.training.mesh import LANE_AXIS, make_mesh
from dropout_lab.training.network import Weights
from dropout_lab.training.program import Program

_LANE, _SHARED = 0, None


class VmappedProgram:
    """A program whose functions train and test several trials at once.

    Hyper-parameters, states, weights and metrics have a leading axis of lanes; data and scaling are
    shared by all lanes. With one lane per device there is no vmap. If there are several devices and
    the lanes divide evenly among them (see :func:`evenly`), each device has its own lanes. With
    ``config.mesh.data`` above 1, that many devices take the place of one and split its batches.

    Args:
      program: The program of one trial.
      lanes: Number of trials side by side.

    Raises:
      InputError: If ``lanes`` is below 1, or there are fewer devices than should split a batch.
    """

    def __init__(self, program: Program, lanes: int = 1) -> None:
        if lanes < 1:
            raise InputError(f"lanes is {lanes}; allowed: a whole number from 1")
        self.program = program
        self.config = program.config
        self.lengths = program.lengths
        self.lanes = lanes
        self._mesh = make_mesh(lanes, program.config.mesh.data)
        data = (_SHARED, _SHARED)
        # JAX refuses to inline a jitted function that has compiler options.
        self.init = self._lift(inspect.unwrap(program.init), _LANE, options=options_for_one_call())
        self.train_epoch = self._lift(
            program.train_epoch, _LANE, _LANE, *data, static=("steps",), donate=(0,)
        )
        self.evaluate = self._lift(
            program.evaluate, _LANE, _LANE, *data, static=("inference", "passes")
        )
        self.entropy = self._lift(
            program.entropy, _LANE, _LANE, *data, static=("inference", "passes")
        )
        self.recalibrate = self._lift(program.recalibrate, _LANE, *data)
        self.sparsity = self._lift(program.sparsity, _LANE)
        self.choose = self._lift(_choose, _LANE, _LANE, _LANE, donate=(2,))

    def _lift(
        self,
        function: Callable[..., Any],
        *axes: int | None,
        static: tuple[str, ...] = (),
        donate: tuple[int, ...] = (),
        options: dict[str, int] | None = None,
    ) -> Any:
        """Returns a function of one trial as a compiled function of all lanes.

        ``axes`` says of each argument whether it is _LANE, with an axis of lanes, or _SHARED.
        """
        rows = self._mesh.shape[LANE_AXIS] if self._mesh else 1

        @functools.wraps(function)
        def lifted(*args: Any, **keywords: Any) -> Any:
            one = functools.partial(function, **keywords)
            several = _squeezed(one, axes) if self.lanes == rows else jax.vmap(one, in_axes=axes)
            if self._mesh is None:
                return several(*args)
            specs = tuple(
                PartitionSpec() if axis is _SHARED else PartitionSpec(LANE_AXIS) for axis in axes
            )
            # Only the axis of lanes is manual: lanes do not communicate, so neither do their
            # devices. How devices split a batch is left to the compiler: no device knows its
            # index, so noise cannot depend on the number of devices.
            return jax.shard_map(
                several,
                mesh=self._mesh,
                in_specs=specs,
                out_specs=PartitionSpec(LANE_AXIS),
                axis_names={LANE_AXIS},
                check_vma=False,
            )(*args)

        sharding = NamedSharding(self._mesh, PartitionSpec(LANE_AXIS)) if self._mesh else None
        return jax.jit(
            lifted,
            static_argnames=static,
            donate_argnums=donate,
            out_shardings=sharding,
            compiler_options=options,
        )

    def split_lanes(self, tree: Any) -> Any:
        """Returns arrays with an axis of lanes, each lane on its device."""
        return self._put(tree, LANE_AXIS)

    def replicate(self, tree: Any) -> Any:
        """Returns arrays that all lanes share, copied to every device."""
        return self._put(tree)

    def _put(self, tree: Any, *axes: str) -> Any:
        if self._mesh is None:
            return jax.device_put(tree)
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec(*axes)))


def evenly(lanes: int, data: int) -> int:
    """Returns the least number of lanes from ``lanes`` on that divides evenly among local devices.

    One lane stays one. Extra lanes cost no time: they run on devices that would be idle.

    Args:
      lanes: Number of trials to run side by side.
      data: Devices that split a batch, as ``config.mesh.data``.
    """
    rows = max(jax.local_device_count() // data, 1)
    return -(-lanes // rows) * rows if lanes > 1 else lanes


def _squeezed(function: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """Returns a function of one trial as a function of a single lane, without vmap."""

    def single_lane(*args: Any) -> Any:
        inside = (
            arg if axis is _SHARED else jax.tree.map(lambda leaf: leaf[0], arg)
            for arg, axis in zip(args, axes, strict=True)
        )
        return jax.tree.map(lambda leaf: leaf[None], function(*inside))

    return single_lane


def _choose(mask: Bool[Array, ""], new: Weights, old: Weights) -> Weights:
    """Returns a lane's new weights where the mask is true, the old ones elsewhere."""
    return jax.tree.map(lambda a, b: jnp.where(mask, a, b), new, old)
