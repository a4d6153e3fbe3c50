"""The optimiser: settings, schedule, and the gradient transformation they stand for."""

from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from rgnn_jax.fields import Fraction, NaturalNumber, NonNegative, Positive, Rate, Section
from rgnn_jax.muon import scale_by_muon

# Tables are looked up, not multiplied with, and the head's rows are classes: Muon suits neither. A painter's
# matrices are so large that to orthogonalise them takes longer than all else in a step.
_NOT_FOR_MUON = ("embedding", "table", "head", "conv_mix", "painter")


class OptimizerConfig(Section, frozen=True):
    """How parameters follow their gradients.

    AdamW (Loshchilov & Hutter 2019) for everything, or Muon (Jordan et al. 2024) for the hidden layers'
    matrices with AdamW for the rest. Weight decay spares biases, norms and embeddings.

    Attributes:
        kind: the one or the other.
        learning_rate: of AdamW, at its highest.
        schedule: how the rates fall: not at all, along half a cosine, or along a line.
        warmup_steps: in which they rise from nothing.
        decay_from: the fraction of the run after which they fall.
        final_fraction: of the highest rate, at the end of the run.
        weight_decay: decoupled, times the rate.
        clip_norm: gradients longer than this are scaled down to it (Pascanu et al., 2013); 0 leaves them.
        beta1: of the gradients' moving average.
        beta2: of their squares' moving average.
        epsilon: keeps the quotient of the two finite.
        muon_learning_rate: of Muon, at its highest.
        muon_momentum: of Muon's moving average.
    """

    kind: Literal["adamw", "muon"] = "adamw"
    learning_rate: Positive = 1e-3
    schedule: Literal["constant", "cosine", "linear"] = "cosine"
    warmup_steps: NaturalNumber = 50
    decay_from: Fraction = 0.0
    final_fraction: Fraction = 0.1
    weight_decay: NonNegative = 0.0
    clip_norm: NonNegative = 1.0
    beta1: Rate = 0.9
    beta2: Rate = 0.99
    epsilon: Positive = 1e-8
    muon_learning_rate: Positive = 0.02
    muon_momentum: Rate = 0.95


def learning_rate(
    config: OptimizerConfig, step: Int[Array, ""], progress: Float[Array, ""]
) -> Float[Array, ""]:
    """The rate of one step: linear warm-up in steps, then a decay in the run's progress.

    Args:
        config: `schedule` decays from the fraction `decay_from` of the run to `final_fraction` of the rate.
        step: steps taken so far.
        progress: the fraction of the run that is over, whether counted in steps or in seconds.
    """
    warmup = jnp.minimum(1.0, (step + 1) / max(config.warmup_steps, 1))
    decayed = jnp.clip((progress - config.decay_from) / jnp.maximum(1.0 - config.decay_from, 1e-6), 0.0, 1.0)
    match config.schedule:
        case "constant":
            shape = jnp.ones_like(decayed)
        case "cosine":
            shape = 0.5 * (1.0 + jnp.cos(jnp.pi * decayed))
        case "linear":
            shape = 1.0 - decayed
    return config.learning_rate * warmup * (config.final_fraction + (1.0 - config.final_fraction) * shape)


def make_optimizer(config: OptimizerConfig, axis: str | None = None) -> optax.GradientTransformation:
    """Gradients to unscaled updates: the step multiplies them by minus the learning rate.

    The rate stays outside so that a sweep may vary it as an array.

    Args:
        config: the settings.
        axis: the name of the devices that share the optimiser's work, inside `shard_map` or `pmap`.
    """
    transformation = optax.chain(
        optax.scale_by_adam(config.beta1, config.beta2, config.epsilon),
        optax.add_decayed_weights(config.weight_decay, mask=_decayed),
    )
    if config.kind == "muon":
        muon = optax.chain(
            scale_by_muon(config.muon_momentum, axis),
            optax.add_decayed_weights(config.weight_decay),
            optax.scale(config.muon_learning_rate / config.learning_rate),
        )
        transformation = optax.partition({"muon": muon, "adamw": transformation}, _labels)
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    return optax.chain(clip, transformation)


def _path_names(path: tuple) -> list[str]:
    return [str(getattr(part, "key", part)) for part in path]


def _is_matrix(path: tuple, leaf: Array) -> bool:
    names = _path_names(path)
    return leaf.ndim >= 2 and not any(word in name for name in names for word in _NOT_FOR_MUON)


def _decayed(params: PyTree) -> PyTree:
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.ndim >= 2 and not any("embedding" in name for name in _path_names(path)),
        params,
    )


def _labels(params: PyTree) -> PyTree:
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: "muon" if _is_matrix(path, leaf) else "adamw", params
    )
