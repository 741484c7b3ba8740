"""The base classes of stochastic layers: when they draw noise, and with which key."""

from collections.abc import Callable
from typing import Any, ClassVar, TypedDict, Unpack

import jax
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab.ops import Rate, checked_rate

Streams = nnx.Rngs | nnx.RngStream | Key[Array, ""]
"""The source of a stochastic layer's key at call; a raw key is for one layer only."""


@nnx.register_variable_name("drop_rates")
class DropRate(nnx.Variable[Array]):
    """A probability of dropping; a variable, so that schedules can set it and vmap maps over it.

    It compares and formats as a number. ``layer.rate = 0.9`` writes it.
    """

    def __format__(self, spec: str) -> str:
        return format(self[...], spec)

    # Flax's variables have ==, but none of these.

    def __bool__(self) -> bool:
        return bool(self[...])

    def __lt__(self, other: Rate) -> Any:
        return self[...] < other

    def __le__(self, other: Rate) -> Any:
        return self[...] <= other

    def __gt__(self, other: Rate) -> Any:
        return self[...] > other

    def __ge__(self, other: Rate) -> Any:
        return self[...] >= other


@nnx.register_variable_name("batch_penalties")
class BatchPenalty(nnx.Variable[Array]):
    """An extra loss that depends on the batch: set by each noisy call, returned by ``penalty()``.

    Its gradient is available only inside the transformation in which the call was made.
    """


class NoiseOptions(TypedDict, total=False):
    """The keywords of :class:`Stochastic`, for subclasses to pass on."""

    deterministic: bool | None
    rng_collection: str
    rngs: nnx.Rngs | nnx.RngStream | None


class Stochastic(nnx.Module):
    """A layer that draws noise unless it is deterministic, with the flags of ``flax.nnx.Dropout``.

    ``deterministic`` and ``rngs`` can be set at construction and overridden at call;
    ``model.train()`` and ``model.eval()`` set ``deterministic``.

    Args:
      deterministic: Whether to apply the inference rule instead of noise; None: the call decides.
      rng_collection: The stream to draw keys from.
      rngs: Streams to fork one from; can be given at call instead.

    Attributes:
      max_rate: The highest rate that the layer takes; ``ops.BELOW_ONE`` for any rate below 1.
    """

    max_rate: ClassVar[float] = 1.0

    def __init__(
        self,
        *,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs | nnx.RngStream | None = None,
    ) -> None:
        self.deterministic = deterministic
        self.rng_collection = rng_collection
        self.rngs = nnx.data(_fork(rngs, rng_collection))

    def _is_deterministic(self, deterministic: bool | None) -> bool:
        """Returns the call's flag or, if that is None, the layer's."""
        if deterministic is None:
            deterministic = self.deterministic
        if deterministic is None:
            raise ValueError(
                f"No `deterministic` argument was provided to {type(self).__name__}: pass it to "
                "the constructor or the call, or call train() or eval() on the model"
            )
        return deterministic

    def make_key(self, rngs: Streams | None) -> Key[Array, ""]:
        """Returns a fresh key from the call's streams or, if there are none, from the layer's."""
        source: Any = self.rngs if rngs is None else rngs
        if source is None:
            raise ValueError(
                "`deterministic` is False, but no `rngs` argument was provided to "
                f"{type(self).__name__} as either a __call__ argument or class attribute."
            )
        if isinstance(source, nnx.Rngs):
            return source[self.rng_collection]()
        if isinstance(source, nnx.RngStream):
            return source()
        if isinstance(source, jax.Array):
            return source
        raise TypeError(f"rngs must be a Rngs, RngStream or jax.Array, but got {type(source)}.")

    def checked_rate(self, rate: Rate) -> Float[Array, ""]:
        """Returns ``rate`` as a float32 scalar; raises if it is out of the layer's range."""
        return checked_rate(type(self).__name__, rate, max_rate=self.max_rate)

    def __setattr__(self, name: str, value: Any) -> None:
        variable = vars(self).get(name)
        if not isinstance(variable, DropRate) or isinstance(value, nnx.Variable):
            super().__setattr__(name, value)
        elif name == "rate":
            variable[...] = self.checked_rate(value)
        else:
            variable[...] = checked_rate(f"{type(self).__name__}: {name}", value)

    def set_view(self, deterministic: bool | None = None) -> None:
        """Sets the flag; called by ``nnx.view``.

        Args:
          deterministic: If True, noise is off.
        """
        if deterministic is not None:
            self.deterministic = deterministic


class Rated(Stochastic):
    """A stochastic layer with a rate.

    Args:
      rate: Probability of dropping, or the dropout rate whose variance to match.
      **options: As for :class:`Stochastic`.
    """

    def __init__(self, rate: Rate, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(**options)
        self.rate = DropRate(self.checked_rate(rate))


class UnitNoise(Stochastic):
    """Noise on activations. Subclasses define :meth:`sample`; :meth:`infer` can be overridden."""

    def __call__(
        self,
        inputs: Float[Array, "*shape"],
        *,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*shape"]:
        """Returns the inputs with noise or, if deterministic, with the inference rule applied.

        Args:
          inputs: Activations.
          deterministic: Overrides the layer's flag.
          rngs: Overrides the layer's streams.
        """
        if self._is_deterministic(deterministic):
            return self.infer(inputs)
        return self.sample(self.make_key(rngs), inputs)

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with noise drawn from ``key``."""
        raise NotImplementedError

    def infer(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns the output at inference, usually the mean over the noise: here, ``x``."""
        return x


class RatedNoise(Rated, UnitNoise):
    """Noise on activations with a rate: subclasses set :attr:`_op` or define :meth:`sample`.

    Attributes:
      _op: The op that draws the noise, called with key, input and rate only.
    """

    _op: ClassVar[Callable[..., Array]]

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with noise drawn from ``key``."""
        return self._op(key, x, rate=self.rate[...])


def _fork(rngs: nnx.Rngs | nnx.RngStream | None, collection: str) -> nnx.RngStream | None:
    if isinstance(rngs, nnx.Rngs):
        return rngs[collection].fork()
    if isinstance(rngs, nnx.RngStream):
        return rngs.fork()
    if rngs is None:
        return None
    raise TypeError(f"rngs must be a Rngs, RngStream or None, but got {type(rngs)}.")
