"""Generator-discriminator pairs as tasks."""

import functools
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt8

from rgnn_jax.config import Experiment, GeneratorConfig
from rgnn_jax.contracts import Params
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Pictures, evenly
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.generated import describe_health, score_generated
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.models.gan import GAN
from rgnn_jax.models.resnet_gan import ResNetGAN, ResNetGANConfig
from rgnn_jax.sampling.latent import decode

MOST = 1000
"""Pictures, at most, of either kind that are compared."""

_JUDGED = 250
SHOWN = ("loss", "spread", "nearest", "real_accuracy", "fake_accuracy")


def build_pair(experiment: Experiment, spec: ImageSpec) -> GAN:
    """The pair that a configuration describes.

    Raises:
        UserError: where it is to know classes, and the pictures have none.
    """
    config, _ = experiment.of_pictures
    assert isinstance(config, GeneratorConfig)
    if config.conditional and not spec.classes:
        cure = "model.conditional to false" + (" and model.auxiliary to 0" if config.auxiliary else "")
        raise UserError(
            "model.conditional needs pictures with classes; these have none: set another data.path, or "
            + cure
        )
    classes = len(spec.classes) if config.conditional else 0
    dtype = experiment.training.dtype
    match config:
        case DCGANConfig():
            return DCGAN(config, spec.shape, classes, dtype)
        case ResNetGANConfig():
            return ResNetGAN(config, spec.shape, classes, dtype)


def evaluate_pair(model: nn.Module, params: Params, pictures: Pictures, *, seed: int = 0) -> dict[str, float]:
    """Distance and health of a pair; the lower `loss` the better.

    As many pictures are generated as are held out, `MOST` at most; where the pair is told classes, of those
    of the held-out pictures.

    Returns:
        What `score_generated` does, and `real_accuracy` and `fake_accuracy`, the shares of held-out and of
        generated pictures, in full batches of 250, that the discriminator tells right.
    """
    chosen = evenly(len(pictures), MOST)
    real, labels = np.asarray(pictures.images[chosen]), None
    if model.classes and pictures.labels is not None:
        labels = np.asarray(pictures.labels[chosen])
    z = np.asarray(jax.random.normal(jax.random.key(seed), (len(real), model.z_dim)))
    fake = decode(model, params, z, labels)
    return {
        **score_generated(real, fake, labels, seed=seed),
        "real_accuracy": _taken_for_real(model, params, real, labels),
        "fake_accuracy": 1.0 - _taken_for_real(model, params, fake, labels),
    }


def pair_remark(config: GeneratorConfig, metrics: Mapping[str, Any]) -> str | None:
    """What is wrong with a pair, in words."""
    return describe_health(metrics, judged=config.objective != "wasserstein")


def pair_summary(config: GeneratorConfig) -> str:
    """The pair in a few words."""
    told = ", told the class" if config.conditional else ""
    steps = f"{config.discriminator_steps} to 1" if config.discriminator_steps > 1 else "in turn"
    return f"{config.__struct_config__.tag} of {config.z_dim} latent dimensions{told}, {steps}"


def _taken_for_real(model: nn.Module, params: Params, images: np.ndarray, labels: np.ndarray | None) -> float:
    """Share of pictures, in full batches, that the discriminator takes for real ones."""
    told = np.zeros(len(images), np.int32) if labels is None else labels.astype(np.int32)
    size = min(_JUDGED, len(images))
    verdicts = [
        _above(model, params, images[start : start + size], told[start : start + size])
        for start in range(0, len(images) - size + 1, size)
    ]
    return float(np.mean(np.concatenate(verdicts)))


@functools.partial(jax.jit, static_argnames="model")
def _above(
    model: nn.Module, params: Params, images: UInt8[Array, "b h w c"], labels: Int[Array, " b"]
) -> Bool[Array, " b"]:
    pictures = images.astype(jnp.float32) / 127.5 - 1.0
    verdict: Any = model.apply({"params": params}, pictures, labels, method="judge")
    return verdict.scores > 0
