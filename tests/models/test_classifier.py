import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.contracts import Objective
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.models.classifier import Classifier, ClassifierConfig, Classify

MODEL = Classifier(ClassifierConfig(width=4, feature_dim=5, dropout=0.5), (8, 12, 2), classes=3)
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def params() -> dict:
    return jax.jit(Classify(MODEL).init)(KEY)


def batch(count: int = 4) -> ImageBatch:
    images = jax.random.uniform(jax.random.key(1), (count, *MODEL.image_shape))
    return ImageBatch(images, jnp.arange(count, dtype=jnp.int32) % MODEL.classes)


@jax.jit
def score(params: dict) -> tuple:
    return Classify(MODEL)(params, batch(), KEY, jnp.zeros(()), train=False)


def test_logits_are_linear_in_the_features(params):
    features = MODEL.apply({"params": params}, batch().images, method="features")
    assert features.shape == (4, 5)
    logits = MODEL.apply({"params": params}, batch().images)
    expected = features @ params["head"]["kernel"] + params["head"]["bias"][None]
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)


def test_loss_and_accuracy_of_logits_that_are_known(params):
    """With a head of biases alone every picture has the same odds."""
    head = {"kernel": jnp.zeros((5, 3)), "bias": jnp.log(jnp.array([0.2, 0.5, 0.3]))}
    known = params | {"head": head}
    loss, metrics = score(known)
    # Labels 0, 1, 2, 0; class 1 is always the guess.
    expected = -np.mean(np.log([0.2, 0.5, 0.3, 0.2]))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(metrics["loss"], (4 * expected, 4), rtol=1e-6)
    assert tuple(map(float, metrics["accuracy"])) == (1, 4)


def test_a_batch_can_be_learnt(params):
    objective = Classify(MODEL)
    assert isinstance(objective, Objective)

    def loss(params, key):
        return objective(params, batch(), key, jnp.zeros(()), train=True)[0]

    def step(params, key):
        return jax.tree.map(lambda p, g: p - 0.3 * g, params, jax.grad(loss)(params, key)), None

    learnt, _ = jax.jit(lambda p: jax.lax.scan(step, p, jax.random.split(KEY, 100)))(params)
    _, metrics = score(learnt)
    assert tuple(map(float, metrics["accuracy"])) == (4, 4)


def test_dropout_in_training_only(params):
    def logits(key, train):
        return MODEL.apply({"params": params}, batch().images, train=train, rngs={"dropout": key})

    other = jax.random.key(1)
    assert (logits(KEY, train=True) != logits(other, train=True)).any()
    assert (logits(KEY, train=False) == logits(other, train=False)).all()


def test_blocks_that_add_nothing_leave_the_classifier_as_it_is(params):
    deeper = Classifier(ClassifierConfig(width=4, blocks=2, feature_dim=5), MODEL.image_shape, MODEL.classes)
    own = deeper.init({"params": KEY}, batch().images)["params"]
    blocks = {name: value for name, value in own.items() if name not in params}
    silent = {
        name: {**value, "scale": jnp.zeros_like(value["scale"])} if "scale" in value else value
        for name, value in blocks.items()
    }
    assert len(blocks) == 4
    plain = MODEL.apply({"params": params}, batch().images)
    np.testing.assert_allclose(deeper.apply({"params": params | silent}, batch().images), plain, atol=1e-6)
    assert not np.allclose(deeper.apply({"params": params | blocks}, batch().images), plain, atol=1e-2)


@pytest.mark.parametrize(("norm", "together"), [("layer", 3), ("instance", (1, 2))])
def test_a_norm_is_over_channels_or_over_places(norm, together):
    model = Classifier(ClassifierConfig(width=4, blocks=1, norm=norm), (8, 8, 1), classes=3)
    images = 100 * jax.random.uniform(KEY, (2, 8, 8, 1))
    found = model.init_with_output(KEY, images, capture_intermediates=True, mutable=True)[1]["intermediates"]
    for name in ("norms_0", "residual_norms_0_0"):
        [normalised] = found[name]["__call__"]
        np.testing.assert_allclose(normalised.mean(together), 0, atol=1e-5)
        np.testing.assert_allclose(normalised.std(together), 1, rtol=0.01)
