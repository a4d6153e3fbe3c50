"""LSTM and GRU layers with their parameters."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.nn.linear import Dense
from rgnn_jax.nn.recurrent import GRUCarry, LSTMCarry, gru, gru_step, lstm, lstm_step


def orthogonal_gates(key: PRNGKeyArray, shape: tuple[int, int], dtype: DTypeLike = jnp.float32) -> Array:
    """A recurrent kernel of one random orthogonal matrix a gate (Saxe et al., 2014)."""
    h, width = shape
    # Not vmapped: a batch of QR decompositions can deadlock in XLA's threads on CPU.
    matrices = jax.lax.map(
        lambda key: nn.initializers.orthogonal()(key, (h, h), dtype), jax.random.split(key, width // h)
    )
    return matrices.swapaxes(0, 1).reshape(shape)


class RecurrentLayer(nn.Module):
    """A recurrent layer with its input projection, of which `LSTMLayer` and `GRULayer` are the two kinds.

    With `project_input` false the inputs are the gates' share already, as from an embedding of that width.
    """

    features: int
    project_input: bool = True
    dtype: DTypeLike = jnp.float32

    number_of_gates: ClassVar[int]

    def setup(self) -> None:
        """Declares the parameters."""
        width = self.number_of_gates * self.features
        if self.project_input:
            self.input = Dense(width, use_bias=False, dtype=self.dtype)
        self.kernel = self.param("kernel", orthogonal_gates, (self.features, width))
        self.bias = self.param("bias", self.initial_bias, (width,))

    def initial_bias(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, " g"]:
        """The bias of the gates before training."""
        del key
        return jnp.zeros(shape)

    def gates_x(self, x: Float[Array, "*n d"]) -> Float[Array, "*n g"]:
        """The inputs' and the bias's share of the gates."""
        gates_x = self.input(x) if self.project_input else x
        return gates_x + jnp.broadcast_to(self.bias.astype(self.dtype), gates_x.shape)


class LSTMLayer(RecurrentLayer):
    """An LSTM layer; its carry is the pair (h, c)."""

    forget_bias: float = 1.0

    number_of_gates: ClassVar[int] = 4

    def initial_bias(self, key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, " g"]:
        """Zero, but `forget_bias` in the forget gate, to remember at first (Jozefowicz et al., 2015)."""
        del key
        return jnp.zeros(shape).at[self.features : 2 * self.features].set(self.forget_bias)

    @staticmethod
    def init_carry(batch: int, features: int) -> LSTMCarry:
        """The carry before the first input."""
        zeros = jnp.zeros((batch, features), jnp.float32)
        return zeros, zeros

    def __call__(
        self, x: Float[Array, "t b d"], carry: LSTMCarry | None
    ) -> tuple[Float[Array, "t b h"], LSTMCarry]:
        """Runs over whole sequences from a carry; None means zeros."""
        return lstm(self.gates_x(x), self.kernel.astype(self.dtype), carry)

    def step(self, x: Float[Array, "b d"], carry: LSTMCarry) -> tuple[Float[Array, "b h"], LSTMCarry]:
        """Runs over one input."""
        carry = lstm_step(self.gates_x(x), self.kernel.astype(self.dtype), carry)
        return carry[0].astype(self.dtype), carry


class GRULayer(RecurrentLayer):
    """A GRU layer; its carry is h."""

    number_of_gates: ClassVar[int] = 3

    def setup(self) -> None:
        """Declares the parameters."""
        super().setup()
        self.bias_n = self.param("bias_n", nn.initializers.zeros, (self.features,))

    @staticmethod
    def init_carry(batch: int, features: int) -> GRUCarry:
        """The carry before the first input."""
        return jnp.zeros((batch, features), jnp.float32)

    def __call__(
        self, x: Float[Array, "t b d"], h: GRUCarry | None
    ) -> tuple[Float[Array, "t b h"], GRUCarry]:
        """Runs over whole sequences from a carry; None means zeros."""
        return gru(self.gates_x(x), self.kernel.astype(self.dtype), self.bias_n, h)

    def step(self, x: Float[Array, "b d"], h: GRUCarry) -> tuple[Float[Array, "b h"], GRUCarry]:
        """Runs over one input."""
        h = gru_step(self.gates_x(x), self.kernel.astype(self.dtype), self.bias_n, h)
        return h.astype(self.dtype), h
