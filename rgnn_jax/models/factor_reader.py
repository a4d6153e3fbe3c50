"""A network that reads the known factors off a picture: an independent judge of what a model changed."""

import dataclasses
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params
from rgnn_jax.datasets.faces import FACTOR_NAMES, FACTORS, Factor
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Variant
from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.conv_autoencoder import ConvEncoder, channels, halvings

DEVIATION = 0.1


class FactorReaderConfig(Variant, frozen=True, kw_only=True, tag="factor_reader"):
    """Size of a `FactorReader`.

    Attributes:
        hidden: width of the dense layer between the convolutions and the readings.
    """

    hidden: Count = 256


class FactorReader(nn.Module):
    """Convolutions, a dense layer, and outputs for each factor: one for a continuous, one a category else.

    Attributes:
        config: its size.
        image_shape: (height, width, channels) of the pictures.
        factors: what is read, in order.
        dtype: of the computation.
    """

    config: FactorReaderConfig
    image_shape: tuple[int, int, int]
    factors: tuple[Factor, ...]
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares the network."""
        widths = channels("beta_vae", halvings(self.image_shape))
        size = sum(_outputs(factor) for factor in self.factors)
        self.network = ConvEncoder(widths, (self.config.hidden,), size, "relu", self.dtype)

    def __call__(self, images: Float[Array, "b h w c"], *, train: bool = False) -> list[Float[Array, "b _"]]:
        """For each factor its logits, or its value where the range is scaled to [0, 1]."""
        outputs = jnp.asarray(self.network(images - 0.5), jnp.float32)
        parts, start = [], 0
        for factor in self.factors:
            parts.append(outputs[:, start : start + _outputs(factor)])
            start += _outputs(factor)
        return parts

    def read(self, images: Float[Array, "b h w c"]) -> Float[Array, "b f"]:
        """The factors as the data hold them: amounts in their units and range, numbers of categories."""
        columns = []
        for factor, output in zip(self.factors, self(images), strict=True):
            if factor.kind == "categorical":
                columns.append(jnp.argmax(output, 1).astype(jnp.float32))
            else:
                columns.append(factor.low + (factor.high - factor.low) * jnp.clip(output[:, 0], 0.0, 1.0))
        return jnp.stack(columns, axis=1)

    def nll(
        self, images: Float[Array, "b h w c"], factors: Float[Array, "b f"], *, train: bool = False
    ) -> Float[Array, "b f"]:
        """Negative log-likelihood of each factor, in nats.

        A categorical factor has a softmax, a continuous one a Gaussian whose deviation is a tenth of its
        range (its constant left out), so that no unit weighs more than another.
        """
        columns = []
        outputs = self(images, train=train)
        for factor, output, truth in zip(self.factors, outputs, factors.T, strict=True):
            if factor.kind == "categorical":
                columns.append(cross_entropy(output, truth.astype(jnp.int32)))
            else:
                miss = output[:, 0] - (truth - factor.low) / (factor.high - factor.low)
                columns.append(0.5 * jnp.square(miss / DEVIATION))
        return jnp.stack(columns, axis=1)


@dataclasses.dataclass(frozen=True)
class ReadFactors:
    """Negative log-likelihood of a picture's factors, in nats, summed over factors.

    Attributes:
        model: a `FactorReader`.
    """

    model: FactorReader

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""
        return self.model.init({"params": key}, jnp.zeros((1, *self.model.image_shape)))["params"]

    def __call__(
        self, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""], train: bool
    ) -> tuple[Float[Array, ""], Metrics]:
        """Loss of a micro-batch, and of each factor `NAME_loss`.

        Raises:
            UserError: where the pictures' factors are not known.
        """
        if batch.factors is None:
            raise UserError(
                "a factor_reader learns from pictures whose factors are known: set data.path to faces"
            )
        nll = self.model.apply({"params": params}, batch.images, batch.factors, train=train, method="nll")
        totals = jnp.asarray(nll).sum(0)
        count = jnp.asarray(len(batch.images), jnp.float32)
        metrics: Metrics = {"loss": (totals.sum(), count)}
        for factor, total in zip(self.model.factors, totals, strict=True):
            metrics[f"{factor.name}_loss"] = (total, count)
        return totals.sum() / count, metrics


def factors_named(names: Sequence[str]) -> tuple[Factor, ...]:
    """What is known of the factors that a set of pictures names (`ImageSpec.factors`).

    Raises:
        UserError: where it is not the rendered faces that name them.
    """
    if tuple(names) != FACTOR_NAMES:
        raise UserError(
            "a factor_reader reads the factors of rendered faces, which these pictures do not have; "
            "set data.path to faces"
        )
    return FACTORS


def _outputs(factor: Factor) -> int:
    return len(factor.categories) if factor.kind == "categorical" else 1
