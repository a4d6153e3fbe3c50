"""States to save, and how they are compared."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax


@flax.struct.dataclass
class State:
    step: Any
    params: Any
    opt_state: Any
    ema: Any = None


def adamw_state(step: int = 3, seed: int = 0) -> State:
    kernel, bias = jax.random.split(jax.random.key(seed))
    params = {
        "cell": {"kernel": jax.random.normal(kernel, (8, 12)), "bias": jax.random.normal(bias, (12,))},
        "half": jnp.arange(3.0, dtype=jnp.bfloat16),
        "none": jnp.zeros((0, 3)),
    }
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))
    opt_state = optimizer.init(params)
    _, opt_state = optimizer.update(jax.tree.map(jnp.ones_like, params), opt_state, params)
    return State(step=jnp.int32(step), params=params, opt_state=opt_state)


def small_state(value: int) -> dict[str, np.ndarray]:
    return {"a": np.full((4, 5), value, np.float32), "b": np.arange(value, value + 3)}


def assert_same_bits(got: Any, wanted: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
