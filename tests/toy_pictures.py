"""A latent model small enough to work out by hand: a picture's logits are a linear map of its code."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class LinearPictures(nn.Module):
    """Decodes z to `bias + z @ patterns`; encodes a picture by the least squares of its logits."""

    z_dim: int
    image_shape: tuple[int, int, int]
    variational: bool = True

    def setup(self):
        size = int(np.prod(self.image_shape))
        self.patterns = self.param("patterns", nn.initializers.normal(1.0), (self.z_dim, size))
        self.bias = self.param("bias", nn.initializers.zeros, (size,))

    def __call__(self, images, *, train=False):
        return self.decode(self.encode(images)[0])

    def encode(self, images, *, train=False):
        p = jnp.clip(images.reshape(images.shape[0], -1), 0.004, 0.996)
        logits = jnp.log(p / (1 - p)) - self.bias[None]
        mean = logits @ jnp.linalg.pinv(self.patterns)
        return mean, jnp.full_like(mean, jnp.log(0.25)) if self.variational else None

    def decode(self, z, *, train=False):
        return (z @ self.patterns + self.bias[None]).reshape(-1, *self.image_shape)

    def explain(self, z, images, *, train=False):
        return self.decode(z)


class DecoderOnly(nn.Module):
    """A generator, which cannot read pictures."""

    z_dim: int = 2
    image_shape: tuple[int, int, int] = (2, 2, 1)

    def decode(self, z, *, train=False):
        return jnp.zeros((z.shape[0], *self.image_shape))


def linear_pictures(z_dim=3, shape=(4, 6, 1), *, variational=True, patterns=None, bias=None):
    """The model and its parameters, random where they are not given."""
    model = LinearPictures(z_dim, shape, variational)
    params = model.init(jax.random.key(0), jnp.zeros((1, *shape)))["params"]
    given = {"patterns": patterns, "bias": bias}
    return model, params | {name: jnp.asarray(value) for name, value in given.items() if value is not None}
