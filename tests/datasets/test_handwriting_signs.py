import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.datasets.handwriting_signs import draw_signs
from rgnn_jax.datasets.images import ImageData, load_images
from rgnn_jax.errors import UserError

SIDE = 28


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


def test_signs_vary_in_width_slant_and_position():
    signs = np.asarray(draw_signs(jnp.arange(200) % 2 == 0, keys(200), SIDE))
    assert signs.min() == 0
    assert 0.7 < signs.max(axis=(1, 2)).min() <= signs.max() <= 1
    line = np.arange(SIDE)
    mass = signs.sum(axis=(1, 2))
    y, x = ((signs.sum(axis=axis) * line).sum(1) / mass for axis in (2, 1))
    assert y.std() > 1
    assert x.std() > 1
    # The second moments tell a line from a cross, and how it leans.
    across, down = line[None] - x[:, None], line[None] - y[:, None]
    wide = (signs.sum(axis=1) * across**2).sum(1) / mass
    tall = (signs.sum(axis=2) * down**2).sum(1) / mass
    lean = np.einsum("bij,bi,bj->b", signs, down, across) / mass / wide
    ratio = wide / tall
    assert np.quantile(ratio[1::2], 0.05) > 4
    assert 0.3 < np.quantile(ratio[::2], 0.05) < np.quantile(ratio[::2], 0.95) < 3
    assert lean[1::2].std() > 0.08
    assert signs[1::2].max(axis=1).sum(axis=1).std() > 1


def test_a_stroke_stays_on_the_paper():
    signs = np.asarray(draw_signs(jnp.ones(500, bool), keys(500, 1), SIDE))
    edge = np.concatenate([signs[:, 0], signs[:, -1], signs[:, :, 0], signs[:, :, -1]], axis=1)
    assert edge.max() == 0


@pytest.fixture
def digits(tmp_path):
    file = tmp_path / "digits.npz"
    np.savez(file, images=np.full((200, 8, 8), 7, np.uint8), labels=np.arange(200) % 10)
    return str(file)


def test_signs_are_further_classes_with_pictures_of_their_own_in_each_split(digits, tmp_path):
    plain = load_images(ImageData(path=digits), cache=tmp_path)
    images = load_images(ImageData(path=digits, signs=True), cache=tmp_path)
    assert images.spec.classes == (*"0123456789", "+", "-")
    assert images.digest != plain.digest
    for split in ("train", "validation", "test"):
        before, after = getattr(plain, split), getattr(images, split)
        np.testing.assert_array_equal(after.images[: len(before)], before.images)
        counts = np.bincount(after.labels, minlength=12)
        assert counts[10] == counts[11] == round(len(before) / 10)
    drawn = [
        {image.tobytes() for image in part.images if image.max() != 7} for part in (images.train, images.test)
    ]
    assert drawn[0].isdisjoint(drawn[1])
    again = load_images(ImageData(path=digits, signs=True), cache=tmp_path)
    np.testing.assert_array_equal(again.train.images, images.train.images)


def test_signs_among_other_things_are_refused(tmp_path):
    file = tmp_path / "two.npz"
    np.savez(file, images=np.zeros((40, 8, 8), np.uint8), labels=np.arange(40) % 2)
    with pytest.raises(UserError, match=r"data\.signs to false"):
        load_images(ImageData(path=str(file), signs=True), cache=tmp_path)
