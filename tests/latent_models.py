"""A latent model whose likelihood and posterior are known: pictures are noisy linear images of the code."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np


class LinearGaussian(nn.Module):
    """Reads x - 1/2 by a matrix, and decodes the mean 1/2 + z W, whose logits it gives; a column of pixels.

    With pixels of standard deviation s, p(x) is the Gaussian of covariance s^2 I + W' W.
    """

    z_dim: int
    pixels: int
    variational: bool = True

    @property
    def image_shape(self):
        return self.pixels, 1, 1

    def setup(self):
        self.weights = self.param("weights", nn.initializers.normal(0.02), (self.z_dim, self.pixels))
        self.readout = self.param("readout", nn.initializers.normal(1.0), (self.pixels, self.z_dim))
        self.logvar = self.param("logvar", nn.initializers.zeros, (self.z_dim,))

    def encode(self, images, *, train=False):
        z_mean = (images.reshape(len(images), self.pixels) - 0.5) @ self.readout
        z_logvar = jnp.broadcast_to(self.logvar[None], z_mean.shape)
        return z_mean, z_logvar if self.variational else None

    def decode(self, z, *, train=False):
        mean = 0.5 + z @ self.weights
        return (jnp.log(mean) - jnp.log1p(-mean)).reshape(len(z), self.pixels, 1, 1)

    def explain(self, z, images, *, train=False):
        return self.decode(z)

    def __call__(self, images, *, train=False):
        z_mean, _ = self.encode(images)
        return self.decode(z_mean)


def exact_params(weights, scale):
    """Parameters with the true posterior, which is diagonal as the rows of `weights` are orthogonal."""
    weights = np.asarray(weights, np.float32)
    precision = 1.0 + np.square(weights).sum(1) / scale**2
    return {
        "weights": weights,
        "readout": (weights / scale**2 / precision[:, None]).T,
        "logvar": -np.log(precision),
    }


def true_nll(weights, scale, images):
    """-log p(x) of uint8 pictures, by the multivariate Gaussian."""
    weights = np.asarray(weights, np.float64)
    x = images.reshape(len(images), -1) / 255.0 - 0.5
    covariance = scale**2 * np.eye(weights.shape[1]) + weights.T @ weights
    quadratic = np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x)
    return 0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])
