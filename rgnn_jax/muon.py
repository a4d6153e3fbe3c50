"""Muon (Jordan et al., 2024): momentum whose matrices are orthogonalised, the work shared by devices."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

# The quintic whose iteration drives singular values towards 1 from anywhere in (0, 1].
_NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)


class MuonState(NamedTuple):
    """The momentum of every matrix."""

    momentum: PyTree


def orthogonalize(matrix: Float[Array, "m n"], iterations: int = 5) -> Float[Array, "m n"]:
    """The matrix with its singular values driven to about 1, by Newton-Schulz iterations.

    Args:
        matrix: any matrix; its scale does not matter.
        iterations: five leave every singular value between about 0.7 and 1.2.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def scale_by_muon(momentum: float, axis: str | None = None) -> optax.GradientTransformation:
    """Nesterov momentum, orthogonalised; a leaf's last axis is the output, the others together the input.

    Args:
        momentum: decay of the running sum of gradients.
        axis: inside `shard_map` or `pmap`, the name of the devices. Each then orthogonalises its share of
            the matrices; one sum of what they found, with zeros elsewhere, is exact.
    """

    def init(params: PyTree) -> MuonState:
        return MuonState(jax.tree.map(jnp.zeros_like, params))

    def update(gradients: PyTree, state: MuonState, params: PyTree = None) -> tuple[PyTree, MuonState]:
        del params
        running = jax.tree.map(lambda m, g: momentum * m + g, state.momentum, gradients)
        ahead = jax.tree.map(lambda m, g: momentum * m + g, running, gradients)
        return _orthogonalize_all(ahead, axis), MuonState(running)

    return optax.GradientTransformation(init, update)


def _orthogonalize_all(tree: PyTree, axis: str | None) -> PyTree:
    leaves, structure = jax.tree.flatten(tree)
    matrices = [leaf.reshape(-1, leaf.shape[-1]) for leaf in leaves]
    if axis is None:
        found = [orthogonalize(matrix) for matrix in matrices]
    else:
        mine = jax.lax.axis_index(axis)
        owners = share([_cost(*matrix.shape) for matrix in matrices], jax.lax.psum(1, axis))
        parts = [
            jax.lax.cond(mine == owner, orthogonalize, jnp.zeros_like, matrix)
            for owner, matrix in zip(owners, matrices, strict=True)
        ]
        vector, restore = ravel_pytree(parts)
        found = restore(jax.lax.psum(vector, axis))
    shaped = [matrix.reshape(leaf.shape) for matrix, leaf in zip(found, leaves, strict=True)]
    return jax.tree.unflatten(structure, shaped)


def _cost(m: int, n: int) -> int:
    """Multiplications of one iteration, up to a factor."""
    short, long = min(m, n), max(m, n)
    return short * short * (2 * long + short)


def share(costs: list[int], devices: int) -> list[int]:
    """Which device does which job: the dearest first, each to the one with least to do so far."""
    load, owners = [0] * devices, [0] * len(costs)
    for job in sorted(range(len(costs)), key=lambda job: -costs[job]):
        owners[job] = load.index(min(load))
        load[owners[job]] += costs[job]
    return owners
