import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.contracts import Batches
from rgnn_jax.datasets.image_batches import (
    ImageBatch,
    ImageBatches,
    augment_images,
    binarize_images,
    binarized_once,
    blur_images,
    flip_images,
    shuffled,
)
from rgnn_jax.datasets.pictures import Pictures
from rgnn_jax.errors import UserError

KEY = jax.random.key(0)


def numbered(count: int, shape: tuple[int, ...] = (2, 3, 1)) -> Pictures:
    """Pictures whose every pixel and label is their number."""
    numbers = np.arange(count, dtype=np.uint8)
    images = np.broadcast_to(numbers.reshape(-1, 1, 1, 1), (count, *shape)).copy()
    return Pictures(images, numbers.astype(np.int32), numbers[:, None].astype(np.float32))


def draw(batches: ImageBatches, step: int = 0, index: int = 0, count: int = 1) -> ImageBatch:
    arrays = (jax.device_put(batches.data), KEY, jnp.int32(step), jnp.int32(index))
    return jax.jit(batches.draw, static_argnums=4)(*arrays, count)


def epoch_orders(size: int, epochs: int) -> np.ndarray:
    """The orders [epoch, place] of the first epochs."""
    epoch, place = np.divmod(np.arange(epochs * size, dtype=np.uint32), np.uint32(size))
    order = jax.jit(shuffled, static_argnums=3)(jnp.asarray(place), jnp.asarray(epoch), KEY, size)
    return np.asarray(order).reshape(epochs, size)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 25, 101])
def test_each_epoch_is_a_permutation(size):
    np.testing.assert_array_equal(np.sort(epoch_orders(size, 3)), np.tile(np.arange(size), (3, 1)))


def test_orders_differ_between_epochs_and_are_spread_evenly():
    orders = epoch_orders(5, 600)
    assert (orders[0] != orders[1]).any()
    counts = np.stack([(orders == item).sum(0) for item in range(5)])
    # Binomial(600, 1/5): five standard deviations are 49.
    assert abs(counts - 120).max() < 49


def test_an_epoch_shows_each_picture_once_with_its_label_and_factors():
    batches = ImageBatches(numbered(12), 4)
    assert isinstance(batches, Batches)
    drawn = [draw(batches, step, index, 2) for step in range(3) for index in range(2)]
    labels = np.concatenate([batch.labels for batch in drawn])
    assert sorted(labels.tolist()) == list(range(12))
    for batch in drawn:
        assert batch.images.dtype == jnp.float32 and batch.images.shape == (2, 2, 3, 1)
        np.testing.assert_allclose(batch.images[:, 0, 0, 0] * 255, batch.labels, rtol=1e-6)
        np.testing.assert_array_equal(batch.factors[:, 0], batch.labels)


