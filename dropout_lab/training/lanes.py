"""Several trials of one program side by side: all that one takes, with an axis of lanes."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool

from dropout_lab.errors import InputError
from dropout_lab.training.network import Weights
from dropout_lab.training.program import Program, for_one_call

_LANE, _SHARED = 0, None


class LaneProgram:
    """A program whose functions train and test that many trials at once.

    Numbers, states, weights and metrics have a leading axis of lanes; data and scaling are shared.
    One lane is the program itself, with no vmap round it. If there are several local devices and
    the lanes divide evenly among them (see :func:`evenly`), each device has its share.

    Args:
      program: The program of one trial.
      lanes: How many trials run side by side.

    Raises:
      InputError: If there is no lane, or JAX's keys do not work under vmap.
    """

    def __init__(self, program: Program, lanes: int = 1) -> None:
        if lanes < 1:
            raise InputError(f"lanes is {lanes}; allowed: a whole number from 1")
        generator = jax.config.jax_default_prng_impl  # type: ignore[attr-defined]
        if lanes > 1 and "rbg" in generator:
            raise InputError(
                f"jax_default_prng_impl is {generator!r} with {lanes} lanes, which would all draw "
                "from the first lane's key; allowed: 'threefry2x32', or one lane"
            )
        self.program = program
        self.config = program.config
        self.lengths = program.lengths
        self.lanes = lanes
        self._mesh = _mesh(lanes)
        data = (_SHARED, _SHARED)
        # JAX refuses a function with compiler's options inside another one.
        self.init = self._lift(inspect.unwrap(program.init), _LANE, options=for_one_call())
        self.train_epoch = self._lift(
            program.train_epoch, _LANE, _LANE, *data, static=("steps",), donate=(0,)
        )
        self.evaluate = self._lift(
            program.evaluate, _LANE, _LANE, *data, static=("inference", "passes")
        )
        self.recalibrate = self._lift(program.recalibrate, _LANE, *data)
        self.sparsity = self._lift(program.sparsity, _LANE)
        self.choose = self._lift(_choose, _LANE, _LANE, _LANE, donate=(2,))

    def spread(self, tree: Any) -> Any:
        """Returns arrays that have an axis of lanes, each device with its lanes."""
        return self._put(tree, "lanes")

    def share(self, tree: Any) -> Any:
        """Returns arrays that all lanes share, on every device."""
        return self._put(tree)

    def _put(self, tree: Any, *axes: str) -> Any:
        if self._mesh is None:
            return jax.device_put(tree)
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec(*axes)))

    def _lift(
        self,
        function: Callable[..., Any],
        *axes: int | None,
        static: tuple[str, ...] = (),
        donate: tuple[int, ...] = (),
        options: dict[str, int] | None = None,
    ) -> Any:
        """Returns a function of one trial as one of all lanes, compiled."""

        @functools.wraps(function)
        def lifted(*args: Any, **options: Any) -> Any:
            one = functools.partial(function, **options)
            if self.lanes == 1:
                inside = (
                    arg if axis is _SHARED else jax.tree.map(lambda leaf: leaf[0], arg)
                    for arg, axis in zip(args, axes, strict=True)
                )
                return jax.tree.map(lambda leaf: leaf[None], one(*inside))
            every = jax.vmap(one, in_axes=axes)
            if self._mesh is None:
                return every(*args)
            specs = tuple(
                PartitionSpec() if axis is _SHARED else PartitionSpec("lanes") for axis in axes
            )
            # Lanes have nothing to say to each other, so devices do not either.
            return jax.shard_map(
                every,
                mesh=self._mesh,
                in_specs=specs,
                out_specs=PartitionSpec("lanes"),
                check_vma=False,
            )(*args)

        return jax.jit(
            lifted, static_argnames=static, donate_argnums=donate, compiler_options=options
        )


def evenly(lanes: int) -> int:
    """Returns the least width, from a number of lanes up, that all local devices have a share of.

    One lane stays one. What more than one device does at the same time costs no time.
    """
    devices = jax.local_device_count()
    return -(-lanes // devices) * devices if lanes > 1 else lanes


def _mesh(lanes: int) -> Mesh | None:
    """Returns the local devices, if there are several and the lanes divide evenly among them."""
    devices = jax.local_devices()
    if lanes == 1 or len(devices) == 1 or lanes % len(devices):
        return None
    return Mesh(np.array(devices), ("lanes",))


def _choose(mask: Bool[Array, ""], new: Weights, old: Weights) -> Weights:
    """Returns a lane's new weights where the mask says so, and the old ones elsewhere."""
    return jax.tree.map(lambda a, b: jnp.where(mask, a, b), new, old)
