"""Noise inside a recurrent layer: each kind overrides one hook of the cell and calls one op."""

from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import DropRate, NoiseOptions, Rated, Streams
from dropout_lab.ops import Rate, checked_rate

State = Float[Array, "n units"]
MaybeKey = Key[Array, "..."] | None
"""A hook's key; None at inference, where the hook returns the noise's mean."""


class StepKeys(NamedTuple):
    """PRNG keys for the hooks that run at every step."""

    state: MaybeKey = None
    candidate: MaybeKey = None
    update: MaybeKey = None
    update_cell: MaybeKey = None


class CellNoise(Rated):
    """Noise inside an LSTM or a GRU: subclasses override one hook; the others are the identity.

    Each hook gets its own key, or None at inference. :class:`dropout_lab.nn.LSTM` and ``GRU``
    call :meth:`_kernel` once a call and the others at every step.

    Args:
      rate: Probability of dropping, or of keeping an old value.
      **options: As for :class:`Stochastic`.

    Attributes:
      tied: Whether every step of a sequence gets the same keys, and so the same masks.
    """

    tied: bool = False

    def _keys(self, rngs: Streams | None, steps: int) -> tuple[MaybeKey, StepKeys]:
        """Returns the key of :meth:`_kernel` and those of the other hooks, with an axis of steps.

        A layer calls it outside its scan over time: streams must not be used inside.

        Args:
          rngs: Overrides the noise's streams.
          steps: Length of the sequence.
        """
        if self._is_deterministic(None):
            return None, StepKeys()
        kernel, *hooks = jax.random.split(self.make_key(rngs), 1 + len(StepKeys._fields))
        if self.tied:
            return kernel, StepKeys(
                *(jnp.broadcast_to(hook, (steps, *hook.shape)) for hook in hooks)
            )
        fold = jax.vmap(jax.random.fold_in, (None, 0))
        return kernel, StepKeys(*(fold(hook, jnp.arange(steps)) for hook in hooks))

    def _kernel(self, key: MaybeKey, kernel: Float[Array, "units gates"]) -> Array:
        """Returns the recurrent weights, with noise, for all steps of one call."""
        del key
        return kernel

    def _state(self, key: MaybeKey, h: State) -> State:
        """Returns the hidden state that enters gates and candidate; ``h`` itself is carried on."""
        del key
        return h

    def _candidate(self, key: MaybeKey, g: State) -> State:
        """Returns the candidate update that is added to the memory."""
        del key
        return g

    def _update(self, key: MaybeKey, new: State, old: State) -> State:
        """Returns the hidden state that is the output and is carried to the next step."""
        del key, old
        return new

    def _update_cell(self, key: MaybeKey, new: State, old: State) -> State:
        """Returns the LSTM's cell state that is carried to the next step."""
        del key, old
        return new

    def _drop(self, key: MaybeKey, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` after inverted dropout; unchanged at inference (no key)."""
        return x if key is None else ops.dropout(key, x, rate=self.rate[...])


class VariationalState(CellNoise):
    """Dropout of the state that enters the gates, one mask per example for the whole sequence.

    ``h_{t-1}`` is dropped where it enters the gates and the candidate, not in the memory: neither
    the LSTM's cell nor the ``z * h_{t-1}`` of the GRU. The paper's mask on the input is a separate
    layer.

    Reference: Y. Gal, Z. Ghahramani, *A theoretically grounded application of dropout in recurrent
    neural networks*, NIPS 2016, arXiv:1512.05287. Here all gates share a mask, the paper's tied
    weights; the authors' language models draw one for each gate.

    Args:
      rate: Probability of dropping.
      **options: As for :class:`Stochastic`.
    """

    tied = True

    def _state(self, key: MaybeKey, h: State) -> State:
        """Returns the state with units dropped."""
        return self._drop(key, h)


class NaiveState(CellNoise):
    """Dropout of the hidden state itself with a new mask every step: the negative control.

    ``h_t`` is dropped after it is computed, so the next step's gates, the memory of a GRU and the
    output all get the dropped state. A unit of a GRU survives ``k`` steps with probability
    ``(1 - rate)**k``. The LSTM's cell is not dropped, but its gates get new noise every step.
    Scaling is inverted. No paper proposes this method.

    Args:
      rate: Probability of dropping.
      **options: As for :class:`Stochastic`.
    """

    def _update(self, key: MaybeKey, new: State, old: State) -> State:
        """Returns the new state with units dropped."""
        del old
        return self._drop(key, new)


class RecurrentDropout(CellNoise):
    """Dropout of the candidate update: ``c_t = f * c_{t-1} + i * d(g)``, memory is never dropped.

    Reference: S. Semeniuta, A. Severyn, E. Barth, *Recurrent dropout without memory loss*, COLING
    2016, arXiv:1603.05118. Scaling is inverted here, and the GRU's update gate has the opposite
    meaning: ``h_t = z * h_{t-1} + (1 - z) * d(g)``.

    Args:
      rate: Probability of dropping.
      per_step: Whether every step has a new mask, or the whole sequence shares one.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self, rate: Rate, *, per_step: bool = True, **options: Unpack[NoiseOptions]
    ) -> None:
        super().__init__(rate, **options)
        self.tied = not per_step

    def _candidate(self, key: MaybeKey, g: State) -> State:
        """Returns the candidate with units dropped."""
        return self._drop(key, g)


class Zoneout(CellNoise):
    """Random units keep their old state, :func:`dropout_lab.ops.zoneout`; inference takes the mean.

    The new hidden state is computed from the new cell state before zoneout, as in the paper's
    formula and the authors' code: ``h_t = zoneout(o * tanh(f * c_{t-1} + i * g), h_{t-1})``. Every
    step has new masks; those of ``h`` and ``c`` are independent unless shared.

    Reference: D. Krueger et al., *Zoneout: regularizing RNNs by randomly preserving hidden
    activations*, ICLR 2017, arXiv:1606.01305.

    Args:
      rate: Probability that a unit keeps its hidden state.
      cell_rate: Probability that a unit keeps its cell state; a GRU has none.
      share_mask: Whether ``h`` and ``c`` share one draw, as in the paper's permuted MNIST: at equal
        rates the same units keep both.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        cell_rate: Rate,
        share_mask: bool = False,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(rate, **options)
        self.cell_rate = DropRate(checked_rate("Zoneout: cell_rate", cell_rate))
        self.share_mask = share_mask

    def _keys(self, rngs: Streams | None, steps: int) -> tuple[MaybeKey, StepKeys]:
        """Returns the keys, the same for both updates if they share a mask."""
        kernel, hooks = super()._keys(rngs, steps)
        return kernel, hooks._replace(update_cell=hooks.update) if self.share_mask else hooks

    def _update(self, key: MaybeKey, new: State, old: State) -> State:
        """Returns the hidden state with some units from the last step."""
        return self._zone(key, new, old, self.rate)

    def _update_cell(self, key: MaybeKey, new: State, old: State) -> State:
        """Returns the cell state with some units from the last step."""
        return self._zone(key, new, old, self.cell_rate)

    @staticmethod
    def _zone(key: MaybeKey, new: State, old: State, rate: DropRate) -> State:
        if key is None:
            return ops.zoneout_mean(new, rate=rate[...], old=old)
        return ops.zoneout(key, new, rate=rate[...], old=old)


class WeightDrop(CellNoise):
    """Dropout of the recurrent weights, one mask per call: shared by the batch and by all steps.

    Reference: S. Merity, N. S. Keskar, R. Socher, *Regularizing and optimizing LSTM language
    models*, ICLR 2018, arXiv:1708.02182. No departure.

    Args:
      rate: Probability of dropping a weight.
      **options: As for :class:`Stochastic`.
    """

    def _kernel(self, key: MaybeKey, kernel: Float[Array, "units gates"]) -> Array:
        """Returns the matrix with weights dropped and the rest scaled up."""
        return self._drop(key, kernel)
