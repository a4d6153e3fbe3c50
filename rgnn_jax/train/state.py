"""What training carries from step to step, and what a checkpoint holds."""

from typing import Any

import flax.struct
import jax.numpy as jnp
from jaxtyping import PyTree

from rgnn_jax.contracts import Params


@flax.struct.dataclass
class TrainState:
    """Everything that a step reads and writes; randomness and data order follow from `step` and the seed.

    Attributes:
        step: steps taken, an int32 scalar.
        params: the parameters that gradients move.
        opt_state: the optimiser's own state; in a game, each player's by name.
        ema: exponential moving average of `params`, or None where it is off.
    """

    step: Any
    params: Params
    opt_state: PyTree
    ema: Params | None

    @property
    def best_params(self) -> Params:
        """The parameters to evaluate and sample with: the average where there is one."""
        return self.params if self.ema is None else self.ema


def init_state(params: Params, opt_state: PyTree, ema_decay: float) -> TrainState:
    """The state before the first step."""
    ema = params if ema_decay else None
    return TrainState(step=jnp.zeros((), jnp.int32), params=params, opt_state=opt_state, ema=ema)