def test_micro_batches_are_the_batch_in_parts():
    batches = ImageBatches(numbered(10), 6)
    whole = draw(batches, 7).labels
    parts = [draw(batches, 7, index, 3).labels for index in range(3)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_epochs_go_on_over_the_ends_of_batches_and_far_beyond_int32():
    batches = ImageBatches(numbered(5), 4)
    labels = np.concatenate([draw(batches, step).labels for step in range(5)])
    for epoch in labels.reshape(4, 5):
        assert sorted(epoch.tolist()) == list(range(5))
    # From a multiple of 5 steps on, 5 batches of 4 are again 4 whole epochs.
    late = 2**31 - 8
    labels = np.concatenate([draw(batches, step).labels for step in range(late, late + 5)])
    assert sorted(labels.tolist()) == sorted(list(range(5)) * 4)


def test_pictures_without_labels_have_zeros_and_no_factors():
    batch = draw(ImageBatches(Pictures(numbered(3).images), 2))
    assert batch.labels.tolist() == [0, 0] and batch.factors is None


def test_draws_work_under_vmap_over_keys():
    batches = ImageBatches(numbered(20), 4, binarize=True, augment=True)
    data = jax.device_put(batches.data)

    @jax.jit
    def one(key: jax.Array) -> ImageBatch:
        return batches.draw(data, key, jnp.int32(3), jnp.int32(0), 1)

    keys = jax.random.split(KEY, 2)
    both = jax.jit(jax.vmap(one))(keys)
    for i, key in enumerate(keys):
        np.testing.assert_array_equal(both.labels[i], one(key).labels)
        np.testing.assert_array_equal(both.images[i], one(key).images)


def test_binarising_draws_each_pixel_with_its_value_as_probability():
    images = jnp.broadcast_to(jnp.array([0.0, 0.25, 1.0]).reshape(1, 1, 3, 1), (4000, 1, 3, 1))
    binary = np.asarray(binarize_images(images, KEY))
    assert set(np.unique(binary).tolist()) == {0.0, 1.0}
    means = binary.mean((0, 1, 3))
    assert means[0] == 0 and means[2] == 1 and abs(means[1] - 0.25) < 0.035


@pytest.mark.parametrize(
    "settings",
    [{"binarize": True}, {"flip": True}, {"augment": True}, {"blur": 2.0}, {"distort": True}],
    ids=lambda settings: next(iter(settings)),
)
def test_each_micro_batch_is_changed_in_its_own_way(settings):
    one = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1), np.uint8)
    batches = ImageBatches(Pictures(np.repeat(one, 16, axis=0)), 16, **settings)
    first, second = (draw(batches, 0, index, 2).images for index in (0, 1))
    assert (first != second).any()


def test_training_binarises_anew_each_step():
    pictures = Pictures(np.full((4, 8, 8, 1), 128, np.uint8))
    batches = ImageBatches(pictures, 4, binarize=True)
    first, second = draw(batches, 0).images, draw(batches, 1).images
    assert set(np.unique(first).tolist()) == {0.0, 1.0} and (first != second).any()
    np.testing.assert_array_equal(first, draw(batches, 0).images)


def test_evaluation_binarises_once():
    images = np.broadcast_to(np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1), (4000, 1, 3, 1))
    binary = binarized_once(images)
    assert binary.dtype == np.uint8 and set(np.unique(binary).tolist()) == {0, 255}
    means = binary.mean((0, 1, 3)) / 255
    assert means[0] == 0 and means[2] == 1 and abs(means[1] - 0.2) < 0.032
    np.testing.assert_array_equal(binary, binarized_once(images))
    np.testing.assert_array_equal(binary[:10], binarized_once(images[:10]))


def test_flips_mirror_half_of_the_pictures():
    images = jnp.broadcast_to(jnp.array([1, 2, 3], jnp.uint8).reshape(1, 1, 3, 1), (400, 1, 3, 1))
    rows = np.asarray(flip_images(images, KEY))[:, 0, :, 0].tolist()
    mirrored = sum(row == [3, 2, 1] for row in rows)
    assert mirrored + sum(row == [1, 2, 3] for row in rows) == 400
    assert 150 < mirrored < 250


def test_augmentation_keeps_shape_and_range_and_varies():
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    many = np.asarray(augment_images(jnp.repeat(jnp.asarray(image), 20, 0), KEY))
    assert many.shape == (20, 16, 16, 3) and many.dtype == np.uint8
    assert len({picture.tobytes() for picture in many}) == 20


def test_augmentation_changes_brightness_by_at_most_a_fifth():
    flat = jnp.full((200, 8, 8, 1), 100, jnp.uint8)
    values = np.asarray(augment_images(flat, KEY))
    assert (values == values[:, :1, :1]).all()
    assert 80 <= values.min() < 85 and 115 < values.max() <= 120


def test_augmentation_moves_what_it_shows_by_at_most_an_eighth():
    image = np.zeros((1, 16, 16, 1), np.uint8)
    image[0, 7:9, 7:9] = 200
    for moved in np.asarray(augment_images(jnp.repeat(jnp.asarray(image), 100, 0), KEY)):
        rows, columns = np.nonzero(moved[..., 0])
        assert len(rows) == 4
        assert abs(rows.mean() - 7.5) <= 2 and abs(columns.mean() - 7.5) <= 2


