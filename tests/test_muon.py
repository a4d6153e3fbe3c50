"""Muon: singular values, momentum, and the sharing of its work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from rgnn_jax.muon import orthogonalize, scale_by_muon, share


@pytest.mark.parametrize("shape", [(6, 6), (4, 12), (12, 4)])
def test_singular_values_become_about_one(shape):
    matrix = jax.random.normal(jax.random.key(0), shape)
    left, _, right = np.linalg.svd(np.asarray(matrix), full_matrices=False)
    found = np.asarray(orthogonalize(matrix))
    values = np.diag(left.T @ found @ right.T)
    assert ((values > 0.6) & (values < 1.3)).all()
    # Nothing but the singular values changes: the singular vectors stay.
    np.testing.assert_allclose(left @ np.diag(values) @ right, found, atol=1e-4)


def test_scale_does_not_matter():
    matrix = jax.random.normal(jax.random.key(1), (5, 8))
    np.testing.assert_allclose(orthogonalize(matrix), orthogonalize(1000.0 * matrix), atol=1e-5)


def test_momentum_looks_ahead():
    muon = scale_by_muon(0.5)
    gradient = {"kernel": jax.random.normal(jax.random.key(2), (3, 3))}
    state = muon.init(gradient)
    updates, state = muon.update(gradient, state)
    np.testing.assert_allclose(state.momentum["kernel"], gradient["kernel"])
    np.testing.assert_allclose(updates["kernel"], orthogonalize(1.5 * gradient["kernel"]), atol=1e-6)
    _, state = muon.update(gradient, state)
    np.testing.assert_allclose(state.momentum["kernel"], 1.5 * gradient["kernel"], rtol=1e-6)


def test_the_dearest_jobs_are_shared_first():
    assert share([1, 5, 4, 2], 2) == [0, 0, 1, 1]
    assert share([3, 3], 1) == [0, 0]


def test_devices_that_share_the_work_find_the_same():
    keys = jax.random.split(jax.random.key(3), 3)
    gradients = [
        jax.random.normal(key, shape) for key, shape in zip(keys, [(4, 8), (2, 3, 5), (6, 6)], strict=True)
    ]
    alone, shared = scale_by_muon(0.9), scale_by_muon(0.9, "devices")
    mesh = jax.make_mesh((2,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = PartitionSpec()
    together = jax.jit(
        jax.shard_map(shared.update, mesh=mesh, in_specs=(spec, spec), out_specs=spec, check_vma=False)
    )
    expected, _ = alone.update(gradients, alone.init(gradients))
    found, _ = together(gradients, alone.init(gradients))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
        assert jnp.linalg.norm(one) > 1
