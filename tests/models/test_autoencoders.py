"""What holds for every autoencoder."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from rgnn_jax.contracts import LatentModel
from rgnn_jax.models.autoencoder import Autoencoder, with_mean_picture
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.pixel_autoencoder import PixelAutoencoder, PixelAutoencoderConfig, thresholds
from rgnn_jax.models.resnet_autoencoder import ResNetAutoencoder, ResNetAutoencoderConfig

MODELS: dict[str, Autoencoder] = {
    "mlp": MLPAutoencoder(MLPAutoencoderConfig(z_dim=3, hidden=(7, 5)), (4, 6, 2)),
    "conv": ConvAutoencoder(ConvAutoencoderConfig(z_dim=3), (8, 8, 2)),
    "burgess": ConvAutoencoder(ConvAutoencoderConfig(z_dim=3, layout="burgess"), (8, 16, 1)),
    "pixel": PixelAutoencoder(PixelAutoencoderConfig(z_dim=3, reach=1, width=4), (8, 8, 2)),
    "resnet": ResNetAutoencoder(ResNetAutoencoderConfig(z_dim=3, widths=(4, 6)), (16, 16, 1)),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def model(request) -> Autoencoder:
    return request.param


def pictures(model: Autoencoder, count: int = 2) -> jax.Array:
    return jax.random.uniform(jax.random.key(5), (count, *model.image_shape))


def init(model: Autoencoder) -> dict:
    return jax.jit(model.init)(jax.random.key(0), pictures(model, 1))["params"]


def apply(model: Autoencoder, params: dict, inputs: jax.Array, method: str = "__call__"):
    return jax.jit(partial(model.apply, method=method))({"params": params}, inputs)


def test_shapes_and_types(model):
    params, images = init(model), pictures(model)
    assert isinstance(model, LatentModel)
    z_mean, z_logvar = apply(model, params, images, "encode")
    logits = apply(model, params, z_mean, "decode")
    assert z_mean.shape == z_logvar.shape == (2, model.z_dim)
    assert logits.shape == images.shape
    assert {leaf.dtype for leaf in jax.tree.leaves((params, z_mean, z_logvar, logits))} == {
        jnp.dtype("float32")
    }
    np.testing.assert_allclose(apply(model, params, images), logits, atol=1e-6)


def test_what_was_decoded_is_explained_as_it_was_decoded(model):
    params, z = init(model), jax.random.normal(jax.random.key(3), (4, model.z_dim))
    logits = apply(model, params, z, "decode")
    decoded = (jax.nn.sigmoid(logits) > thresholds(model.image_shape)[None]).astype(jnp.float32)
    explained = jax.jit(partial(model.apply, method="explain"))({"params": params}, z, decoded)
    np.testing.assert_allclose(explained, logits, atol=1e-5)


def test_a_deterministic_autoencoder_has_no_log_variance(model):
    if isinstance(model, PixelAutoencoder):
        pytest.skip("its kind is always variational")
    config = msgspec.structs.replace(model.config, variational=False)
    plain = dataclasses.replace(model, config=config)
    params = init(plain)
    z, nothing = apply(plain, params, pictures(plain), "encode")
    assert nothing is None
    assert z.shape == (2, model.z_dim)
    assert params["encoder"]["output"]["kernel"].shape[-1] == model.z_dim


def test_parameters_are_float32_where_the_compute_type_is_narrow(model):
    narrow = dataclasses.replace(model, dtype=jnp.bfloat16)
    params = jax.eval_shape(narrow.init, jax.random.key(0), pictures(model, 1))["params"]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    logits = jax.eval_shape(narrow.apply, {"params": params}, pictures(model))
    assert logits.dtype == jnp.bfloat16


def test_every_parameter_and_every_pixel_matters(model):
    params, images = init(model), pictures(model)

    def error(params, images):
        return jnp.sum((jax.nn.sigmoid(model.apply({"params": params}, images)) - images) ** 2)

    gradients, image_gradient = jax.jit(jax.grad(error, (0, 1)))(params, images)
    log_variance = gradients["encoder"]["output"]
    log_variance["kernel"] = log_variance["kernel"][:, : model.z_dim]
    log_variance["bias"] = log_variance["bias"][: model.z_dim]
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert jnp.abs(gradient).max() > 0, path
    assert (image_gradient != 0).all()


def test_outputs_start_at_the_mean_picture(model):
    params = init(model)
    mean = np.full(model.image_shape, 0.25, np.float32)
    mean[..., 0] = 0.9
    params = with_mean_picture(params, mean)
    zero_kernel = params["decoder"]["output"] | {"kernel": 0 * params["decoder"]["output"]["kernel"]}
    params = params | {"decoder": params["decoder"] | {"output": zero_kernel}}
    decoded = jax.nn.sigmoid(apply(model, params, jnp.ones((2, 3)), "decode"))
    np.testing.assert_allclose(decoded, np.broadcast_to(mean, decoded.shape), rtol=1e-5)


def test_a_mean_picture_of_pure_black_and_white_is_kept_finite(model):
    mean = np.zeros(model.image_shape, np.float32)
    mean[..., 0] = 1.0
    bias = with_mean_picture(init(model), mean)["decoder"]["output"]["bias"]
    np.testing.assert_allclose(np.abs(bias), np.log(99), rtol=1e-5)
