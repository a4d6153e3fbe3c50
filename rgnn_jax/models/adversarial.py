"""The game of every generator-discriminator pair: who minimises what, and on which pictures.

A step is `discriminator_steps` updates of the discriminator, each on a batch of its own, and one of the
generator. Pictures are in [-1, 1] for the discriminator; the generator's logits l become tanh(l / 2), which
is 2 sigmoid(l) - 1.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from rgnn_jax.contracts import Metrics, Params, Turn
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.losses import cross_entropy, discriminator_loss, generator_loss
from rgnn_jax.models.gan import GAN, Verdict, category_of
from rgnn_jax.models.gan_config import GANConfig
from rgnn_jax.models.penalties import consistency, gradient_penalty, squared_slope
from rgnn_jax.models.picture_augmentation import augment

Means = dict[str, Float[Array, ""]]


class Made(NamedTuple):
    """A micro-batch of generated pictures in [-1, 1], and from what they were made."""

    pictures: Float[Array, "b h w c"]
    z: Float[Array, "b z"]
    moved: Params


@dataclasses.dataclass(frozen=True, eq=False)
class Adversarial:
    """A `contracts.Game` of "discriminator" and "generator".

    With the losses of `losses.discriminator_loss` and `losses.generator_loss`, the discriminator minimises
    its own + gradient_penalty GP + r1 R1 + consistency CT + information I + auxiliary A, the generator its
    own + information I + auxiliary A. I is half the squared error of the codes read from generated pictures,
    and the category's cross-entropy: up to a constant the bound on their mutual information of Chen et al.
    (2016, equation 5). A is the cross-entropy of the class read, from real pictures for the discriminator and
    from generated ones for the generator.

    Attributes:
        model: the pair.
        settings: what it is trained for.
    """

    model: GAN
    settings: GANConfig

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The discriminator's updates, then the generator's."""
        settings = self.settings
        return (
            Turn("discriminator", settings.discriminator_steps, settings.discriminator_rate),
            Turn("generator"),
        )

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters of both players."""
        z, labels = jnp.zeros((2, self.settings.z_dim)), jnp.zeros((2,), jnp.int32)
        return self.model.init({"params": key}, z, labels)["params"]

    def play(
        self, player: str, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""]
    ) -> tuple[Float[Array, ""], tuple[Metrics, Params]]:
        """What the player minimises; generated pictures have the classes of the batch's."""
        move = self._discriminator if player == "discriminator" else self._generator
        loss, means, moved = move(params, batch, key, progress)
        count = jnp.asarray(len(batch.images), jnp.float32)
        return loss, ({name: (mean * count, count) for name, mean in means.items()}, moved)

    def _discriminator(
        self, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Means, Params]:
        settings, labels = self.settings, batch.labels
        make_key, real_key, fake_key, between_key, mask_key, drop_key = jax.random.split(key, 6)
        real = 2.0 * batch.images - 1.0
        made = jax.tree.map(jax.lax.stop_gradient, self._make(params, labels, make_key))

        on_real, moved = self._judge(params, real, labels, real_key, drop_key, progress)
        on_fake, _ = self._judge(params, made.pictures, labels, fake_key, fake_key, progress)
        loss = discriminator_loss(on_real.scores, on_fake.scores, settings.objective, settings.real_label)
        means = {
            "discriminator_loss": loss,
            "real_score": on_real.scores.mean(),
            "fake_score": on_fake.scores.mean(),
            "real_accuracy": jnp.mean(on_real.scores > 0, dtype=jnp.float32),
            "fake_accuracy": jnp.mean(on_fake.scores < 0, dtype=jnp.float32),
        }

        def scores(pictures: Float[Array, "n h w c"]) -> Float[Array, " n"]:
            seen = labels[: len(pictures)]
            return self._judge(params, pictures, seen, real_key, drop_key, progress)[0].scores

        if settings.gradient_penalty:
            means["gradient_penalty"] = gradient_penalty(scores, real, made.pictures, between_key)
            loss += settings.gradient_penalty * means["gradient_penalty"]
        if settings.r1:
            means["r1"] = squared_slope(scores, real[: math.ceil(settings.r1_share * len(real))])
            loss += settings.r1 * means["r1"]
        if settings.consistency:
            again, _ = self._judge(params, real, labels, real_key, mask_key, progress)
            means["consistency"] = consistency(on_real, again, settings.consistency_margin)
            loss += settings.consistency * means["consistency"]
        if settings.code_dim:
            means["code_error"] = self._code_error(on_fake, made.z)
            loss += settings.information * means["code_error"]
        if settings.auxiliary:
            means["class_error"] = _class_error(on_real, labels)
            loss += settings.auxiliary * means["class_error"]
        return loss, means, moved.get("discriminator", {})

    def _generator(
        self, params: Params, batch: ImageBatch, key: PRNGKeyArray, progress: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Means, Params]:
        make_key, fake_key = jax.random.split(key)
        made = self._make(params, batch.labels, make_key)
        on_fake, _ = self._judge(params, made.pictures, batch.labels, fake_key, fake_key, progress)
        loss = generator_loss(on_fake.scores, self.settings.objective)
        means = {"generator_loss": loss}
        if self.settings.code_dim:
            loss += self.settings.information * self._code_error(on_fake, made.z)
        if self.settings.auxiliary:
            means["generated_class_error"] = _class_error(on_fake, batch.labels)
            loss += self.settings.auxiliary * means["generated_class_error"]
        return loss, means, made.moved["generator"]

    def _make(self, params: Params, labels: Int[Array, " b"], key: PRNGKeyArray) -> Made:
        z = jax.random.normal(key, (len(labels), self.settings.z_dim))
        logits, kept = self.model.apply(
            {"params": params}, z, labels, train=True, method="decode", mutable=["moved"]
        )
        return Made(jnp.tanh(0.5 * jnp.asarray(logits, jnp.float32)), z, kept.get("moved", {}))

    def _judge(
        self,
        params: Params,
        pictures: Float[Array, "b h w c"],
        labels: Int[Array, " b"],
        key: PRNGKeyArray,
        drop_key: PRNGKeyArray,
        progress: Float[Array, ""],
    ) -> tuple[Verdict, Params]:
        """The discriminator's verdict of pictures as it sees them, and what moved in it.

        Args:
            params: of both players.
            pictures: in [-1, 1].
            labels: their classes.
            key: of augmentation and noise.
            drop_key: of dropout.
            progress: of the run.
        """
        augment_key, noise_key = jax.random.split(key)
        seen = augment(pictures, self.settings.augment, augment_key)
        if self.settings.input_noise:
            deviation = self.settings.input_noise * (1.0 - progress)
            seen += deviation * jax.random.normal(noise_key, seen.shape)
        verdict, kept = self.model.apply(
            {"params": params},
            seen,
            labels,
            train=True,
            method="judge",
            mutable=["moved"],
            rngs={"dropout": jax.random.fold_in(drop_key, 1)},
        )
        return verdict, kept.get("moved", {})

    def _code_error(self, verdict: Verdict, z: Float[Array, "b z"]) -> Float[Array, ""]:
        """-log Q(c | x): half the squared error of the codes, of unit Gaussians, and that of the category."""
        assert verdict.codes is not None
        count, end = self.settings.categories, z.shape[-1] - self.settings.codes
        error = 0.5 * jnp.square(verdict.codes[:, count:] - z[:, end:]).sum(1).mean()
        if count:
            chosen = category_of(z, self.settings)
            error += optax.softmax_cross_entropy_with_integer_labels(verdict.codes[:, :count], chosen).mean()
        return error


def _class_error(verdict: Verdict, labels: Int[Array, " b"]) -> Float[Array, ""]:
    """-log Q(y | x) of the class read."""
    return cross_entropy(jnp.asarray(verdict.classes), labels).mean()
