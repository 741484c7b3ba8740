"""Batch normalisation, in float32 whatever its input is in."""

from typing import Any

from flax import nnx
from jaxtyping import Array, Float


class BatchNorm(nnx.BatchNorm):
    """Flax's batch normalisation, which would hand on the float32 that it computes in."""

    def __call__(
        self,
        x: Float[Array, "*batch features"],
        use_running_average: bool | None = None,
        **options: Any,
    ) -> Float[Array, "*batch features"]:
        """Returns ``x`` normalised, in the type of ``x``; see Flax for the options."""
        return super().__call__(x, use_running_average, **options).astype(x.dtype)
