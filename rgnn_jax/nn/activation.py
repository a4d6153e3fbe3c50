"""The nonlinearities that a configuration can name."""

from collections.abc import Callable
from typing import Literal

import jax
from jaxtyping import Array

Activation = Literal["relu", "silu"]


def activation(name: Activation) -> Callable[[Array], Array]:
    """The function of that name."""
    return jax.nn.relu if name == "relu" else jax.nn.silu
