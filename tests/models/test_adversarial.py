"""The losses and penalties of a pair, equal to PyTorch's; and how the game puts them together."""

from pathlib import Path

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from rgnn_jax.contracts import Turn
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.errors import UserError
from rgnn_jax.losses import discriminator_loss, generator_loss
from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.models.gan import GAN, Verdict
from rgnn_jax.models.penalties import consistency, gradient_penalty, slope_penalty, squared_slope
from rgnn_jax.models.picture_augmentation import augment

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "adversarial.npz"))
REAL_LABEL, MARGIN = 0.9, 0.01
REAL, FAKE = jnp.asarray(GOLDEN["real"]), jnp.asarray(GOLDEN["fake"])
CONFIG = DCGANConfig(z_dim=4, width=3, discriminator_norm="none", codes=2)
MODEL = DCGAN(CONFIG, (8, 8, 1))
LAYERS = {"conv": ("conv_0",), "score": ("head", "score"), "codes": ("head", "codes")}
KEY = jax.random.key(0)


def golden(prefix):
    """Our tree of the arrays under a prefix; zeros for the parameters that have none there."""
    tree = {}
    for name, path in LAYERS.items():
        for theirs, own in (("weight", "kernel"), ("bias", "bias")):
            shape = GOLDEN[f"parameter/{name}.{theirs}"].shape
            array = GOLDEN.get(f"{prefix}/{name}.{theirs}", np.zeros(shape, np.float32))
            place = tree
            for part in path:
                place = place.setdefault(part, {})
            place[own] = jnp.asarray(array)
    return tree


PARAMS = golden("parameter")


def judge(params, pictures):
    return MODEL.apply({"params": {"discriminator": params}}, pictures, method="judge")


def masked(params, mask):
    features = judge(params, REAL).features * mask.reshape(len(REAL), -1)
    score = params["head"]["score"]
    return Verdict(features @ score["kernel"][:, 0] + score["bias"][0], features, None)


def of_scores(loss, *arguments):
    return lambda params: loss(judge(params, REAL).scores, judge(params, FAKE).scores, *arguments)


