"""A depthwise causal convolution over a few steps, which lets each feature look a little back."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray


def empty_inputs(
    batch: int, taps: int, features: int, dtype: DTypeLike = jnp.float32
) -> Float[Array, "b m d"]:
    """The last `taps - 1` inputs before any input: zeros."""
    return jnp.zeros((batch, taps - 1, features), dtype)


class CausalMix(nn.Module):
    """Each feature becomes a learned mixture of its last `taps` values; it starts as the identity.

    So et al. (2021), "Primer", section 4.2, apply the same to queries, keys and values.
    """

    taps: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], history: Float[Array, "b m d"] | None = None
    ) -> tuple[Float[Array, "b t d"], Float[Array, "b m d"]]:
        """Mixes inputs that follow a history.

        Returns:
            The mixture, and the history after the last input.
        """
        b, t, features = x.shape
        if history is None:
            history = empty_inputs(b, self.taps, features, self.dtype)
        kernel = self.param("conv_mix", _identity_init, (self.taps, features)).astype(self.dtype)
        window = jnp.concatenate([history, x.astype(self.dtype)], axis=1)
        taps = [window[:, i : i + t] * jnp.broadcast_to(kernel[i], x.shape) for i in range(self.taps)]
        return sum(taps[1:], start=taps[0]), window[:, t:]


def _identity_init(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "k d"]:
    del key
    return jnp.zeros(shape).at[-1].set(1.0)
