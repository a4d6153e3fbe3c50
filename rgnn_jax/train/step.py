"""The update, built from an objective: gradients of micro-batches, one reduction, one optimiser step."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, PyTree

from rgnn_jax.contracts import Batch, Batches, Game, Metrics, Objective, Params, Turn
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
        metrics: (sum, count) pairs, added over the steps that were taken; `gradient_norm` is among them.
        finite: whether every step was; after one that was not, the call changes nothing more.
        loss: the last step's loss, in the objective's units.
        gradient_norm: the last step's, before clipping.
    """

    metrics: Metrics
    finite: Array
    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]


class Found(NamedTuple):
    """Of a whole batch: mean gradients and loss, summed metrics, and what moves without gradients."""

    gradients: Params
    loss: Float[Array, ""]
    metrics: Metrics
    moved: Params


Loss = Callable[[Params, Batch, PRNGKeyArray], tuple[Float[Array, ""], tuple[Metrics, Params]]]
Update = tuple[Params, PyTree, StepResult]


class Training:
    """An objective or a game, its data and an optimiser, as the pure functions `init` and `run`.

    The batch of a step is `micro_batches` micro-batches, each drawn and dropped out with its own key.
    Devices share them evenly, so one device and many take the same step, up to the order of a sum.
    """

    def __init__(
        self,
        objective: Objective | Game,
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
        params: Any = self.objective.init(jax.random.fold_in(jax.random.key(seed), 0))
        optimizer = make_optimizer(self.optimizer)
        if isinstance(self.objective, Game):
            opt_state = {player: optimizer.init(own) for player, own in params.items()}
            return init_state(params, opt_state, self.ema_decay)
        return init_state(params, optimizer.init(params), self.ema_decay)

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
        objective, optimizer = self.objective, make_optimizer(self.optimizer, axis)

        def take(state: TrainState) -> tuple[TrainState, StepResult]:
            progress = clock.at(state.step)
            rate = learning_rate(self.optimizer, state.step, progress)
            key = jax.random.fold_in(root, state.step)

            def update(
                loss: Loss, params: Params, opt_state: PyTree, scale: float, key: PRNGKeyArray, look: Array
            ) -> Update:
                found = self._gradients(loss, params, data, root, key, look, axis)
                norm = optax.tree.norm(found.gradients)
                updates, opt_state = optimizer.update(found.gradients, opt_state, params)
                params = jax.tree.map(lambda p, u: p - scale * rate * u, params, updates)
                finite = jnp.isfinite(found.loss) & jnp.isfinite(norm)
                result = StepResult(found.metrics, finite, found.loss, norm)
                return _replaced(params, found.moved), opt_state, result

            if isinstance(objective, Game):
                params, opt_state, result = _round(objective, update, state, key, progress)
            else:

                def loss(params: Params, batch: Batch, key: PRNGKeyArray) -> tuple:
                    value, metrics = objective(params, batch, key, progress, True)
                    return value, (metrics, {})

                params, opt_state, result = update(loss, state.params, state.opt_state, 1.0, key, state.step)
            norm = {"gradient_norm": (result.gradient_norm, jnp.ones(()))}
            result = result._replace(metrics={**result.metrics, **norm})
            ema = _average(state.ema, params, self.ema_decay, state.step)
            moved = TrainState(step=state.step + 1, params=params, opt_state=opt_state, ema=ema)
            state = jax.tree.map(lambda new, old: jnp.where(result.finite, new, old), moved, state)
            return state, result

        return take

    def _gradients(
        self,
        loss: Loss,
        params: Params,
        data: PyTree,
        root: PRNGKeyArray,
        key: PRNGKeyArray,
        look: Int[Array, ""],
        axis: str | None,
    ) -> Found:
        """What the batch of number `look` says; `key` is of all that is random but its choice."""
        devices = 1 if axis is None else jax.lax.psum(1, axis)
        local = self.micro_batches // devices
        first = 0 if axis is None else jax.lax.axis_index(axis) * local
        if self.batches is None:
            raise ValueError("a training without batches can only init")
        draw = self.batches.draw

        def one(index: Int[Array, ""]) -> Found:
            batch = draw(data, root, look, index, self.micro_batches)
            gradient = jax.value_and_grad(loss, has_aux=True)
            (value, (metrics, moved)), gradients = gradient(params, batch, jax.random.fold_in(key, index))
            return Found(gradients, value, metrics, moved)

        def add(carry: Found, index: Int[Array, ""]) -> tuple[Found, None]:
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
        scale = 1.0 / self.micro_batches
        means = {
            name: jax.tree.map(lambda leaf: leaf * scale, getattr(total, name))
            for name in ("gradients", "loss", "moved")
        }
        return total._replace(**means)


def _round(
    game: Game,
    update: Callable[..., Update],
    state: TrainState,
    key: PRNGKeyArray,
    progress: Float[Array, ""],
) -> Update:
    """Every player's turn; the loss is the last one's, the gradient's norm that of all last updates."""
    params, opt_state = dict(state.params), dict(state.opt_state)
    looks = max(sum(turn.times for turn in game.turns[:-1]), 1)
    metrics: Metrics = {}
    begun, finite, squares = 0, jnp.ones((), bool), jnp.zeros(())
    for turn in game.turns:
        once = _turn(game, turn, update, params, progress)

        def at(i: Array, own: Params, own_state: PyTree, once: Callable = once, begun: int = begun) -> Update:
            look = state.step * looks + jnp.minimum(begun + i, looks - 1)
            return once(own, own_state, jax.random.fold_in(key, begun + i), look)

        own, own_state, result = _repeated(at, turn.times, params[turn.player], opt_state[turn.player])
        params[turn.player], opt_state[turn.player] = own, own_state
        norm = (result.gradient_norm, jnp.ones(()))
        metrics |= {**result.metrics, f"{turn.player}_gradient_norm": norm}
        finite, squares = finite & result.finite, squares + jnp.square(result.gradient_norm)
        begun += turn.times
    return params, opt_state, StepResult(metrics, finite, result.loss, jnp.sqrt(squares))


def _turn(
    game: Game, turn: Turn, update: Callable[..., Update], params: Params, progress: Float[Array, ""]
) -> Callable[..., Update]:
    """One update of a player, the others as `params` has them."""
    others = dict(params)

    def loss(own: Params, batch: Batch, key: PRNGKeyArray) -> tuple:
        return game.play(turn.player, others | {turn.player: own}, batch, key, progress)

    def once(own: Params, own_state: PyTree, key: PRNGKeyArray, look: Array) -> Update:
        return update(loss, own, own_state, turn.rate, key, look)

    return once


def _repeated(at: Callable[..., Update], times: int, params: Params, opt_state: PyTree) -> Update:
    """`times` updates in a loop, which compiles one; metrics are added."""
    if times == 1:
        return at(jnp.zeros((), jnp.int32), params, opt_state)
    shapes = jax.eval_shape(at, jnp.zeros((), jnp.int32), params, opt_state)[2]
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def body(i: Array, carry: Update) -> Update:
        params, opt_state, total = carry
        params, opt_state, new = at(i, params, opt_state)
        metrics = jax.tree.map(jnp.add, total.metrics, new.metrics)
        return params, opt_state, new._replace(metrics=metrics, finite=total.finite & new.finite)

    start = (params, opt_state, nothing._replace(finite=jnp.ones((), bool)))
    return jax.lax.fori_loop(0, times, body, start)


def _replaced(params: Params, moved: Params) -> Params:
    """The parameters with the entries of `moved`, a dictionary of part of them, in their place."""
    if not isinstance(moved, dict):
        return moved
    if not moved:
        return params
    return {**params, **{name: _replaced(params[name], part) for name, part in moved.items()}}


def _average(ema: Params | None, params: Params, decay: float, step: Int[Array, ""]) -> Params | None:
    """Moving average whose memory grows with the run, so that early steps are forgotten soon."""
    if ema is None:
        return None
    keep = jnp.minimum(decay, (step + 1.0) / (step + 10.0))
    return jax.tree.map(lambda e, p: keep * e + (1.0 - keep) * p, ema, params)