LOSSES = {
    "discriminator/non_saturating": of_scores(discriminator_loss, "non_saturating"),
    "discriminator/smoothed": of_scores(discriminator_loss, "non_saturating", REAL_LABEL),
    "discriminator/hinge": of_scores(discriminator_loss, "hinge"),
    "discriminator/wasserstein": of_scores(discriminator_loss, "wasserstein"),
    "gradient_penalty": lambda params: slope_penalty(
        lambda pictures: judge(params, pictures).scores, jnp.asarray(GOLDEN["between"])
    ),
    "r1": lambda params: squared_slope(lambda pictures: judge(params, pictures).scores, REAL),
    "consistency": lambda params: consistency(*(masked(params, m) for m in GOLDEN["masks"]), MARGIN),
    "code_error": lambda params: Adversarial(MODEL, CONFIG)._code_error(
        judge(params, FAKE), jnp.asarray(GOLDEN["z"])
    ),
    **{
        f"generator/{kind}": lambda params, kind=kind: generator_loss(judge(params, FAKE).scores, kind)
        for kind in ("non_saturating", "hinge", "wasserstein")
    },
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_penalties_and_their_gradients_equal_torch(name):
    value, gradients = jax.jit(jax.value_and_grad(LOSSES[name]))(PARAMS)
    np.testing.assert_allclose(value, GOLDEN[f"value/{name}"], rtol=1e-5, atol=1e-6)
    for found, expected in zip(
        jax.tree.leaves(gradients), jax.tree.leaves(golden(f"gradient/{name}")), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_points_of_the_gradient_penalty_lie_between_the_pictures():
    # The slope of the sum of squares is twice the picture: between 0 and 1 everywhere it is 2 times a share.
    real, fake = jnp.ones((64, 2, 2, 1)), jnp.zeros((64, 2, 2, 1))
    penalty = gradient_penalty(lambda x: jnp.square(x).sum((1, 2, 3)), real, fake, KEY)
    share = jax.random.uniform(KEY, (64,))
    np.testing.assert_allclose(penalty, np.mean((4 * np.asarray(share) - 1) ** 2), rtol=1e-5)


def batch(count=6):
    images = jax.random.uniform(jax.random.key(3), (count, 8, 8, 1))
    return ImageBatch(images, jnp.arange(count) % 3, None)


def test_the_discriminator_minimises_its_loss_and_the_weighted_penalties():
    config = DCGANConfig(
        z_dim=4, width=3, discriminator_norm="layer", codes=1, dropout=0.3, real_label=0.8,
        gradient_penalty=3.0, r1=0.5, consistency=2.0, information=0.25,
    )  # fmt: skip
    game = Adversarial(DCGAN(config, (8, 8, 1)), config)
    loss, (metrics, moved) = jax.jit(game.play, static_argnums=0)(
        "discriminator", game.init(KEY), batch(), KEY, 0.5
    )
    mean = {name: total / count for name, (total, count) in metrics.items()}
    weighted = {"gradient_penalty": 3.0, "r1": 0.5, "consistency": 2.0, "code_error": 0.25}
    expected = mean["discriminator_loss"] + sum(weight * mean[name] for name, weight in weighted.items())
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert all(mean[name] > 0 for name in weighted)
    assert moved == {}


def test_a_share_of_the_pictures_estimates_the_slope_penalty():
    config = DCGANConfig(z_dim=4, width=3, discriminator_norm="none", r1=0.5)
    pictures = batch(8)
    found = {}
    for share in (1.0, 0.5, 0.01):
        game = Adversarial(DCGAN(config, (8, 8, 1)), msgspec.structs.replace(config, r1_share=share))
        params = game.init(KEY)
        _, (metrics, _) = jax.jit(game.play, static_argnums=0)("discriminator", params, pictures, KEY, 0.5)
        found[share] = float(metrics["r1"][0] / metrics["r1"][1])

    def penalty(rows):
        def scores(x):
            return game.model.apply({"params": params}, x, method="judge").scores

        return squared_slope(scores, 2.0 * pictures.images[rows] - 1.0)

    assert found[1.0] == pytest.approx(float(penalty(slice(8))), rel=1e-5)
    assert found[0.5] == pytest.approx(float(penalty(slice(4))), rel=1e-5)
    assert found[0.01] == pytest.approx(float(penalty(slice(1))), rel=1e-5)


def test_the_generator_is_told_the_category_and_not_how_large_it_is():
    config = DCGANConfig(z_dim=5, width=3, codes=1, categories=3)
    model = DCGAN(config, (8, 8, 1))
    params = Adversarial(model, config).init(KEY)
    z = jnp.array([[0.3, 0.1, 2.0, -1.0, 0.5], [0.3, -4.0, 0.1, 0.0, 0.5], [0.3, 2.0, 1.0, 1.5, 0.5]])
    first, same, other = model.apply({"params": params}, z, method="decode")
    np.testing.assert_array_equal(first, same)
    assert np.any(first != other)


def test_the_error_of_the_codes_is_that_of_the_category_and_of_the_rest():
    config = DCGANConfig(z_dim=5, width=3, codes=1, categories=3)
    game = Adversarial(DCGAN(config, (8, 8, 1)), config)
    z = jnp.array([[0.3, 0.1, 2.0, -1.0, 0.5], [0.3, 2.0, 1.0, 1.5, -1.5]])
    read = jnp.log(jnp.array([[0.2, 0.5, 0.3, 1.0], [0.25, 0.25, 0.5, 1.0]]))  # the last is the code: 0
    error = game._code_error(Verdict(jnp.zeros(2), jnp.zeros((2, 1)), read), z)
    np.testing.assert_allclose(error, (np.log(2) + np.log(4) + 0.5 * (0.25 + 2.25)) / 2, rtol=1e-5)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_class_is_read_from_real_pictures_by_one_and_from_generated_ones_for_the_other(player):
    config = DCGANConfig(z_dim=4, width=3, conditional=True, auxiliary=0.5)
    model = DCGAN(config, (8, 8, 1), 3)
    params = Adversarial(model, config).init(KEY)
    head = params["discriminator"]["head"]["auxiliary"]
    head |= {"kernel": jnp.zeros_like(head["kernel"]), "bias": jnp.log(jnp.array([0.2, 0.5, 0.3]))}

    def play(settings):
        pictures = batch(4)._replace(labels=jnp.array([0, 1, 1, 2]))
        return Adversarial(model, settings).play(player, params, pictures, KEY, jnp.zeros(()))

    loss, (metrics, _) = play(config)
    plain, _ = play(msgspec.structs.replace(config, auxiliary=0.0))
    error = -np.mean(np.log([0.2, 0.5, 0.5, 0.3]))
    np.testing.assert_allclose(loss - plain, 0.5 * error, rtol=1e-5)
    name = {"discriminator": "class_error", "generator": "generated_class_error"}[player]
    np.testing.assert_allclose(metrics[name][0] / metrics[name][1], error, rtol=1e-5)


class Announcer(GAN):
    """Generates pictures of their class's number; a score is how far below a picture is from its class."""

    def decode(self, z, labels=None, *, train=False):
        self.put_variable("moved", "generator", jnp.zeros(()))
        return labels.astype(jnp.float32).reshape(-1, 1, 1, 1)

    def judge(self, pictures, labels=None, *, train=False):
        number = 2 * jnp.arctanh(pictures[:, 0, 0, 0])
        return Verdict(-jnp.abs(number - labels), pictures.reshape(len(pictures), -1), None)


def play_announcer(player, labels, **settings):
    config = DCGANConfig(z_dim=4, width=3, **settings)
    game = Adversarial(Announcer(config, (1, 1, 1), 3), config)
    pictures = ImageBatch(jnp.full((3, 1, 1, 1), 0.5), jnp.array(labels))
    loss, (metrics, _) = game.play(player, {}, pictures, KEY, jnp.zeros(()))
    return loss, {name: total / count for name, (total, count) in metrics.items()}


def test_generated_pictures_are_made_and_judged_as_of_the_batch_s_classes():
    loss, _ = play_announcer("generator", [0, 1, 2])
    np.testing.assert_allclose(loss, np.log(2), rtol=1e-4)
    _, means = play_announcer("discriminator", [0, 1, 2])
    np.testing.assert_allclose([means["fake_score"], means["real_score"]], [0.0, -1.0], atol=1e-4)


def test_real_and_generated_pictures_have_noise_of_their_own():
    _, means = play_announcer("discriminator", [0, 0, 0], input_noise=0.1)
    assert means["fake_score"] != means["real_score"]


def test_only_a_pair_that_knows_classes_may_read_them():
    with pytest.raises(UserError, match=r"model\.auxiliary.*model\.conditional"):
        DCGANConfig(auxiliary=0.5)


def test_running_moments_of_the_generator_move_in_its_own_turn():
    config = DCGANConfig(z_dim=4, width=3)
    game = Adversarial(DCGAN(config, (8, 8, 1)), config)
    params = game.init(KEY)
    moved = game.play("generator", params, batch(), KEY, jnp.zeros(()))[1][1]
    assert set(moved) == {"norm_0"} and set(moved["norm_0"]) == {"mean", "variance"}
    start = params["generator"]["norm_0"]
    assert np.any(moved["norm_0"]["mean"] != start["mean"])
    assert game.play("discriminator", params, batch(), KEY, jnp.zeros(()))[1][1] == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"r1": 1.0}, "model.discriminator_norm"),
        ({"codes": 128}, "model.z_dim"),
        ({"consistency": 2.0, "discriminator_norm": "layer"}, "model.dropout"),
        ({"real_label": 0.9, "objective": "hinge"}, "model.real_label"),
        ({"r1_share": 0.5}, "model.r1_share"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        DCGANConfig(**settings)


LABELS = jnp.zeros((len(REAL),), jnp.int32)


def scores_of_real(progress, **settings):
    config = msgspec.structs.replace(CONFIG, **settings)
    objective = Adversarial(DCGAN(config, MODEL.image_shape), config)
    params = {"discriminator": PARAMS}
    return objective._judge(params, REAL, LABELS, KEY, KEY, jnp.asarray(progress))[0].scores


def test_noise_on_what_the_discriminator_sees_falls_to_nothing():
    plain = judge(PARAMS, REAL).scores
    begun, over = (scores_of_real(progress, input_noise=0.5) for progress in (0.0, 1.0))
    np.testing.assert_allclose(over, plain, atol=1e-6)
    assert float(jnp.abs(begun - plain).min()) > 1e-4


def test_the_discriminator_sees_augmented_pictures():
    moved = augment(REAL, ("translation",), jax.random.split(KEY)[0])
    expected = judge(PARAMS, moved).scores
    np.testing.assert_allclose(scores_of_real(0.5, augment=("translation",)), expected, atol=1e-6)
    assert float(jnp.abs(expected - judge(PARAMS, REAL).scores).max()) > 1e-4


def test_the_discriminator_has_a_rate_and_a_number_of_steps_of_its_own():
    config = msgspec.structs.replace(CONFIG, discriminator_steps=3, discriminator_rate=2.5)
    first, second = Adversarial(MODEL, config).turns
    assert first == Turn("discriminator", 3, 2.5)
    assert second == Turn("generator", 1, 1.0)
