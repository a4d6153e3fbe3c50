"""Models of pictures as tasks: autoencoders, generators, and the networks that judge what they make."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import numpy as np
from jaxtyping import UInt8

from rgnn_jax.config import AutoencoderConfig, Experiment, GeneratorConfig
from rgnn_jax.contracts import Game, Objective, Params
from rgnn_jax.datasets.image_batches import ImageBatches, binarized_once
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.images import ImageData, load_images
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.accuracy import score_classes
from rgnn_jax.evaluate.elbo import describe_collapse, importance_weighted_nll, score_images
from rgnn_jax.evaluate.pose import score_readings
from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.classifier import Classifier, ClassifierConfig, Classify
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig, halvings
from rgnn_jax.models.factor_reader import FactorReader, FactorReaderConfig, ReadFactors, factors_named
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.pixel_autoencoder import PixelAutoencoder, PixelAutoencoderConfig
from rgnn_jax.models.resnet_autoencoder import ResNetAutoencoder, ResNetAutoencoderConfig
from rgnn_jax.models.variational import Variational
from rgnn_jax.tasks.adversarial import SHOWN, build_pair, evaluate_pair, pair_remark, pair_summary
from rgnn_jax.tasks.task import HeldOut, Task
from rgnn_jax.typography import counted


def build_image_task(experiment: Experiment, spec: ImageSpec | None) -> Task:
    """Pictures and a model that learns from them; `spec` is a saved run's.

    Raises:
        UserError: where the pictures are not of the kind that the run was trained on, or of sides that the
            network cannot halve.
    """
    config, data = experiment.of_pictures
    if data.size and not isinstance(config, MLPAutoencoderConfig):
        # Before the pictures are rendered or decoded, which takes a minute.
        halvings((data.size, data.size, data.channels))
    images = load_images(data)
    if spec is not None:
        _check_fit(experiment, images.spec, spec)
    batch_size = experiment.training.batch_size
    seen = batch_size * (config.discriminator_steps if isinstance(config, GeneratorConfig) else 1)
    model = build_image_model(experiment, spec or images.spec)

    return Task(
        model=model,
        objective=build_image_objective(experiment, model, images),
        batches=ImageBatches(
            images.train,
            batch_size,
            binarize=data.binarize,
            flip=data.flip,
            augment=data.augment,
            blur=data.blur,
            distort=data.distort,
        ),
        data=images,
        spec=spec or images.spec,
        symbols_per_step=seen,
        symbol="pictures",
        steps_per_epoch=len(images.train) / seen,
        evaluate=build_image_evaluation(experiment, model, images),
        shown=_shown(config),
        summary=f"{counted(len(images.train), 'picture')} of {images.spec.in_words}",
        model_summary=_summary(config),
        remark=lambda metrics: _remark(config, metrics),
    )


def build_image_model(experiment: Experiment, spec: ImageSpec) -> nn.Module:
    """The network that a configuration describes.

    Raises:
        UserError: where the pictures lack what it is to learn.
    """
    config, _ = experiment.of_pictures
    if isinstance(config, GeneratorConfig):
        return build_pair(experiment, spec)
    dtype = experiment.training.dtype
    match config:
        case MLPAutoencoderConfig():
            return MLPAutoencoder(config, spec.shape, dtype)
        case ConvAutoencoderConfig():
            return ConvAutoencoder(config, spec.shape, dtype)
        case PixelAutoencoderConfig():
            return PixelAutoencoder(config, spec.shape, dtype)
        case ResNetAutoencoderConfig():
            return ResNetAutoencoder(config, spec.shape, dtype)
        case ClassifierConfig():
            if not spec.classes:
                raise UserError(
                    "a classifier needs pictures with classes; these have none: set another data.path"
                )
            return Classifier(config, spec.shape, len(spec.classes), dtype)
        case FactorReaderConfig():
            return FactorReader(config, spec.shape, factors_named(spec.factors), dtype)


def build_image_objective(experiment: Experiment, model: Any, images: Images | None) -> Objective | Game:
    """The loss that an experiment minimises; `images`, where given, are what it starts from."""
    config, _ = experiment.of_pictures
    if isinstance(config, FactorReaderConfig):
        return ReadFactors(model)
    if isinstance(config, ClassifierConfig):
        return Classify(model)
    if isinstance(config, GeneratorConfig):
        return Adversarial(model, config)
    return Variational(model, config, images)


def evaluation_images(data: ImageData, pictures: Pictures) -> UInt8[np.ndarray, "n h w c"]:
    """The pictures as they are scored: binarised, once, where training binarises them."""
    return binarized_once(pictures.images) if data.binarize else pictures.images


def build_image_evaluation(
    experiment: Experiment, model: nn.Module, images: Images
) -> Callable[[Params, str], HeldOut]:
    """The scores of parameters on a split, by name; nothing for an empty split."""

    def evaluate(params: Params, split: str) -> HeldOut:
        pictures: Pictures = getattr(images, split)
        return _evaluate(experiment, model, params, pictures) if len(pictures) else {}

    return evaluate


def _check_fit(experiment: Experiment, found: ImageSpec, spec: ImageSpec) -> None:
    config, data = experiment.of_pictures
    if found.shape != spec.shape:
        raise UserError(
            f"{data.path}: pictures of {found.in_words}, but the run's are {spec.in_words}; "
            f"set data.size to {spec.height} and data.channels to {spec.channels}"
        )
    if isinstance(config, ClassifierConfig) and len(found.classes) != len(spec.classes):
        raise UserError(
            f"{data.path}: pictures of {len(found.classes) or 'no'} classes, but the run tells "
            f"{len(spec.classes)} apart; set another data.path"
        )
    if isinstance(config, FactorReaderConfig):
        factors_named(found.factors)


def _evaluate(experiment: Experiment, model: nn.Module, params: Params, pictures: Pictures) -> HeldOut:
    config, data = experiment.of_pictures
    shown = evaluation_images(data, pictures)
    if isinstance(config, FactorReaderConfig):
        return score_readings(model, params, shown, np.asarray(pictures.factors))
    if isinstance(config, ClassifierConfig):
        return score_classes(model, params, shown, np.asarray(pictures.labels))
    if isinstance(config, GeneratorConfig):
        return evaluate_pair(model, params, Pictures(shown, pictures.labels))
    scores = score_images(model, params, shown, likelihood=config.likelihood, scale=config.scale)
    if config.variational and config.objective == "iwae":
        nll = importance_weighted_nll(
            model, params, shown, config.particles,
            likelihood=config.likelihood, scale=config.scale, beta=config.beta,
        )  # fmt: skip
        return {"loss": float(nll.mean(dtype=np.float64)), **scores}
    return {"loss": _minimised(config, scores), **scores}


def _minimised(config: AutoencoderConfig, scores: Mapping[str, Any]) -> float:
    """What training minimises in the end, but for a total correlation: what "best" means for a checkpoint."""
    if not config.variational:
        return scores["reconstruction_loss"]
    kl = float(np.maximum(scores["kl_per_dim"], config.free_bits).sum())
    if config.capacity is not None:
        penalty = config.capacity_weight * abs(kl - config.capacity)
    else:
        penalty = config.beta * kl if config.objective == "beta" else kl
    return scores["reconstruction_loss"] + penalty


def _remark(config: Any, metrics: Mapping[str, Any]) -> str | None:
    """What must be said: units that carry nothing, a pair that has collapsed."""
    if isinstance(config, GeneratorConfig):
        return pair_remark(config, metrics)
    if not isinstance(config, AutoencoderConfig):
        return None
    return describe_collapse(metrics, config.objective, config.beta, config.capacity)


def _shown(config: Any) -> tuple[str, ...]:
    """What a person watches."""
    if isinstance(config, ClassifierConfig):
        return "loss", "accuracy"
    if isinstance(config, GeneratorConfig):
        return SHOWN
    if isinstance(config, AutoencoderConfig) and config.variational:
        return "loss", "reconstruction_loss", "kl_loss", "active_units"
    return ("loss",)


def _summary(config: Any) -> str:
    kind = str(config.__struct_config__.tag)
    if isinstance(config, GeneratorConfig):
        return pair_summary(config)
    if not isinstance(config, AutoencoderConfig):
        return kind
    how = "latent dimensions" if config.variational else "latent dimensions, without sampling"
    return f"{kind} of {config.z_dim} {how}"
