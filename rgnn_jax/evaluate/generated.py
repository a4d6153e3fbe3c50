"""How far generated pictures are from held-out ones, and whether they differ among themselves.

Everything is measured in pixels, so that no network needs to be trained first; a classifier sees more.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Int, UInt8

from rgnn_jax.evaluate.sliced_wasserstein import PATCH, patch_sliced_wasserstein, sliced_wasserstein

_PATCHED, _PATCHES = 250, 32
SPREAD, NEAREST, SURE = 0.5, 0.1, 0.995


def score_generated(
    real: UInt8[np.ndarray, "n h w c"],
    fake: UInt8[np.ndarray, "n h w c"],
    labels: Int[np.ndarray, " n"] | None = None,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """Compares generated pictures with held-out ones.

    Args:
        real: held-out pictures.
        fake: as many generated ones.
        labels: classes of either, where the generator is told them; None where it is not.
        seed: of the directions; equal seeds compare on equal ones.

    Returns:
        `layout_distance`, the sliced Wasserstein distance of pixels, and `texture_distance`, that of patches
        averaged over scales, both times 1000; `loss`, their mean, by which the best checkpoint is
        chosen; `spread`, the mean squared distance of two generated pictures, of one class where classes
        are told, over that of two real ones,
        and `nearest`, the same of the median distance to the nearest other: both near 0 where the
        generator has collapsed.
    """
    # Directions apart from each other, and from codes that were drawn with the same seed.
    layout_key, texture_key = jax.random.split(jax.random.key(seed))
    scores = {"layout_distance": 1e3 * sliced_wasserstein(real, fake, layout_key, directions=256)}
    if min(real.shape[1:3]) >= PATCH:
        parts = (real[:_PATCHED], fake[:_PATCHED])
        textures = patch_sliced_wasserstein(*parts, texture_key, patches=_PATCHES, directions=128)
        scores["texture_distance"] = float(np.mean(list(textures.values())))
    spread_real, nearest_real = pairwise(real, labels)
    spread_fake, nearest_fake = pairwise(fake, labels)
    return {
        "loss": float(np.mean(list(scores.values()))),
        **scores,
        "spread": spread_fake / max(spread_real, 1e-12),
        "nearest": nearest_fake / max(nearest_real, 1e-12),
    }


def pairwise(
    images: UInt8[np.ndarray, "n h w c"], labels: Int[np.ndarray, " n"] | None = None
) -> tuple[float, float]:
    """Mean squared distance of two pictures of one class, and the median one to the nearest other of any.

    Without labels all pictures are of one class; without two of one both are 0.
    """
    classes = np.zeros(len(images), np.int32) if labels is None else labels
    alike = classes[:, None] == classes[None]
    pairs = int(alike.sum()) - len(images)
    if pairs == 0:
        return 0.0, 0.0
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    flat -= flat.mean(0)
    squares = np.square(flat).sum(1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    mean = float(distances[alike].sum(dtype=np.float64)) / pairs
    np.fill_diagonal(distances, np.inf)
    return mean, float(np.median(distances.min(1)))


def describe_health(metrics: Mapping[str, Any], *, judged: bool = True) -> str | None:
    """What is wrong with a pair, in words; None where nothing is seen.

    Args:
        metrics: what `score_generated` returns, and the discriminator's `real_accuracy` and `fake_accuracy`.
        judged: whether the discriminator's scores have a threshold, which a Wasserstein critic's have not.
    """
    if not metrics:
        return None
    if not np.isfinite(metrics["loss"]):
        return "the generator has diverged: its pictures are not finite; lower optimizer.learning_rate"
    spread, nearest = metrics["spread"], metrics["nearest"]
    if spread < SPREAD or nearest < NEAREST:
        what = "to the nearest other" if nearest < NEAREST else "apart"
        share = nearest if nearest < NEAREST else spread
        return (
            f"the generator has collapsed: its pictures are {100 * share:.0f}% as far {what} as real ones; "
            "keep the best checkpoint (--step best), or train again with a penalty (model.r1), "
            "model.augment or a lower optimizer.learning_rate"
        )
    if judged and min(metrics["real_accuracy"], metrics["fake_accuracy"]) > SURE:
        return (
            "the discriminator tells all real and generated pictures apart, so that the generator learns "
            "little; lower model.discriminator_rate, or set model.r1, model.dropout or model.input_noise"
        )
    return None
