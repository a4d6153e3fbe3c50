"""The update, built from an objective: gradients of micro-batches, one reduction, one optimiser step."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, PyTree

from rgnn_jax.contracts import Batches, Metrics, Objective, Params
from rgnn_jax.optimizer import OptimizerConfig, learning_rate, make_optimizer
from rgnn_jax.train.state import TrainState, init_state


class Clock(NamedTuple):
    """Progress of the run as a function of the step, so that calls of any length follow one schedule.

    Attributes:
        step: the step at which `progress` was read.
        progress: the fraction of the run that was over then.
        per_step: the fraction that one step takes.
    """

    step: ArrayLike
    progress: ArrayLike
    per_step: ArrayLike

    def at(self, step: Int[Array, ""]) -> Float[Array, ""]:
        """The fraction of the run that is over at `step`."""
        return jnp.asarray(self.progress) + (step - self.step) * self.per_step


class StepResult(NamedTuple):
    """What a compiled call reports.

    Attributes:
        metrics: (sum, count) pairs, added over the steps that were taken.
        finite: whether every step was; after one that was not, the call changes nothing more.
        loss: the last step's loss, in the objective's units.
        gradient_norm: the last step's, before clipping.
    """

    metrics: Metrics
    finite: Array
    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]


class Training:
    """An objective, its data and an optimiser, as the pure functions `init` and `run`.

    The batch of a step is `micro_batches` micro-batches, each drawn and dropped out with its own key.
    Devices share them evenly, so one device and many take the same step, up to the order of a sum.
    """

    def __init__(
        self,
        objective: Objective,
        batches: Batches | None,
        optimizer: OptimizerConfig,
        *,
        micro_batches: int,
        ema_decay: float = 0.0,
    ) -> None:
        self.objective = objective
        self.batches = batches
        self.optimizer = optimizer
        self.micro_batches = micro_batches
        self.ema_decay = ema_decay

    def init(self, seed: Integer[Array, ""] | int) -> TrainState:
        """Fresh parameters and optimiser state, a function of the seed alone."""
        params = self.objective.init(jax.random.fold_in(jax.random.key(seed), 0))
        return init_state(params, make_optimizer(self.optimizer), self.ema_decay)

    def run(
        self,
        state: TrainState,
        data: PyTree,
        seed: Integer[Array, ""],
        count: Int[Array, ""],
        clock: Clock,
        axis: str | None = None,
    ) -> tuple[TrainState, StepResult]:
        """Takes `count` steps in one loop; inside `shard_map` or `pmap`, `axis` names the devices."""
        root = jax.random.fold_in(jax.random.key(seed), 1)
        take = self._step(data, root, clock, axis)
        shapes = jax.eval_shape(take, state)[1]
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def body(carry: tuple) -> tuple:
            taken, state, total = carry
            state, new = take(state)
            metrics = jax.tree.map(jnp.add, total.metrics, new.metrics)
            return taken + 1, state, new._replace(metrics=metrics)

        def more(carry: tuple) -> Array:
            taken, _, total = carry
            return (taken < count) & total.finite

        start = (jnp.zeros((), jnp.int32), state, nothing._replace(finite=jnp.ones((), bool)))
        _, state, result = jax.lax.while_loop(more, body, start)
        return state, result

    def _step(self, data: PyTree, root: PRNGKeyArray, clock: Clock, axis: str | None) -> Callable:
        optimizer = make_optimizer(self.optimizer, axis)

        def take(state: TrainState) -> tuple[TrainState, StepResult]:
            progress = clock.at(state.step)
            gradients, loss, metrics = self._gradients(state.params, data, root, state.step, progress, axis)
            norm = optax.tree.norm(gradients)
            updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
            rate = learning_rate(self.optimizer, state.step, progress)
            params = jax.tree.map(lambda p, u: p - rate * u, state.params, updates)
            ema = _average(state.ema, params, self.ema_decay, state.step)
            moved = TrainState(step=state.step + 1, params=params, opt_state=opt_state, ema=ema)
            finite = jnp.isfinite(loss) & jnp.isfinite(norm)
            state = jax.tree.map(lambda new, old: jnp.where(finite, new, old), moved, state)
            return state, StepResult(metrics=metrics, finite=finite, loss=loss, gradient_norm=norm)

        return take

    def _gradients(
        self,
        params: Params,
        data: PyTree,
        root: PRNGKeyArray,
        step: Int[Array, ""],
        progress: Float[Array, ""],
        axis: str | None,
    ) -> tuple[Params, Float[Array, ""], Metrics]:
        """Mean gradient and loss, summed metrics, of the whole batch of `step`."""
        devices = 1 if axis is None else jax.lax.psum(1, axis)
        local = self.micro_batches // devices
        first = 0 if axis is None else jax.lax.axis_index(axis) * local
        step_key = jax.random.fold_in(root, step)
        if self.batches is None:
            raise ValueError("a training without batches can only init")
        draw = self.batches.draw

        def one(index: Int[Array, ""]) -> tuple:
            batch = draw(data, root, step, index, self.micro_batches)
            key = jax.random.fold_in(step_key, index)
            gradient = jax.value_and_grad(self.objective, has_aux=True)
            (value, metrics), gradients = gradient(params, batch, key, progress, True)
            return gradients, value, metrics

        def add(carry: tuple, index: Int[Array, ""]) -> tuple:
            return jax.tree.map(jnp.add, carry, one(index)), None

        if local == 1:
            total = one(jnp.asarray(first, jnp.int32))
        else:
            shapes = jax.eval_shape(one, jnp.zeros((), jnp.int32))
            zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
            total, _ = jax.lax.scan(add, zeros, first + jnp.arange(local))
        if axis is not None:
            # One reduction of one vector: a rendezvous a leaf costs more than the sum itself.
            flat, restore = ravel_pytree(total)
            total = restore(jax.lax.psum(flat, axis))
        gradients, loss, metrics = total
        scale = 1.0 / self.micro_batches
        return jax.tree.map(lambda g: g * scale, gradients), loss * scale, metrics


def _average(ema: Params | None, params: Params, decay: float, step: Int[Array, ""]) -> Params | None:
    """Moving average whose memory grows with the run, so that early steps are forgotten soon."""
    if ema is None:
        return None
    keep = jnp.minimum(decay, (step + 1.0) / (step + 10.0))
    return jax.tree.map(lambda e, p: keep * e + (1.0 - keep) * p, ema, params)
