import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig


def test_the_default_is_784_400_20():
    model = MLPAutoencoder(MLPAutoencoderConfig(), (28, 28, 1))
    params = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 28, 28, 1)))["params"]
    kernels = {part: [layer["kernel"].shape for layer in params[part].values()] for part in params}
    assert kernels == {"encoder": [(784, 400), (400, 40)], "decoder": [(20, 400), (400, 784)]}


def test_values_by_hand():
    config = MLPAutoencoderConfig(z_dim=1, hidden=(2,), activation="relu")
    model = MLPAutoencoder(config, (1, 2, 1))

    def layer(kernel, bias):
        return {"kernel": jnp.array(kernel), "bias": jnp.array(bias)}

    params = {
        "encoder": {
            "hidden_0": layer([[1.0, -1.0], [2.0, 1.0]], [0.0, 0.0]),
            "output": layer([[1.0, 0.5], [4.0, 3.0]], [0.25, 0.0]),
        },
        "decoder": {
            "hidden_0": layer([[1.0, -2.0]], [0.0, 1.0]),
            "output": layer([[1.0, 2.0], [5.0, 5.0]], [0.0, 0.5]),
        },
    }
    images = jnp.array([0.5, 0.25]).reshape(1, 1, 2, 1)
    z_mean, z_logvar = model.apply({"params": params}, images, method="encode")
    # Hidden units relu(0.5 + 0.5) and relu(-0.5 + 0.25).
    np.testing.assert_allclose((z_mean.item(), z_logvar.item()), (1.25, 0.5))
    logits = model.apply({"params": params}, images)
    np.testing.assert_allclose(logits.ravel(), (1.25, 3.0))
