"""A DCGAN computes what PyTorch's layers do on the same weights."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig

GOLDEN = {
    name: jnp.asarray(array)
    for name, array in np.load(Path(__file__).parents[1] / "golden" / "dcgan.npz").items()
}
CONFIG = DCGANConfig(z_dim=6, width=2)
MODEL = DCGAN(CONFIG, (16, 16, 3))
FEATURES = 4


def from_torch():
    """PyTorch's weights in our names and layouts; where it flattens maps, channels come first."""
    places = np.argsort(np.arange(16 * FEATURES).reshape(16, FEATURES).T.ravel())
    ours = {}
    for name, leaf in flatten_dict(Adversarial(MODEL, CONFIG).init(jax.random.key(0)), sep=".").items():
        layer, _, kind = name.replace("head.", "").rpartition(".")
        value = np.asarray(leaf)
        if kind not in ("mean", "variance"):
            value = GOLDEN[f"parameter/{layer}.{'bias' if kind == 'bias' else 'weight'}"]
        if layer == "generator.input":
            value = value[places]
        elif layer == "discriminator.score" and kind == "kernel":
            value = value[:, places]
        if value.ndim > 1:
            value = value.transpose((2, 3, 1, 0) if value.ndim == 4 else (1, 0))
        assert value.shape == leaf.shape
        ours[name] = jnp.asarray(value)
    return unflatten_dict(ours, sep=".")


def test_pictures_and_scores_are_those_of_pytorch():
    params = {"params": from_torch()}
    logits, _ = MODEL.apply(params, GOLDEN["z"], train=True, method="decode", mutable=["moved"])
    np.testing.assert_allclose(logits, GOLDEN["logits"], rtol=1e-4, atol=1e-5)
    verdict, _ = MODEL.apply(params, GOLDEN["pictures"], train=True, method="judge", mutable=["moved"])
    np.testing.assert_allclose(verdict.scores, GOLDEN["scores"], rtol=1e-4, atol=1e-5)
