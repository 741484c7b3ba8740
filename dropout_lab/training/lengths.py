"""Length of training."""

from typing import NamedTuple

from jaxtyping import Array, Int


class Lengths(NamedTuple):
    """Length of training, in updates; inside the program ``total_steps`` is traced."""

    steps_per_epoch: int
    total_steps: int | Int[Array, ""]

    @property
    def epochs(self) -> int | Int[Array, ""]:
        """Number of epochs; the last one may be shorter."""
        return -(-self.total_steps // self.steps_per_epoch)
