"""LSTM and GRU over sequences, whose backward pass leaves all weight gradients to one product after the scan.

Sequences are time-major, [t b ...]: batch-first gates would be transposed twice a pass, a tenth of the work.
The input projection is made outside: `gates_x` holds the gates' share of all inputs, biases included. The
carry and all arithmetic on gates are float32; the products have the type of the kernel.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rgnn_jax.nn.linear import weight_gradient

LSTMCarry = tuple[Float[Array, "b h"], Float[Array, "b h"]]
GRUCarry = Float[Array, "b h"]


def _product(h: Array, kernel: Array) -> Array:
    return (h.astype(kernel.dtype) @ kernel).astype(jnp.float32)


def _previous(first: Array, sequence: Array) -> Array:
    return jnp.concatenate([first[None].astype(sequence.dtype), sequence[:-1]])


def _kernel_gradient(h_previous: Array, d_product: Array) -> Array:
    rows = h_previous.shape[0] * h_previous.shape[1]
    return weight_gradient(h_previous.reshape(rows, -1), d_product.reshape(rows, -1))


def _lstm_gates(z: Array) -> tuple[Array, Array, Array, Array]:
    i, f, g, o = jnp.split(z, 4, axis=-1)
    return jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)


def lstm_step(gates_x: Float[Array, "b g"], kernel: Float[Array, "h g"], carry: LSTMCarry) -> LSTMCarry:
    """One step of an LSTM with forget gates (Gers et al., 2000), gates in the order i f g o."""
    h, c = carry
    i, f, g, o = _lstm_gates(gates_x.astype(jnp.float32) + _product(h, kernel))
    c = f * c + i * g
    return o * jnp.tanh(c), c


@jax.custom_vjp
def _lstm(gates_x: Array, kernel: Array, carry: LSTMCarry) -> tuple[Array, LSTMCarry]:
    def step(carry: LSTMCarry, gates_x: Array) -> tuple[LSTMCarry, Array]:
        carry = lstm_step(gates_x, kernel, carry)
        return carry, carry[0].astype(kernel.dtype)

    carry, outputs = jax.lax.scan(step, carry, gates_x)
    return outputs, carry


def _lstm_forward(gates_x: Array, kernel: Array, carry: LSTMCarry) -> tuple:
    def step(carry: LSTMCarry, gates_x: Array) -> tuple[LSTMCarry, tuple]:
        h, c = carry
        i, f, g, o = _lstm_gates(gates_x.astype(jnp.float32) + _product(h, kernel))
        c = f * c + i * g
        h = o * jnp.tanh(c)
        gates = tuple(gate.astype(kernel.dtype) for gate in (i, f, g, o))
        return (h, c), (h.astype(kernel.dtype), c, gates)

    last, (outputs, cells, gates) = jax.lax.scan(step, carry, gates_x)
    return (outputs, last), (kernel, carry, outputs, cells, gates)


def _lstm_backward(saved: tuple, cotangents: tuple[Array, LSTMCarry]) -> tuple:
    kernel, (h_first, c_first), outputs, cells, gates = saved
    d_outputs, d_last = cotangents
    transposed = kernel.T

    def step(d_carry: LSTMCarry, inputs: tuple) -> tuple[LSTMCarry, Array]:
        d_h, d_c = d_carry
        d_output, c, c_previous, gates = inputs
        i, f, g, o = (gate.astype(jnp.float32) for gate in gates)
        tanh_c = jnp.tanh(c)
        d_h += d_output.astype(jnp.float32)
        d_c += d_h * o * (1 - tanh_c**2)
        d_i = d_c * g * i * (1 - i)
        d_f = d_c * c_previous * f * (1 - f)
        d_g = d_c * i * (1 - g**2)
        d_o = d_h * tanh_c * o * (1 - o)
        d_z = jnp.concatenate([d_i, d_f, d_g, d_o], axis=-1).astype(kernel.dtype)
        return (_product(d_z, transposed), d_c * f), d_z

    inputs = (d_outputs, cells, _previous(c_first, cells), gates)
    d_first, d_z = jax.lax.scan(step, d_last, inputs, reverse=True)
    d_kernel = _kernel_gradient(_previous(h_first, outputs), d_z)
    return d_z, d_kernel, d_first


_lstm.defvjp(_lstm_forward, _lstm_backward)


def lstm(
    gates_x: Float[Array, "t b g"], kernel: Float[Array, "h g"], carry: LSTMCarry | None
) -> tuple[Float[Array, "t b h"], LSTMCarry]:
    """Runs an LSTM over sequences, with torch.nn.LSTM's equations and order of gates (i f g o).

    Args:
        gates_x: the inputs' and the biases' share of the gates.
        kernel: the recurrent weights.
        carry: hidden and cell state before the first step; None means zeros, which need no first product.

    Returns:
        The hidden state after each step, and the carry after the last one.
    """
    gates_x = gates_x.astype(kernel.dtype)
    if carry is not None:
        return _lstm(gates_x, kernel, carry)
    i, _, g, o = _lstm_gates(gates_x[0].astype(jnp.float32))
    c = i * g
    return _after_first(lambda rest, first: _lstm(rest, kernel, first), gates_x, (o * jnp.tanh(c), c))


def _gru_gates(gates_x: Array, product: Array, bias_n: Array) -> tuple[Array, Array, Array, Array]:
    x_r, x_z, x_n = jnp.split(gates_x.astype(jnp.float32), 3, axis=-1)
    h_r, h_z, h_n = jnp.split(product, 3, axis=-1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    h_n += jnp.broadcast_to(bias_n.astype(jnp.float32), h_n.shape)
    return r, z, jnp.tanh(x_n + r * h_n), h_n


def gru_step(
    gates_x: Float[Array, "b g"], kernel: Float[Array, "h g"], bias_n: Float[Array, " h"], h: GRUCarry
) -> GRUCarry:
    """One step of a GRU (Cho et al., 2014), gates in the order r z n, the reset gate after the product."""
    _, z, n, _ = _gru_gates(gates_x, _product(h, kernel), bias_n)
    return n + z * (h - n)


@jax.custom_vjp
def _gru(gates_x: Array, kernel: Array, bias_n: Array, h: GRUCarry) -> tuple[Array, GRUCarry]:
    def step(h: GRUCarry, gates_x: Array) -> tuple[GRUCarry, Array]:
        h = gru_step(gates_x, kernel, bias_n, h)
        return h, h.astype(kernel.dtype)

    h, outputs = jax.lax.scan(step, h, gates_x)
    return outputs, h


def _gru_forward(gates_x: Array, kernel: Array, bias_n: Array, h: GRUCarry) -> tuple:
    def step(h: GRUCarry, gates_x: Array) -> tuple[GRUCarry, tuple]:
        r, z, n, h_n = _gru_gates(gates_x, _product(h, kernel), bias_n)
        h = n + z * (h - n)
        gates = tuple(gate.astype(kernel.dtype) for gate in (r, z, n, h_n))
        return h, (h.astype(kernel.dtype), gates)

    last, (outputs, gates) = jax.lax.scan(step, h, gates_x)
    return (outputs, last), (kernel, bias_n, h, outputs, gates)


def _gru_backward(saved: tuple, cotangents: tuple[Array, GRUCarry]) -> tuple:
    kernel, bias_n, h_first, outputs, gates = saved
    d_outputs, d_last = cotangents
    transposed = kernel.T

    def step(d_h: GRUCarry, inputs: tuple) -> tuple[GRUCarry, tuple[Array, Array]]:
        d_output, h_previous, gates = inputs
        r, z, n, h_n = (gate.astype(jnp.float32) for gate in gates)
        d_h += d_output.astype(jnp.float32)
        d_n = d_h * (1 - z) * (1 - n**2)
        d_z = d_h * (h_previous.astype(jnp.float32) - n) * z * (1 - z)
        d_r = d_n * h_n * r * (1 - r)
        d_product = jnp.concatenate([d_r, d_z, d_n * r], axis=-1).astype(kernel.dtype)
        return d_h * z + _product(d_product, transposed), (d_product, d_n.astype(kernel.dtype))

    h_previous = _previous(h_first, outputs)
    d_first, (d_product, d_n) = jax.lax.scan(step, d_last, (d_outputs, h_previous, gates), reverse=True)
    d_rz, d_hn = jnp.split(d_product, [2 * d_n.shape[-1]], axis=-1)
    d_gates_x = jnp.concatenate([d_rz, d_n], axis=-1)
    d_bias_n = d_hn.sum((0, 1)).astype(bias_n.dtype)
    return d_gates_x, _kernel_gradient(h_previous, d_product), d_bias_n, d_first


_gru.defvjp(_gru_forward, _gru_backward)


def gru(
    gates_x: Float[Array, "t b g"],
    kernel: Float[Array, "h g"],
    bias_n: Float[Array, " h"],
    h: GRUCarry | None,
) -> tuple[Float[Array, "t b h"], GRUCarry]:
    """Runs a GRU over sequences, with torch.nn.GRU's equations and order of gates (r z n).

    Args:
        gates_x: the inputs' and the biases' share of the gates.
        kernel: the recurrent weights.
        bias_n: the bias of the recurrent product in the candidate n, which the reset gate scales too.
        h: hidden state before the first step; None means zeros, which need no first product.

    Returns:
        The hidden state after each step, and after the last one.
    """
    gates_x = gates_x.astype(kernel.dtype)
    if h is not None:
        return _gru(gates_x, kernel, bias_n, h)
    _, z, n, _ = _gru_gates(gates_x[0], jnp.zeros(gates_x.shape[1:], jnp.float32), bias_n)
    return _after_first(lambda rest, first: _gru(rest, kernel, bias_n, first), gates_x, n - z * n)


def _after_first(
    run: Callable[[Array, Any], tuple[Array, Any]], gates_x: Float[Array, "t b g"], first: Any
) -> tuple[Array, Any]:
    """Runs the other steps, given the carry after the first one, and puts its output before theirs."""
    output = jax.tree.leaves(first)[0][None].astype(gates_x.dtype)
    if len(gates_x) == 1:
        return output, first
    outputs, last = run(gates_x[1:], first)
    return jnp.concatenate([output, outputs]), last