def test_blur_is_a_gaussian_of_the_given_width_and_keeps_a_plain_picture():
    point = np.zeros((3, 21, 31, 1), np.float32)
    point[:, 10, 15] = 1.0
    blurred = np.asarray(blur_images(jnp.asarray(point), jnp.array([0.0, 1.0, 2.0])))[..., 0]
    np.testing.assert_allclose(blurred[0], point[0, ..., 0], atol=1e-20)
    np.testing.assert_allclose(blurred.sum((1, 2)), 1.0, atol=1e-3)
    rows, columns = np.indices(point.shape[1:3])
    for picture, deviation in zip(blurred[1:], (1.0, 2.0), strict=True):
        assert (picture * (rows - 10) ** 2).sum() == pytest.approx(deviation**2, rel=0.01)
        assert (picture * (columns - 15) ** 2).sum() == pytest.approx(deviation**2, rel=0.01)
    flat = np.asarray(blur_images(jnp.full((1, 8, 8, 3), 0.3), jnp.array([2.0])))
    np.testing.assert_allclose(flat, 0.3, rtol=1e-5)


def test_each_draw_is_blurred_by_itself_up_to_the_limit():
    edge = np.zeros((1, 8, 8, 1), np.uint8)
    edge[:, :, 4:] = 255
    batches = ImageBatches(Pictures(np.repeat(edge, 16, 0)), 16, blur=1.0)
    drawn = np.asarray(draw(batches).images)
    soft = drawn[:, 4, 3, 0]
    assert len(set(soft.tolist())) > 10
    assert 0 <= soft.min() < 0.1 and soft.max() < 0.33


def test_how_much_is_blurred_has_nothing_to_do_with_what_is_mirrored():
    edge = np.full((1, 8, 16, 1), 50, np.uint8)  # not square, so that it is not turned
    edge[:, :, 8:] = 200
    drawn = np.asarray(
        draw(ImageBatches(Pictures(np.repeat(edge, 256, 0)), 256, blur=1.0, augment=True)).images
    )
    middle = drawn[:, 4, :, 0]
    mirrored = middle[:, 2] > middle[:, -3]
    steepest = np.abs(np.diff(middle, axis=1)).max(1) / np.ptp(middle, axis=1)
    assert 80 < mirrored.sum() < 176
    assert abs(np.corrcoef(mirrored, steepest)[0, 1]) < 0.25


def test_pictures_that_are_not_square_are_not_turned():
    image = np.zeros((50, 8, 4, 1), np.uint8)
    assert augment_images(jnp.asarray(image), KEY).shape == (50, 8, 4, 1)


def test_batches_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="multiple of 3"):
        draw(ImageBatches(numbered(5), 4), count=3)
    with pytest.raises(UserError, match="no picture"):
        ImageBatches(numbered(0), 4)
    with pytest.raises(UserError, match="uint32"):
        ImageBatches(numbered(8), 2**29)


def test_distortion_is_for_grey_squares_that_nothing_else_turns():
    grey = Pictures(np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1))
    batches = ImageBatches(grey, 4, distort=True)
    draw = jax.jit(batches.draw, static_argnums=4)
    args = (jax.tree.map(jnp.asarray, batches.data), jax.random.key(0), jnp.int32(0))
    images = draw(*args, jnp.int32(0), 1).images
    plain = ImageBatches(grey, 4).draw(*args, jnp.int32(0), 1).images
    assert images.shape == plain.shape
    assert 0.01 < float(jnp.abs(images - plain).mean()) < 0.3
    colour = Pictures(np.zeros((4, 8, 8, 3), np.uint8))
    for pictures, settings in ((grey, {"flip": True}), (grey, {"augment": True}), (colour, {})):
        with pytest.raises(UserError, match=r"data\.distort is for grey"):
            ImageBatches(pictures, 4, distort=True, **settings)
