"""Jitted calls that write into the buffers of the call before."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from scripts.benchmarks import facts
from scripts.benchmarks.problems import Sizes, attention_arrays
from scripts.benchmarks.work import Work, timer


class Recycled:
    """A jitted function whose outputs overwrite its last ones.

    Fresh pages for an output cost more than a copy does, and no training step needs them.

    Args:
      function: From the number of the call and the arguments to a tree of arrays.
      args: The arguments.
    """

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        def call(step: Int[Array, ""], outputs: Any, args: Any) -> tuple[Int[Array, ""], Any]:
            return step + 1, function(step, *args)

        self._call = jax.jit(call, donate_argnums=(0, 1), keep_unused=True)
        self._args = args
        self._step = jnp.int32(0)
        shapes = jax.eval_shape(function, self._step, *args)
        self.outputs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def __call__(self, calls: int) -> None:
        """Makes this many calls, and waits for the last."""
        for _ in range(calls):
            self._step, self.outputs = self._call(self._step, self.outputs, self._args)
        jax.block_until_ready(self.outputs)


def dropout_work(
    apply: Callable[[Int[Array, ""], Float[Array, "n m"]], Float[Array, "n m"]],
    shape: tuple[int, int],
    *,
    backward: bool,
) -> Work:
    """Returns the work of dropout on ones, from the number of the call and the array."""
    x = jnp.ones(shape, jnp.float32)

    def both(step: Int[Array, ""], x: Array, above: Array) -> tuple[Array, Array]:
        y, pull = jax.vjp(lambda x: apply(step, x), x)
        return y, pull(above)[0]

    run = Recycled(both, x, jnp.ones_like(x)) if backward else Recycled(apply, x)
    return Work(timer(run), lambda: _facts(run.outputs))


def attention_work(
    apply: Callable[[Int[Array, ""], Float[Array, "n t f"], Any], Float[Array, "n t f"]],
    params: Any,
    sizes: Sizes,
    *,
    noisy: bool,
) -> Work:
    """Returns the work of attention, forward and backward to its input and weights.

    Args:
      apply: From the number of the call, the input and the layer's parameters to its output.
      params: The layer's parameters.
      sizes: Sizes of the problem.
      noisy: Whether it draws noise; then sides have nothing in common to compare.
    """
    x, above = map(jnp.asarray, attention_arrays(sizes))

    def both(step: Int[Array, ""], x: Array, above: Array, params: Any) -> tuple[Array, Any]:
        y, pull = jax.vjp(lambda x, params: apply(step, x, params), x, params)
        return y, pull(above)

    run = Recycled(both, x, above, params)

    return Work(
        timer(run),
        lambda: {} if noisy else facts.of_attention(float((run.outputs[0] ** 2).mean())),
    )


def _facts(outputs: Any) -> dict[str, facts.Fact]:
    y, *gradient = jax.tree.leaves(outputs)
    return facts.of_dropout(
        size=y.size,
        kept=float((y != 0).mean()),
        largest=float(y.max()),
        gap=float(abs(gradient[0] - y).max()) if gradient else None,
    )
