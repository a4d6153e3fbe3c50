"""What all autoencoders have in common: an encoder's statistics, a decoder's logits, and a first guess."""

from math import prod

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float

from rgnn_jax.contracts import Params
from rgnn_jax.models.latent_config import LatentConfig

_OUTPUT_BIAS = ("decoder", "output", "bias")


class Autoencoder(nn.Module):
    """A `contracts.LatentModel` of two submodules, which a subclass declares in its `setup`.

    `encoder` maps pictures to `statistics` numbers each; `decoder` maps points of the latent space to logits
    in the order of the picture's, and its last layer is called `output`.
    """

    config: LatentConfig
    image_shape: tuple[int, int, int]
    dtype: DTypeLike = jnp.float32

    @property
    def z_dim(self) -> int:
        """Latent dimensions."""
        return self.config.z_dim

    @property
    def statistics(self) -> int:
        """Numbers that describe the posterior of a picture: means, and log-variances where there are any."""
        return self.z_dim * (2 if self.config.variational else 1)

    def encode(
        self, images: Float[Array, "b h w c"], *, train: bool = False
    ) -> tuple[Float[Array, "b z"], Float[Array, "b z"] | None]:
        """`z_mean` and `z_logvar` of the posterior; a deterministic autoencoder has no `z_logvar`."""
        del train
        statistics = self.encoder(images)
        if not self.config.variational:
            return statistics, None
        return statistics[:, : self.z_dim], statistics[:, self.z_dim :]

    def decode(self, z: Float[Array, "b z"], *, train: bool = False) -> Float[Array, "b h w c"]:
        """Logits of the pictures at these points."""
        del train
        return self.decoder(z).reshape(z.shape[0], *self.image_shape)

    def explain(
        self, z: Float[Array, "b z"], images: Float[Array, "b h w c"], *, train: bool = False
    ) -> Float[Array, "b h w c"]:
        """Logits by which these pictures are scored: those of `decode`, which does not look at them."""
        del images
        return self.decode(z, train=train)

    def __call__(self, images: Float[Array, "b h w c"], *, train: bool = False) -> Float[Array, "b h w c"]:
        """Logits of the pictures at the posterior's mean."""
        z_mean, _ = self.encode(images, train=train)
        return self.decode(z_mean, train=train)


def with_mean_picture(params: Params, mean: Float[ArrayLike, "h w c"]) -> Params:
    """The parameters with the output's bias such that zero features are decoded to the mean picture.

    A convolution has one bias a channel, and is given the channels' means.

    Args:
        params: of an `Autoencoder`, as its `init` returns them.
        mean: of the training pictures, in [0, 1]; its logits are kept within those of [0.01, 0.99].
    """
    flat = traverse_util.flatten_dict(params)
    bias = flat[_OUTPUT_BIAS]
    mean = jnp.asarray(mean, jnp.float32)
    if bias.size != prod(np.shape(mean)):
        mean = jnp.mean(mean, axis=(0, 1))
    mean = jnp.clip(mean.reshape(bias.shape), 0.01, 0.99)
    flat[_OUTPUT_BIAS] = jnp.log(mean) - jnp.log1p(-mean)
    return traverse_util.unflatten_dict(flat)
