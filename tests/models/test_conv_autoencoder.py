import jax
import jax.numpy as jnp
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig, channels, halvings


@pytest.mark.parametrize(
    ("layout", "encoder", "decoder"),
    [
        # Higgins et al. (2017), table 1: 32, 32, 64, 64, 256, with z 32.
        (
            "beta_vae",
            [(4, 4, 3, 32), (4, 4, 32, 32), (4, 4, 32, 64), (4, 4, 64, 64), (1024, 256), (256, 64)],
            [(4, 4, 64, 64), (4, 4, 32, 64), (4, 4, 32, 32), (32, 256), (256, 1024), (4, 4, 3, 32)],
        ),
        # Burgess et al. (2018), appendix A.
        (
            "burgess",
            [(4, 4, 3, 32), *[(4, 4, 32, 32)] * 3, (512, 256), (256, 256), (256, 64)],
            [*[(4, 4, 32, 32)] * 3, (32, 256), (256, 256), (256, 512), (4, 4, 3, 32)],
        ),
    ],
)
def test_the_published_networks(layout, encoder, decoder):
    model = ConvAutoencoder(ConvAutoencoderConfig(layout=layout, z_dim=32), (64, 64, 3))
    params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))["params"]
    kernels = {part: [layer["kernel"].shape for layer in params[part].values()] for part in params}
    assert kernels == {"encoder": encoder, "decoder": decoder}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((64, 64, 3), 4), ((32, 32, 1), 3), ((28, 28, 1), 2), ((8, 16, 1), 1), ((48, 48, 3), 3)],
)
def test_halvings(shape, expected):
    assert halvings(shape) == expected


@pytest.mark.parametrize("side", [4, 50, 63])
def test_sizes_that_cannot_be_halved_are_refused(side):
    with pytest.raises(UserError, match=f"pictures of {side}x{side} cannot be halved"):
        halvings((side, side, 3))


def test_channels():
    assert channels("beta_vae", 4) == (32, 32, 64, 64)
    assert channels("beta_vae", 3) == (32, 64, 64)
    assert channels("beta_vae", 2) == (32, 64)
    assert channels("burgess", 3) == (32, 32, 32)
