"""DropConnect with a mask per example, and the form that draws all masks at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dropout_lab import ops
from scripts.benchmarks.facts import Fact
from scripts.benchmarks.problems import CONNECT, Sizes
from scripts.benchmarks.recycled import Recycled
from scripts.benchmarks.work import Work, Works, timer

RATE = 0.5

Product = Callable[[Int[Array, ""], Float[Array, "n i"], Float[Array, "i o"]], Float[Array, "n o"]]


def works(sizes: Sizes) -> Works:
    """Returns the work of the op; that of the naive form is in a process of its own."""
    return {(CONNECT, "ours"): lambda: timed(lean, sizes)}


def lean(
    step: Int[Array, ""], x: Float[Array, "n i"], kernel: Float[Array, "i o"]
) -> Float[Array, "n o"]:
    """Returns the op's product."""
    key = jax.random.fold_in(jax.random.key(0), step)
    return ops.drop_connect(key, x, rate=RATE, kernel=kernel)


def naive(
    step: Int[Array, ""], x: Float[Array, "n i"], kernel: Float[Array, "i o"]
) -> Float[Array, "n o"]:
    """Returns the product by a dropped kernel per example, all in memory at once."""
    key = jax.random.fold_in(jax.random.key(0), step)
    keep = jax.random.bernoulli(key, 1 - RATE, (x.shape[0], *kernel.shape))
    return jnp.einsum("ni,nio->no", x, jnp.where(keep, kernel / (1 - RATE), 0))


def gradients(product: Product) -> Callable[..., tuple[Array, Array, Array]]:
    """Returns a function from a call's number, inputs and kernel to output and gradients."""

    def both(step: Int[Array, ""], x: Array, kernel: Array) -> tuple[Array, Array, Array]:
        y, pull = jax.vjp(lambda x, kernel: product(step, x, kernel), x, kernel)
        return y, *pull(jnp.ones_like(y))

    return both


def arguments(sizes: Sizes) -> tuple[Float[Array, "n i"], Float[Array, "i o"]]:
    """Returns inputs and kernel, all ones."""
    n, inputs, outputs = sizes.connect
    return jnp.ones((n, inputs)), jnp.ones((inputs, outputs))


def timed(product: Product, sizes: Sizes) -> Work:
    """Returns the work of a product, forward and backward."""
    run = Recycled(gradients(product), *arguments(sizes))
    return Work(timer(run), lambda: _facts(*run.outputs))


def _facts(y: Array, to_x: Array, to_kernel: Array) -> dict[str, Fact]:
    """Returns means over inputs: all ones, each output has the moments of a binomial count."""
    n, outputs = y.shape
    inputs = to_x.shape[1]
    spread = 6 * (RATE / (1 - RATE) / (n * inputs * outputs)) ** 0.5
    variance = inputs * RATE / (1 - RATE)
    return {
        "mean": Fact(float(y.mean() / inputs), spread),
        "mean gradient of inputs": Fact(float(to_x.mean() / outputs), spread),
        "mean gradient of kernel": Fact(float(to_kernel.mean() / n), spread),
        "variance": Fact(float(y.var() / variance), 8 * (2 / y.size) ** 0.5),
    }
