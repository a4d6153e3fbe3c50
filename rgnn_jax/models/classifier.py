"""A small convolutional classifier, whose features measure the distance between sets of pictures."""

import dataclasses
from functools import partial
from math import prod
from typing import Literal

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.fields import Count, NaturalNumber, Rate, Variant
from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.conv_autoencoder import halvings
from rgnn_jax.nn.conv_layers import Conv
from rgnn_jax.nn.dropout import Dropout
from rgnn_jax.nn.linear import Dense


class ClassifierConfig(Variant, frozen=True, kw_only=True, tag="classifier"):
    """Size and regularisation of a `Classifier`.

    Attributes:
        width: channels of the first convolution; each further one that halves has twice as many.
        blocks: residual 3x3 convolutions after each that halves (He et al., 2016).
        norm: of convolutions: "layer" normalises the channels of each place (Ba et al., 2016), "instance"
            each channel over a picture's places (Ulyanov et al., 2016). The former makes as much of a place
            where there is nothing as of a stroke.
        feature_dim: numbers a picture that `features` returns.
        dropout: rate at which features are dropped before the last layer.
    """

    width: Count = 32
    blocks: NaturalNumber = 0
    norm: Literal["layer", "instance"] = "layer"
    feature_dim: Count = 128
    dropout: Rate = 0.25


class Classifier(nn.Module):
    """4x4 convolutions that halve the picture, 3x3 ones, all normalised, a dense layer and a linear one."""

    config: ClassifierConfig
    image_shape: tuple[int, int, int]
    classes: int
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the layers."""
        widths = [self.config.width * 2**i for i in range(halvings(self.image_shape))]
        self.convolutions = [Conv(width, 4, 2, self.dtype) for width in widths]
        # An even channel has no variance; a larger epsilon keeps what little noise it has from being all.
        instance = partial(nn.InstanceNorm, epsilon=1e-3)
        make_norm = partial(nn.LayerNorm if self.config.norm == "layer" else instance, dtype=self.dtype)
        self.norms = [make_norm() for _ in widths]
        self.residuals = [
            [Conv(width, 3, 1, self.dtype) for _ in range(self.config.blocks)] for width in widths
        ]
        self.residual_norms = [[make_norm() for _ in range(self.config.blocks)] for _ in widths]
        self.hidden = Dense(self.config.feature_dim, dtype=self.dtype)
        self.drop = Dropout(self.config.dropout)
        self.head = Dense(self.classes, dtype=self.dtype)

    def features(self, images: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        """What the classifier sees in each picture, before the last layer."""
        h = images
        stages = zip(self.convolutions, self.norms, self.residuals, self.residual_norms, strict=True)
        for convolution, norm, residuals, residual_norms in stages:
            h = nn.silu(norm(convolution(h)))
            for residual, residual_norm in zip(residuals, residual_norms, strict=True):
                h = h + nn.silu(residual_norm(residual(h)))
        return nn.silu(self.hidden(h.reshape(h.shape[0], prod(h.shape[1:]))))

    def __call__(self, images: Float[Array, "b h w c"], *, train: bool = False) -> Float[Array, "b v"]:
        """Logits of the classes."""
        return self.head(self.drop(self.features(images), deterministic=not train))


@dataclasses.dataclass(frozen=True)
class Classify:
    """The objective of a `Classifier`: mean cross-entropy of the labels, in nats."""

    model: Classifier

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        return self.model.init({"params": key}, jnp.zeros((1, *self.model.image_shape)))["params"]

    def __call__(
        self, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""], train: bool
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss of a micro-batch; the metrics are `loss` and `accuracy`, in [0, 1]."""
        del progress
        rngs = {"dropout": key} if train else None
        output = self.model.apply({"params": params}, batch.images, train=train, rngs=rngs)
        logits = jnp.asarray(output, jnp.float32)
        total = cross_entropy(logits, batch.labels).sum()
        hits = jnp.sum(jnp.argmax(logits, -1) == batch.labels).astype(jnp.float32)
        count = jnp.asarray(len(batch.labels), jnp.float32)
        return total / count, {"loss": (total, count), "accuracy": (hits, count)}
