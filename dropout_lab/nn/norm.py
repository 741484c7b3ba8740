"""Normalisation, computed in float32 for inputs of any type."""

from typing import Any

from flax import nnx
from jaxtyping import Array, Float


class BatchNorm(nnx.BatchNorm):
    """Flax's batch normalisation, but with outputs in the type of the inputs."""

    def __call__(
        self,
        x: Float[Array, "*batch features"],
        use_running_average: bool | None = None,
        **options: Any,
    ) -> Float[Array, "*batch features"]:
        """Returns ``x`` normalised, in the type of ``x``; see Flax for the options."""
        return super().__call__(x, use_running_average, **options).astype(x.dtype)


class LayerNorm(nnx.LayerNorm):
    """Flax's layer normalisation, but with outputs in the type of the inputs."""

    def __call__(
        self, x: Float[Array, "*batch features"], **options: Any
    ) -> Float[Array, "*batch features"]:
        """Returns ``x`` normalised, in the type of ``x``; see Flax for the options."""
        return super().__call__(x, **options).astype(x.dtype)
