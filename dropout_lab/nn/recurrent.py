"""Recurrent layers, with optional noise inside: a :class:`dropout_lab.nn.CellNoise`."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float

from dropout_lab.nn.cell_noise import CellNoise, State, StepKeys
from dropout_lab.nn.linear import Initializer, affine
from dropout_lab.nn.stochastic import Streams

Carry = tuple[State, ...]
"""The state carried from step to step; the hidden state comes first."""

# The backward pass keeps each step's states and gates, and recomputes masks and dropped states: a
# scan writes everything it keeps to memory, which costs more than the arithmetic.
_recompute = partial(jax.checkpoint, prevent_cse=False)


def _by_value(
    function: Callable[[Array], Array], slope: Callable[[Array], Array]
) -> Callable[[Array], Array]:
    """Returns an activation whose backward pass keeps only its value.

    Args:
      function: The activation.
      slope: Its derivative as a function of its value.
    """

    @jax.custom_jvp
    def activation(x: Array) -> Array:
        return function(x)

    @activation.defjvp
    def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
        y = activation(*primals)
        return y, _recompute(lambda y, change: slope(y) * change)(y, *tangents)

    return activation


_sigmoid = _by_value(jax.nn.sigmoid, lambda y: y * (1 - y))
_tanh = _by_value(jnp.tanh, lambda y: 1 - y * y)


class Recurrent(nnx.Module):
    """A layer that reads a sequence: subclasses define :meth:`_step`.

    A step multiplies its input, and its state, by the weights of all gates at once. A product with
    the inputs of all steps would be faster in itself, but writing and reading all steps' gates
    costs more than it saves. States start at zero.

    Args:
      in_features: Features of one step of the input.
      units: Units of the state.
      noise: Noise inside the cell; None for none.
      kernel_init: Initialiser of the input kernel, of shape (in, gates * units). The recurrent
        kernel has an orthogonal matrix for each gate.
      rngs: Streams with the keys for the kernels.

    Attributes:
      gates: Number of gates, the candidate included.
      states: Number of states carried.
    """

    gates: ClassVar[int]
    states: ClassVar[int]

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        noise: CellNoise | None = None,
        kernel_init: Initializer,
        rngs: nnx.Rngs,
    ) -> None:
        self.kernel = nnx.Param(kernel_init(rngs.params(), (in_features, self.gates * units)))
        orthogonal = nnx.initializers.orthogonal()
        keys = jax.random.split(rngs.params(), self.gates)
        blocks = [orthogonal(key, (units, units)) for key in keys]
        self.recurrent_kernel = nnx.Param(jnp.concatenate(blocks, axis=1))
        self.bias = nnx.Param(jnp.zeros(self.gates * units))
        self.noise = nnx.data(noise)
        self.units = units

    def __call__(
        self,
        inputs: Float[Array, "n steps inputs"],
        *,
        present: Bool[Array, "n steps"] | None = None,
        sequence: bool = False,
        rngs: Streams | None = None,
    ) -> Float[Array, "n *steps units"]:
        """Returns the last hidden state, with noise unless deterministic.

        Args:
          inputs: A batch of sequences.
          present: Steps that are read; the others, padding, leave all states as they are. None: all
            of them.
          sequence: Whether to return the hidden states of all steps instead.
          rngs: Streams to draw the noise's key from.
        """
        # A layer without noise runs the same code, with identity hooks.
        noise = CellNoise(0.0, deterministic=True) if self.noise is None else self.noise
        kernel_key, keys = noise._keys(rngs, inputs.shape[1])
        kernel = noise._kernel(kernel_key, self.recurrent_kernel[...])
        input_kernel, bias = self.kernel[...], self.bias[...]

        def step(carry: Carry, now: tuple[Array, Array | None, StepKeys]) -> tuple[Carry, Any]:
            x, read, keys = now
            new = self._step(noise, keys, kernel, carry, affine(x, input_kernel, bias))
            if read is not None:
                new = jax.tree.map(partial(jnp.where, read[:, None]), new, carry)
            return new, new[0] if sequence else None

        dtype = jnp.result_type(inputs, input_kernel, bias)
        zero = _zeros(inputs, self.units, dtype)
        over_steps = (inputs.swapaxes(0, 1), None if present is None else present.T, keys)
        carry, outputs = lax.scan(step, (zero,) * self.states, over_steps)
        return outputs.swapaxes(0, 1) if sequence else carry[0]

    def _step(
        self,
        noise: CellNoise,
        keys: StepKeys,
        kernel: Float[Array, "units gates"],
        carry: Carry,
        projected: Float[Array, "n gates"],
    ) -> Carry:
        """Returns the states after one step.

        Args:
          noise: The hooks.
          keys: Their keys.
          kernel: The recurrent matrix.
          carry: The states before.
          projected: The input's part of the gates' pre-activations, with the bias.
        """
        raise NotImplementedError


def _zeros(inputs: Float[Array, "n steps inputs"], units: int, dtype: jnp.dtype) -> State:
    """Returns the first state, in an explicit mesh with the sharding of the batch."""
    zero = jnp.zeros((inputs.shape[0], units), dtype)
    sharding = jax.typeof(inputs).sharding
    if sharding.mesh.empty:
        return zero
    return jax.sharding.reshard(zero, NamedSharding(sharding.mesh, P(sharding.spec[0], None)))


def _product(
    noise: CellNoise, keys: StepKeys, h: State, kernel: Float[Array, "units gates"]
) -> Float[Array, "n gates"]:
    return _recompute(lambda h, kernel: noise._state(keys.state, h) @ kernel)(h, kernel)


class LSTM(Recurrent):
    """Long short-term memory.

    ``i, f, g, o = x @ kernel + h @ recurrent_kernel + bias`` in this order;
    ``c' = sigmoid(f) * c + sigmoid(i) * tanh(g)`` and ``h' = sigmoid(o) * tanh(c')``. The forget
    gate's bias starts at 1, the others at 0. With zoneout, ``h'`` uses ``c'`` before zoneout.

    Example:
      >>> import jax.numpy as jnp
      >>> init = nnx.initializers.lecun_normal()
      >>> layer = LSTM(3, 8, kernel_init=init, rngs=nnx.Rngs(0))
      >>> layer(jnp.ones((2, 5, 3))).shape, layer(jnp.ones((2, 5, 3)), sequence=True).shape
      ((2, 8), (2, 5, 8))

    References:
      S. Hochreiter, J. Schmidhuber, *Long short-term memory*, Neural Computation 9(8), 1997; the
      forget gate is F. Gers, J. Schmidhuber, F. Cummins, *Learning to forget*, Neural Computation
      12(10), 2000. No peepholes.
    """

    gates = 4
    states = 2

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        noise: CellNoise | None = None,
        kernel_init: Initializer,
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(in_features, units, noise=noise, kernel_init=kernel_init, rngs=rngs)
        self.bias[...] = self.bias[...].at[units : 2 * units].set(1)

    def _step(
        self,
        noise: CellNoise,
        keys: StepKeys,
        kernel: Float[Array, "units gates"],
        carry: Carry,
        projected: Float[Array, "n gates"],
    ) -> Carry:
        """Returns the hidden state and the cell state after one step."""

        @_recompute
        def cell(i: State, f: State, g: State, o: State, c: State) -> tuple[State, State]:
            new_c = f * c + i * noise._candidate(keys.candidate, g)
            return o * jnp.tanh(new_c), new_c

        h, c = carry
        i, f, g, o = jnp.split(projected + _product(noise, keys, h, kernel), 4, axis=-1)
        new_h, new_c = cell(_sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(o), c)
        return (
            noise._update(keys.update, new_h, h),
            noise._update_cell(keys.update_cell, new_c, c),
        )


class GRU(Recurrent):
    """The gated recurrent unit, in cuDNN's form: the reset gate comes after the matrix product.

    ``r, z, n`` in this order, with ``u = h @ recurrent_kernel`` and ``p = x @ kernel + bias``:
    ``n' = tanh(p_n + sigmoid(r) * u_n)`` and ``h' = (1 - sigmoid(z)) * n' + sigmoid(z) * h``. One
    product per step serves all gates. It has one bias, as ``flax.nnx.GRUCell`` has; PyTorch's has
    a second, inside the product with the reset gate.

    Example:
      >>> import jax.numpy as jnp
      >>> init = nnx.initializers.lecun_normal()
      >>> GRU(3, 8, kernel_init=init, rngs=nnx.Rngs(0))(jnp.ones((2, 5, 3))).shape
      (2, 8)

    References:
      K. Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical
      machine translation*, EMNLP 2014, arXiv:1406.1078.
      The paper resets the state before the product with the candidate's weights.
    """

    gates = 3
    states = 1

    def _step(
        self,
        noise: CellNoise,
        keys: StepKeys,
        kernel: Float[Array, "units gates"],
        carry: Carry,
        projected: Float[Array, "n gates"],
    ) -> Carry:
        """Returns the hidden state after one step."""

        @_recompute
        def cell(z: State, n: State, h: State) -> State:
            return (1 - z) * noise._candidate(keys.candidate, n) + z * h

        (h,) = carry
        p_r, p_z, p_n = jnp.split(projected, 3, axis=-1)
        u_r, u_z, u_n = jnp.split(_product(noise, keys, h, kernel), 3, axis=-1)
        r, z = _sigmoid(p_r + u_r), _sigmoid(p_z + u_z)
        new_h = cell(z, _tanh(p_n + r * u_n), h)
        return (noise._update(keys.update, new_h, h),)
