"""What all generator-discriminator pairs have in common: pictures from z, and judgements of pictures."""

from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.models.gan_config import GANConfig
from rgnn_jax.nn.linear import Dense

_CLASS_SCALE = 0.25
"""Deviation of the generator's class vectors at first, where z has 1."""


class Verdict(NamedTuple):
    """What a discriminator says of pictures.

    Attributes:
        scores: above 0 for those that it takes for real.
        features: of its last hidden layer.
        codes: what it takes the last dimensions of z to be, where there are codes: logits of the category,
            and the codes.
        classes: logits of the class that it reads in them, where it is asked to.
    """

    scores: Float[Array, " b"]
    features: Float[Array, "b f"]
    codes: Float[Array, "b k"] | None
    classes: Float[Array, "b v"] | None = None


class GAN(nn.Module):
    """A `contracts.LatentModel` that cannot read pictures, of two submodules that its subclass declares.

    `generator` maps z, with the class embedded beside it, to the pictures' logits; `discriminator` maps
    pictures in [-1, 1] to a `Verdict`. Running means and spectral norms' vectors lie among the parameters;
    a call with `train` puts their next values into the collection "moved".

    Attributes:
        classes: of the pictures, where both players are to know them; else 0.
    """

    config: GANConfig
    image_shape: tuple[int, int, int]
    classes: int = 0
    dtype: DTypeLike = jnp.float32

    @property
    def z_dim(self) -> int:
        """Dimensions of the generator's input."""
        return self.config.z_dim

    def decode(
        self, z: Float[Array, "b z"], labels: Int[Array, " b"] | None = None, *, train: bool = False
    ) -> Float[Array, "b h w c"]:
        """Logits of the pictures at these points.

        Args:
            z: the points.
            labels: their classes; None takes `default_labels`.
            train: normalise by the batch's own moments.
        """
        if self.classes and labels is None:
            labels = default_labels(z, self.classes)
        return self.generator(_with_category(z, self.config), labels if self.classes else None, train=train)

    def judge(
        self,
        pictures: Float[Array, "b h w c"],
        labels: Int[Array, " b"] | None = None,
        *,
        train: bool = False,
    ) -> Verdict:
        """What the discriminator says of pictures in [-1, 1], of these classes where it is to know them."""
        return self.discriminator(pictures, labels if self.classes else None, train=train)

    def __call__(self, z: Float[Array, "b z"], labels: Int[Array, " b"]) -> Verdict:
        """What the discriminator says of the generator's pictures."""
        return self.judge(jnp.tanh(0.5 * self.decode(z, labels)), labels)


def default_labels(z: Float[Array, "b z"], classes: int) -> Int[Array, " b"]:
    """The class in whose share, one of `classes` equal ones, of N(0, 1) the first dimension of z lies.

    Random points so have all classes equally often, and neighbours mostly the same.
    """
    share = jax.scipy.stats.norm.cdf(z[:, 0].astype(jnp.float32))
    return jnp.clip((share * classes).astype(jnp.int32), 0, classes - 1)


def category_of(z: Float[Array, "b z"], config: GANConfig) -> Int[Array, " b"]:
    """The categorical code that lies in z."""
    end = z.shape[-1] - config.codes
    return jnp.argmax(z[:, end - config.categories : end], axis=-1)


def _with_category(z: Float[Array, "b z"], config: GANConfig) -> Float[Array, "b z"]:
    """What the generator is told: z, its dimensions of the category a one-hot row of mean square 1."""
    if not config.categories:
        return z
    end = z.shape[-1] - config.codes
    row = config.categories**0.5 * jax.nn.one_hot(category_of(z, config), config.categories, dtype=z.dtype)
    return jnp.concatenate([z[:, : end - config.categories], row, z[:, end:]], axis=-1)


class Embedding(nn.Module):
    """A vector for each class, under the name `embedding`."""

    classes: int
    features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, labels: Int[Array, " b"]) -> Float[Array, "b d"]:
        """Looks up, by a product with one-hot rows, whose gradient is one too."""
        table = self.param("embedding", nn.initializers.normal(1.0), (self.classes, self.features))
        return jax.nn.one_hot(labels, self.classes, dtype=self.dtype) @ table.astype(self.dtype)


class Head(nn.Module):
    """The end of a discriminator: a score, the class by projection, the codes, the class that it reads.

    The score is w . h + b, and where classes are known + e(y) . h (Miyato and Koyama 2018, equation 3).
    """

    classes: int
    config: GANConfig
    spectral: bool
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, features: Float[Array, "b f"], labels: Int[Array, " b"] | None, *, train: bool
    ) -> Verdict:
        """Judges features."""
        score = Dense(1, dtype=self.dtype, spectral=self.spectral, name="score")
        scores = score(features, train=train)[:, 0].astype(jnp.float32)
        if labels is not None:
            size = features.shape[-1]
            vectors = Embedding(self.classes, size, self.dtype, name="projection")(labels) * size**-0.5
            scores += jnp.sum(vectors * features, -1).astype(jnp.float32)
        codes = read = None
        if self.config.code_dim:
            codes = Dense(self.config.code_dim, dtype=self.dtype, name="codes")(features).astype(jnp.float32)
        if self.config.auxiliary:
            read = Dense(self.classes, dtype=self.dtype, name="auxiliary")(features).astype(jnp.float32)
        return Verdict(scores, features.astype(jnp.float32), codes, read)


def first_features(
    z: Float[Array, "b z"],
    labels: Int[Array, " b"] | None,
    classes: int,
    shape: tuple[int, int, int],
    *,
    use_bias: bool,
    dtype: DTypeLike,
) -> Float[Array, "b h w f"]:
    """A generator's smallest features of this shape: a dense layer called `input`; in a module."""
    told = _with_class(z, labels, classes, dtype)
    return Dense(prod(shape), use_bias=use_bias, dtype=dtype, name="input")(told).reshape(z.shape[0], *shape)


def smallest(image_shape: tuple[int, int, int], widths: tuple[int, ...]) -> tuple[int, int, int]:
    """Sides and channels of what is left of a picture that is halved once for each of `widths`."""
    height, width, _ = image_shape
    scale = 2 ** len(widths)
    return height // scale, width // scale, widths[0]


def _with_class(
    z: Float[Array, "b z"], labels: Int[Array, " b"] | None, classes: int, dtype: DTypeLike
) -> Float[Array, "b d"]:
    """The generator's input: z and, where classes are known, as long a vector for the class; in a module.

    The vector starts short, lest the generator learn one picture a class before it
    heeds z.
    """
    z = z.astype(dtype)
    if labels is None:
        return z
    return jnp.concatenate(
        [z, _CLASS_SCALE * Embedding(classes, z.shape[-1], dtype, name="class")(labels)], -1
    )
